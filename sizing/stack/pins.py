"""Which lock would a stack have today: its parts at the catalog's versions?"""

from collections.abc import Iterator, Mapping

from sizing.catalog import Catalog
from sizing.locks.cluster_lock import cluster_lock
from sizing.locks.stack_lock import (
    DATABASE,
    ImageLock,
    NodeTemplate,
    StackLock,
    ZoneTemplates,
    chart_item,
)
from sizing.locks.versions import wanted_kubernetes
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.stack.cluster_services import charts_in_use
from sizing.stack.unverified import images_in_use, one_node_images


def stack_lock(plan: Plan, catalog: Catalog, before: StackLock | None) -> StackLock:
    """Return the versions of all used parts, from the stack file or the catalog's pins.

    A version without a source in this product remains as in `before` while it fits, else it is
    null. A version of an add-on or an image release belongs to one Kubernetes version, a digest to
    one tag. `catalog` is the one without any lock.
    """
    version = wanted_kubernetes(plan.site)
    kept = before if before is not None and before.kubernetes == version else None
    releases = _ami_releases(plan, kept)
    return StackLock(
        kubernetes=version,
        addons={name: kept.addons.get(name) if kept else None for name in plan.cluster.addons},
        ami_releases=releases,
        charts={
            chart.chart: catalog.pin(chart_item(chart.chart)).version
            for chart in charts_in_use(plan.cluster_services)
        },
        images={name: _image(name, plan, catalog, before) for name in images_in_use(plan.services)},
        database=catalog.pin(DATABASE).version if any(s.database for s in plan.services) else None,
        templates_by_zone=_zone_templates(plan, releases, before),
        cluster=cluster_lock(plan.site, None if before is None else before.cluster),
    )


def _ami_releases(plan: Plan, kept: StackLock | None) -> dict[str, str | None]:
    """Return the releases by image type. The stack file names the release of GPU nodes."""
    known = {} if kept is None else kept.ami_releases
    types = [pool.ami_type for pool in plan.cpu_pools.values()]
    releases = {name: known.get(name) for name in types}
    for pool in plan.pools:
        releases[pool.ami_type] = plan.site.ami_release or known.get(pool.ami_type)
    return releases


def _zone_templates(
    plan: Plan, releases: Mapping[str, str | None], before: StackLock | None
) -> ZoneTemplates:
    """Return the templates of each pool whose zones roll in turn. Only the first outdated zone
    moves.

    A zone that is not in the lock has the versions of the lock's other zones. Without a lock, all
    zones get today's versions.
    """
    version, nodes = wanted_kubernetes(plan.site), dict[str, dict[str, NodeTemplate]]()
    for pool in plan.pools:
        if not pool.zones_take_turns:
            continue
        wanted = NodeTemplate(kubernetes=version, release=releases[pool.ami_type])
        held = {zone: _held(pool, zone, before) or wanted for zone in pool.nodes_by_zone}
        behind = [zone for zone, template in held.items() if template != wanted]
        nodes[pool.name] = held | dict.fromkeys(behind[:1], wanted)
    return ZoneTemplates(nodes=nodes)


def _held(pool: NodePool, zone: str, before: StackLock | None) -> NodeTemplate | None:
    """Return the template of a zone's nodes in the lock; None where the lock has none."""
    if before is None:
        return None
    named = before.templates_by_zone.nodes.get(pool.name)
    if named is not None:
        return named.get(zone)
    release = before.ami_releases.get(pool.ami_type)
    return NodeTemplate(kubernetes=before.kubernetes, release=release)


def _image(name: str, plan: Plan, catalog: Catalog, before: StackLock | None) -> ImageLock:
    """Return the stack file's digest, else the known one, while its tag remains.

    Guard: engine flags follow the tag, and nodes run the digest, so both must match. A stack with
    two engine images does not state which of them its digest belongs to.
    """
    tag = catalog.pin(name).version
    known = None if before is None else before.images.get(name)
    if known is not None and known.tag != tag:
        return ImageLock(tag=tag, digest=None)
    engines = one_node_images(plan.services)
    digest = plan.site.engine_image_digest if engines == (name,) else None
    return ImageLock(tag=tag, digest=digest or (known and known.digest))


def differing_requests(lock: StackLock, wanted: StackLock, site: Site) -> Iterator[str]:
    """Yield the differences of the stack file from the lock, as `path new, locked old`."""
    if site.kubernetes_version and lock.kubernetes != wanted.kubernetes:
        yield f"kubernetes {wanted.kubernetes}, locked {lock.kubernetes}"
    for name, release in wanted.ami_releases.items():
        held = lock.ami_releases.get(name)
        if site.ami_release is not None and site.ami_release == release != held:
            yield f"ami_releases.{name} {release}, locked {held or 'null'}"
    for name, image in wanted.images.items():
        held = lock.images[name].digest if name in lock.images else None
        if site.engine_image_digest and site.engine_image_digest == image.digest != held:
            yield f"images.{name}.digest {image.digest}, locked {held or 'null'}"


def not_locked(lock: StackLock, wanted: StackLock) -> Iterator[str]:
    """Yield the paths of parts that the stack uses and the lock does not name."""
    for field in ("addons", "ami_releases", "charts", "images"):
        held = getattr(lock, field)
        yield from (f"{field}.{name}" for name in getattr(wanted, field) if name not in held)
    if wanted.database is not None and lock.database is None:
        yield "database"
    for pool, zones in wanted.templates_by_zone.nodes.items():
        held = lock.templates_by_zone.nodes.get(pool, {})
        missing = [zone for zone in zones if zone not in held]
        yield from (f"templates_by_zone.nodes.{pool}.{zone}" for zone in missing)
    if wanted.cluster is not None and lock.cluster is None:
        yield "cluster"
