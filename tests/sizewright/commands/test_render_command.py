"""`render` prints every file of the plan as it is rendered."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.sizewright.conftest import INFEASIBLE, Run

CHAT = "tests/workloads/chat.yaml"
CONTRADICTED = "contradictions in chat: peak_above_capacity (accepted), latency_missed (accepted)"


def test_text_has_every_file_below_its_path(run: Run) -> None:
    texts = json.loads(run("render", CHAT, "--json").out)
    del texts["schema_version"]
    ended = run("render", CHAT)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"# {CONTRADICTED}\n")
    assert "kubernetes/chat/deployment-use1-az1.yaml" in texts and list(texts) == sorted(texts)
    for path, text in texts.items():
        assert f"# {path}\n{text}" in f"{ended.out}\n"


def test_wires_are_printed_as_they_are(run: Run) -> None:
    assert "${wire:weights_bucket}" in run("render", CHAT).out


def test_a_folder_gets_the_same_texts(run: Run, tmp_path: Path) -> None:
    texts = json.loads(run("render", CHAT, "--json").out)
    del texts["schema_version"]
    ended = run("render", CHAT, "--directory", tmp_path / "out")
    assert (ended.code, ended.err) == (0, f"{CONTRADICTED}\n")
    assert ended.out.splitlines() == [f"{tmp_path}/out/{path}" for path in texts]
    written = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes().decode()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert written == texts


def test_a_full_folder_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("", encoding="utf-8")
    ended = run("render", CHAT, "--directory", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{tmp_path}: is not empty; expected a new or empty folder\n"
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_no_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("", encoding="utf-8")
    ended = run("render", CHAT, "--directory", tmp_path / "mine")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


def test_infeasible_renders_nothing(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("render", chat(INFEASIBLE))
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("chat: infeasible: ")


def test_a_name_like_a_wire_is_bad_input(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("render", chat(("name: llama-2-7b", 'name: "${wire:x}"')))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
