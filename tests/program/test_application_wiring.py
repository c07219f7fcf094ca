"""The same wiring claims for an application: each number of its pods reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

UNKNOWN_IN_A_PREVIEW = "redrivePolicy"
"""Property whose text names another queue."""


@cache
def plan() -> Plan:
    return read_plan([ROOT / "workloads" / "chat-app.yaml"], ROOT / "Pulumi.dev.yaml")


@cache
def limited() -> Plan:
    """Plan of an application that limits the tokens of each user."""
    file = ROOT / "tests" / "program" / "limited-app.yaml"
    return read_plan([file], ROOT / "Pulumi.dev.yaml")


@cache
def searching() -> Plan:
    """Plan of an application whose requests search documents."""
    return read_plan([ROOT / "workloads" / "rag.yaml"], ROOT / "Pulumi.dev.yaml")


@cache
def cached() -> Plan:
    """Plan of an application that keeps answers."""
    return read_plan([ROOT / "workloads" / "faq-app.yaml"], ROOT / "Pulumi.dev.yaml")


PLANS = {"application": plan, "tokens": limited, "cache": cached}


@cache
def baseline(name: str) -> Recorded:
    return recording(PLANS[name](), preview=True)


@cache
def searching_baseline(*, preview: bool) -> Recorded:
    return recording(searching(), preview=preview)


def document_claims() -> list[Claim]:
    """Claims of the documents that requests search."""
    return [claim for claim in claims(searching()) if {"application", "context"} <= {*claim.path}]


@pytest.mark.parametrize("claim", document_claims(), ids=place)
def test_a_changed_leaf_of_documents_changes_what_it_claims(claim: Claim) -> None:
    preview = claim.reaches.path != UNKNOWN_IN_A_PREVIEW
    before = values_of(searching_baseline(preview=preview), claim)
    changed = recording(with_leaf(searching(), claim.path, other(claim)), preview=preview)
    assert [pair for pair in values_of(changed, claim) if pair not in before]


def test_the_claims_cover_the_documents() -> None:
    assert {str(claim.path[-1]) for claim in document_claims()} == {
        "chunk_bytes",
        "connections_per_process",
        "dimensions",
        "document_bytes_most",
        "letters_days",
        "memory_mib",
        "model",
        "overlap_bytes",
        "pods",
        "receives",
        "retrieved_chunks",
        "visibility_s",
        "workers_per_pod",
    }


def application_claims() -> list[Claim]:
    """Claims of the application and of its nodes."""
    return [
        claim
        for claim in claims(plan())
        if {"application", "application_nodes"} & {*claim.path} and claim.value is not None
    ]


def limit_claims() -> list[Claim]:
    """Claims of a limit of tokens."""
    return [claim for claim in claims(limited()) if {"application", "tokens"} <= {*claim.path}]


def cache_claims() -> list[Claim]:
    """Claims of a cache of answers."""
    return [claim for claim in claims(cached()) if {"application", "cache"} <= {*claim.path}]


CLAIMS = [*application_claims(), *limit_claims(), *cache_claims()]


@pytest.mark.parametrize("claim", CLAIMS, ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    name = next((part for part in ("tokens", "cache") if part in claim.path), "application")
    before, whole = values_of(baseline(name), claim), PLANS[name]()
    changed = recording(with_leaf(whole, claim.path, other(claim)), preview=True)
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_a_limit_reaches_the_pods_and_the_database_alone() -> None:
    """The firewall, the engines and the setup are those of an application without one."""
    before, after = baseline("application"), baseline("tokens")
    assert len(before.resources) == len(after.resources)
    changed = [
        new.type
        for old, new in zip(before.resources, after.resources, strict=True)
        if old.inputs != new.inputs
    ]
    assert changed == ["aws:rds/cluster:Cluster", "kubernetes:apps/v1:Deployment"]


def test_the_claims_cover_the_application() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert [str(claim.path[-1]) for claim in limit_claims()] == ["tokens_per_user_per_min"]
    assert [str(claim.path[-1]) for claim in cache_claims()] == [
        "ttl_s",
        "largest_bytes",
        "deadline_ms",
        "storage_gb",
        "ecpu_per_s_allowed",
    ]
    assert {str(claim.path[-1]) for claim in application_claims()} == {
        "ami_type",
        "audience",
        "batch_rows",
        "body_bytes",
        "buffer_mib",
        "buffer_s",
        "connections_per_process",
        "database_tls",
        "cpu_millicores",
        "days",
        "drain_s",
        "file_bytes",
        "image",
        "instance_type",
        "log_days",
        "memory_mib",
        "nodes_total",
        "pods_total",
        "processes_per_pod",
        "root_gib",
        "stop_s",
        "taken_at_once",
        "window_s",
    }
