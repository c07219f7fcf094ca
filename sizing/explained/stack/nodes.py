"""Explanations of the node groups that services share."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.stack.nodes import (
    ApplicationPool,
    BurstPoolPlan,
    InterconnectPlan,
    NodePool,
    RenditionPool,
    SystemPool,
)
from sizing.stack.shared import SYSTEM_NODES_PER_ZONE, image_gib

BURST = "sizing/service/burst.py"


def _of_pool(field: str, meaning: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        pool = leaf.node_pool
        parts = [
            str(getattr(service.burst, field))
            for service in leaf.plan.services
            if service.burst is not None and service.name in pool.services
        ]
        return Entry(meaning, "the sum of its services'", " + ".join(parts))

    return entry


def _drain_s(leaf: Leaf) -> Entry:
    pool = leaf.node_pool
    stops = [
        str(service.serving.stop_s)
        for service in leaf.plan.services
        if service.burst and service.serving and service.name in pool.services
    ]
    longest = f"max({', '.join(stops)})" if len(stops) > 1 else stops[0]
    return Entry(
        "seconds after which a burst node that drains is ended, whatever runs on it",
        "2 x the longest stop of a replica",
        f"{{burst.DRAIN_STOPS}} * {longest}",
        Basis.assumed,
        BURST,
    )


def _nodes_by_zone(leaf: Leaf) -> Entry:
    zone, pool = leaf.keys[-1], leaf.node_pool
    counts = [
        str(service.pool.nodes_by_zone.get(zone, 0))
        for service in leaf.plan.services
        if service.pool is not None and service.name in pool.services
    ]
    return Entry(
        "nodes of the pool in this zone: the group's minimum, desired and maximum size",
        "the sum of its services' nodes",
        " + ".join(counts),
    )


def _system_nodes(leaf: Leaf) -> Entry:
    zones = len(leaf.plan.site.zones)
    for_zones = f"max(2, {zones} * {SYSTEM_NODES_PER_ZONE[leaf.plan.site.environment]}"
    measured = leaf.plan.cluster_services.monitoring is not None
    for_metrics = ", {p.cluster_services.monitoring.system_nodes}" * measured
    return Entry(
        "nodes for the cluster's own pods",
        f"max(2, zones x 1 in dev or 2 in prod{', nodes for metrics' * measured})",
        f"{for_zones}{for_metrics})",
        Basis.assumed,
        "sizing/stack/shared.py",
    )


def _system_root(leaf: Leaf) -> Entry:
    copied = " + ".join(str(image_gib(s)) for s in leaf.plan.services if image_gib(s)) or "0"
    return Entry(
        "GiB of a system node's root volume",
        "50 + 3 x the GiB of files that services take from images",
        f"{{shared.SYSTEM_ROOT_GIB}} + {{shared.IMAGE_COPIES}} * ({copied})",
        Basis.assumed,
        "sizing/stack/shared.py",
    )


def _spare(leaf: Leaf) -> str:
    spares = [
        str(service.pool.nodes_spare)
        for service in leaf.plan.services
        if service.pool is not None and service.name in leaf.node_pool.services
    ]
    return spares[0] if len(spares) == 1 else f"min({', '.join(spares)})"


def _repairs(leaf: Leaf) -> Entry:
    return Entry(
        "nodes of one zone that EKS repairs at once",
        "the smallest spare of the pool's services / its zones, at least 1, the least EKS takes",
        f"max(1, floor({_spare(leaf)} / {len(leaf.node_pool.nodes_by_zone)}))",
        remarks=("with less spare than zones, several zones at once may exceed it",),
    )


def _repair_stop(leaf: Leaf) -> Entry:
    return Entry(
        "unhealthy nodes of one zone above which repair stops and a person must look",
        "the smallest spare of the pool's services, at least 1",
        f"max(1, {_spare(leaf)})",
    )


def _updated_in_zone(leaf: Leaf) -> Entry:
    pool, zone = leaf.node_pool, leaf.keys[-1]
    pools = [s.pool for s in leaf.plan.services if s.pool is not None and s.name in pool.services]
    each = ", ".join(f"floor({p.nodes_spare} / {p.nodes_per_replica})" for p in pools)
    spare = f"min({each})" if len(pools) > 1 else each
    place = list(pool.nodes_by_zone).index(zone)
    zones = len(pool.nodes_by_zone)
    share = f"floor(({spare} + {zones - 1 - place}) / {zones})"
    kept = int(any(p.survives.any_zone for p in pools))
    most = f"{pool.nodes_by_zone[zone]} - {kept}"
    turns = "zones take turns: one is updated, then the next"
    return Entry(
        "nodes of this zone that an update of their image or version takes at once",
        "its share of the smallest spare of the pool's services, 1 to 100; where a zone may be "
        "lost, never the whole zone",
        f"max(1, min({share}, {most}, {{node_updates.UPDATED_AT_ONCE_LIMIT}}))",
        remarks=(turns,) if pool.zones_take_turns else (),
    )


def _update_timeout(leaf: Leaf) -> Entry:
    pool = leaf.node_pool
    batches = [f"ceil({n} / {pool.updated_by_zone[z]})" for z, n in pool.nodes_by_zone.items()]
    most = batches[0] if len(batches) == 1 else f"max({', '.join(batches)})"
    return Entry(
        "seconds after which the update of one zone's nodes ends as failed",
        "batches of nodes x (longest drain + start of a node), at least the provider's default",
        f"max({{node_updates.UPDATE_TIMEOUT_S}}, {most}"
        " * ({node_updates.DRAIN_LIMIT_S} + {serving.NODE_START_S}))",
        Basis.assumed,
        "sizing/stack/node_updates.py",
    )


def _rendition_nodes(leaf: Leaf) -> Entry:
    workers = [str(s.rendition_workers) for s in leaf.plan.services if s.rendition_workers]
    return Entry(
        "nodes of the workers that make renditions",
        "one for each worker, over the services",
        " + ".join(workers),
    )


def _application_nodes(leaf: Leaf) -> Entry:
    services = leaf.plan.services
    pods = [str(s.application_pods) for s in services if s.application_pods]
    pages = [str(s.page_pods) for s in services if s.page_pods]
    pods += pages
    return Entry(
        "nodes of applications in front of engines" + " and of their pages" * bool(pages),
        "one for each pod, over the services",
        " + ".join(pods),
    )


NODES: Registry = {
    ApplicationPool: {
        "nodes_total": _application_nodes,
        "root_gib": Entry(
            "GiB of the root volume of a node for applications",
            "fixed, as for system nodes",
            "{shared.SYSTEM_ROOT_GIB}",
            Basis.assumed,
            "sizing/stack/shared.py",
        ),
    },
    BurstPoolPlan: {
        "nodes": _of_pool("nodes", "nodes that Karpenter may add to the pool"),
        "gpus": _of_pool("gpus", "GPUs of those nodes: the limit of the NodePool"),
        "idle_s": Entry(
            "seconds that an empty burst node is kept for the next replica",
            "fixed",
            "{burst.IDLE_NODE_S}",
            Basis.assumed,
            BURST,
        ),
        "node_hours": Entry(
            "age in hours at which a burst node is replaced, so that it takes new images",
            "fixed",
            "{burst.NODE_HOURS}",
            Basis.vendor,
            "Karpenter's default of expireAfter",
        ),
        "drain_s": _drain_s,
    },
    InterconnectPlan: {
        "efa_only_interfaces": Entry(
            "further interfaces, which carry EFA alone and take no address",
            "network cards - 1",
            "{v}",
            Basis.vendor,
            CATALOG + "instance_types.csv",
        ),
    },
    NodePool: {
        "nodes_by_zone.*": _nodes_by_zone,
        "repairs_at_once": _repairs,
        "repair_stops_above": _repair_stop,
        "updated_by_zone.*": _updated_in_zone,
        "update_timeout_s": _update_timeout,
    },
    RenditionPool: {
        "nodes_total": _rendition_nodes,
        "root_gib": Entry(
            "GiB of the root volume of a node for renditions",
            "fixed, as for system nodes",
            "{shared.SYSTEM_ROOT_GIB}",
            Basis.assumed,
            "sizing/stack/shared.py",
        ),
    },
    SystemPool: {
        "nodes_total": _system_nodes,
        "root_gib": _system_root,
    },
}
