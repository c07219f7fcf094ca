"""`sizewright compare --json`."""

from sizewright.answers.answer import Answer
from sizing.compare.class_pools import Pool
from sizing.compare.mix import Fleet, Mix
from sizing.plan import Rejected, ServicePlan, Survives
from sizing.values.exact import Number, plain, plain_or_none
from sizing.values.strict import Strict
from sizing.workload import Length, Traffic


class PoolRequestAnswer(Strict):
    """What `request` of a workload file for one pool says instead of the whole one's."""

    input_tokens: tuple[Length, ...]
    """The histogram of its prompts."""
    context_tokens: int | None
    """Longest prompt and answer together; null where the whole workload does not say it."""


class PoolTrafficAnswer(Strict):
    """What `traffic` of a workload file for one pool says instead of the whole one's."""

    requests_per_user_per_day: Number
    """Requests of one user on one day that the pool gets."""
    think_time_s: Number | None
    """Seconds between two of them; null where the whole workload does not say it."""


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
    """US dollars of all nodes a month of 730 hours, on demand, before tax."""
    request: PoolRequestAnswer
    """For a workload file of this pool alone."""
    traffic: PoolTrafficAnswer
    """For a workload file of this pool alone."""


class FleetAnswer(Strict):
    """Pools that serve all requests together."""

    types: tuple[str, ...]
    """Instance types, each once."""
    usd_per_month: Number
    """US dollars of all nodes a month."""
    saving_usd_per_month: Number
    """US dollars a month below the cheapest single type; negative where it is dearer."""
    saving_ratio: Number
    """The saving over the cost of the cheapest single type; negative where it is dearer."""
    pools: tuple[MixPoolAnswer, ...]
    """Shortest prompts first."""


class MixAnswer(Strict):
    """Whether two or three types, split by the length of the prompt, are cheaper than one."""

    is_cheaper: bool
    """Whether a fleet of several pools costs less than the cheapest single type."""
    single_usd_per_month: Number | None
    """US dollars a month of the cheapest single type; null where none of known price serves."""
    fleets: tuple[FleetAnswer, ...]
    """The cheapest of two types and of three, cheaper than one or not."""
    same_type: FleetAnswer | None
    """The cheapest with several pools of one type, where it costs less than the others."""
    refused: str | None
    """Why there is no fleet of several pools; null where there is one."""


def mix_answer(found: Mix) -> MixAnswer:
    """What was found, as JSON has it."""
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


class OptionAnswer(Strict):
    """One hardware that meets every target."""

    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    tensor_parallel: int
    """GPUs of one node that a replica uses."""
    precision: str
    """Precision of the weights."""
    nodes_total: int
    """Nodes of the whole fleet, spare ones included."""
    gpus_total: int
    """GPUs of the whole fleet, spare ones included."""
    gpus_needed: int
    """GPUs needed, before packing."""
    usd_per_hour: Number | None
    """US dollars of one node an hour, on demand, before tax; null where no source says it."""
    usd_per_month: Number | None
    """US dollars of the whole fleet's nodes a month of 730 hours; null where no source says it."""
    price_source: str | None
    """Where the price is from."""
    price_checked: str | None
    """Day on which it was."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, at the percentile asked for, on the safe side, while
    the needed replicas alone carry the load that is sized for; null where unknown."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, likewise."""
    basis: str | None
    """measured: this engine on this generation of GPU and in this precision, or your own runs;
    datasheet: nobody measured it, so its band is wider; null by methods that know no times."""
    utilisation_at_peak: Number | None
    """Share of the whole fleet's rate that the peak asks for, 0 to 1 and above."""
    binding: str
    """The constraint that needs most GPUs."""
    survives: Survives
    """Losses that leave enough."""
    on_frontier: bool
    """Whether no option of this list is as cheap and as fast, and better in one of these."""


class SensitivityAnswer(Strict):
    """How far one input is from doubling the nodes."""

    input: str
    """The input."""
    factor: Number | None
    """By which it grows or, for a target or a pause, shrinks; null when 64 times do not."""
    feasible: bool
    """False where at that factor nothing on this hardware serves at all."""


class RankingAnswer(Answer):
    """Every hardware for the workload of one file."""

    method: str
    """How the rate of every GPU is known."""
    load: str
    """Which load is sized for: mean or peak."""

    options: tuple[OptionAnswer, ...]
    """Those that meet every target, cheapest first."""
    mix: MixAnswer
    """Two or three types instead of the cheapest one."""
    rejected: tuple[Rejected, ...]
    """Those that do not."""
    sensitivities: tuple[SensitivityAnswer, ...]
    """On the cheapest option, what doubles the nodes soonest first."""


class SizedServiceAnswer(ServicePlan):
    """One service as `size` prints it."""

    file: str
    """The workload file."""


class SidesAnswer(Answer):
    """The services of several files, side by side."""

    services: tuple[SizedServiceAnswer, ...]
    """One of each file."""
    better: dict[str, tuple[int, ...]]
    """Of each compared number, the services that are better, by their place in the list."""


CompareAnswer = RankingAnswer | SidesAnswer
