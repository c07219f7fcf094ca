"""Panels of the fleet and of its money."""

from collections.abc import Iterator, Sequence

from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan
from sizing.values.units import HOURS_PER_PRICED_MONTH, SECONDS_PER_HOUR
from templates.monitoring.alert import START, number, recorded
from templates.monitoring.nodes import POOL, ZONE, new_xid, throttled
from templates.monitoring.panels import Line, Panel, planned
from templates.monitoring.watched import Watched


def fleet_panels(plan: Plan, services: Sequence[Watched]) -> Iterator[Panel]:
    """Yield the panels of GPUs by zone, of spares and of health."""
    gpus = 'kube_node_status_allocatable{resource="nvidia_com_gpu"}'
    zones = f'kube_node_labels{{{POOL}!=""}}'
    by_zone = f"sum by ({ZONE}) ({gpus} * on (node) group_left ({ZONE}) {zones})"
    built = dict(sorted(_gpus_by_zone(plan).items()))
    yield Panel(
        "GPUs by zone",
        "short",
        [
            Line(f"{{{{{ZONE}}}}}", by_zone),
            *(planned(f"{zone} of the plan", count) for zone, count in built.items()),
        ],
        "GPUs that the nodes offer. Burst nodes have no zone label.",
    )
    spares = "Ready replicas without those needed; below 0 the fleet is too small."
    yield Panel("Spare replicas", "short", list(_spares(services)), spares, least=None)
    not_ready = 'kube_node_status_condition{condition="Ready", status="true"} == 0'
    yield Panel(
        "Health",
        "short",
        [
            Line("nodes that are not ready", f"count({not_ready}) or vector(0)"),
            Line("GPUs with a new XID", f"count({new_xid()}) or vector(0)"),
            Line("throttled GPUs", f"count({throttled()}) or vector(0)"),
            Line(
                "GPUs with failed memory", "count(DCGM_FI_DEV_ROW_REMAP_FAILURE > 0) or vector(0)"
            ),
        ],
    )
    yield Panel(
        "GPU utilisation",
        "percent",
        [Line("mean", "avg(DCGM_FI_DEV_GPU_UTIL)"), Line("lowest", "min(DCGM_FI_DEV_GPU_UTIL)")],
        "Share of time with any kernel at work; not the share of the card's arithmetic.",
    )
    used, free = "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"
    yield Panel(
        "GPU memory in use", "percentunit", [Line("fullest", f"max({used} / ({used} + {free}))")]
    )
    yield Panel("GPU temperature", "celsius", [Line("hottest", "max(DCGM_FI_DEV_GPU_TEMP)")])


def money_panels(plan: Plan, services: Sequence[Watched]) -> Iterator[Panel]:
    """Yield the panels of node hours times their price on demand, without unknown prices."""
    prices = {pool.name: price for pool in plan.pools if (price := _usd_per_hour(plan, pool))}
    sizes = {pool.name: sum(pool.nodes_by_zone.values()) for pool in plan.pools}
    nodes = {name: f'{START}pool_nodes:count{{{POOL}="{name}"}}' for name in sizes}
    yield Panel(
        "GPU nodes",
        "short",
        [
            *(Line(name, series) for name, series in nodes.items()),
            *(planned(f"{name} of the plan", count) for name, count in sizes.items()),
        ],
    )
    if not prices:
        return
    yield Panel(
        "GPU nodes, USD per hour",
        "currencyUSD",
        [
            *(Line(name, f"{nodes[name]} * {number(usd)}") for name, usd in prices.items()),
            *(planned(f"{n} of the plan", sizes[n] * usd) for n, usd in prices.items()),
        ],
        "Nodes times their price on demand. Reserved capacity costs less or has been paid.",
    )
    yield Panel(
        "GPU nodes, USD per month at the nodes of the last day",
        "currencyUSD",
        [
            *(
                Line(
                    name,
                    f"avg_over_time({nodes[name]}[1d]) * {HOURS_PER_PRICED_MONTH} * {number(usd)}",
                )
                for name, usd in prices.items()
            ),
            *(
                planned(f"{name} of the plan", sizes[name] * HOURS_PER_PRICED_MONTH * usd)
                for name, usd in prices.items()
            ),
        ],
    )
    yield Panel(
        "USD per 1,000 requests",
        "currencyUSD",
        [
            Line(
                service.name,
                f"{_hourly(service, prices)} / "
                f"({recorded('requests:rate1h', service.name)} * {SECONDS_PER_HOUR} / 1000)",
            )
            for service in services
            if service.requests is not None and service.serving.pool in prices
        ],
        "Ready replicas of the service times the price of their share of a node.",
    )


def unpriced(plan: Plan) -> list[str]:
    """Names of the pools whose price is unknown."""
    return [pool.name for pool in plan.pools if _usd_per_hour(plan, pool) is None]


def _spares(services: Sequence[Watched]) -> Iterator[Line]:
    for service in services:
        pool = service.plan.pool
        if pool is not None:
            ready, needed = recorded("replicas_ready:sum", service.name), pool.replicas_needed
            yield Line(service.name, f"{ready} - {needed}")
            yield planned(f"{service.name} of the plan", service.serving.replicas - needed)


def _gpus_by_zone(plan: Plan) -> dict[str, int]:
    gpus = dict[str, int]()
    each = {s.pool.name: s.pool.gpus_per_node for s in plan.services if s.pool is not None}
    for pool in plan.pools:
        for zone, nodes in pool.nodes_by_zone.items():
            gpus[zone] = gpus.get(zone, 0) + nodes * each[pool.name]
    return gpus


def _usd_per_hour(plan: Plan, pool: NodePool) -> float | None:
    """Price of one node of the pool, USD an hour; None where it is unknown."""
    chosen = (s.choice for s in plan.services if s.pool is not None and s.pool.name == pool.name)
    return next((c.usd_per_hour for c in chosen if c is not None), None)


def _hourly(service: Watched, prices: dict[str, float]) -> str:
    """Query for the USD an hour of the nodes behind the service's ready replicas."""
    pool = service.plan.pool
    assert pool is not None, "a service that is served has a pool"
    nodes = pool.nodes_per_replica / pool.replicas_per_node
    usd = number(nodes * prices[service.serving.pool])
    return f"{recorded('replicas_ready:sum', service.name)} * {usd}"
