"""The same wiring claims for metrics that a cluster keeps: each number reaches a resource."""

from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.provider import Provider

from components.cluster_services.cluster_services import ClusterServices, ClusterServicesArgs
from components.cluster_services.monitoring.monitoring import MonitoringArgs
from components.naming import Tags
from sizewright.record import Recorded, record
from sizing.plan.claims import Claim
from sizing.plan.whole import Plan
from tests.components.plans import measured_plan
from tests.program.wiring import Group, Wiring, each_alone, grouped

HELD = {"chart", "images", "pull_secrets", "repository", "timeout_s", "version"}
"""Leaves of every chart, which `test_wiring.py` tests."""
MAPPINGS = ("kept", "gpu_counters")
"""Mappings of many metrics to the same property."""


def recording(plan: Plan, *, preview: bool) -> Recorded:
    """Recording of the cluster's services alone, which is a tenth of the whole program."""

    def program() -> None:
        opts = pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")])
        monitoring = plan.cluster_services.monitoring
        assert monitoring is not None
        named = {"cluster_name": "sizewright-test", "cluster": "sizewright-test"}
        args: dict[str, Any] = {
            **named,
            "roles": plan.roles,
            "region": plan.site.region,
            "volumes_key_arn": "arn:volumes",
            "after": [],
            "tags": Tags.of_site(plan.site),
        }
        kept = MonitoringArgs(
            **args,
            plan=monitoring,
            rules=[],
            dashboards={},
            volumes_addon_version=None,
            account_id=plan.site.account_ids[0],
            messages_key_arn="arn:logs",
        )
        ClusterServices(
            "sw",
            ClusterServicesArgs(
                **args,
                plan=plan.cluster_services,
                monitoring=kept,
                has_burst_nodes=False,
                node_autoscaler_role=None,
                account_ids=plan.site.account_ids,
                vpc_id="vpc-1",
            ),
            opts,
        )

    return record(program, config={}, preview=preview)


def of_metrics(claim: Claim) -> bool:
    """True for a leaf of metrics.

    Engines that encrypt are none here: `tests/templates/test_prometheus.py` has some.
    """
    own = {"monitoring", "measured"} & {*claim.path}
    return bool(own) and claim.path[-1] not in HELD and claim.value != ()


METRICS = Wiring(measured_plan, of_metrics, recording)
FIRST = {name: next(c.path for c in METRICS.claims if c.path[-2] == name) for name in MAPPINGS}
"""First metric of each mapping. `make prove` changes each of them."""
SOME = Wiring(
    measured_plan,
    lambda claim: of_metrics(claim) and claim.path == FIRST.get(str(claim.path[-2]), claim.path),
    recording,
)


@pytest.mark.parametrize(("wiring", "group"), [*grouped(SOME), *each_alone(METRICS)])
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_metrics() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {*FIRST} == {*MAPPINGS}
    assert METRICS.leaves >= {
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
