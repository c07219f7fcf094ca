"""The same wiring claims for stages of prompts: every number reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.reaches import DEPLOYMENT, TABLE
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


FILES = ("prompted", "prompted-queue")
"""Services whose stages the engine's server runs, and the worker next to it."""


@cache
def plan(file: str) -> Plan:
    return read_plan([FOLDER / f"{file}.yaml"], FOLDER / "Pulumi.public.yaml")


@cache
def baseline(file: str) -> Recorded:
    return recording(plan(file))


def stage_claims(file: str) -> list[Claim]:
    return [
        claim
        for claim in claims(plan(file))
        if {"prompt", "callers", "owner_index"} & {*claim.path} and claim.value not in (None, ())
    ]


@pytest.mark.parametrize(
    ("file", "claim"), [(f, claim) for f in FILES for claim in stage_claims(f)], ids=place
)
def test_a_changed_leaf_changes_what_it_claims(file: str, claim: Claim) -> None:
    value: object = ("another",) if claim.path[-1] == "callers" else other(claim)
    before = values_of(baseline(file), claim)
    after = values_of(recording(with_leaf(plan(file), claim.path, value)), claim)
    assert [pair for pair in after if pair not in before]


@pytest.mark.parametrize("file", FILES)
def test_the_claims_cover_the_stages(file: str) -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in stage_claims(file)} >= {
        "callers",
        "max_characters",
        "service",
        "model",
        "budget_ms",
        "output_tokens",
        "on_failure",
        "instruction",
    }


def test_earlier_prompts_have_an_index_that_only_this_stack_has() -> None:
    reached = {(str(c.path[-1]), c.reaches.resource_type) for c in stage_claims("prompted-queue")}
    assert reached >= {
        ("history", DEPLOYMENT),
        ("owner_index", DEPLOYMENT),
        ("owner_index", TABLE),
    }
    assert not {"history", "owner_index"} & {c.path[-1] for c in stage_claims("prompted")}


@pytest.mark.parametrize(("file", "answering"), [("prompted", 4), ("prompted-queue", 3)])
def test_the_stack_has_one_load_balancer_and_an_engine_for_each_stage(
    file: str, answering: int
) -> None:
    types = [resource.type for resource in baseline(file).resources]
    assert types.count(BALANCER) == 1
    assert types.count("kubernetes:core/v1:Service") == answering
    assert types.count("kubernetes:core/v1:Namespace") == 4
