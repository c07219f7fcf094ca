"""Every number reaches a resource: a changed leaf changes the property it claims.

Everything is recorded as in a first preview: what a reviewer sees there is also sent, while the
reverse does not hold.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any

import pytest

from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.review.compare import leaf_changes
from sizing.catalog import load_catalog
from sizing.plan.claims import Claim, claims
from sizing.plan.claims import Path as LeafPath
from sizing.plan.reaches import NODE_CLASS
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from tests.program.wiring import ROOT, Group, Wiring, each_alone, grouped, recording

ONLY_WITH_A_BURST = ("node_autoscaler_role",)
"""Last step of a leaf that reaches a resource only where a service may grow."""


@dataclass(frozen=True)
class Variant:
    """A site with other values than the prod example, and the claims that only it has."""

    site: dict[str, Any] = field(default_factory=dict)
    parts: tuple[LeafPath, ...] = ((),)
    """Prefixes of its own claims; `()` is the whole plan."""


DOMAIN = "ai.example.com"
ZONES = ("use1-az1", "use1-az2", "use1-az4")
NETWORK = {
    "use": {
        "vpc_id": "vpc-00000001",
        "vpc_cidr": "10.20.0.0/16",
        "private_subnet_ids": {zone: f"subnet-0000000{zone[-1]}" for zone in ZONES},
    }
}
CLUSTER = {
    "name": "shared",
    "endpoint": "https://shared.eks.amazonaws.com",
    "certificate_authority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "security_group_id": "sg-00000001",
    "load_balancer_controller_role": "controller",
    "node_autoscaler_role": "autoscaler",
}
CLASSES = ("cluster", "volumes", "data", "weights", "logs")
PROVIDED = {
    "provides": ["nvidia-device-plugin", "aws-load-balancer-controller", "keda", "karpenter"],
}
VARIANTS = {
    "created": Variant(),
    "zone used": Variant(
        {"certificate_arn": None, "dns": {"use": {"zone_id": "Z1", "domain": DOMAIN}}},
        (("dns",),),
    ),
    "zone created": Variant(
        {"certificate_arn": None, "dns": {"create": {"domain": DOMAIN, "parent_zone_id": "Z2"}}},
        (("dns",),),
    ),
    "sources allowed": Variant(
        {"allowed_cidrs": ["10.99.0.0/16"], "allowed_prefix_list_ids": ["pl-00000000000000001"]},
        (("network", "allowed"),),
    ),
    "secrets named": Variant(
        {"image_pull_secrets": ["registry"]},
        (("cluster_services", "device_plugin", "pull_secrets"),),
    ),
    "network used": Variant({"network": NETWORK}, (("network", "used"),)),
    "keys used": Variant(
        {"keys": {"use": {c: f"arn:aws:kms:us-east-1:111122223333:key/{c}" for c in CLASSES}}},
        (("keys", "used"),),
    ),
    "cluster used": Variant(
        {
            "network": NETWORK,
            "access": None,
            "cluster": {"use": CLUSTER, **PROVIDED},
            "kubernetes_version": "1.35",
        },
        (("cluster", "used"),),
    ),
    "cluster of a stack": Variant(
        {
            "access": None,
            "cluster": {"stack": "a/b/c", **PROVIDED},
            "vpc_cidr": "10.0.0.0/16",
            "kubernetes_version": "1.35",
        },
        (("cluster", "stack"),),
    ),
}


@cache
def plan(variant: str = "created") -> Plan:
    """Plan of six services.

    Two share a pool: a chat with a database, and images with a bucket of artefacts. A third is on
    nodes without local disks, which have a volume for its weights; a fourth on reservations. The
    model of a fifth is imported, and the replicas of a sixth span two nodes. Those on volumes and
    on reservations may grow above their floors.
    """
    catalog = load_catalog()
    names = ("pictures", "volumes", "bought", "code", "spanning")
    own = (ROOT / "tests" / "program" / f"{name}.yaml" for name in names)
    files = (ROOT / "tests" / "workloads" / "chat.yaml", *own)
    given = read_site(ROOT / "Pulumi.prod.yaml").site.model_dump(mode="json", exclude_unset=True)
    site = Site.model_validate(given | VARIANTS[variant].site)
    return size([read_workload(path, catalog).workload for path in files], site, catalog)


def chooses(path: LeafPath) -> LeafPath:
    """First steps of a leaf's path, which choose the part of the plan; () for the whole stack's."""
    if path[:1] in (("services",), ("pools",)):
        return path[:2]
    return path if path[:2] == ("dns", "hosts") or path[-1:] == ONLY_WITH_A_BURST else ()


def narrowed(whole: Plan, path: LeafPath) -> tuple[Plan, LeafPath]:
    """The part of a plan that has the leaf, and the leaf's path there.

    For a leaf of a service or a pool, that is the service or the pool. For another leaf, it is the
    stack with one service: the one that a host's path names, else the first. Basis: other services
    cannot change the claimed property, and six take three times as long to record.
    """
    if path[-1:] == ONLY_WITH_A_BURST:
        return whole, path
    own = path[:1] in (("services",), ("pools",))
    if own:
        chosen = getattr(whole, str(path[0]))[int(path[1])]
    else:
        named = path if chooses(path) else ()
        chosen = next((s for s in whole.services if s.name in named), whole.services[0])
    names = chosen.services if path[:1] == ("pools",) else (chosen.name,)
    services = tuple(s for s in whole.services if s.name in names)
    pools = tuple(
        p.model_copy(update={"services": tuple(n for n in p.services if n in names)})
        for p in whole.pools
        if set(p.services) & set(names)
    )
    if path[:1] == ("pools",):
        pools = tuple(p for p in pools if p.name == chosen.name)
    part = whole.model_copy(update={"services": services, "pools": pools})
    return part, (path[0], 0, *path[2:]) if own else path


def claims_to_test() -> list[tuple[str, Claim]]:
    """Claims of all variants.

    Guard: serving reads the bucket of the role `weights`, whose name is fixed. Local disks have no
    volume whose size could change, a service without a burst has no class of burst nodes, and an
    internal service is open to no range.
    """
    return [
        (name, claim)
        for name, variant in VARIANTS.items()
        for claim in claims(plan(name))
        if any(claim.path[: len(part)] == part for part in variant.parts)
        and claim.value not in ("weights", ())
        and not (claim.value is None and "volumes" in claim.path)
        and not (claim.reaches.resource_type == NODE_CLASS and not bursts(name, claim))
    ]


def bursts(variant: str, claim: Claim) -> bool:
    """True where the claim is of a pool that may grow."""
    return plan(variant).pools[int(claim.path[1])].burst is not None


def kind(claim: Claim) -> tuple[object, ...]:
    """What a claim says of every service or pool: its leaf, its property, and a chosen word.

    Only the position of the service or pool is left out. A word, such as a source of capacity, is
    part of the kind, since other code serves each word.
    """
    own = claim.path[0] in ("services", "pools")
    leaf = (claim.path[0], *claim.path[2:]) if own else claim.path
    word = claim.value if isinstance(claim.value, StrEnum) else None
    return (*leaf, claim.reaches.resource_type, claim.reaches.path, word)


def first_of_each_kind() -> Iterator[tuple[str, Claim]]:
    """Claims of which no other service or pool before has the kind."""
    proven = set[tuple[object, ...]]()
    for variant, claim in claims_to_test():
        if (variant, *kind(claim)) not in proven:
            proven.add((variant, *kind(claim)))
            yield variant, claim


def wirings(found: Iterable[tuple[str, Claim]]) -> list[Wiring]:
    """Claims by the part of the plan that has their leaf."""
    parts = dict[tuple[str, LeafPath], list[Claim]]()
    for variant, claim in found:
        path = narrowed(plan(variant), claim.path)[1]
        mine = parts.setdefault((variant, chooses(claim.path)), [])
        mine.append(replace(claim, path=path))
    return [_wiring(variant, part, mine) for (variant, part), mine in parts.items()]


def _wiring(variant: str, part: LeafPath, mine: list[Claim]) -> Wiring:
    return Wiring(lambda: narrowed(plan(variant), part)[0], lambda claim: claim in mine)


@pytest.mark.parametrize(
    ("wiring", "group"),
    [*grouped(*wirings(first_of_each_kind())), *each_alone(*wirings(claims_to_test()))],
)
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_an_unchanged_plan_changes_nothing() -> None:
    first, again = recording(plan()), recording(plan())
    assert not list(leaf_changes(first.as_json(), again.as_json()))


def test_the_claims_cover_the_sizes_that_matter() -> None:
    """Guard: both tests would still pass if a claim were deleted with its wire."""
    named = {str(claim.path[-1]) for _, claim in claims_to_test()}
    mappings = {str(claim.path[-2]) for _, claim in claims_to_test()}
    assert mappings >= {
        "nodes_by_zone",
        "updated_by_zone",
        "replicas_by_zone",
        "rollout_by_zone",
        "reservation_by_zone",
        "hosts",
        "policies",
        "addons",
    }
    assert named >= {
        "replicas",
        "max_unavailable",
        "gpus_per_replica",
        "gpus",
        "pods",
        "deadline_s",
        "max_bytes",
        "scratch_gib",
        "wait_s",
        "max_num_seqs",
        "gib",
        "in_flight",
        "as_root",
        "encrypted",
        "sequences_per_request",
        "keep_alive_s",
        "max_model_len",
        "gpu_memory_utilisation",
        "weights_gib",
        "after_days",
        "storage_class",
        "weights_iops",
        "weights_mib_per_s",
        "weights_on",
        "capacity_source",
        "repairs_at_once",
        "repair_stops_above",
        "weights_path",
        "copy_s",
        "in_flight_target",
        "window_s",
        "failed_share",
        "least_requests",
        "cooldown_s",
        "zones",
        "idle_s",
        "node_hours",
        "drain_s",
        "scrape_s",
        "kept_hours",
        "root_gib",
        "instance_type",
        "max_acu",
        "instances",
        "expire_days",
        "idle_timeout_s",
        "reserved_units",
        "public",
        "log_days",
        "health_interval_s",
        "health_timeout_s",
        "health_checks",
        "deregistration_delay_s",
        "nodes_total",
        "private_cidr",
        "nat",
        "service",
        "flow_log_days",
        "deletion_days",
        "path",
        "permissions_boundary_arn",
        "kubernetes_version",
        "version",
        "repository",
        "timeout_s",
        "zone_id",
        "domain",
        "parent_zone_id",
        "certificate_domain",
        "creator",
        "vpc_id",
        "subnet_id",
        "name",
        "endpoint",
        "certificate_authority",
        "security_group_id",
        "load_balancer_controller_role",
        "node_autoscaler_role",
        *CLASSES,
    }
