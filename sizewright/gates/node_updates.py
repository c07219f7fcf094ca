"""Do updated nodes serve again within the time that EKS allows, and what is lost otherwise?"""

from collections.abc import Iterator, Sequence

from sizewright.gates.gates import Gate
from sizewright.reading.stack.site_file import SiteFile
from sizewright.review.pod_turns import pods_behind
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan
from sizing.stack.node_updates import DRAIN_LIMIT_S, outlasts_drain, replicas_out, serves_again_s

NAME = "node updates"
SOURCE = "EKS: pods of an updated node have 15 minutes to leave"
GUIDE = "docs/node-updates.md"
"""Guide for updates that would take needed replicas."""


def node_updates(plan: Plan) -> Gate:
    """Check that replicas of updated nodes serve before EKS stops waiting for the next drain.

    Guard: the disruption budget keeps the next nodes' replicas in place until then. A service whose
    replicas span nodes is forced instead. Its loss is reported, and alone it is not judged.
    """
    lost = list(losses(plan))
    forced = {s.name for pool in plan.pools if pool.force_update for s in _members(plan, pool)}
    waits = {
        s.name: seconds
        for s in plan.services
        if s.name not in forced and (seconds := serves_again_s(s)) is not None
    }
    if not waits:
        return Gate(NAME, None, "; ".join(lost) or "nothing is served", SOURCE if lost else "")
    slowest = plan.service(max(waits, key=lambda name: waits[name]))
    detail = (
        f"a replica of {slowest.name} serves {waits[slowest.name]:,.0f} s after its node is back,"
        f" at most {DRAIN_LIMIT_S:,}"
    )
    passed = not outlasts_drain(slowest)
    if not passed:
        detail = f"{detail}; {GUIDE} says what to do"
    return Gate(NAME, passed, "; ".join((detail, *lost)), SOURCE)


def losses(plan: Plan) -> Iterator[str]:
    """Losses of each service on a forced pool while its nodes are updated."""
    for pool in plan.pools:
        if pool.force_update:
            for service in _members(plan, pool):
                if service.pool is not None:
                    yield _loss(service, pool, service.pool)


def turns(plan: Plan, site_file: str) -> Iterator[str]:
    """Zones of each pool that are not updated yet, and the commands for the next one."""
    version = plan.cluster.kubernetes_version
    for pool in plan.pools:
        if not pool.zones_take_turns:
            continue
        has = {z: (pool.kubernetes_by_zone[z], pool.release_by_zone[z]) for z in pool.nodes_by_zone}
        behind = [zone for zone, template in has.items() if template != (version, pool.ami_release)]
        text = f"{pool.name} has fewer spare nodes than zones: zones take turns"
        if behind:
            text += (
                f"; still to come: {', '.join(behind)}; run `pulumi up --continue-on-error`, then "
                f"`sizewright update {site_file}`, which moves the next"
            )
        yield (
            f"{text}; the lock does not hold a changed disk, tag or user data, which replaces one "
            "node of each zone at once within the disruption budget"
        )


def _members(plan: Plan, pool: NodePool) -> Sequence[ServicePlan]:
    return [s for s in plan.services if s.name in pool.services and outlasts_drain(s)]


def _loss(service: ServicePlan, nodes: NodePool, pool: PoolPlan) -> str:
    out = replicas_out(service, nodes)
    left = pool.replicas_total - out
    return (
        f"a replica of {service.name} spans {pool.nodes_per_replica} nodes and serves "
        f"{serves_again_s(service) or 0:,.0f} s after they are back, which EKS does not wait for: "
        f"an update is forced, and leaves {left} of {pool.replicas_total} replicas where "
        f"{pool.replicas_needed} are needed; {GUIDE} says how to avoid the loss"
    )


def pod_turns(plan: Plan, site: SiteFile) -> Iterator[str]:
    """Zones of each service that still run older pods; without a lock all zones roll at once."""
    turning = [s.name for s in plan.services if s.serving and s.serving.zones_take_turns]
    behind = dict(pods_behind(plan, site.lock)) if site.lock is not None and turning else {}
    for name in turning:
        text = f"{name} has fewer spare replicas than zones: zones take turns"
        if name in behind:
            text += (
                f"; pods still to come: {', '.join(behind[name])}; `sizewright update "
                f"{site.keys.file}` moves the next, `pulumi up --continue-on-error` rolls it"
            )
        yield text


def zone_turns(plan: Plan, site: SiteFile) -> Gate | None:
    """Pools whose zones must be updated one by one; without a lock nothing keeps the order."""
    texts = [*turns(plan, site.keys.file), *pod_turns(plan, site)]
    if not texts:
        return None
    if site.lock is None:
        texts.append("a lock holds back the other zones, and there is none")
    return Gate("zones take turns", None, "; ".join(texts), "docs/node-updates.md")


def warnings(plan: Plan, site: SiteFile) -> Iterator[str]:
    """Warnings of `preview` on node updates: a loss, a drain that EKS gives up, remaining zones."""
    gate = node_updates(plan)
    if gate.passed is False or any(losses(plan)):
        yield f"Node updates: {gate.detail}."
    if (zones := zone_turns(plan, site)) is not None:
        yield f"{zones.detail[0].upper()}{zones.detail[1:]}."
