"""Shared resources of services: node groups by instance type, system nodes, the cluster."""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.stack.shared import system_pool
from sizing.values.field_error import FieldError
from sizing.workload import Workload

Build = Callable[..., Workload]


def users(gpus: int) -> dict[str, int]:
    """Traffic that exactly utilises so many GPUs of one request a second."""
    return {"daily_users": 86_400 * gpus, "requests_per_user_per_day": 1}


def at(site: Site, **changes: object) -> Site:
    return Site.model_validate(site.model_dump() | changes)


def in_existing_subnets(site: Site) -> Site:
    """The site in a network that exists, with a subnet of unknown size in each zone."""
    subnets = {zone: f"subnet-0000000{zone[-1]}" for zone in site.zones}
    used = {"vpc_id": "vpc-00000001", "vpc_cidr": "10.0.0.0/8", "private_subnet_ids": subnets}
    data = site.model_dump(exclude_unset=True) | {"network": {"use": used}}
    return Site.model_validate(data)


@pytest.fixture
def plan(workload: Build, site: Site, catalog: Catalog) -> Callable[..., Plan]:
    """Plan of services a, b, ... that need so many nodes of one GPU each."""

    def build(*gpus: int) -> Plan:
        services = [workload(name="abcdef"[i], traffic=users(n)) for i, n in enumerate(gpus)]
        return size(services, site, catalog)

    return build


@pytest.mark.parametrize(
    ("gpus", "by_zone"),
    [
        ((4, 4), (3, 3, 2)),
        ((4, 5), (3, 3, 3)),
        ((1, 1, 1), (1, 1, 1)),
        ((1, 1), (1, 1)),
        ((2, 2, 2, 1, 1, 1), (3, 3, 3)),
    ],
)
def test_nodes_of_one_type_are_added_zone_by_zone_and_stay_even(
    plan: Callable[..., Plan], gpus: tuple[int, ...], by_zone: tuple[int, ...]
) -> None:
    shared = plan(*gpus)
    (pool,) = shared.pools
    assert pool.services == tuple("abcdef"[: len(gpus)])
    assert tuple(pool.nodes_by_zone.values()) == by_zone, "zones without a node get no group"
    for zone, count in pool.nodes_by_zone.items():
        own = [s.pool.nodes_by_zone[zone] for s in shared.services if s.pool is not None]
        assert count == sum(own)


def test_the_second_service_starts_in_the_emptiest_zone(plan: Callable[..., Plan]) -> None:
    first, second = plan(4, 1).services
    assert first.pool is not None and second.pool is not None
    assert tuple(first.pool.nodes_by_zone.values()) == (2, 1, 1)
    assert tuple(second.pool.nodes_by_zone.values()) == (0, 1, 0)


def test_other_types_have_pools_of_their_own(workload: Build, site: Site, catalog: Catalog) -> None:
    other = workload(name="b", hardware={"instance_type": "g5.xlarge"})
    shared = size([workload(name="a"), other], site, catalog)
    assert [(p.name, p.services) for p in shared.pools] == [
        ("g5-xlarge", ("b",)),
        ("g6-xlarge", ("a",)),
    ]
    # three zones each, and the system's group
    assert shared.cluster.node_groups == 7


def test_a_node_has_room_for_every_model_of_its_pool(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    small = workload(name="b", model={"parameters": "1e9", "precision": "fp16"})
    quick = {"instance_type": "g6.xlarge", "load_time_s": 60}
    shared = size([workload(name="a", hardware=quick), small], site, catalog)
    first, second = (service.volumes for service in shared.services)
    assert first is not None and second is not None
    volumes = shared.pools[0].volumes
    # ceil(16.06 GB x 2.2) = 33 GiB and ceil(2 GB x 2.2) = 5
    assert volumes.held_gib == 33 + 5
    assert volumes.load_s == first.load_s > second.load_s
    assert volumes.download_s == first.download_s > second.download_s
    assert (volumes.sustained_mib_per_s, volumes.copy_mib_per_s) == (250, 125)
    assert (volumes.nvme_gib, volumes.root_gib) == (232, 40)


def test_a_volume_has_room_for_every_model_of_its_pool(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    def on(load_time_s: int) -> dict[str, object]:
        return {"instance_type": "g5g.xlarge", "load_time_s": load_time_s}

    large = workload(name="a", hardware=on(40), model={"parameters": "4e9", "precision": "fp16"})
    small = workload(name="b", hardware=on(300), model={"parameters": "1e9", "precision": "fp16"})
    shared = size([large, small], site, catalog)
    first, second = (service.volumes for service in shared.services)
    assert first is not None and second is not None
    volumes = shared.pools[0].volumes
    # ceil(8 GB x 2.2) = 17 GiB and the least, 10 GiB; 7,629 MiB in 40 s
    assert (first.weights_gib, second.weights_gib, volumes.weights_gib) == (17, 10, 27)
    assert (first.weights_mib_per_s, second.weights_mib_per_s) == (191, 125)
    assert (volumes.weights_mib_per_s, volumes.weights_iops) == (191, 3_000)
    assert volumes.sustained_mib_per_s == 125
    assert volumes.root_gib == 100


def test_the_group_takes_the_image_of_its_processor(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    released = at(site, ami_release="1.35.0-20261101")
    shared = size([workload()], released, catalog)
    assert shared.pools[0].ami_type == "AL2023_x86_64_NVIDIA"
    assert shared.pools[0].ami_release == "1.35.0-20261101"


@pytest.mark.parametrize(
    ("spare", "at_once", "stops_above"), [(0, 1, 1), (2, 1, 2), (3, 1, 3), (5, 1, 5), (7, 2, 7)]
)
def test_all_zones_repair_no_more_than_the_spare_at_once(
    *,
    workload: Build,
    site: Site,
    catalog: Catalog,
    spare: int,
    at_once: int,
    stops_above: int,
) -> None:
    (pool,) = size([workload(redundancy={"nodes": spare})], site, catalog).pools
    assert (pool.repairs_at_once, pool.repair_stops_above) == (at_once, stops_above)
    assert spare < 3 or pool.repairs_at_once * len(pool.nodes_by_zone) <= spare


@pytest.mark.parametrize(
    ("nodes", "spare", "at_once", "timeout_s"),
    # batches of nodes, 900 s to leave and 600 s to come back; never less than an hour
    [
        (12, 0, (1, 1, 1), 6_000),
        (12, 2, (1, 1, 1), 7_500),
        (12, 3, (1, 1, 1), 7_500),
        (1_200, 91, (31, 30, 30), 22_500),
        (700, 600, (100, 100, 100), 7_500),
    ],
)
def test_an_update_takes_at_most_the_spare_nodes_over_all_zones(
    *,
    workload: Build,
    site: Site,
    catalog: Catalog,
    nodes: int,
    spare: int,
    at_once: tuple[int, ...],
    timeout_s: int,
) -> None:
    requested = workload(redundancy={"nodes": spare}, traffic=users(nodes))
    plan = size([requested], in_existing_subnets(site), catalog)
    assert plan.services[0].pool is not None
    assert plan.services[0].pool.nodes_needed == nodes
    pool = plan.pools[0]
    assert (tuple(pool.updated_by_zone.values()), pool.update_timeout_s) == (at_once, timeout_s)


def test_the_smallest_spare_of_a_pool_limits_repair(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    two = [workload(name="a", redundancy={"nodes": 9}), workload(name="b", redundancy={"nodes": 6})]
    (pool,) = size(two, site, catalog).pools
    assert (pool.repairs_at_once, pool.repair_stops_above) == (2, 6)


def test_an_engine_on_another_kind_of_processor_is_unverified(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    def reported(arch: str) -> list[str]:
        types = tuple(t.model_copy(update={"arch": arch}) for t in catalog.instance_types)
        other = catalog.model_copy(update={"instance_types": types})
        return [line for line in size([workload()], site, other).unverified if "arm64" in line]

    assert reported("x86_64") == []
    assert reported("arm64") == ["vllm/vllm-openai on arm64: nobody ran it on NVIDIA L4"]


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ("1.34.0-20261101", "is not of Kubernetes 1.35"),
        ("1.35.0-20261301", "ends in no day"),
    ],
)
def test_a_release_fits_the_cluster(
    *, workload: Build, site: Site, catalog: Catalog, release: str, message: str
) -> None:
    with pytest.raises(FieldError, match=message) as fault:
        size([workload()], at(site, ami_release=release), catalog)
    assert fault.value.field == ("ami_release",)
    older = at(site, ami_release="1.34.0-20261101", kubernetes_version="1.34")
    assert size([workload()], older, catalog).pools[0].ami_release == "1.34.0-20261101"


@pytest.mark.parametrize(
    ("environment", "zones", "nodes"),
    [("dev", "124", 3), ("dev", "1", 2), ("prod", "124", 6), ("prod", "1", 2)],
)
def test_system_nodes(
    site: Site, catalog: Catalog, environment: str, zones: str, nodes: int
) -> None:
    there = at(site, environment=environment, zones=[f"use1-az{z}" for z in zones])
    assert system_pool([], there, catalog).nodes_total == nodes


def test_the_cluster_and_its_end_of_support(
    plan: Callable[..., Plan], workload: Build, site: Site, catalog: Catalog
) -> None:
    cluster = plan(12).cluster
    assert (cluster.kubernetes_version, cluster.node_groups) == ("1.35", 4)
    assert cluster.end_of_support == "2027-03-27"
    assert not cluster.protected
    older = at(site, kubernetes_version="1.34", environment="prod")
    assert size([workload()], older, catalog).cluster.end_of_support == "2026-12-02"
    assert size([workload()], older, catalog).cluster.protected


def test_a_stack_without_services_has_a_cluster_and_no_pool(site: Site, catalog: Catalog) -> None:
    empty = size([], site, catalog)
    assert (empty.services, empty.pools, empty.cluster.node_groups) == ((), (), 1)
    assert empty.unverified == (
        "EKS add-ons vpc-cni, kube-proxy, coredns, eks-pod-identity-agent, "
        "eks-node-monitoring-agent: EKS's default when each is made, kept as it is; "
        "none is pinned",
        "system image release: EKS chooses the newest",
    )


def test_what_nobody_verified_is_reported(workload: Build, site: Site, catalog: Catalog) -> None:
    kept = {
        "profile_bytes_per_user": 1,
        "interaction_bytes": 1,
        "client": "own",
        "retention_days": 1,
    }
    reported = " ".join(size([workload(data=kept)], site, catalog).unverified)
    assert "aurora-postgresql" in reported
    assert "set engine_image_digest" in reported and "set ami_release" in reported
    digest = "sha256:" + "0" * 64
    fixed = at(site, engine_image_digest=digest, ami_release="1.35.0-20261101")
    fewer = " ".join(size([workload()], fixed, catalog).unverified)
    assert "engine_image_digest" not in fewer and "ami_release" not in fewer
    assert "aurora" not in fewer
