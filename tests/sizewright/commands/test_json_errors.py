"""With `--json` every command answers a refused input on stdout, in one form."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sizewright.cli import COMMANDS
from sizing.workload import ENGINES
from tests.sizewright.conftest import ROOT, Run

CHAT = "workloads/chat.yaml"
SCHEMA = json.loads((ROOT / "docs/schema/error.schema.json").read_text(encoding="utf-8"))
KEYS = ["code", "file", "line", "column", "field", "message", "expected", "suggestion"]
NO_FILE = {
    **dict.fromkeys(COMMANDS, ("no-such-file.yaml",)),
    "diff": ("no-such-file.yaml", CHAT),
    "catalog": ("no-such-kind",),
    "replay": ("no-such-trace.csv", CHAT),
    "init": ("No Name",),
    "new": ("docs",),
    "calibrate": ("no-such-file.csv", "--out", "never.json"),
    "observe": ("no-such-file.yaml", "--prometheus", "http://127.0.0.1:9"),
    "schema": ("no-such-schema",),
}
"""Words that each command refuses."""


def error_of(run: Run, *words: object) -> dict[str, Any]:
    """Error of a command that must refuse its input."""
    ended = run(*words, "--json")
    assert ended.code == 2
    answer = json.loads(ended.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    assert list(answer) == ["schema_version", "error"]
    assert list(answer["error"]) == KEYS
    assert answer["error"]["message"] in ended.err.replace("\n", " "), "stderr says the same"
    error: dict[str, Any] = answer["error"]
    return error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_a_refused_input_in_json(run: Run, command: str) -> None:
    error = error_of(run, command, *NO_FILE[command])
    assert error["message"]
    ended = run(command, *NO_FILE[command])
    assert (ended.code, ended.out) == (2, ""), "without --json stdout stays empty"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_an_unknown_option_in_json(run: Run, command: str) -> None:
    error = error_of(run, command, "--no-such-option")
    assert (error["code"], error["field"]) == ("bad_usage", "--no-such-option")


def test_the_fault_of_a_field_is_reported_in_parts(run: Run, chat: Callable[..., Path]) -> None:
    path = chat(("daily_users:", "dayly_users:"))
    error = error_of(run, "size", path)
    line = path.read_text(encoding="utf-8").partition("dayly_users")[0].count("\n") + 1
    assert error["code"] == "bad_input"
    assert (error["file"], error["line"]) == (str(path), line)
    assert error["column"] > 1
    assert error["field"] == "traffic.dayly_users"
    assert error["message"] == "unknown key"
    assert error["expected"].startswith("one of daily_users")
    assert error["suggestion"] == "did you mean 'daily_users'?"


def test_what_is_not_known_of_a_fault_is_null(run: Run) -> None:
    error = error_of(run, "size", "no-such-file.yaml")
    assert error["file"] == "no-such-file.yaml"
    assert [error[key] for key in ("line", "column", "field", "expected")] == [None] * 4


def test_an_unknown_command_is_answered_in_json(run: Run) -> None:
    error = error_of(run, "sise", CHAT)
    assert error["code"] == "bad_usage"
    assert "did you mean 'size'?" in error["message"]


def test_a_file_of_the_name_of_the_option_asks_for_nothing(run: Run) -> None:
    ended = run("size", "--", "--json")
    assert (ended.code, ended.out) == (2, "")


def test_rendered_files_keep_their_paths_next_to_the_version(run: Run) -> None:
    texts = json.loads(run("render", CHAT, "--json").out)
    assert texts.pop("schema_version") == "1"
    assert texts
    assert all("/" in path for path in texts)


def test_the_catalog_lists_the_engines_that_a_workload_may_name(run: Run) -> None:
    rows = json.loads(run("catalog", "engines", "--json").out)["rows"]
    assert {row["engine"] for row in rows} == {*ENGINES}
    kinds = json.loads(run("catalog", "--json").out)["kinds"]
    assert {row["kind"]: row["count"] for row in kinds}["engines"] == len(rows)
