"""The project file declares each key that the program reads."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sizewright.stack import PROJECT, WORKLOADS_KEY
from sizing.site import Site

ROOT = Path(__file__).parents[2]
KEYS = {
    key.removeprefix(f"{PROJECT}:"): value
    for key, value in YAML(typ="safe").load(ROOT / "Pulumi.yaml")["config"].items()
}


def test_every_key_of_a_site_is_declared() -> None:
    assert KEYS.keys() == {WORKLOADS_KEY, *Site.model_fields}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_described_and_needed_or_empty(key: str) -> None:
    assert KEYS[key]["description"]
    needed = {WORKLOADS_KEY, "region", "zones", "environment", "account_ids", "certificate_arn"}
    # Guard: the engine demands a value for a declared key without a default.
    assert (key in needed) is ("default" not in KEYS[key])
    if key not in needed:
        assert not KEYS[key]["default"], "the default is the site's own"


def test_lists_and_mappings_are_read_as_such() -> None:
    program = ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8"))
    (lists,) = (
        ast.literal_eval(node.value)
        for node in program.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LISTS"
    )
    declared = {key for key, value in KEYS.items() if value["type"] in ("array", "object")}
    assert set(lists) == declared - {WORKLOADS_KEY}
