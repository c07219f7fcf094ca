"""Subnets, NAT gateways, and the logs of all load balancers."""

from collections.abc import Callable
from ipaddress import IPv4Network

import pytest

from sizing.catalog import Catalog
from sizing.plan.service.items.jobs import JobWorkerPlan
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.site.reuse import Network
from sizing.size import size
from sizing.stack.network import gateway_endpoints, interface_endpoints, subnet_ranges
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from tests.components.plans import queued_plan


def at(site: Site, **changes: object) -> Site:
    return Site.model_validate(site.model_dump() | changes)


def test_logs_of_all_load_balancers_are_kept_as_long_as_the_environment_says(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    # 864,000 requests a day each, 300 bytes, 14 days
    traffic = {"daily_users": 864_000, "requests_per_user_per_day": 1}
    two = [workload(name=name, traffic=traffic) for name in ("one", "two")]
    kept = size(two, site, catalog).access_logs
    assert kept is not None
    assert (kept.expire_days, kept.stored_bytes) == (14, 2 * 864_000 * 300 * 14)
    prod = size(two, at(site, environment="prod"), catalog).access_logs
    assert prod is not None
    assert (prod.expire_days, prod.protected) == (365, True)


def test_without_a_load_balancer_there_are_no_logs(site: Site, catalog: Catalog) -> None:
    assert size([], site, catalog).access_logs is None


def test_subnets_of_three_zones(site: Site) -> None:
    private, public = zip(*subnet_ranges(site).values(), strict=True)
    assert [str(r) for r in private] == ["10.0.0.0/19", "10.0.32.0/19", "10.0.96.0/19"]
    assert [str(r) for r in public] == ["10.0.224.0/24", "10.0.225.0/24", "10.0.227.0/24"]


def test_a_zone_that_comes_or_goes_renumbers_no_other(site: Site) -> None:
    before = subnet_ranges(site)
    for zones in (["use1-az4", "use1-az2"], ["use1-az6", *site.zones], site.zones[::-1]):
        after = subnet_ranges(at(site, zones=zones))
        assert all(after[zone] == before[zone] for zone in before.keys() & after.keys())


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.1.128.0/17", "192.168.64.0/18"])
def test_six_zones_fit_without_overlap(site: Site, cidr: str) -> None:
    zones = [f"use1-az{n}" for n in range(2, 8)]
    ranges = subnet_ranges(at(site, zones=zones, vpc_cidr=cidr))
    subnets = [subnet for pair in ranges.values() for subnet in pair]
    assert len(subnets) == 12
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not any(a.overlaps(b) for a in subnets for b in subnets if a is not b)


@pytest.mark.parametrize("zone", ["use1-az8", "use1-az0"])
def test_a_zone_without_a_place(site: Site, zone: str) -> None:
    with pytest.raises(FieldError) as fault:
        subnet_ranges(at(site, zones=["use1-az1", zone]))
    assert fault.value.field == ("zones", 1)


@pytest.mark.parametrize(
    ("environment", "zones", "nat"),
    [("dev", 0, [True, False, False]), ("dev", 1, [True] * 3), ("prod", 0, [True] * 3)],
)
def test_a_nat_gateway_where_a_zone_may_go(
    *,
    workload: Callable[..., Workload],
    site: Site,
    catalog: Catalog,
    environment: str,
    zones: int,
    nat: list[bool],
) -> None:
    services = [workload(name="a"), workload(name="b", redundancy={"zones": zones})]
    plan = size(services, at(site, environment=environment), catalog).network
    assert [subnet.nat for subnet in plan.subnets] == nat


@pytest.mark.parametrize("cidr", ["10.0.0.1/16", "10.0.0.256/16", "10.0/16"])
def test_an_address_range_that_is_none(site: Site, cidr: str) -> None:
    with pytest.raises(FieldError) as fault:
        subnet_ranges(at(site, vpc_cidr=cidr))
    assert fault.value.field == ("vpc_cidr",)


def with_jobs(service: ServicePlan, *, worker: bool, api: bool = True) -> ServicePlan:
    """The service with or without workers, and with or without a function that accepts jobs."""
    assert service.jobs is not None
    taken = JobWorkerPlan(
        image="i",
        at_once=1,
        cpu_millicores=100,
        memory_mib=256,
        scratch_mib=16,
        give_back_s=10,
        format="png",
        attempts=3,
        visibility_s=60,
        heartbeat_s=20,
        item_timeout_s=90,
    )
    changed = service.jobs.model_copy(
        update={
            "worker": taken if worker else None,
            "api": service.jobs.api if api else None,
        }
    )
    return service.model_copy(update={"jobs": changed})


def test_workers_reach_queues_and_tables_by_endpoints() -> None:
    plan = queued_plan()
    (service,) = plan.services
    site, working = plan.site, [with_jobs(service, worker=True)]
    assert [e.service for e in gateway_endpoints(site, working)] == ["dynamodb"]
    assert [e.service for e in interface_endpoints(site, working)] == [
        *("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sqs", "sts")
    ]


@pytest.mark.parametrize(("worker", "api"), [(False, True), (True, False)])
def test_without_workers_of_jobs_there_is_no_endpoint_for_them(worker: bool, api: bool) -> None:
    plan = queued_plan()
    services = [with_jobs(plan.services[0], worker=worker, api=api)]
    assert gateway_endpoints(plan.site, services) == ()
    assert "sqs" not in {e.service for e in interface_endpoints(plan.site, services)}


def test_endpoints_for_jobs_follow_the_rule_of_all_endpoints() -> None:
    """In dev calls leave through the NAT gateway, and an existing network has its own endpoints."""
    plan = queued_plan(environment="dev")
    working = [with_jobs(plan.services[0], worker=True)]
    assert interface_endpoints(plan.site, working) == ()
    assert [e.service for e in gateway_endpoints(plan.site, working)] == ["dynamodb"]
    use = {
        "vpc_id": "vpc-00000001",
        "vpc_cidr": "10.20.0.0/16",
        "private_subnet_ids": {zone: f"subnet-0000000{zone[-1]}" for zone in plan.site.zones},
    }
    used = plan.site.model_copy(update={"network": Network.model_validate({"use": use})})
    assert gateway_endpoints(used, working) == interface_endpoints(used, working) == ()
