"""Contradictions for people and scripts: first in every answer, and a gate of `check`."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.sizewright.conftest import ROOT, Run

GOLDEN = ROOT / "workloads" / "golden"
IMAGES = GOLDEN / "text-to-image.yaml"
GIVEN = "tests/workloads/chat.yaml"


@pytest.fixture
def unaccepted(chat: Callable[..., Path]) -> Path:
    """Chat sized for its mean, which accepts no contradiction."""
    path = chat()
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("accept:")], "utf-8")
    return path


def test_size_gives_each_contradiction_with_its_sentence(run: Run) -> None:
    (service,) = json.loads(run("size", GIVEN, "--json").out)["services"]
    found = {each["code"]: each for each in service["contradictions"]}
    assert list(found) == ["peak_above_capacity", "latency_missed"]
    peak = found["peak_above_capacity"]
    assert set(peak) == {"code", "text", "numbers", "accepted"}
    assert peak["numbers"]["peak_over_capacity"] == pytest.approx(11.11, abs=0.01)
    assert peak["accepted"] == "This fixture is sized on the daily mean."


@pytest.mark.parametrize(
    "words",
    [
        ("size", GIVEN),
        ("preview", GIVEN),
        ("check", GIVEN),
        ("compare", GIVEN),
        ("explain", GIVEN),
        ("update", GIVEN, "--why", "--dry-run"),
        ("diff", GIVEN, GIVEN),
        ("compare", GIVEN, GIVEN),
        ("render", GIVEN),
    ],
    ids=" ".join,
)
def test_the_first_line_of_every_answer_names_them(run: Run, words: tuple[str, ...]) -> None:
    first = run(*words).out.splitlines()[0]
    assert "contradictions in " in first
    assert "chat: peak_above_capacity (accepted), latency_missed (accepted)" in first


def test_a_comment_names_them_below_its_title(run: Run) -> None:
    lines = run("diff", GIVEN, GIVEN, "--markdown").out.splitlines()
    title = next(i for i, line in enumerate(lines) if line.startswith("###"))
    named = next(line for line in lines[title + 1 :] if line)
    assert named.startswith("contradictions in before, chat")


def test_an_answer_without_contradictions_does_not_speak_of_them(run: Run) -> None:
    assert "contradiction" not in run("size", "workloads/chat.yaml").out


def test_check_fails_while_nobody_accepts_a_contradiction(run: Run, unaccepted: Path) -> None:
    ended = run("check", unaccepted)
    assert ended.code == 4
    assert "failed: contradictions of chat" in ended.err
    assert "write under `accept` why it is right" in ended.out
    assert run("size", unaccepted).code == 0


def test_check_passes_what_is_accepted_and_prints_the_sentence(run: Run) -> None:
    ended = run("check", GIVEN)
    assert ended.code == 0
    assert "latency_missed: This fixture is sized on the daily mean." in ended.out


def test_check_fails_for_an_accept_that_matches_nothing(
    run: Run, chat: Callable[..., Path]
) -> None:
    path = chat(("accept:\n", "accept:\n  single_zone: It was so once.\n"))
    ended = run("check", path)
    assert ended.code == 4
    assert "accept names single_zone, which does not occur: remove it" in ended.out
    assert "accepted without effect: remove it" in run("size", path, "--verbose").out


def test_an_unknown_code_is_bad_input_with_a_suggestion(
    run: Run, chat: Callable[..., Path]
) -> None:
    path = chat(("accept:\n", "accept:\n  single_zon: A trial.\n"))
    ended = run("size", path)
    assert (ended.code, ended.out) == (2, "")
    assert f"{path}:13:15: accept.single_zon: unknown code" in ended.err
    assert "did you mean 'single_zone'?" in ended.err


@pytest.mark.parametrize("design", ["chat", "text-to-image", "text-to-text"])
def test_a_published_design_accepts_exactly_what_contradicts_it(run: Run, design: str) -> None:
    path = GOLDEN / f"{design}.yaml"
    out = run("size", path, "--site", GOLDEN / "Pulumi.golden.yaml", "--json").out
    (service,) = json.loads(out)["services"]
    assert service["contradictions"]
    assert all(each["accepted"] for each in service["contradictions"])
    assert set(service["inputs"]["accept"]) == {each["code"] for each in service["contradictions"]}


def test_images_are_sized_but_get_no_nodes_until_an_engine_serves_them(run: Run) -> None:
    sized = run("size", IMAGES, "--json")
    assert sized.code == 0
    assert json.loads(sized.out)["services"][0]["pool"]["nodes_total"] == 8
    ended = run("preview", IMAGES, "--json")
    assert ended.code == 6
    assert "no engine of this version serves it, and no nodes are built for it" in ended.err
    answer = json.loads(ended.out)
    groups = [r["name"] for r in answer["resources"] if r["type"].endswith(":NodeGroup")]
    assert groups == ["sw-system-nodes"]
    assert answer["outputs"]["services"]["text-to-image"]["nodes_total"] is None
    text = run("preview", IMAGES, "--verbose")
    assert text.code == 6
    assert "The stack builds none of these nodes: vllm-omni" in " ".join(text.out.split())


def test_check_of_images_is_incomplete_and_fails_first_where_nothing_is_accepted(
    run: Run, tmp_path: Path
) -> None:
    ended = run("check", IMAGES)
    assert ended.code == 6
    assert "no engine of this version serves it" in ended.out
    text = IMAGES.read_text("utf-8")
    bare = tmp_path / "text-to-image.yaml"
    bare.write_text(text[: text.index("accept:")], "utf-8")
    assert run("check", bare).code == 4


def test_the_program_warns_of_images_and_builds_no_node_for_them(run: Run) -> None:
    """The program of `pulumi up` keeps the nodes of a chat next to the images."""
    ended = run("preview", IMAGES, "workloads/chat.yaml", "--json")
    assert ended.code == 6
    groups = [
        r["name"] for r in json.loads(ended.out)["resources"] if r["type"].endswith(":NodeGroup")
    ]
    assert [name for name in groups if "p4d" in name] == []
    assert [name for name in groups if "g6e" in name]


def test_the_latency_line_says_its_verdict_and_at_which_load(run: Run) -> None:
    out = run("size", "workloads/chat.yaml", "--verbose").out
    (line,) = [line for line in out.splitlines() if line.startswith("latency ")]
    assert line.split(None, 1)[1].startswith(
        "met at the peak of 142 requests/s on 12 replicas: TTFT 232 ms of 500 ms, "
        "TPOT 42.5 ms of 50 ms for 95 % of requests (P90 of the estimate)"
    )
    given = run("size", GIVEN, "--verbose").out
    assert "latency      missed at the peak of 167 requests/s on 15 replicas" in given
    assert "is not checked" not in " ".join(run("preview", GIVEN, "--verbose").out.split())


def test_that_images_get_no_nodes_follows_the_contradictions(run: Run) -> None:
    says = "text-to-image: no nodes are built; no engine of this version serves it"
    for words in product(("size", "preview"), ([], ["--verbose"])):
        command, verbose = words
        contradicted, then, *_ = (x for x in run(command, IMAGES, *verbose).out.splitlines() if x)
        assert contradicted.startswith("contradictions in ")
        assert then.startswith(says), words
    assert "no nodes are built" not in run("size", GIVEN).out
