"""Which zone runs which pod revision where zones update in turn, and which zone is next?"""

from collections.abc import Iterator, Mapping

from sizing.locks.stack_lock import StackLock, ZoneTemplates
from sizing.plan.stack.held import PodRevision
from sizing.plan.whole import Plan


def current_revisions(plan: Plan) -> dict[str, PodRevision]:
    """Pods of each service whose zones update in turn, as they would be without a lock."""
    # Guard: jinja2 takes long to import, and most stacks have no such service.
    from templates.held_pods import revision_of
    from templates.render import render

    turning = [s.name for s in plan.services if s.serving and s.serving.zones_take_turns]
    if not turning:
        return {}
    texts = render(plan.model_copy(update={"held_pods": {}}))
    found = {name: revision_of(texts, name) for name in turning}
    return {name: revision for name, revision in found.items() if revision is not None}


def with_pods(lock: StackLock, plan: Plan, before: StackLock | None) -> StackLock:
    """Return the lock with the pods of every zone; one zone of each service moves to the new pods.

    A zone that the previous lock does not name gets the new pods, because its pods are unknown.
    """
    known = before.templates_by_zone if before else ZoneTemplates()
    revisions, pods = dict(known.revisions), dict[str, dict[str, str]]()
    for name, wanted in current_revisions(plan).items():
        serving = plan.service(name).serving
        zones = serving.replicas_by_zone if serving else {}
        held = {zone: known.pods.get(name, {}).get(zone, wanted.digest) for zone in zones}
        behind = [zone for zone, digest in held.items() if digest != wanted.digest]
        pods[name] = held | dict.fromkeys(behind[:1], wanted.digest)
        revisions[wanted.digest] = wanted
    used = {digest for zones in pods.values() for digest in zones.values()}
    templates = lock.templates_by_zone.model_copy(
        update={"pods": pods, "revisions": {d: r for d, r in revisions.items() if d in used}}
    )
    return lock.model_copy(update={"templates_by_zone": templates})


def pods_behind(plan: Plan, lock: StackLock) -> Iterator[tuple[str, list[str]]]:
    """Services with zones whose pods are not the new ones, and those zones."""
    for name, wanted in current_revisions(plan).items():
        held: Mapping[str, str] = lock.templates_by_zone.pods.get(name, {})
        behind = [zone for zone, digest in held.items() if digest != wanted.digest]
        if behind:
            yield name, behind
