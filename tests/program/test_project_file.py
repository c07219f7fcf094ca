"""`Pulumi.yaml` declares every key the program reads, as the engine and `pulumi config` need it."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sizewright.reading.stack.site_file import (
    LOCK_KEY,
    PROJECT,
    STRUCTURED,
    WORKLOADS_KEY,
    read_site,
)
from sizing.site import Site

ROOT = Path(__file__).parents[2]
BUILDING_NEEDS = {"account_ids"}
"""Keys that are optional for sizing and required by the engine, because building needs them."""


def loaded(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((ROOT / name).read_text(encoding="utf-8"))


def test_every_key_is_declared_with_type_and_description() -> None:
    declared = loaded("Pulumi.yaml")["config"]
    keys = {f"{PROJECT}:{name}" for name in (*Site.model_fields, WORKLOADS_KEY, LOCK_KEY)}
    assert set(declared) == keys
    for declaration in declared.values():
        assert declaration["type"] in ("string", "array", "object")
        assert len(declaration["description"]) > 10


def test_only_optional_keys_have_a_default_and_it_is_empty() -> None:
    """Guard: the engine requires a value of every declared key that has no default."""
    for key, declaration in loaded("Pulumi.yaml")["config"].items():
        name = key.removeprefix(f"{PROJECT}:")
        field = Site.model_fields.get(name)
        optional = field is not None and not field.is_required() and name not in BUILDING_NEEDS
        optional = optional or name == LOCK_KEY
        assert ("default" in declaration) is optional, key
        assert not declaration.get("default"), f"{key}: the default belongs to sizing/site/whole.py"


def test_lists_and_mappings_are_read_as_such() -> None:
    declared = loaded("Pulumi.yaml")["config"].items()
    many = {key for key, value in declared if value["type"] in ("array", "object")}
    assert {f"{PROJECT}:{name}" for name in STRUCTURED} == many - {f"{PROJECT}:{WORKLOADS_KEY}"}


def test_the_template_of_pulumi_new_is_another_project_than_this() -> None:
    template = loaded("sizewright/project/Pulumi.yaml")
    own = loaded("Pulumi.yaml")
    assert template["name"] == "${PROJECT}"
    assert template["runtime"] == own["runtime"]
    assert template["template"]["description"]
    # Guard: the engine refuses a declared key of another namespace than the project's name.
    assert "config" not in template
    assert "template" not in own


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_example_stacks_are_whole(stack: str) -> None:
    site = read_site(ROOT / f"Pulumi.{stack}.yaml")
    assert len(site.site.zones) == 3
    assert site.site.environment.value == stack
    assert site.workloads == ("workloads/chat.yaml",)
    assert site.site.account_ids
    assert site.site.certificate_arn


def test_dev_and_prod_differ_by_few_visible_values() -> None:
    dev, prod = (loaded(f"Pulumi.{stack}.yaml")["config"] for stack in ("dev", "prod"))
    differing = {key for key in {*dev, *prod} if dev.get(key) != prod.get(key)}
    assert differing == {f"{PROJECT}:{key}" for key in ("access", "environment", "tags")}


def test_a_forgotten_provider_is_refused() -> None:
    for stack in ("dev", "prod"):
        config = loaded(f"Pulumi.{stack}.yaml")["config"]
        assert config["pulumi:disable-default-providers"] == ["aws", "kubernetes"]
