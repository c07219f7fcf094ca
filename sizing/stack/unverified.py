"""Which versions in use were not checked against their registry, or are unknown?"""

from collections.abc import Iterator, Sequence

from sizing.catalog import Catalog
from sizing.locks.stack_lock import DATABASE, digest_item
from sizing.locks.versions import addon_versions
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster_services import ClusterServicesPlan
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.service.application.api import APPLICATION_IMAGE, VERIFIED
from sizing.service.application.page import PAGE_IMAGE
from sizing.service.items.jobs import WORKER_IMAGE
from sizing.service.serving import COPY_IMAGE, engines_of, service_image
from sizing.service.stores.renditions import FFMPEG_IMAGE
from sizing.site import Site
from sizing.stack.cluster_services import chart_pins
from sizing.workload import ENGINES


def unverified_pins(
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    site: Site,
    catalog: Catalog,
    *,
    cpu_pools: Sequence[CpuPool],
    cluster_services: ClusterServicesPlan,
) -> tuple[str, ...]:
    """Versions in use that were not checked against their registry, as text for people."""
    images = images_in_use(services)
    items = [image for image in images if image != COPY_IMAGE]
    items = [COPY_IMAGE] * (COPY_IMAGE in images) + items
    if any(s.database for s in services):
        items.append(DATABASE)
    items += chart_pins(cluster_services)
    pins = [catalog.pin(item) for item in items]
    lines = [f"{pin.item} {pin.version}: {pin.source}" for pin in pins if not pin.verified]
    lines += _digests(services, site, catalog)
    applications = [s.application for s in services if s.application_pods]
    if any(a is not None and a.database_tls != VERIFIED for a in applications):
        lines.append(f"the database's server in {site.region}: no certificate of its authority")
    lines += _cluster(cpu_pools, site, catalog)
    lines += _on_arm64(services, pools, catalog)
    if any(pool.ami_release is None for pool in pools):
        lines.append("GPU image release: EKS chooses the newest; set ami_release in the site")
        if any(pool.burst for pool in pools):
            text = "GPU image of burst nodes: Karpenter takes each new one; set ami_release"
            lines.append(text)
    return tuple(lines)


def images_in_use(services: Sequence[ServicePlan]) -> tuple[str, ...]:
    """Items of data/pins.csv of the container images that the services run, each once."""
    served = [s for s in services if s.serving is not None]
    names = [name for s in served for name in (COPY_IMAGE, service_image(s))]
    names += [WORKER_IMAGE for s in served if s.jobs is not None and s.jobs.worker is not None]
    names += [FFMPEG_IMAGE for s in served if s.renditions is not None]
    names += [APPLICATION_IMAGE for s in served if s.application_pods]
    names += [PAGE_IMAGE for s in served if s.page_pods]
    return tuple(dict.fromkeys(names))


def one_node_images(services: Sequence[ServicePlan]) -> tuple[str, ...]:
    """Those of the engines on one node, which the stack file's digest and repository may name."""
    known = {image for traits in ENGINES.values() for image in traits.images}
    return tuple(image for image in images_in_use(services) if image in known)


def image_repositories(services: Sequence[ServicePlan]) -> dict[str, str]:
    """Repository of each container image in use, by item of data/pins.csv."""
    found = dict[str, str]()
    for service in services:
        if service.serving is not None:
            found[COPY_IMAGE] = _repository(service.serving.copy_image)
            found[service_image(service)] = _repository(service.serving.image)
            if service.jobs is not None and service.jobs.worker is not None:
                found[WORKER_IMAGE] = _repository(service.jobs.worker.image)
            if service.renditions is not None and service.renditions.worker is not None:
                found[FFMPEG_IMAGE] = _repository(service.renditions.worker.ffmpeg_image)
            if service.application is not None and service.application.pods is not None:
                found[APPLICATION_IMAGE] = _repository(service.application.pods.image)
            if service.page is not None and service.page.pods is not None:
                found[PAGE_IMAGE] = _repository(service.page.pods.image)
    return found


def _repository(image: str) -> str:
    """Return the part registry/name of registry/name:tag@digest."""
    return image.partition("@")[0].rpartition(":")[0]


def _digests(services: Sequence[ServicePlan], site: Site, catalog: Catalog) -> Iterator[str]:
    one_node = one_node_images(services)
    for image in images_in_use(services):
        known = catalog.locked(digest_item(image))
        stated = site.engine_image_digest if catalog.locked(image) is None else None
        if image in one_node and known is None and stated is None:
            yield f"{image}: no digest; set engine_image_digest in the site"
        elif image not in (*one_node, COPY_IMAGE) and known is None:
            yield f"{image}: no digest"


def _on_arm64(
    services: Sequence[ServicePlan], pools: Sequence[NodePool], catalog: Catalog
) -> Iterator[str]:
    """Yield the engines whose replicas on one node share an Arm node."""
    for pool in pools:
        if catalog.instance_type(pool.instance_type).arch == "arm64":
            members = [service for service in services if service.name in pool.services]
            for engine in sorted(engines_of(members)):
                yield f"{engine.traits.image} on arm64: nobody ran it on {pool.gpu}"


def _cluster(cpu_pools: Sequence[CpuPool], site: Site, catalog: Catalog) -> Iterator[str]:
    """Yield the versions that EKS chooses in a created cluster."""
    unknown = [name for name, v in addon_versions(site, catalog).items() if v is None]
    if unknown:
        names = ", ".join(unknown)
        yield f"EKS add-ons {names}: EKS's default when each is made, kept as it is; none is pinned"
    if any(pool.ami_release is None for pool in cpu_pools):
        yield "system image release: EKS chooses the newest"
