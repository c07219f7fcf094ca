"""`check`: the exit code says which kind of fault it was."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import INFEASIBLE, VIDEO, Run

NO_ACCOUNT = ('  sizewright:account_ids: ["111122223333"]\n', "")


def test_all_is_well(run: Run) -> None:
    ended = run("check", "workloads/chat.yaml", "--as-of", "2026-11-21")
    assert (ended.code, ended.err) == (0, "")
    words = [line.split()[0] for line in ended.out.splitlines()]
    assert set(words) == {"ok", "-"}
    assert "every reference resolves, every child has a parent" in ended.out
    assert "ok  lock of chat" in ended.out


def test_failed_gate_is_exit_code_4(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    ended = run("check", chat(), "--site", site(NO_ACCOUNT), "--json")
    verdict = json.loads(ended.out)
    assert (ended.code, ended.err) == (4, "failed: building needs\n")
    assert list(verdict) == ["schema_version", "passed", "gates"]
    assert verdict["passed"] is False
    assert all(list(g) == ["name", "passed", "detail", "source"] for g in verdict["gates"])


def test_infeasible_is_exit_code_5(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("check", chat(INFEASIBLE))
    assert (ended.code, ended.err) == (5, "failed: feasible\n")
    assert "not built: a service is infeasible" in ended.out


def test_beyond_this_version_is_exit_code_6(run: Run) -> None:
    ended = run("check", VIDEO)
    assert (ended.code, ended.err) == (6, "incomplete: feasible\n")


def test_a_wrong_day_is_bad_input(run: Run) -> None:
    ended = run("check", "workloads/chat.yaml", "--as-of", "yesterday")
    assert (ended.code, ended.out) == (2, "")
