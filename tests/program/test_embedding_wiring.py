"""The same wiring claims for an embedding: each number of its pods reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from tests.program.wiring import ROOT, Group, Wiring, cases

LIMITS = {"max_num_seqs", "max_model_len", "in_flight", "sequences_per_request"}
"""Limits of every engine, which a program of its own enforces here."""
EMBEDDING = Wiring(
    lambda: read_plan([ROOT / "workloads" / "embeddings.yaml"], ROOT / "Pulumi.dev.yaml"),
    lambda claim: (
        "serving" in claim.path
        and ("embedding" in claim.path or claim.path[-1] in LIMITS)
        and claim.value is not None
    ),
)
"""Settings of vectors, and limits of a request."""


def test_the_claims_are_those_of_all_settings() -> None:
    assert EMBEDDING.leaves == {*LIMITS, "max_batched_tokens", "max_body_bytes", "dimensions"}


@pytest.mark.parametrize(("wiring", "group"), cases(EMBEDDING))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_load_balancer_forwards_the_path_of_vectors() -> None:
    rules = [
        condition["pathPattern"]["values"]
        for resource in EMBEDDING.baseline().resources
        if resource.type == "aws:lb/listenerRule:ListenerRule"
        for condition in resource.inputs["conditions"]
        if "pathPattern" in condition
    ]
    assert rules == [["/v1/embeddings", "/v1/models"]]
