"""The same wiring claims for an embedding: each number of its pods reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of


@cache
def plan() -> Plan:
    return read_plan([ROOT / "workloads" / "embeddings.yaml"], ROOT / "Pulumi.dev.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan(), preview=True)


LIMITS = {"max_num_seqs", "max_model_len", "in_flight", "sequences_per_request"}
"""Limits of every engine, which a program of its own enforces here."""


def embedding_claims() -> list[Claim]:
    """Claims of the settings of vectors, and of the limits of a request."""
    return [
        claim
        for claim in claims(plan())
        if "serving" in claim.path
        and ("embedding" in claim.path or claim.path[-1] in LIMITS)
        and claim.value is not None
    ]


def test_the_claims_are_those_of_all_settings() -> None:
    found = {claim.path[-1] for claim in embedding_claims()}
    assert found == {*LIMITS, "max_batched_tokens", "max_body_bytes", "dimensions"}


@pytest.mark.parametrize("claim", embedding_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    changed = recording(with_leaf(plan(), claim.path, other(claim)), preview=True)
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_the_load_balancer_forwards_the_path_of_vectors() -> None:
    rules = [
        condition["pathPattern"]["values"]
        for resource in baseline().resources
        if resource.type == "aws:lb/listenerRule:ListenerRule"
        for condition in resource.inputs["conditions"]
        if "pathPattern" in condition
    ]
    assert rules == [["/v1/embeddings", "/v1/models"]]
