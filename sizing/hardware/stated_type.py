"""Does the type that a workload states fit the model, where is it sold, and if not, why not?"""

from sizing.catalog import Catalog, InstanceType
from sizing.fleet.capacity_source import not_on_demand, with_capacity
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason, Rejected
from sizing.replica.case import Case, Choice
from sizing.replica.fit import replica_fit, spanning_replica, unfit
from sizing.service.host_memory.room import unkept
from sizing.site import Site
from sizing.workload import ReservedCapacity, Workload, engines_of

NO_PIPELINE = Rejected(
    option="a replica over several nodes",
    reason=Reason.engine,
    numbers="engine.speculative is not known to work in a pipeline",
)

NO_HOST_CACHE = Rejected(
    option="a replica over several nodes",
    reason=Reason.engine,
    numbers="engine.kv_offload is not sized for a pipeline",
)


def selling_zones(
    instance: InstanceType, site: Site, catalog: Catalog
) -> tuple[tuple[str, ...], bool]:
    """Zones of the site that sell the type, and True where the catalog has zone data.

    Without zone data, a region that sells the type counts with all its zones. Basis: vendor (EC2
    offerings, data/instance_types.csv).
    """
    sold = catalog.zones_selling(instance.name, site.region)
    if sold is not None:
        return tuple(zone for zone in site.zones if zone in sold), True
    return (site.zones if site.region in instance.regions else ()), False


def choose(case: Case, locked: Lock | None) -> tuple[Choice | None, list[Rejected]]:
    """Return the workload's instance type as a choice, and every option that was not taken.

    The choice is None where the type does not work; the reasons are in the list.
    """
    workload, facts, need = case.workload, case.facts, case.need
    site, catalog = case.site, case.catalog
    if facts.instance is None or facts.gpu is None:
        raise ValueError("a workload without hardware has no choice")
    instance = facts.instance
    unsuited = unfit(workload, facts, facts.gpu, instance, catalog)
    zones, known = selling_zones(instance, site, catalog)
    if unsuited is None and not zones:
        unsuited = not_sold(instance, site, known)
    reserved = workload.hardware.capacity if workload.hardware else None
    unsuited = unsuited or not_on_demand(instance, reserved)
    if unsuited is not None:
        return None, [unsuited]
    zones, other_zones = usable_zones(zones, instance, site, reserved)
    split = workload.hardware.tensor_parallel if workload.hardware else None
    nodes = workload.hardware.nodes_per_replica if workload.hardware else None
    if locked is not None:
        split, nodes = split or locked.tensor_parallel, nodes or locked.nodes_per_replica
    fit, smaller, engine = None, list[Rejected](), workload.engine.name
    if nodes is None or nodes == 1:
        fit, smaller = replica_fit(need, facts, instance, split)
    if fit is None and nodes != 1 and workload.engine.speculative is not None:
        smaller = [*smaller, NO_PIPELINE]
    elif fit is None and nodes != 1 and workload.engine.kv_offload is not None:
        smaller = [*smaller, NO_HOST_CACHE]
    elif fit is None and nodes != 1 and need.item is None and engine.traits.groups is None:
        smaller.append(_no_groups(workload))
    elif fit is None and nodes != 1:
        fit, larger = spanning_replica(need, facts, instance, split, nodes)
        smaller = [*smaller, *larger]
    lacking = None if fit is None else unkept(case, fit)
    if lacking is not None:
        return None, [lacking, *smaller]
    if fit is None:
        return None, smaller
    return Choice(fit, zones), [*other_zones, *smaller]


def _no_groups(workload: Workload) -> Rejected:
    """Rejection of a replica over several nodes, which this version builds for some engines
    only."""
    able = ", ".join(n for n in engines_of(workload.kind) if n.traits.groups is not None)
    return Rejected(
        option=f"a replica over several nodes with {workload.engine.name}",
        reason=Reason.not_in_this_version,
        numbers=f"this version builds such replicas for {able}: set engine.name",
    )


def usable_zones(
    selling: tuple[str, ...], instance: InstanceType, site: Site, reserved: ReservedCapacity | None
) -> tuple[tuple[str, ...], tuple[Rejected, ...]]:
    """Return the selling zones that nodes may use, and the reasons against the site's others."""
    unsold = [
        Rejected(
            option=zone,
            reason=Reason.offering,
            numbers=f"does not sell {instance.name}",
            zone=zone,
        )
        for zone in site.zones
        if zone not in selling
    ]
    zones, without = with_capacity(selling, instance, reserved)
    return zones, (*unsold, *without)


def not_sold(instance: InstanceType, site: Site, known: bool) -> Rejected:
    """Rejection of a type that no zone of the site sells, with the places that sell it."""
    where = _sold_elsewhere(instance, site, known)
    name = instance.name
    return Rejected(option=name, reason=Reason.offering, numbers=where, instance_type=name)


def _sold_elsewhere(instance: InstanceType, site: Site, known: bool) -> str:
    if known:
        sold = [zone for zone in instance.zone_ids if zone not in site.zones]
        where = f"; sold in {', '.join(sold)}" if sold else ""
        return f"not sold in {', '.join(site.zones)} of {site.region}{where}"
    if not instance.regions:
        return "the catalog has no offering of it in any region"
    return f"not sold in {site.region}; sold in {', '.join(instance.regions)}"
