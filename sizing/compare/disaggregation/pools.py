"""How many replicas does each role require, and how many nodes with spares?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, inf

from sizing.compare.disaggregation.candidate import Candidate
from sizing.fleet.packing import packing
from sizing.fleet.redundancy import Rule, binding_rule, nodes_by_rule
from sizing.replica.case import gpus_per_node
from sizing.replica.queues.queueing import BatchServer, highest_rate
from sizing.replica.rate import Targets, rate_by_constraint
from sizing.values.exact import ceiling
from sizing.workload import Redundancy


@dataclass(frozen=True)
class Cells:
    """Zones that each have nodes of both roles, because EFA does not cross zones."""

    count: int
    left: int
    """Zones that remain after the loss that the service survives."""


def cells_of(zones: int, redundancy: Redundancy) -> Cells | None:
    """Return one zone, or all zones where some may fail; None where none would remain.

    Basis: vendor (AWS ParallelCluster user guide, read 2026-11: EFA is not supported over
    different availability zones).
    """
    lost = redundancy.zones or 0
    if lost == 0:
        return Cells(1, 1) if zones else None
    return Cells(zones, zones - lost) if zones > lost else None


@dataclass(frozen=True)
class RolePool:
    """Replicas of one role, and their nodes."""

    candidate: Candidate
    replicas_by_constraint: Mapping[str, int]
    """Replicas of one zone that each constraint alone requires."""
    nodes_needed: int
    """Nodes that the load requires in all zones that must remain."""
    nodes_by_rule: Mapping[Rule, int]
    """Nodes in all zones that each rule of redundancy alone requires."""

    @property
    def replicas(self) -> int:
        """Number of replicas of one zone that the load requires."""
        return max(self.replicas_by_constraint.values())

    @property
    def least_replicas(self) -> int:
        """Number of replicas that the constraints other than TTFT require."""
        return max(n for name, n in self.replicas_by_constraint.items() if name != "ttft")

    @property
    def nodes_total(self) -> int:
        return max(self.nodes_by_rule.values())

    @property
    def binding(self) -> str:
        """Constraint that requires the most replicas."""
        return max(self.replicas_by_constraint, key=lambda name: self.replicas_by_constraint[name])

    @property
    def redundancy_binding(self) -> Rule:
        return binding_rule(dict(self.nodes_by_rule))

    @property
    def usd_per_month(self) -> Fraction:
        return self.nodes_total * self.candidate.seller.usd_per_month

    @property
    def rank(self) -> tuple[Fraction, int, str, int, str]:
        """Sort key: the cheapest pool first, then the pool with the fewest nodes."""
        candidate = self.candidate
        name, precision = candidate.instance.name, candidate.replica.case.facts.precision.value
        return (
            self.usd_per_month,
            self.nodes_total,
            name,
            candidate.tensor_parallel,
            precision,
        )


def role_pool(
    candidate: Candidate, counts: Mapping[str, int], cells: Cells, redundancy: Redundancy
) -> RolePool:
    """Return the nodes for such replicas in each zone, spare ones included.

    zones: every zone has the nodes of one; other rules: for the nodes of the zones that must
    remain, rounded up to the same number in each zone

    Basis: arithmetic, by the rules of `fleet/redundancy.py`.
    """
    cards, split = gpus_per_node(candidate.instance), candidate.tensor_parallel
    each = packing(max(counts.values()) * split, cards, split).nodes
    within = redundancy.model_copy(update={"zones": None})
    rules = nodes_by_rule(within, each * cells.left, 1, Decimal(cards))
    if redundancy.zones:
        rules[Rule.zones] = each * cells.count
    even = {rule: ceiling(Fraction(n, cells.count)) * cells.count for rule, n in rules.items()}
    return RolePool(candidate, counts, each * cells.left, even)


def decode_replicas(candidate: Candidate, load: float, targets: Targets) -> dict[str, int] | None:
    """Replicas of one zone that compute only answers, by constraint; None where one is too slow.

    throughput, tpot: as in a replica for both, without prompts in its steps
    places: the required share of caches has a place at once
    network: arrivals x mean bytes of a cache, at most the utilisation limit of the bandwidth
    """
    server = candidate.decode.server
    rates = rate_by_constraint(candidate.decode, replace(targets, ttft_s=inf))
    del rates["ttft"]
    rates["places"] = highest_rate(
        lambda rate: server.at(rate).slot_wait_s(targets.share) <= 0, rates["throughput"]
    )
    if min(rates.values()) <= 0:
        return None
    counts = {name: max(1, ceil(load / rate)) for name, rate in rates.items()}
    used = load * candidate.cache.mean_bytes / candidate.bytes_per_s
    return {**counts, "network": max(1, ceil(used / targets.queue_limit))}


def least_prefill_replicas(
    candidate: Candidate, load: float, targets: Targets, mean_bytes: float
) -> dict[str, int]:
    """Replicas of one zone that compute only prompts, by the limits of utilisation alone.

    throughput: arrivals x step of the mean prompt; network: arrivals x mean bytes / bandwidth
    """
    used = {
        "throughput": load * candidate.prefill_s,
        "network": load * mean_bytes / candidate.bytes_per_s,
    }
    return {name: max(1, ceil(each / targets.queue_limit)) for name, each in used.items()}


def prompt_wait_s(candidate: Candidate, replicas: int, load: float, share: float) -> float:
    """Seconds that this share of requests waits at most for one of the prefill replicas.

    Basis: arithmetic (M/G/c): one queue, from which a free replica takes the next prompt, as from
    NVIDIA Dynamo's prefill queue (architecture flow of v0.8.1, read 2026-11). Replicas for both
    roles have a queue each, as the load balancer of this version makes them.
    """
    variation = candidate.lengths.queue_variation[0]
    server = BatchServer(1.0, (candidate.prefill_s,) * replicas, 0.0, variation)
    return server.at(load).slot_wait_s(share)


def prefill_replicas(
    candidate: Candidate,
    least: int,
    load: float,
    share: float,
    budget_s: float,
    *,
    shared_queue: bool = True,
) -> int | None:
    """Smallest number of replicas, at least `least`, whose wait fits into the budget; None for a
    negative budget. Without a shared queue, each replica has its part of the load."""
    if budget_s < 0:
        return None

    def fits(count: int) -> bool:
        servers, part = (count, load) if shared_queue else (1, load / count)
        return prompt_wait_s(candidate, servers, part, share) <= budget_s

    low = high = least
    while not fits(high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return high
