"""Fleets of several types, split by the length of the prompt, as JSON."""

from sizing.compare.class_pools import Pool
from sizing.compare.mix import Fleet, Mix
from sizing.values.exact import Number, plain, plain_or_none
from sizing.values.strict import Strict
from sizing.workload import Length, Traffic


class PoolRequestAnswer(Strict):
    """Values of `request` that differ in a workload file for one pool."""

    input_tokens: tuple[Length, ...]
    """Histogram of the pool's prompts."""
    context_tokens: int | None
    """Longest prompt and answer together; null where the whole workload does not state it."""


class PoolTrafficAnswer(Strict):
    """Values of `traffic` that differ in a workload file for one pool."""

    requests_per_user_per_day: Number
    """Requests per user and day that the pool receives."""
    think_time_s: Number | None
    """Seconds between two of these requests; null where the whole workload does not state it."""


class MixPoolAnswer(Strict):
    """One range of prompt lengths on hardware of its own."""

    from_tokens: Number
    """Shortest prompts of the histogram that the pool serves."""
    to_tokens: Number
    """Longest prompts of the histogram that the pool serves."""
    request_share: Number
    """Share of all requests, 0 to 1."""
    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    tensor_parallel: int
    """GPUs of one node that a replica uses."""
    precision: str
    """Precision of the weights."""
    nodes_total: int
    """Nodes in all, spare ones included."""
    usd_per_month: Number
    """US dollars per month of 730 hours for all nodes, on demand, before tax."""
    request: PoolRequestAnswer
    """Values of `request` for a workload file of this pool alone."""
    traffic: PoolTrafficAnswer
    """Values of `traffic` for a workload file of this pool alone."""


class FleetAnswer(Strict):
    """Pools that serve all requests together."""

    types: tuple[str, ...]
    """Instance types, each listed once."""
    usd_per_month: Number
    """US dollars per month for all nodes."""
    saving_usd_per_month: Number
    """US dollars per month saved against the cheapest single type; negative where it costs more."""
    saving_ratio: Number
    """Saving divided by the cost of the cheapest single type; negative where the fleet costs
    more."""
    pools: tuple[MixPoolAnswer, ...]
    """Pools, the one with the shortest prompts first."""


class MixAnswer(Strict):
    """Comparison of one instance type with two or three, split by the length of the prompt."""

    is_cheaper: bool
    """True where a fleet of several pools costs less than the cheapest single type."""
    single_usd_per_month: Number | None
    """US dollars per month of the cheapest single type; null where no type of known price can
    serve."""
    fleets: tuple[FleetAnswer, ...]
    """Cheapest fleet of two types and of three types, even where one type is cheaper."""
    same_type: FleetAnswer | None
    """Cheapest fleet with several pools of one type; null unless it costs less than the others."""
    refused: str | None
    """Reason why there is no fleet of several pools; null where there is one."""


def mix_answer(found: Mix) -> MixAnswer:
    """Return the comparison of fleets as JSON values."""
    cost = found.single.usd_per_month if found.single is not None else None
    return MixAnswer(
        is_cheaper=found.is_cheaper,
        single_usd_per_month=plain_or_none(cost),
        fleets=tuple(_fleet(fleet, found) for fleet in found.fleets),
        same_type=_fleet(found.same_type, found) if found.same_type else None,
        refused=found.refused,
    )


def _fleet(fleet: Fleet, found: Mix) -> FleetAnswer:
    usd, ratio = found.saving(fleet)
    return FleetAnswer(
        types=tuple(fleet.types),
        usd_per_month=plain(fleet.usd_per_month),
        saving_usd_per_month=plain(usd),
        saving_ratio=plain(ratio),
        pools=tuple(_pool(pool, found.traffic) for pool in fleet.pools),
    )


def _pool(pool: Pool, traffic: Traffic) -> MixPoolAnswer:
    bars, own = pool.lengths.bars, pool.lengths.traffic(traffic)
    return MixPoolAnswer(
        from_tokens=plain(bars[0].tokens),
        to_tokens=plain(bars[-1].tokens),
        request_share=plain(pool.lengths.share),
        instance_type=pool.instance.name,
        gpu=pool.instance.gpu,
        tensor_parallel=pool.tensor_parallel,
        precision=pool.precision.value,
        nodes_total=pool.nodes_total,
        usd_per_month=plain(pool.usd_per_month),
        request=PoolRequestAnswer(
            input_tokens=tuple(bars), context_tokens=pool.lengths.request.context_tokens
        ),
        traffic=PoolTrafficAnswer(
            requests_per_user_per_day=plain(own.requests_per_user_per_day),
            think_time_s=plain_or_none(own.think_time_s),
        ),
    )
