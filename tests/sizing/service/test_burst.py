"""Capacity above the floor: whole nodes, the load that starts them, and their zones."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.catalog import Catalog
from sizing.plan.service.burst import BurstPlan, FeltPlan, JobBurstPlan, SlowPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.burst import image_version
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from tests.sizing.conftest import CHAT

Sized = Callable[..., ServicePlan]
TARGETS = {"ttft_ms": 500, "tpot_ms": 50}


def asking(burst_gpus: int, **changes: object) -> dict[str, Any]:
    return {**CHAT["capacity"], "burst_gpus": burst_gpus, **changes}


def test_no_burst_is_planned_without_a_request(sized: Sized) -> None:
    assert sized().burst is None


def test_the_burst_is_whole_nodes(sized: Sized) -> None:
    burst = sized(capacity=asking(5), hardware={"instance_type": "g6.12xlarge"}).burst
    assert burst is not None
    assert (burst.nodes, burst.gpus, burst.replicas) == (2, 8, 8), "4 GPUs a node"


def test_replicas_of_several_gpus(sized: Sized) -> None:
    hardware = {"instance_type": "g6.12xlarge", "tensor_parallel": 2}
    burst = sized(capacity=asking(4), hardware=hardware).burst
    assert burst is not None
    assert (burst.nodes, burst.gpus, burst.replicas) == (1, 4, 2)
    assert burst.max_unavailable == 2, "a node holds two: a drain takes both"


def test_the_floor_is_not_touched(sized: Sized) -> None:
    floor, grown = sized(), sized(capacity=asking(4))
    assert grown.pool == floor.pool
    assert grown.serving == floor.serving


def test_the_target_is_a_share_of_what_one_replica_was_sized_for(sized: Sized) -> None:
    """1 request/s that takes 0.5 + 399 x 0.05 = 20.45 s: 20.45 in flight, of which 80 % is 16."""
    burst = sized(capacity=asking(1), latency=TARGETS).burst
    assert burst is not None
    assert burst.in_flight_sized == 20.45
    assert burst.in_flight_target == 16


def test_a_batch_caps_what_is_in_flight(sized: Sized) -> None:
    engine = {"max_sequences": 10}
    burst = sized(capacity=asking(1), latency=TARGETS, engine=engine).burst
    assert burst is not None
    assert (burst.in_flight_sized, burst.in_flight_target) == (10, 8)
    untimed = sized(capacity=asking(1), engine=engine).burst
    assert untimed is not None
    assert (untimed.in_flight_sized, untimed.in_flight_target) == (10, 8)


def felt_of(service: ServicePlan) -> FeltPlan | None:
    assert isinstance(service.burst, BurstPlan)
    return service.burst.felt


@pytest.mark.parametrize(
    ("percentile", "share", "requests"), [(50, 0.05, 200), (95, 0.05, 200), (99, 0.01, 1_000)]
)
def test_no_more_requests_may_fail_than_the_percentile_leaves(
    sized: Sized, percentile: int, share: float, requests: int
) -> None:
    """10 failed requests are no chance: 10 / 0.05 = 200, 10 / 0.01 = 1,000."""
    felt = felt_of(sized(capacity=asking(1), latency=TARGETS | {"percentile": percentile}))
    assert felt is not None
    assert (felt.failed_share, felt.least_requests) == (share, requests)
    assert felt.slow == SlowPlan(ttft_ms=500, percentile=percentile)


def test_without_targets_only_failures_are_felt(sized: Sized) -> None:
    felt = felt_of(sized(capacity=asking(1)))
    assert felt is not None
    assert (felt.failed_share, felt.least_requests, felt.slow) == (0.05, 200, None)


def test_nothing_is_felt_without_metrics_of_requests(catalog: Catalog, site: Site) -> None:
    images = {key: value for key, value in QUEUE.items() if key != "queue"}
    service = size([Workload.model_validate(images)], site, catalog).services[0]
    assert felt_of(service) is None


@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_the_target_is_at_least_one_request(sized: Sized, rate: float) -> None:
    traffic = {"daily_users": 10, "requests_per_user_per_day": 1}
    slow = asking(1, requests_per_gpu_per_s=rate)
    burst = sized(capacity=slow, latency=TARGETS, traffic=traffic).burst
    assert burst is not None
    assert burst.in_flight_target == 1


def test_replicas_stay_as_long_as_new_ones_would_take(sized: Sized) -> None:
    service = sized(capacity=asking(1))
    assert service.burst is not None and service.serving is not None
    assert service.burst.cooldown_s == service.serving.copy_s + service.serving.start_s
    slow = sized(capacity=asking(1), hardware={"instance_type": "g6.xlarge", "load_time_s": 9000})
    assert slow.burst is not None
    assert slow.burst.cooldown_s <= 3600, "no autoscaler waits longer"


@given(requested=st.integers(1, 200), gpus_per_node=st.sampled_from(["g6.xlarge", "g6.12xlarge"]))
def test_never_less_than_requested_and_never_a_node_more(
    sized: Sized, requested: int, gpus_per_node: str
) -> None:
    service = sized(capacity=asking(requested), hardware={"instance_type": gpus_per_node})
    assert service.burst is not None and service.pool is not None
    assert requested <= service.burst.gpus < requested + service.pool.gpus_per_node


@pytest.fixture
def grown(site: Site, catalog: Catalog, workload: Callable[..., Workload]) -> Plan:
    """Plan of two services of one pool that grow by 3 and 1 GPUs, and one that does not."""
    services = [
        workload(name="one", capacity=asking(3)),
        workload(name="two", capacity=asking(1)),
        workload(name="three"),
    ]
    return size(services, site, catalog)


def test_a_pool_may_grow_by_what_its_services_ask(grown: Plan, site: Site) -> None:
    (pool,) = grown.pools
    assert pool.burst is not None
    assert (pool.burst.nodes, pool.burst.gpus) == (4, 4)
    assert pool.burst.zones == site.zones
    assert pool.nodes_at_most == sum(pool.nodes_by_zone.values()) + 4
    longest = max(s.serving.stop_s for s in grown.services if s.serving)
    assert pool.burst.drain_s == 2 * longest > longest


def test_a_zone_that_does_not_sell_the_type_gets_no_burst(
    site: Site, catalog: Catalog, workload: Callable[..., Workload]
) -> None:
    there = site.model_copy(update={"zones": ("use1-az1", "use1-az2", "use1-az3")})
    plan = size([workload(capacity=asking(1))], there, catalog)
    sold = catalog.zones_selling("g6.xlarge", "us-east-1")
    assert sold is not None and "use1-az3" not in sold
    assert plan.pools[0].burst is not None
    assert plan.pools[0].burst.zones == ("use1-az1", "use1-az2")
    assert plan.pools[0].nodes_at_most_in("use1-az3") == 0


def test_each_zone_has_addresses_for_the_whole_burst(
    grown: Plan, site: Site, catalog: Catalog, workload: Callable[..., Workload]
) -> None:
    """All four may start in one zone, with the interfaces that a floor node has."""
    still = size([workload(name=name) for name in ("one", "two", "three")], site, catalog)
    node = grown.pools[0].addresses
    for more, less in zip(grown.network.subnets, still.network.subnets, strict=True):
        assert more.addresses.gpu_nodes - less.addresses.gpu_nodes == 4 * node.interfaces
        pods = node.interfaces * (node.addresses_per_interface - 1)
        assert more.addresses.pods - less.addresses.pods == 4 * pods


def test_what_runs_alongside_a_burst(grown: Plan, catalog: Catalog) -> None:
    burst = grown.cluster_services.burst
    assert burst is not None and burst.metrics is not None
    assert burst.metrics.services == ("one", "two"), "nothing else is scraped"
    assert burst.node_autoscaler is not None and burst.node_definitions is not None
    assert burst.node_autoscaler.version == burst.node_definitions.version
    reported = " ".join(grown.unverified)
    for chart in ("karpenter", "karpenter-crd", "keda", "prometheus"):
        assert f"chart:{chart} {catalog.pin(f'chart:{chart}').version}" in reported


@pytest.mark.parametrize(
    ("release", "version"), [("1.35.0-20261101", "v20261101"), (None, "latest")]
)
def test_images_of_burst_nodes_are_the_floor_s(
    site: Site,
    catalog: Catalog,
    workload: Callable[..., Workload],
    release: str | None,
    version: str,
) -> None:
    pinned = site.model_copy(update={"ami_release": release})
    (pool,) = size([workload(capacity=asking(1))], pinned, catalog).pools
    assert pool.ami_release == release
    assert pool.burst is not None
    assert pool.burst.image == f"al2023@{version}" == f"al2023@{image_version(release)}"


def test_an_image_that_is_not_pinned_is_reported(grown: Plan) -> None:
    assert "GPU image of burst nodes: Karpenter takes each new one; set ami_release" in (
        grown.unverified
    )


@pytest.mark.parametrize("requested", [-1, True, 1.5, 10**6])
def test_what_is_no_number_of_gpus_is_refused(
    workload: Callable[..., Workload], requested: object
) -> None:
    with pytest.raises((FieldError, ValidationError)):
        workload(capacity={**CHAT["capacity"], "burst_gpus": requested})


QUEUE: dict[str, Any] = {
    "name": "jobs",
    "kind": "image",
    "model": {"name": "flux.2-klein-4b"},
    "traffic": {"daily_users": 20_000, "requests_per_user_per_day": 8, "peak_ratio": 3},
    "capacity": {"burst_gpus": 4},
    "data": {
        "profile_bytes_per_user": 1_000,
        "interaction_bytes": 1_500_000,
        "client": "own",
        "retention_days": 30,
    },
    "hardware": {"instance_type": "g6e.xlarge"},
    "queue": {},
}
ISSUED = {
    "token_issuer": "https://issuer.example",
    "token_jwks_url": "https://issuer.example/keys",
}


def queued(catalog: Catalog, site: Site, **changes: Any) -> tuple[ServicePlan, JobBurstPlan]:
    workload = Workload.model_validate(QUEUE | changes)
    service = size([workload], site.model_copy(update=ISSUED), catalog).services[0]
    assert isinstance(service.burst, JobBurstPlan)
    return service, service.burst


def test_a_replica_makes_its_waiting_jobs_in_half_of_the_time(catalog: Catalog, site: Site) -> None:
    service, burst = queued(catalog, site, queue={"drain_s": 900})
    assert service.jobs is not None
    assert burst.backlog_s == 900
    assert burst.jobs_per_replica == int(450 / service.jobs.job_s)
    assert burst.floor_jobs == service.jobs.workers * burst.jobs_per_replica
    assert 450 < burst.oldest_s < 450 + service.jobs.job_s + 1


def test_the_stricter_target_decides(catalog: Catalog, site: Site) -> None:
    service, burst = queued(catalog, site, queue={"drain_s": 900}, latency={"response_s": 60})
    assert service.jobs is not None
    assert burst.backlog_s == pytest.approx(60 - service.jobs.alone_s)


def test_without_a_target_an_hour_is_assumed(catalog: Catalog, site: Site) -> None:
    assert queued(catalog, site)[1].backlog_s == 3600


def test_one_job_is_the_least(catalog: Catalog, site: Site) -> None:
    """A clip may take longer than half of the target."""
    request = {"width": 2048, "height": 2048, "iterations": 50}
    service, burst = queued(catalog, site, request=request, latency={"response_s": 120})
    assert service.jobs is not None
    assert service.jobs.job_s > 60
    assert burst.jobs_per_replica == 1


def test_spot_without_a_burst_is_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(QUEUE | {"capacity": {}, "queue": {"spot": True}})
    (fault,) = refused.value.errors()
    error = fault["ctx"]["error"]
    assert isinstance(error, FieldError)
    assert error.field == ("queue", "spot")
    assert error.expected == "capacity.burst_gpus above 0"
