"""Separate pools for prompts and answers as JSON."""

from typing import Literal

from sizing.compare.disaggregation.numbers import lines
from sizing.compare.disaggregation.pools import RolePool
from sizing.compare.disaggregation.search import Disaggregation, Pair
from sizing.values.exact import Number, plain, plain_or_none
from sizing.values.strict import Strict


class RolePoolAnswer(Strict):
    """Nodes whose replicas compute only prompts, or only answers."""

    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    tensor_parallel: int
    """GPUs of one node that a replica uses."""
    replicas_needed: int
    """Replicas that the load needs in each zone."""
    replicas_by_constraint: dict[str, int]
    """Replicas of one zone that each constraint alone needs."""
    nodes_by_rule: dict[str, int]
    """Nodes that each rule of redundancy alone needs; none means without spares."""
    nodes_total: int
    """Nodes in all zones, spare ones included."""
    usd_per_month: Number
    """US dollars per month of 730 hours for all nodes, on demand, before tax."""
    network_share: Number
    """Part of a replica's usable network bandwidth that transfers of caches use, 0 to 1."""


class LineAnswer(Strict):
    """One number with its formula."""

    name: str
    """Meaning of the number."""
    value: Number
    """Number in its unit."""
    unit: str
    """Unit of the number."""
    numbers: str
    """Formula with numbers."""
    basis: str
    """Basis and source."""


class SeparatePoolsAnswer(Strict):
    """Separate pools for prompts and answers, which exchange KV caches over the network."""

    is_deployed: Literal[False]
    """Always false: this version does not deploy separate pools."""
    precision: str
    """Precision of the weights."""
    basis: str
    """measured: the step times of both replicas were measured. datasheet: at least one was not."""
    usd_per_month: Number
    """US dollars per month for the nodes of both pools."""
    saving_usd_per_month: Number | None
    """US dollars per month saved against the cheapest single option; null where no single option
    meets every target."""
    zones: int
    """Zones that each have nodes of both pools."""
    kv_bytes: Number
    """Bytes of KV cache that one prompt sends, at the percentile of the targets."""
    ttft_ms: Number
    """sizing estimate of the time to the first token, milliseconds, at that percentile."""
    tpot_ms: Number
    """sizing estimate of the time per output token after the first, milliseconds."""
    prefill: RolePoolAnswer
    """Nodes that compute prompts."""
    decode: RolePoolAnswer
    """Nodes that compute answers."""
    lines: tuple[LineAnswer, ...]
    """Numbers that lead to the nodes, each with its formula and basis."""


class DisaggregationAnswer(Strict):
    """Comparison of one pool for prompts and answers with two."""

    pools: SeparatePoolsAnswer | None
    """Cheapest pair of pools; null unless it costs less than one pool, or alone meets the
    targets."""
    refused: str | None
    """Reason why no pair of pools is reported; null where one is."""


def disaggregation_answer(found: Disaggregation) -> DisaggregationAnswer:
    """Return the comparison of one pool with two as JSON values."""
    pools = None if found.pair is None else _separate_pools(found, found.pair)
    return DisaggregationAnswer(pools=pools, refused=found.refused)


def _separate_pools(found: Disaggregation, pair: Pair) -> SeparatePoolsAnswer:
    saving = found.saving_usd_per_month
    return SeparatePoolsAnswer(
        is_deployed=False,
        precision=pair.precision.value,
        basis="measured" if pair.measured else "datasheet",
        usd_per_month=plain(pair.usd_per_month),
        saving_usd_per_month=plain_or_none(saving),
        zones=pair.cells.count,
        kv_bytes=pair.cache.bytes,
        ttft_ms=pair.ttft_s * 1000,
        tpot_ms=pair.tpot_s * 1000,
        prefill=_role_pool(pair, pair.prefill),
        decode=_role_pool(pair, pair.decode),
        lines=tuple(LineAnswer(**vars(line)) for line in lines(pair)),
    )


def _role_pool(pair: Pair, pool: RolePool) -> RolePoolAnswer:
    return RolePoolAnswer(
        instance_type=pool.candidate.instance.name,
        gpu=pool.candidate.instance.gpu,
        tensor_parallel=pool.candidate.tensor_parallel,
        replicas_needed=pool.replicas,
        replicas_by_constraint=dict(pool.replicas_by_constraint),
        nodes_by_rule={rule.value: count for rule, count in pool.nodes_by_rule.items()},
        nodes_total=pool.nodes_total,
        usd_per_month=plain(pool.usd_per_month),
        network_share=pair.network_share(pool),
    )
