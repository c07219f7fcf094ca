"""The same wiring claims for stages of prompts: every number reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


@cache
def plan() -> Plan:
    return read_plan([FOLDER / "prompted.yaml"], FOLDER / "Pulumi.public.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan())


@cache
def changed(path: tuple[str | int, ...], value: object) -> Recorded:
    return recording(with_leaf(plan(), path, value))


def stage_claims() -> list[Claim]:
    return [
        claim
        for claim in claims(plan())
        if {"prompt", "callers"} & {*claim.path} and claim.value not in (None, ())
    ]


@pytest.mark.parametrize("claim", stage_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    value: object = ("another",) if claim.path[-1] == "callers" else other(claim)
    before = values_of(baseline(), claim)
    after = values_of(changed(claim.path, value), claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_stages() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in stage_claims()} >= {
        "callers",
        "max_characters",
        "service",
        "model",
        "budget_ms",
        "output_tokens",
        "on_failure",
        "instruction",
    }


def test_the_stack_has_one_load_balancer_and_an_engine_for_each_stage() -> None:
    types = [resource.type for resource in baseline().resources]
    assert types.count(BALANCER) == 1
    assert types.count("kubernetes:core/v1:Service") == 3
    assert types.count("kubernetes:core/v1:Namespace") == 3
