"""The same wiring claims for metrics that a cluster keeps: each number reaches a resource."""

from functools import cache
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.provider import Provider

from components.cluster_services.cluster_services import ClusterServices, ClusterServicesArgs
from components.cluster_services.monitoring.monitoring import MonitoringArgs
from components.naming import Tags
from sizewright.record import Recorded, record
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.components.plans import measured_plan
from tests.program.test_wiring import other, place, values_of

HELD = {"chart", "images", "pull_secrets", "repository", "timeout_s", "version"}
"""Leaves of every chart, which `test_wiring.py` tests."""


@cache
def plan() -> Plan:
    return measured_plan()


def recording(of: Plan) -> Recorded:
    """Recording of the cluster's services alone, which is a tenth of the whole program."""

    def program() -> None:
        opts = pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")])
        monitoring = of.cluster_services.monitoring
        assert monitoring is not None
        named = {"cluster_name": "sizewright-test", "cluster": "sizewright-test"}
        args: dict[str, Any] = {
            **named,
            "roles": of.roles,
            "region": of.site.region,
            "volumes_key_arn": "arn:volumes",
            "after": [],
            "tags": Tags.of_site(of.site),
        }
        kept = MonitoringArgs(
            **args,
            plan=monitoring,
            rules=[],
            dashboards={},
            volumes_addon_version=None,
            account_id=of.site.account_ids[0],
            messages_key_arn="arn:logs",
        )
        ClusterServices(
            "sw",
            ClusterServicesArgs(
                **args,
                plan=of.cluster_services,
                monitoring=kept,
                has_burst_nodes=False,
                node_autoscaler_role=None,
                account_ids=of.site.account_ids,
                vpc_id="vpc-1",
            ),
            opts,
        )

    return record(program, config={}, preview=True)


@cache
def baseline() -> Recorded:
    return recording(plan())


def metrics_claims() -> list[Claim]:
    """One claim of each leaf; of a mapping, that of its first key.

    Engines that encrypt are none here: `tests/templates/test_prometheus.py` has some.
    """
    own, found = {"monitoring", "measured"}, dict[tuple[object, ...], Claim]()
    for claim in claims(plan()):
        of_mapping = claim.path[-2] in ("kept", "gpu_counters")
        leaf = (*(claim.path[:-1] if of_mapping else claim.path), claim.reaches)
        if own & {*claim.path} and claim.path[-1] not in HELD and claim.value != ():
            found.setdefault(leaf, claim)
    return list(found.values())


@pytest.mark.parametrize("claim", metrics_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    after = values_of(recording(with_leaf(plan(), claim.path, other(claim))), claim)
    assert before != after


def test_the_claims_cover_the_metrics() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    paths = [[str(step) for step in claim.path] for claim in metrics_claims()]
    assert {path[-2] for path in paths} >= {"kept", "gpu_counters"}
    assert {path[-1] for path in paths} >= {
        "blocks_gib",
        "email",
        "exporter_scrape_s",
        "kept_hours",
        "measured",
        "memory_mib",
        "replicas",
        "scrape_s",
        "services",
        "volume_gib",
    }
