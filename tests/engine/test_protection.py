"""Protection of a prod stack: a refused destroy, and the documented deletion."""

from pathlib import Path

import pytest
from pulumi import automation

from sizewright.record.program import record_program
from sizewright.review.changes import STATEFUL
from testbed.engine import Stack
from tests.engine.conftest import CHAT, PROD, MakeStack

DATABASE = "aws:rds/cluster:Cluster"


@pytest.fixture(scope="module")
def prod(make_stack: MakeStack) -> Stack:
    stack = make_stack(PROD, name="prod")
    stack.up()
    return stack


def test_stores_survive_a_destroy(prod: Stack) -> None:
    protected = {r.key for r in record_program(PROD, [CHAT]).resources if r.protect}
    assert {key.split("::")[0] for key in protected} >= {DATABASE, "aws:s3/bucket:Bucket"}
    with pytest.raises(automation.CommandError, match="protected"):
        prod.destroy()
    there = {f"{thing.type}::{thing.name}" for thing in prod.world.things}
    assert protected <= there
    stored = {entry["type"] for entry in prod.state()}
    assert {DATABASE, "aws:s3/bucket:Bucket"} <= stored


def test_dev_first_then_destroy(make_stack: MakeStack, tmp_path: Path) -> None:
    """The README describes this deletion of a protected stack."""
    stack = make_stack(PROD, name="prod")
    stack.up()
    text = PROD.read_text("utf-8").replace("environment: prod", "environment: dev")
    site = tmp_path / "Pulumi.prod.yaml"
    site.write_text(text, "utf-8")
    stack.configure([CHAT], site)
    steps = stack.up()
    replaced = [s.key for s in steps if s.op == "replace" and s.type in STATEFUL]
    assert replaced == []
    stack.destroy()
    assert [thing.name for thing in stack.world.things] == []
