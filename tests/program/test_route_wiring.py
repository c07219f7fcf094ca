"""The same wiring claims for an application with two models, and what its preview builds."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.reaches import DEPLOYMENT
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FILES = [ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small")]
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


@cache
def plan() -> Plan:
    return read_plan(FILES, ROOT / "Pulumi.dev.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan(), preview=True)


def route_claims() -> list[Claim]:
    """Claims of the route, and of the callers of the service behind it."""
    return [
        claim
        for claim in claims(plan())
        if {"route", "callers"} & {*claim.path} and claim.value not in (None, ())
    ]


def test_the_route_has_claims() -> None:
    names = {claim.path[-1] for claim in route_claims()}
    assert names == {"callers", "prompt_bytes"}


@pytest.mark.parametrize("claim", route_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    assert before
    value: object = ("another",) if claim.path[-1] == "callers" else other(claim)
    changed = recording(with_leaf(plan(), claim.path, value), preview=True)
    assert [pair for pair in values_of(changed, claim) if pair not in before]


def test_the_preview_has_one_balancer_and_engines_of_both() -> None:
    balancers = [each.name for each in baseline().resources if each.type == BALANCER]
    assert len(balancers) == 1 and "assistant-small" not in balancers[0]
    spaces = {
        each.inputs["metadata"]["namespace"]
        for each in baseline().resources
        if each.type == DEPLOYMENT
    }
    assert spaces >= {"assistant", "assistant-small"}
