"""Can this hardware hold the model, and if not, why not?"""

from dataclasses import dataclass
from math import inf

from sizing.capacity_source import not_on_demand, with_capacity
from sizing.catalog import Catalog, Gpu, InstanceType
from sizing.exact import short
from sizing.lock import Lock
from sizing.lookup import Facts
from sizing.memory import Fit, Need, fit, tensor_parallel_sizes, usable_bytes
from sizing.plan import Reason, Rejected
from sizing.site import Site
from sizing.units import GB
from sizing.workload import Kind, Workload

ENGINE_KINDS = (Kind.text, Kind.chat)
"""Kinds that the language-model engine serves; images and videos have runtimes of their own."""
MOST_NODES = 16
"""Deepest pipeline over nodes that is tried. Basis: assumed; each stage adds its latency."""


@dataclass(frozen=True)
class Choice:
    """Hardware that works: the replica that fits, and the site's zones that sell it."""

    fit: Fit
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One service's question: what it asks, what it must hold, where, and the facts."""

    workload: Workload
    facts: Facts
    need: Need
    site: Site
    catalog: Catalog


def cards_of(instance: InstanceType) -> int:
    """GPUs a node offers: whole cards, or one partition of a card."""
    return max(1, int(instance.gpu_count))


def selling_zones(
    instance: InstanceType, site: Site, catalog: Catalog
) -> tuple[tuple[str, ...], bool]:
    """The site's zones that sell the type, and whether the catalog knows.

    Without zone data a region that sells the type counts with all its zones. Basis: vendor (EC2
    offerings, data/instance_types.csv).
    """
    sold = catalog.zones_selling(instance.name, site.region)
    if sold is not None:
        return tuple(zone for zone in site.zones if zone in sold), True
    return (site.zones if site.region in instance.regions else ()), False


def choose(case: Case, locked: Lock | None) -> tuple[Choice | None, list[Rejected]]:
    """The workload's instance type as a choice, and every option that was not taken.

    None with the reasons when it cannot be.
    """
    workload, facts, need = case.workload, case.facts, case.need
    site, catalog = case.site, case.catalog
    if facts.instance is None or facts.gpu is None:
        raise ValueError("a workload without hardware has no choice")
    instance, rejected = facts.instance, list[Rejected]()
    unsuited = unfit(workload, facts, facts.gpu, instance, catalog)
    zones, known = selling_zones(instance, site, catalog)
    if unsuited is None and not zones:
        unsuited = not_sold(instance, site, known)
    reserved = workload.hardware.capacity if workload.hardware else None
    unsuited = unsuited or not_on_demand(instance, reserved)
    if unsuited is not None:
        return None, [unsuited]
    rejected += [
        Rejected(option=zone, reason=Reason.offering, numbers=f"does not sell {instance.name}")
        for zone in site.zones
        if zone not in zones
    ]
    zones, without = with_capacity(zones, instance, reserved)
    rejected += without
    asked = workload.hardware.tensor_parallel if workload.hardware else None
    nodes = workload.hardware.nodes_per_replica if workload.hardware else None
    if locked is not None:
        asked, nodes = asked or locked.tensor_parallel, nodes or locked.nodes_per_replica
    found, smaller = None, list[Rejected]()
    if nodes is None or nodes == 1:
        found, smaller = replica_fit(need, facts, instance, asked)
    if found is None and nodes != 1:
        found, larger = _spanning_replica(need, facts, instance, asked, nodes)
        smaller = [*smaller, *larger]
    if found is None:
        return None, smaller
    return Choice(found, zones), rejected + smaller


def unfit(
    workload: Workload, facts: Facts, gpu: Gpu, instance: InstanceType, catalog: Catalog
) -> Rejected | None:
    """Why this card cannot serve the model at all, memory for the weights apart."""
    least = workload.capacity.min_gpu_gb if workload.capacity else None
    sold_gb = round(instance.gpu_memory_bytes / GB)
    if least is not None and least > sold_gb:
        return Rejected(
            option=instance.name,
            reason=Reason.gpu_memory_minimum,
            numbers=f"{instance.gpu} has {sold_gb} GB, at least {least} GB asked for",
        )
    if workload.kind not in ENGINE_KINDS:
        return None
    runs = catalog.runs(workload.engine.name, facts.precision.value, gpu)
    if runs:
        return None
    capability = gpu.compute_capability
    return Rejected(
        option=f"{workload.engine.name} x {gpu.name} x {facts.precision.value}",
        reason=Reason.engine if runs is False else Reason.unknown_fact,
        numbers=f"compute capability {capability if capability is not None else 'none'}",
    )


def not_sold(instance: InstanceType, site: Site, known: bool) -> Rejected:
    """That no zone of the site sells the type, and where it is sold."""
    where = _sold_elsewhere(instance, site, known)
    return Rejected(option=instance.name, reason=Reason.offering, numbers=where)


def _sold_elsewhere(instance: InstanceType, site: Site, known: bool) -> str:
    if known:
        sold = [zone for zone in instance.zone_ids if zone not in site.zones]
        where = f"; sold in {', '.join(sold)}" if sold else ""
        return f"not sold in {', '.join(site.zones)} of {site.region}{where}"
    if not instance.regions:
        return "the catalog has no offering of it in any region"
    return f"not sold in {site.region}; sold in {', '.join(instance.regions)}"


def replica_fit(
    need: Need, facts: Facts, instance: InstanceType, asked: int | None
) -> tuple[Fit | None, list[Rejected]]:
    """The smallest replica that fits, or the one asked for; smaller ones as rejections."""
    sizes = tensor_parallel_sizes(facts.model, cards_of(instance))
    rejected = list[Rejected]()
    if asked is not None and asked not in sizes:
        heads = facts.model.heads if facts.model is not None else None
        split = f"{heads} heads, " if heads is not None else ""
        numbers = f"{split}{cards_of(instance)} GPUs a node: {', '.join(map(str, sizes))} work"
        option = f"tensor parallel {asked}"
        return None, [Rejected(option=option, reason=Reason.tensor_parallel, numbers=numbers)]
    for size in sizes if asked is None else [asked]:
        found = fit(need, instance.gpu_memory_bytes, size)
        if found is not None:
            return found, rejected
        rejected.append(_too_small(need, instance, size))
    return None, rejected


def _spanning_replica(
    need: Need, facts: Facts, instance: InstanceType, asked: int | None, nodes: int | None
) -> tuple[Fit | None, list[Rejected]]:
    """A replica over the asked-for whole nodes, else over the fewest that hold the model.

    Tensor parallel stays inside a node, whose cards exchange every layer's result; stages of the
    pipeline, which exchange one result each, lie on different nodes.
    """
    sizes = tensor_parallel_sizes(facts.model, cards_of(instance))
    split = asked or sizes[-1]
    if split not in sizes:
        return None, []
    if not instance.efa_interfaces:
        numbers = f"{instance.name} has no EFA interface between its nodes"
        option = f"a replica over {nodes or 'several'} nodes"
        return None, [Rejected(option=option, reason=Reason.interconnect, numbers=numbers)]
    stages = cards_of(instance) // split
    layers = facts.model.layers if facts.model is not None else None
    most = min(MOST_NODES, (layers or MOST_NODES * stages) // stages)
    rejected = list[Rejected]()
    for count in [nodes] if nodes else range(2, most + 1):
        found = fit(need, instance.gpu_memory_bytes, split, count, stages)
        if found is not None and count <= most:
            return found, rejected
        rejected.append(_too_small(need, instance, split, count))
    return None, rejected[-1:]


def memory_missed(need: Need, instance: InstanceType, split: int) -> float:
    """How many times the memory of `split` cards one sequence and the weights take."""
    left = usable_bytes(instance.gpu_memory_bytes, split) * split
    return need.bytes_with_one_sequence(split) / left if left > 0 else inf


def _too_small(need: Need, instance: InstanceType, split: int, nodes: int = 1) -> Rejected:
    cards = split if nodes == 1 else cards_of(instance) // split * split * nodes
    wanted = need.bytes_with_one_sequence(split)
    left = usable_bytes(instance.gpu_memory_bytes, cards) * cards
    over = f" over {nodes} nodes" if nodes > 1 else ""
    return Rejected(
        option=f"{instance.name}, tensor parallel {split}{over}",
        reason=Reason.memory,
        numbers=(
            f"weights {short(need.weights_bytes / GB)} GB, with the longest sequence "
            f"{short(wanted / GB)} GB; {cards} x {instance.gpu} leave {short(left / GB)} GB"
        ),
    )
