"""How many spare nodes are there, how are they spread, and which losses do they survive?"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from math import exp, fsum, lgamma, log, log1p
from typing import TypeVar, assert_never

from sizing.values.exact import ceiling, exact
from sizing.workload import Redundancy

Zone = TypeVar("Zone")


class Rule(StrEnum):
    none = "none"
    """No node may fail."""
    spare_ratio = "spare_ratio"
    """Spare nodes in proportion to needed nodes."""
    nodes = "nodes"
    """N + k: any k nodes may fail."""
    zones = "zones"
    """Any such number of zones may fail."""
    availability = "availability"
    """Nodes fail independently, and enough of them are alive often enough."""


class TooFewZonesError(ValueError):
    """Raised where no node count survives the loss of that many zones: one zone must remain."""


def nodes_for_spare_ratio(needed: int, spare_ratio: Decimal) -> int:
    """Nodes in total with a share of spares: ceil(needed x (1 + ratio)). Basis: arithmetic."""
    return ceiling(exact(needed) * (1 + exact(spare_ratio)))


def nodes_for_zone_loss(needed: int, zones: int, lost: int = 1) -> int:
    """Nodes in total whose even spread over `zones` keeps `needed` when `lost` zones fail.

    The result is the smallest n with n - (the `lost` largest of the even spread) >= needed. For one
    lost zone it is needed + ceil(needed / (zones - 1)): 12 nodes become 18 over 3 zones, 24 over 2
    zones and 15 over 5.

    Raises TooFewZonesError unless lost < zones.
    Basis: arithmetic; assumes the even spread of `spread`.
    """
    if lost >= zones:
        raise TooFewZonesError(f"{lost} of {zones} zones may fail: none is left")
    total = ceiling(exact(needed) * zones / (zones - lost))
    while total - sum(sorted(spread(total, range(zones)).values())[zones - lost :]) < needed:
        total += 1
    return total


def node_availability(gpus_per_node: Decimal, redundancy: Redundancy) -> float:
    """Share of time one node is alive: MTBF / (MTBF + MTTR), with MTBF of a GPU / GPUs a node.

    Basis: measured, MTBF 50,700 GPU-hours: 419 unexpected interruptions in 54 days on 16,384 H100
    (Llama 3 training report, 2024). It is a training load and counts all causes, on hosts of at
    least one GPU. Assumed, MTTR 24 hours: a scarce type may have no spare in stock. Automatic
    repair starts after 10 minutes (EKS user guide, node repair, 2026). Both are inputs.
    """
    gpus = max(Decimal(1), gpus_per_node)
    mtbf_hours = redundancy.mtbf_gpu_hours / gpus
    return float(mtbf_hours / (mtbf_hours + redundancy.mttr_hours))


def k_of_n_availability(needed: int, total: int, alive: float) -> float:
    """Share of time with at least `needed` of `total` nodes alive, if they fail independently.

    1 - sum over d > total - needed of C(total, d) (1 - a)^d a^(total - d)

    Basis: arithmetic; the result excludes common causes such as zone loss and lack of stock.
    """
    return 1.0 - _too_many_dead(needed, total, alive)


def nodes_for_availability(needed: int, target: Decimal, alive: float) -> int:
    """Smallest number of nodes with `needed` alive for at least `target` of the time.

    Basis: arithmetic, see `k_of_n_availability`.
    """
    dead_share = float(1 - target)
    enough = needed
    while _too_many_dead(needed, enough, alive) > dead_share:
        enough *= 2
    totals = range(needed, enough)
    return needed + bisect_left(
        totals, True, key=lambda total: _too_many_dead(needed, total, alive) <= dead_share
    )


def _too_many_dead(needed: int, total: int, alive: float) -> float:
    """Probability of more than total - needed dead nodes; in logarithms, as C(n, d) overflows.

    The sum starts at the middle and covers the shorter side of the mean until terms vanish.
    """
    if alive in (0, 1):
        return 1 - alive
    log_alive, log_down = log(alive), log1p(-alive)
    spare = total - needed
    above = spare + 1 > total * (1 - alive)
    terms = list[float]()
    for dead in range(spare + 1, total + 1) if above else range(spare, -1, -1):
        term = exp(_log_choose(total, dead) + dead * log_down + (total - dead) * log_alive)
        terms.append(term)
        if term <= terms[0] * 1e-20:
            break
    return fsum(terms) if above else 1 - fsum(terms)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def nodes_by_rule(
    redundancy: Redundancy,
    needed_nodes: int,
    zones: int,
    gpus_per_node: Decimal,
    nodes_per_replica: int = 1,
) -> dict[Rule, int]:
    """Nodes in total that each requested rule alone requires; needed nodes without a rule.

    The loss of any node stops a replica that spans several nodes, so the rules count whole groups.
    k lost nodes may hit k groups.

    Raises TooFewZonesError. Basis: arithmetic; no node changes its group after a loss.
    """
    needed = needed_nodes // nodes_per_replica
    alive = node_availability(gpus_per_node, redundancy) ** nodes_per_replica
    counts = {rule: _groups(rule, redundancy, needed, zones, alive) for rule in Rule}
    return {rule: count * nodes_per_replica for rule, count in counts.items() if count is not None}


def _groups(
    rule: Rule, redundancy: Redundancy, needed: int, zones: int, alive: float
) -> int | None:
    """Groups in total that one rule alone requires; None where the workload does not request it."""
    match rule:
        case Rule.none:
            return needed
        case Rule.spare_ratio:
            ratio = redundancy.spare_ratio
            return nodes_for_spare_ratio(needed, ratio) if ratio else None
        case Rule.nodes:
            return needed + redundancy.nodes if redundancy.nodes else None
        case Rule.zones:
            lost = redundancy.zones
            return nodes_for_zone_loss(needed, zones, lost) if lost else None
        case Rule.availability:
            target = redundancy.availability
            return nodes_for_availability(needed, target, alive) if target else None
        case never:
            assert_never(never)


def binding_rule(counts: Mapping[Rule, int]) -> Rule:
    """Rule that requires the most nodes; of equals the first in the order of `Rule`."""
    return max(counts, key=lambda rule: (counts[rule], -list(Rule).index(rule)))


def spread(nodes: int, zones: Sequence[Zone], start: int = 0) -> dict[Zone, int]:
    """Nodes in each zone, as even as whole nodes allow. Zones from `start` on get the remainder."""
    each, rest = divmod(nodes, len(zones))
    extra = {(start + i) % len(zones) for i in range(rest)}
    return {zone: each + (index in extra) for index, zone in enumerate(zones)}


@dataclass(frozen=True)
class Survival:
    """Largest losses that leave enough nodes, whichever nodes or zones are lost."""

    nodes: int
    zones: int
    left_after_zone: int
    """Nodes left after the worst loss of a single zone."""


def survival(
    nodes_by_zone: Mapping[str, int], needed_nodes: int, nodes_per_replica: int = 1
) -> Survival:
    """Return the losses that a spread survives, by enumeration of every set of lost zones.

    Groups of one pool are alike, and each of k lost nodes may belong to another group. Therefore
    the loss of any k nodes leaves total - k groups. A group is one node where a replica has one
    node.
    """
    groups = {zone: nodes // nodes_per_replica for zone, nodes in nodes_by_zone.items()}
    needed = needed_nodes // nodes_per_replica
    zones = 0
    while zones < len(groups) and _left(groups, zones + 1) >= needed:
        zones += 1
    left_nodes = _left(groups, 1) * nodes_per_replica
    return Survival(max(sum(groups.values()) - needed, 0), zones, left_nodes)


def _left(by_zone: Mapping[str, int], lost: int) -> int:
    """Nodes left after the worst set of `lost` zones."""
    total = sum(by_zone.values())
    return min(total - sum(gone) for gone in combinations(by_zone.values(), lost))


def nodes_left(nodes_total: int, lost: int, nodes_per_replica: int = 1) -> int:
    """Nodes that serve after the worst loss of `lost` nodes. Each stops its whole group.

    (total / nodes per replica - lost) x nodes per replica, at least 0

    Basis: arithmetic, as in `survival`.
    """
    return max(nodes_total // nodes_per_replica - lost, 0) * nodes_per_replica
