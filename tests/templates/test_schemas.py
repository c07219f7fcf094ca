"""Kubernetes accepts every field of each document."""

import json
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.components.plans import SOURCES, imported_plan
from tests.templates.rendered import DOCUMENTS, FLOOR, FOLDER, PLAN, document

CUSTOM = json.loads((FOLDER / "schemas" / "target-group-binding.json").read_text())
"""Schema of a definition that no Kubernetes release has, written by this project."""
SCHEMA_VERSION = "1.35"
IMPORT_DOCUMENTS = (
    "import-job",
    "import-service-account",
    "network-policy-import",
    "script-import",
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_knows_every_field(name: str) -> None:
    validate(document(PLAN, name))


@pytest.mark.parametrize("name", IMPORT_DOCUMENTS)
@pytest.mark.parametrize("source", SOURCES)
def test_schema_knows_every_field_of_an_import(name: str, source: str) -> None:
    validate(document(imported_plan(source), name))


def validate(parsed: Any) -> None:
    if parsed["kind"] == "TargetGroupBinding":
        jsonschema.Draft7Validator(CUSTOM).validate(parsed)
    else:
        kubernetes_validate.validate(parsed, SCHEMA_VERSION, strict=True)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (FLOOR, "replicas"),
        ("disruption-budget", "maxUnavailable"),
        ("service", "ports"),
        ("target-group-binding", "targetType"),
        ("network-policy-engine", "egress"),
        ("resource-quota", "hard"),
    ],
)
def test_schema_refuses_a_misspelled_field(name: str, field: str) -> None:
    wrong = document(PLAN, name)
    wrong["spec"][field + "s"] = wrong["spec"].pop(field)
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)


def test_our_own_schema_is_strict_all_the_way_down() -> None:
    jsonschema.Draft7Validator.check_schema(CUSTOM)
    for place in ((), ("metadata",), ("spec",), ("spec", "serviceRef")):
        wrong = document(PLAN, "target-group-binding")
        inner = wrong
        for step in place:
            inner = inner[step]
        inner["extra"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            validate(wrong)
