"""Golden files of the whole plan, its rendered documents and its resources; see `make golden`.

They show drift, not meaning: other tests assert the meaning of the numbers.
"""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from sizewright.reading.stack.plan import read_plan
from sizewright.record.program import record_program
from templates.render import render

ROOT = Path(__file__).parents[2]
CHAT = ROOT / "workloads" / "chat.yaml"


@pytest.fixture
def json_file(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_is_built(stack: str, json_file: SnapshotAssertion) -> None:
    recorded = record_program(ROOT / f"Pulumi.{stack}.yaml", [CHAT]).as_json()
    # Guard: the digest covers the catalog, whose rows may change while the resources stay alike.
    recorded["outputs"] = {**recorded["outputs"], "plan_digest": "..."}  # type: ignore[dict-item]
    assert recorded == json_file


def test_what_public_ingress_builds(json_file: SnapshotAssertion) -> None:
    folder = ROOT / "tests" / "program"
    recorded = record_program(folder / "Pulumi.public.yaml", [folder / "public.yaml"]).as_json()
    open_rules = [r for r in recorded["resources"] if "open-public" in str(r["name"])]  # type: ignore[attr-defined]
    assert open_rules == json_file


def test_what_is_rendered(json_file: SnapshotAssertion) -> None:
    texts = render(read_plan([CHAT], ROOT / "Pulumi.dev.yaml"))
    assert {path: text.splitlines() for path, text in texts.items()} == json_file


@pytest.mark.parametrize("design", ["text-to-text", "chat", "text-to-image", "text-to-video"])
def test_what_is_planned(design: str, json_file: SnapshotAssertion) -> None:
    folder = ROOT / "workloads" / "golden"
    plan = read_plan([folder / f"{design}.yaml"], folder / "Pulumi.golden.yaml").as_json()
    plan["catalog_digest"] = "..."
    assert plan == json_file
