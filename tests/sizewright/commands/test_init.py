"""`init` writes a valid workload and its lock, or nothing at all."""

import json
from pathlib import Path

import pytest

from sizewright.commands.change.starter import guessed_lines, starter_text
from sizewright.reading.lock_file import lock_of, lock_text
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizing.catalog import load_catalog
from sizing.plan.part import Reason
from tests.sizewright.conftest import ROOT, Run


@pytest.mark.parametrize("kind", ["chat", "text"])
@pytest.mark.parametrize(
    "choice",
    [
        (),
        ("--model", "qwen2.5-7b", "--instance-type", "g5.xlarge", "--users", "250000"),
        ("--model", "llama-3.1-70b", "--instance-type", "p5.48xlarge"),
    ],
)
def test_what_is_written_holds(
    run: Run, tmp_path: Path, kind: str, choice: tuple[str, ...]
) -> None:
    ended = run("init", "search", "--kind", kind, "--directory", tmp_path / "new", *choice)
    assert (ended.code, ended.err) == (0, "")
    path = tmp_path / "new/search.yaml"
    assert sorted(p.name for p in path.parent.iterdir()) == ["search.lock", "search.yaml"]
    assert f"  sizewright size {path}\n  sizewright preview {path}\n" in ended.out
    catalog = load_catalog()
    file = read_workload(path, catalog)
    assert (file.workload.kind.value, file.workload.name) == (kind, "search")
    service = plan_of([file], read_site(ROOT / "Pulumi.dev.yaml"), catalog).services[0]
    assert service.pool is not None and file.lock is not None
    assert file.lock.tensor_parallel == service.pool.tensor_parallel
    assert file.lock.catalog_digest == catalog.digest
    assert all(r.reason is not Reason.stale_lock for r in service.rejected)


def test_guesses_are_marked(run: Run, tmp_path: Path) -> None:
    run("init", "search", "--directory", tmp_path)
    assert (tmp_path / "search.yaml").read_text(encoding="utf-8").count("# A guess: ") == 3


def test_a_short_context_is_kept() -> None:
    text = starter_text(
        name="a",
        kind="chat",
        model="llama-2-7b",
        instance_type="g6.xlarge",
        lines=guessed_lines(1, 600),
    )
    assert "input_tokens: 300, output_tokens: 300, context_tokens: 600," in text


def test_every_language_model_of_the_catalog_is_answered(run: Run, tmp_path: Path) -> None:
    for index, model in enumerate(m for m in load_catalog().models if m.kind == "llm"):
        words = ("--model", model.model, "--instance-type", "p5en.48xlarge")
        ended = run("init", f"m{index}", *words, "--directory", tmp_path)
        assert ended.code in (0, 2, 5, 6), (model.model, ended.err)
        assert ended.err.count("\n") == (ended.code != 0), (model.model, ended.err)


@pytest.mark.parametrize("taken", ["search.yaml", "search.lock"])
def test_nothing_is_overwritten(run: Run, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine", encoding="utf-8")
    ended = run("init", "search", "--directory", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{tmp_path / taken}: exists already; expected a new name\n"
    assert [p.name for p in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text(encoding="utf-8") == "mine"


def test_infeasible_writes_nothing(run: Run, tmp_path: Path) -> None:
    ended = run(
        "init",
        "a",
        "--model",
        "llama-3.1-70b",
        "--instance-type",
        "g6.xlarge",
        "--directory",
        tmp_path / "new",
    )
    assert (ended.code, ended.out) == (5, "")
    assert "a: infeasible: " in ended.err and " would do\n" in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Search",), "lower-case letters"),
        (("../search",), "lower-case letters"),
        (("search\n",), "lower-case letters"),
        (("a" * 31,), "at most 30"),
        (("a", "--model", "llama-3.1-9b"), "did you mean"),
        (("a", "--model", "flux.1-dev"), "expected a language model"),
        (("a", "--instance-type", "g6.xlrge"), "did you mean g6.xlarge"),
        (("a", "--users", "0"), "not in the range"),
        (("a", "--kind", "video"), "'chat'"),
        (("a", "--site", "nowhere.yaml"), "nowhere.yaml: no such file"),
    ],
)
def test_bad_input_writes_nothing(
    run: Run, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = run("init", *words, "--directory", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_bad_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = run("init", "a", "--directory", tmp_path / "file")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_json_and_another_site(run: Run, tmp_path: Path) -> None:
    ended = run("init", "a", "--directory", tmp_path, "--json")
    written = [f"{tmp_path}/a.yaml", f"{tmp_path}/a.lock"]
    assert json.loads(ended.out) == {"schema_version": "1", "written": written}
    ended = run("init", "b", "--directory", tmp_path, "--site", "Pulumi.prod.yaml")
    assert f"size {tmp_path}/b.yaml --site Pulumi.prod.yaml" in ended.out


def test_an_empty_folder_gets_a_stack_file_that_names_the_workload(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("init", "support", "--directory", "my workloads")
    assert (ended.code, ended.err) == (0, "")
    written = ["my workloads/support.yaml", "my workloads/support.lock", "Pulumi.dev.yaml"]
    assert ended.out.startswith(f"wrote {written[0]}, {written[1]} and {written[2]}\n")
    site = read_site(Path("Pulumi.dev.yaml"))
    assert site.workloads == ("my workloads/support.yaml",)
    assert run("check").code == 0
    before = Path("Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert run("init", "search").code == 0
    assert Path("Pulumi.dev.yaml").read_text(encoding="utf-8") == before


def test_the_first_stack_file_names_a_schema_that_the_folder_has(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("schema", "--directory", "docs/schema").code == 0
    assert run("init", "support").code == 0
    first = Path("Pulumi.dev.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=docs/schema/site.schema.json"


@pytest.mark.parametrize(
    ("existing", "words"),
    [("Pulumi.prod.yaml", ()), (None, ("--site", "Pulumi.prod.yaml"))],
)
def test_a_missing_stack_file_that_is_wanted_is_bad_input(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    existing: str | None,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    if existing:
        Path(existing).write_text("config: {}\n", encoding="utf-8")
    ended = run("init", "support", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "no such file" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ([existing] if existing else [])


def test_infeasible_writes_no_stack_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--model", "llama-3.1-70b", "--instance-type", "g6.xlarge")
    assert run("init", "support", *words).code == 5
    assert list(tmp_path.iterdir()) == []


def test_the_example_has_the_lock_that_init_would_write() -> None:
    catalog = load_catalog()
    file = read_workload(ROOT / "workloads/chat.yaml", catalog)
    plan = plan_of([file], read_site(ROOT / "Pulumi.dev.yaml"), catalog)
    lock = lock_of(file.workload, plan, catalog)
    assert lock is not None and file.lock is not None
    assert (ROOT / "workloads/chat.lock").read_text(encoding="utf-8") == lock_text(lock)
