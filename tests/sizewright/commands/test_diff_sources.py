"""`diff` against a stack's outputs, a git revision and the engine's own preview."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.record.program import record_program
from tests.sizewright.conftest import ROOT, Run, after_contradictions

CHAT = ROOT / "tests/workloads/chat.yaml"
DEV = ROOT / "Pulumi.dev.yaml"
Chat = Callable[..., Path]
MORE = ("100_000", "130_000")
CAUSE = [{"path": "traffic.daily_users", "old": 100_000, "new": 130_000}]


@pytest.fixture(scope="module")
def outputs() -> dict[str, Any]:
    """Outputs of the chat stack, as `pulumi stack output --json` prints them."""
    return record_program(DEV, [CHAT]).outputs


def written(folder: Path, value: object) -> Path:
    path = folder / "given.json"
    path.write_text(json.dumps(value), "utf-8")
    return path


def test_a_stack_that_equals_the_file(run: Run, outputs: dict[str, Any], tmp_path: Path) -> None:
    ended = run("diff", "--stack", written(tmp_path, outputs), CHAT, "--detailed-exitcode")
    assert (ended.code, ended.err) == (0, "")
    assert after_contradictions(ended.out).startswith("nothing changes")


def test_a_stack_with_stages_of_prompts_is_compared_with_its_file(run: Run, tmp_path: Path) -> None:
    """Guard: the service of a stage is in the outputs, and has no file of its own."""
    file = ROOT / "workloads" / "image-studio.yaml"
    outputs = record_program(DEV, [file]).outputs
    assert [*outputs["services"]] == ["image-studio", "image-studio-enhance"]
    ended = run("diff", "--stack", written(tmp_path, outputs), file, "--json")
    assert (ended.code, ended.err) == (0, "")
    changed = [resource["name"] for resource in json.loads(ended.out)["resources"]]
    assert not [name for name in changed if "image-studio-enhance" in name]


def test_more_users_than_deployed(
    run: Run,
    outputs: dict[str, Any],
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(outputs)))
    answer = json.loads(run("diff", "--stack", "-", chat(MORE), "--json").out)
    assert answer["notes"] == []
    assert answer["services"][0]["cause"] == CAUSE
    files = json.loads(run("diff", CHAT, chat(MORE), "--json").out)
    assert answer["resources"] == files["resources"]
    assert answer["counts"] == files["counts"]


def test_a_stack_of_another_version_is_reported(
    run: Run, outputs: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path, {**outputs, "plan_digest": "000000000000"})
    ended = run("diff", "--stack", path, CHAT)
    note = "note: The stack was built by another version, catalog or site"
    assert after_contradictions(ended.out).startswith(note)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected JSON; the command that should have written it has failed"),
        ("{}", "the stack has no outputs, so there is nothing deployed to compare with"),
        ("{}", "`sizewright preview FILE` shows all that would be made"),
        ('{"cluster_name": "x"}', "no output is called services"),
        ("[]", "is not an object"),
        ("{", "expecting property name"),
        ('{"services": {"chat": {}}}', "has no inputs"),
        (
            '{"services": {"chat": {"inputs": {"name": "chat", "cloud": 1}}}}',
            "this version cannot read",
        ),
    ],
)
def test_wrong_outputs_are_one_message(run: Run, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(text, "utf-8")
    ended = run("diff", "--stack", path, CHAT)
    assert ended.code == 2
    assert ended.err.startswith(str(path))
    assert message in ended.err
    assert ended.err.count("\n") == 1


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Repository whose first commit has the chat workload, which then gets more users."""
    folder = tmp_path / "repository"
    (folder / "w").mkdir(parents=True)
    (folder / "w" / "chat.yaml").write_text(CHAT.read_text("utf-8"), "utf-8")
    (folder / "w" / "chat.lock").write_text(CHAT.with_suffix(".lock").read_text("utf-8"), "utf-8")
    (folder / "Pulumi.dev.yaml").write_text(DEV.read_text("utf-8"), "utf-8")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    edited = CHAT.read_text("utf-8").replace(*MORE)
    (folder / "w" / "chat.yaml").write_text(edited, "utf-8")
    return folder


def test_a_revision(run: Run, repository: Path) -> None:
    words = ("--rev", "HEAD", repository / "w/chat.yaml", "--site", repository / "Pulumi.dev.yaml")
    answer = json.loads(run("diff", *words, "--json").out)
    assert answer["services"][0]["cause"] == CAUSE
    assert (
        answer["counts"]["replace"] == answer["counts"]["delete"] == answer["counts"]["create"] == 0
    )
    assert answer["counts"]["update"] > 0


def test_a_revision_has_its_own_site(run: Run, repository: Path) -> None:
    site = repository / "Pulumi.dev.yaml"
    site.write_text(site.read_text("utf-8").replace("use1-az4", "use1-az5"), "utf-8")
    answer = json.loads(
        run("diff", "--rev", "HEAD", repository / "w/chat.yaml", "--site", site, "--json").out
    )
    assert answer["site"] == [{"path": "zones[2]", "old": "use1-az4", "new": "use1-az5"}]
    effects = {resource["name"]: resource["effect"] for resource in answer["resources"]}
    assert effects["sw-g6-xlarge-use1-az5"] == "create"
    assert effects["sw-g6-xlarge-use1-az4"] == "delete"


def test_changed_keys_of_the_site_are_a_cause(run: Run, repository: Path) -> None:
    site = repository / "Pulumi.dev.yaml"
    more = "  sizewright:vpc_cidr: 10.64.0.0/16\n  sizewright:role_path: /\n"
    site.write_text(site.read_text("utf-8") + more, "utf-8")
    words = ("--rev", "HEAD", repository / "w/chat.yaml", "--site", site)
    out = run("diff", *words).out
    lines = out.splitlines()
    assert lines[lines.index("site: cause") + 1 :][:2] == [
        "  vpc_cidr  absent -> 10.64.0.0/16",
        "",
    ], "a default that is written out is no change"
    assert after_contradictions(out).startswith("DANGER: ")
    assert "!! replace ec2.Vpc sw-network-vpc: everything in the network is" in out
    text = run("diff", *words, "--markdown").out
    assert "| <code>vpc&#95;cidr</code> | <code>absent</code> | <code>10.64.0.0/16</code> |" in text
    assert text.index("[!CAUTION]") < text.index("#### site: cause") < text.index("**Resources**")


def test_a_key_without_effect_is_a_change(run: Run, repository: Path) -> None:
    site = repository / "Pulumi.dev.yaml"
    site.write_text(site.read_text("utf-8") + "  sizewright:public_cidrs: [192.0.2.0/24]\n")
    words = ("--rev", "HEAD", repository / "w/chat.yaml", "--site", site, "--detailed-exitcode")
    (repository / "w/chat.yaml").write_text(CHAT.read_text("utf-8"), "utf-8")
    ended = run("diff", *words)
    assert ended.code == 3
    assert "  public_cidrs[0]  absent -> 192.0.2.0/24" in ended.out


def test_a_file_that_the_revision_lacks_is_new(run: Run, repository: Path) -> None:
    new = repository / "w" / "other.yaml"
    new.write_text(CHAT.read_text("utf-8").replace("name: chat", "name: other"), "utf-8")
    words = ("--rev", "HEAD", new, "--site", repository / "Pulumi.dev.yaml")
    answer = json.loads(run("diff", *words, "--json").out)
    assert answer["counts"]["create"] > 100
    assert answer["counts"]["update"] == 0


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", ""])
def test_no_revision(run: Run, repository: Path, revision: str) -> None:
    ended = run("diff", f"--rev={revision}", repository / "w/chat.yaml", "--site", DEV)
    assert ended.code == 2
    assert "expected a git revision" in ended.err
    assert not (repository / "x").exists()


def test_no_repository(run: Run, chat: Chat) -> None:
    ended = run("diff", "--rev", "HEAD", chat())
    assert ended.code == 2
    assert "not a git repository" in ended.err


URN = "urn:pulumi:dev::sizewright::sizewright:index:Platform$"


def step(op: str, token: str, **fields: object) -> dict[str, Any]:
    return {"op": op, "urn": f"{URN}{token}::x", **fields}


def test_the_engines_own_preview(
    run: Run, outputs: dict[str, Any], chat: Chat, tmp_path: Path
) -> None:
    stack = {
        "op": "same",
        "urn": "urn:pulumi:dev::sizewright::pulumi:pulumi:Stack::sizewright-dev",
        "oldState": {"outputs": outputs},
    }
    size = {"scalingConfig": {"minSize": 5}}
    group = step(
        "update",
        "aws:eks/nodeGroup:NodeGroup",
        oldState={"inputs": size},
        newState={"inputs": {"scalingConfig": {"minSize": 7}}},
        detailedDiff={"scalingConfig.minSize": {"kind": "update", "inputDiff": True}},
    )
    bucket = step(
        "replace",
        "aws:s3/bucket:Bucket",
        oldState={"inputs": {"bucket": "a", "tags": {"a": "b"}}},
        newState={"inputs": {"bucket": "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "tags": {"a": "c"}}},
        detailedDiff={"bucket": {"kind": "update-replace"}, "tags.a": {"kind": "update"}},
        replaceReasons=["bucket"],
    )
    summary = {"same": 2, "update": 1, "replace": 1}
    path = written(tmp_path, {"steps": [stack, group, bucket], "changeSummary": summary})
    answer = json.loads(run("diff", "--preview", path, chat(MORE), "--json").out)
    assert answer["services"][0]["cause"] == CAUSE
    assert answer["counts"]["unchanged"] == 1
    first, second = answer["resources"]
    assert (first["effect"], first["loses_data"]) == ("replace", True)
    assert {p["path"]: (p["new"], p["effect"]) for p in first["properties"]} == {
        "bucket": ("(known after the update)", "replace"),
        "tags.a": ("c", "update"),
    }
    assert [(p["path"], p["old"], p["new"]) for p in second["properties"]] == [
        ("scalingConfig.minSize", 5, 7)
    ]
    loud = run("diff", "--preview", path, chat(MORE), "--markdown").out
    assert "1 store would be deleted or replaced" in loud


def test_what_is_no_preview(run: Run, tmp_path: Path) -> None:
    ended = run("diff", "--preview", written(tmp_path, {}), CHAT)
    assert ended.code == 2
    assert "has no steps" in ended.err


def test_options_that_exclude_each_other(run: Run) -> None:
    assert "exclude each other" in run("diff", "--rev", "HEAD", "--stack", "-", CHAT).err
    assert "exclude each other" in run("diff", CHAT, CHAT, "--json", "--markdown").err
    assert "name two files" in run("diff", CHAT).err
    assert run("diff", CHAT).code == 2


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"steps": [{}]}, "steps[0] has no urn"),
        ({"steps": [1]}, "steps[0] has no urn"),
        ({"steps": [{"urn": "x", "op": "create"}]}, "steps[0] has no urn"),
        ({"steps": [], "changeSummary": {"same": "x"}}, "changeSummary counts nothing"),
    ],
)
def test_an_odd_preview_is_one_line(
    run: Run, tmp_path: Path, said: dict[str, object], fault: str
) -> None:
    path = tmp_path / "preview.json"
    path.write_text(json.dumps(said))
    ended = run("diff", "--preview", path, CHAT)
    assert (ended.code, ended.out) == (2, "")
    assert fault in ended.err
    assert ended.err.count("\n") == 1
