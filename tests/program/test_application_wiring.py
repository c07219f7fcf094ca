"""The same wiring claims for an application: each number of its pods reaches a resource."""

from pathlib import Path

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.claims import Claim
from sizing.plan.whole import Plan
from tests.program.wiring import ROOT, Group, Wiring, cases

SITE, EXAMPLES = ROOT / "Pulumi.dev.yaml", ROOT / "workloads"


def plan_of(file: Path) -> Plan:
    return read_plan([file], SITE)


def of_application(claim: Claim) -> bool:
    parts = {"application", "application_nodes"}
    return bool(parts & {*claim.path}) and claim.value is not None


APPLICATION = Wiring(lambda: plan_of(EXAMPLES / "chat-app.yaml"), of_application)
"""The application and its nodes."""
TOKENS = Wiring(
    lambda: plan_of(ROOT / "tests" / "program" / "limited-app.yaml"),
    lambda claim: {*claim.path} >= {"application", "tokens"},
)
"""A limit of the tokens of each user."""
CACHE = Wiring(
    lambda: plan_of(EXAMPLES / "faq-app.yaml"),
    lambda claim: {*claim.path} >= {"application", "cache"},
)
"""Answers that are kept."""
DOCUMENTS = Wiring(
    lambda: plan_of(EXAMPLES / "rag.yaml"),
    lambda claim: {*claim.path} >= {"application", "context"},
)
"""Documents that requests search."""


@pytest.mark.parametrize(("wiring", "group"), cases(APPLICATION, TOKENS, CACHE, DOCUMENTS))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_documents() -> None:
    assert DOCUMENTS.leaves == {
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


def test_a_limit_reaches_the_pods_and_the_database_alone() -> None:
    """The firewall, the engines and the setup are those of an application without one."""
    before, after = APPLICATION.baseline(), TOKENS.baseline()
    assert len(before.resources) == len(after.resources)
    changed = [
        new.type
        for old, new in zip(before.resources, after.resources, strict=True)
        if old.inputs != new.inputs
    ]
    assert changed == ["aws:rds/cluster:Cluster", "kubernetes:apps/v1:Deployment"]


def test_the_claims_cover_the_application() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert [claim.path[-1] for claim in TOKENS.claims] == ["tokens_per_user_per_min"]
    assert [claim.path[-1] for claim in CACHE.claims] == [
        "ttl_s",
        "largest_bytes",
        "deadline_ms",
        "storage_gb",
        "ecpu_per_s_allowed",
    ]
    assert APPLICATION.leaves == {
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
