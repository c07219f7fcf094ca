"""The reference pages of workload and stack files: current, with a whole row for each field."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sizewright.schema.examples import (
    COLUMNS,
    DATA,
    add_examples,
    field_examples,
    forms,
    objects,
)
from sizewright.schema.inputs import site_schema, workload_schema
from sizewright.schema.reference import PAGES, unit_of
from sizing.catalog import load_catalog
from tests.sizewright.conftest import ROOT, Run

FILES = {"workload": "workload.md", "site": "stack.md"}
FIELDS = {
    "workload": workload_schema()["properties"],
    "site": site_schema()["properties"]["config"]["properties"],
}


def leaves(properties: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Fields that are not only mappings of other fields."""
    for name, field in properties.items():
        below = list(objects(field))
        if not below or len(forms(field)) > 1:
            yield f"{path}{name}", field
        for mark, inner in below:
            yield from leaves(inner["properties"], f"{path}{name}{mark}.")


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_is_current(name: str, run: Run) -> None:
    """`make schemas` writes the pages."""
    ended = run("schema", name, "--markdown")
    assert (ROOT / "docs" / FILES[name]).read_text(encoding="utf-8") == ended.out


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_row_with_type_description_and_example(name: str) -> None:
    page = PAGES[name]()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    tables = {part.split("\n")[0].strip("`"): part for part in sections}
    for field, _ in leaves(FIELDS[name]):
        section, _, key = field.rpartition(".")
        part = tables[section] if section else sections[0]
        (row,) = re.findall(rf"^\| `{re.escape(key)}` \|.*$", part, re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 7, row
        _, kind, _, default, _, description, example = cells
        assert kind and default and description and example.strip("`"), row


@pytest.mark.parametrize("name", FIELDS)
def test_every_example_is_one_that_the_schema_accepts(name: str) -> None:
    for field, node in leaves(FIELDS[name]):
        for example in node.get("examples", []):
            jsonschema.Draft7Validator(node).validate(example), field


def test_an_example_is_written_once() -> None:
    with pytest.raises(ValueError, match="the model has an example of"):
        add_examples("workload", FIELDS["workload"])


def test_a_row_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"workload has no field \$schema"):
        add_examples("workload", {})


def test_a_second_row_of_a_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "examples.csv"
    path.write_text(f"{','.join(COLUMNS)}\nworkload,kind,chat\nworkload,kind,text\n")
    with pytest.raises(ValueError, match=r"examples\.csv:3: kind has a row already"):
        field_examples("workload", path)


def test_a_number_without_a_unit_is_refused() -> None:
    assert unit_of("queue_s", [{"type": "number"}]) == "s"
    with pytest.raises(ValueError, match="UNITS has no unit"):
        unit_of("temperature", [{"type": "number"}])


@pytest.mark.parametrize("words", [("size", "--markdown"), ("--markdown",)])
def test_only_files_that_users_write_have_a_page(run: Run, words: tuple[str, ...]) -> None:
    ended = run("schema", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "workload or site" in ended.err


def test_examples_name_what_the_catalog_knows() -> None:
    examples = field_examples("workload", DATA)
    catalog = load_catalog()
    for field in ("model.name", "capacity.measured_on.model"):
        assert catalog.model(str(examples[field]))
    for field in ("capacity.gpu", "capacity.measured_on.gpu"):
        assert catalog.gpu(str(examples[field]))
    assert catalog.instance_type(str(examples["hardware.instance_type"]))
