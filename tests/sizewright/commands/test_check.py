"""`check`: the exit code shows the kind of fault."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.sizewright.conftest import INFEASIBLE, UNTIMED, Run

NO_ACCOUNT = ('  sizewright:account_ids: ["111122223333"]\n', "")


def test_all_is_well(run: Run) -> None:
    ended = run("check", "tests/workloads/chat.yaml", "--as-of", "2026-11-21")
    assert (ended.code, ended.err) == (0, "")
    first, *lines = ended.out.splitlines()
    assert first.startswith("contradictions in chat: peak_above_capacity (accepted)")
    assert {line.split()[0] for line in lines} == {"ok", "-"}
    assert "every reference resolves, every child has a parent" in ended.out
    assert "ok  lock of chat" in ended.out


def test_failed_gate_is_exit_code_4(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    ended = run("check", chat(), "--site", site(NO_ACCOUNT), "--json")
    verdict = json.loads(ended.out)
    assert (ended.code, ended.err) == (4, "failed: build inputs\n")
    assert list(verdict) == ["schema_version", "passed", "gates"]
    assert verdict["passed"] is False
    assert all(
        list(g) == ["name", "passed", "detail", "remedy", "source"] for g in verdict["gates"]
    )


def test_an_old_image_fails_on_its_day_only(run: Run, site: Callable[..., Path]) -> None:
    pinned = ("environment: dev\n", "environment: dev\n  sizewright:ami_release: 1.35.0-20260101\n")
    words = ("check", "tests/workloads/chat.yaml", "--site", site(pinned))
    assert run(*words).code == 0
    ended = run(*words, "--as-of", "2026-11-21")
    assert (ended.code, ended.err) == (4, "failed: GPU image release\n")
    assert "1.35.0-20260101 is 324 days old as of 2026-11-21, at most 90" in ended.out


def test_an_image_of_another_kubernetes_is_bad_input(run: Run, site: Callable[..., Path]) -> None:
    pinned = ("environment: dev\n", "environment: dev\n  sizewright:ami_release: 1.34.0-20261101\n")
    ended = run("check", "tests/workloads/chat.yaml", "--site", site(pinned))
    assert (ended.code, ended.out) == (2, "")
    assert "ami_release" in ended.err and "is not of Kubernetes 1.35" in ended.err


def test_infeasible_is_exit_code_5(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("check", chat(INFEASIBLE))
    assert (ended.code, ended.err) == (5, "failed: feasible\n")
    assert "not built: a service is infeasible" in ended.out


def test_beyond_this_version_is_exit_code_6(run: Run) -> None:
    ended = run("check", UNTIMED)
    assert (ended.code, ended.err) == (6, "incomplete: feasible\n")


def test_a_wrong_day_is_bad_input(run: Run) -> None:
    ended = run("check", "tests/workloads/chat.yaml", "--as-of", "yesterday")
    assert (ended.code, ended.out) == (2, "")


def test_a_failed_zone_is_a_remark_where_replicas_have_several(
    run: Run, chat: Callable[..., Path]
) -> None:
    def remark(*words: object) -> list[tuple[object, str]]:
        gates = json.loads(run("check", *words, "--json").out)["gates"]
        return [(g["passed"], g["detail"]) for g in gates if g["name"] == "loss of a zone"]

    ((passed, detail),) = remark("tests/workloads/chat.yaml")
    assert passed is None
    assert detail.startswith("replicas of chat in a failed zone count as ready for up to 80 s")
    assert "blocks evictions" in detail and "docs/outages.md" in detail
    one = chat(
        ("daily_users: 100_000", "daily_users: 100"), ("spare_ratio: 0.20", "spare_ratio: 0")
    )
    assert remark(one) == [], "one node in one zone"
