"""The published schemas: current, complete, and valid for the output of each command."""

import csv
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sizewright.cli import COMMANDS
from sizewright.commands.operate.published_schemas import ANSWERS, NAMES, schema_file, schema_text
from sizewright.schema.generator import nodes
from tests.sizewright.conftest import INFEASIBLE, ROOT, UNTIMED, Run

FOLDER = ROOT / "docs/schema"
CHAT = ROOT / "tests/workloads/chat.yaml"
PROGRAM = ROOT / "tests/program"
GIVEN = ("method: given, requests_per_gpu_per_s: 1,", "method: calibrated,")


@cache
def schema(name: str) -> dict[str, Any]:
    """A committed schema."""
    found: dict[str, Any] = json.loads((FOLDER / schema_file(name)).read_text(encoding="utf-8"))
    return found


def closed(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_schema_is_current(name: str) -> None:
    """`make schemas` writes the schemas."""
    assert (FOLDER / schema_file(name)).read_text(encoding="utf-8") == schema_text(name)


def test_every_command_and_no_other_file_has_a_schema() -> None:
    assert set(ANSWERS) == set(COMMANDS)
    assert {path.name for path in FOLDER.iterdir()} == {schema_file(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_says_what_it_is_of(name: str) -> None:
    found = schema(name)
    jsonschema.validators.validator_for(found).check_schema(found)
    assert found["title"] and found["description"] and "$id" not in found


def properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every object of a schema."""
    for each in nodes(node):
        inside = each.get("properties")
        # Guard: a property may itself be named properties.
        if isinstance(inside, dict) and each.get("type") == "object":
            yield from inside.items()


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_described_and_every_object_closed(name: str) -> None:
    for key, node in properties(schema(name)):
        assert node.get("description"), key
    whole = [n for n in nodes(schema(name)) if n.get("type") == "object" and "properties" in n]
    is_open = [each for each in whole if each.get("additionalProperties") is not False]
    # Guard: a stack file has Pulumi's own keys next to config.
    assert is_open == ([schema("site")] if name == "site" else [])


@pytest.mark.parametrize("name", NAMES)
def test_only_words_of_json_schema_and_of_editors_are_used(name: str) -> None:
    known = set(jsonschema.Draft202012Validator.META_SCHEMA["allOf"][0]) | {
        *("$schema", "$defs", "$ref", "title", "description", "default", "format", "pattern"),
        *("type", "enum", "const", "enumDescriptions", "anyOf", "items", "required"),
        *("properties", "patternProperties", "additionalProperties", "minProperties"),
        "maxProperties",
        "propertyNames",
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "examples"),
    }

    def words(node: Any) -> Iterator[str]:
        yield from node
        for word, child in node.items():
            if word in ("properties", "patternProperties", "$defs"):
                below = list(child.values())
            elif word == "examples":
                below = []
            else:
                below = child if isinstance(child, list) else [child]
            for each in below:
                if isinstance(each, dict):
                    yield from words(each)

    assert set(words(schema(name))) <= known


def test_units_and_what_a_number_decides_are_reported() -> None:
    parts = schema("size")["$defs"]
    assert parts["StoragePlan"]["properties"]["retained_bytes"]["description"] == (
        "Bytes kept when retention is full."
    )
    assert parts["ServingPlan"]["properties"]["replicas_by_zone"]["description"].endswith(
        "Decides spec.replicas of kubernetes:apps/v1:Deployment."
    )
    assert parts["TransferPlan"]["properties"]["egress_mbit_per_s"]["anyOf"] == [
        {"type": "number"},
        {"type": "null"},
    ]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Workloads that are answered, infeasible, incomplete, calibrated or grown."""

    def changed(name: str, old: str, new: str, *, of: Path = CHAT) -> Path:
        text = of.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    calibrated = changed("calibrated", *GIVEN)
    return {
        "chat": CHAT,
        "infeasible": changed("infeasible", *INFEASIBLE),
        "incomplete": UNTIMED,
        "calibrated": calibrated,
        "hopeless": changed("hopeless", "tpot_ms: 50", "tpot_ms: 0.001", of=calibrated),
        "more": changed("more", "100_000", "130_000"),
        **{path.stem: path for path in PROGRAM.glob("[!P]*.yaml")},
    }


ANSWERED = [
    ("size chat", 0),
    ("size infeasible", 5),
    ("size incomplete", 6),
    ("size calibrated", 0),
    *((f"size {name}", 0) for name in ("bought", "bursting", "code", "pictures", "volumes")),
    ("size spanning", 0),
    ("size public --site tests/program/Pulumi.public.yaml", 0),
    ("size limited-app", 0),
    ("size chat --site stacks/Pulumi.existing-cluster.yaml", 0),
    ("size chat --site stacks/Pulumi.existing-network.yaml", 0),
    ("size chat --site stacks/Pulumi.workloads.yaml", 0),
    ("explain chat --all", 0),
    ("explain incomplete", 6),
    ("explain calibrated pool.gpus_total", 0),
    ("preview chat", 0),
    ("preview infeasible", 5),
    ("preview incomplete", 6),
    ("diff chat more", 0),
    ("diff chat infeasible", 5),
    ("diff chat chat", 0),
    ("diff chat pictures", 0),
    ("compare calibrated", 0),
    ("compare calibrated --all", 0),
    ("compare hopeless", 5),
    ("check chat --as-of 2026-11-21", 0),
    ("check infeasible", 5),
    ("check incomplete", 6),
    ("catalog", 0),
    *((f"catalog {kind}", 0) for kind in ("instance-types", "gpus", "models", "engines", "pins")),
    ("catalog models llama-3.1-8b", 0),
    ("catalog gpus l4", 0),
    ("update calibrated --dry-run", 0),
    ("update chat --dry-run", 0),
    ("update infeasible --dry-run", 5),
    ("update Pulumi.dev.yaml --dry-run", 0),
    ("render chat", 0),
    ("render incomplete", 6),
    ("schema", 0),
    ("schema workload", 0),
]


@pytest.mark.parametrize(("words", "code"), ANSWERED, ids=[words for words, _ in ANSWERED])
def test_an_answer_is_as_its_schema_says(
    run: Run, files: dict[str, Path], words: str, code: int
) -> None:
    command, *rest = words.split()
    ended = run(command, *(files.get(word, word) for word in rest), "--json")
    assert ended.code == code, ended.err
    reported = json.loads(ended.out)
    closed(command).validate(reported)
    if words != "schema workload":
        assert reported["schema_version"] == "1", "a schema is a document, all else is an answer"


def test_files_that_are_written_are_answered_as_said(run: Run, tmp_path: Path) -> None:
    ended = run("init", "search", "--directory", tmp_path / "new", "--json")
    closed("init").validate(json.loads(ended.out))
    ended = run("new", tmp_path / "repository", "--json")
    closed("new").validate(json.loads(ended.out))
    ended = run("schema", "--directory", tmp_path / "schema", "--json")
    closed("schema").validate(json.loads(ended.out))
    written = sorted(path.name for path in (tmp_path / "schema").iterdir())
    assert written == sorted(schema_file(name) for name in NAMES)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A few measured runs, and one without an answer."""
    with (ROOT / "bench/data/serving_steps.csv").open(encoding="utf-8", newline="") as stream:
        head, *rows = list(csv.reader(stream))
    some = [*rows[:4], ["nobody/nothing" if name == "model" else "1" for name in head]]
    path = tmp_path / "runs.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *some])
    return path


def test_measured_runs_are_answered_as_said(run: Run, tmp_path: Path, runs: Path) -> None:
    configs = ("--configs", ROOT / "bench/data/configs")
    reported = json.loads(run("accuracy", runs, *configs, "--json").out)
    closed("accuracy").validate(reported)
    assert {row["reason"] is None for row in reported["rows"]} == {True, False}
    reported = json.loads(
        run("calibrate", runs, *configs, "--out", tmp_path / "c.json", "--json").out
    )
    closed("calibrate").validate(reported)


def test_an_answer_with_a_key_more_or_less_is_refused(run: Run) -> None:
    reported = json.loads(run("size", CHAT, "--json").out)
    del reported["services"][0]["pool"]["gpus_total"]
    assert not closed("size").is_valid(reported)
    reported = json.loads(run("check", CHAT, "--json").out)
    reported["gates"][0]["more"] = 1
    assert not closed("check").is_valid(reported)


def test_an_unknown_schema_says_what_is_near(run: Run) -> None:
    ended = run("schema", "workloads")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean 'workload'?" in ended.err
    ended = run("schema", "workload", "--directory", "x")
    assert (ended.code, ended.out) == (2, "")
