"""Do many nodes pull from Docker Hub without an account, all from one address?"""

from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizewright.layout.numbers import plural
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan

DOCKER_HUB = "docker.io/"
ANONYMOUS_PULLS = 10
"""Pulls per hour of one IPv4 address without an account. Basis: vendor (docker/docs, Docker Hub
usage and limits, page of 2025; earlier pages say 100 in six hours)."""


def docker_hub_pulls(plan: Plan) -> Gate:
    """Report, without a verdict, that an update or a burst may exceed the pulls of one address.

    Docker Hub sees the address of the NAT gateway; a node pulls each image once.
    """
    name, source = "Docker Hub pulls", "Docker Hub usage and limits"
    images = sorted({*_hub_images(plan), *_hub_images_without_gpus(plan)})
    if not images or plan.site.image_pull_secrets:
        return Gate(name, True, "no image is pulled from there without a name", source)
    nodes = _nodes_behind_one_address(plan)
    if nodes <= ANONYMOUS_PULLS:
        detail = f"{plural(nodes, 'node')} behind one address, {ANONYMOUS_PULLS} pulls an hour"
        return Gate(name, True, detail, source)
    detail = (
        f"{plural(nodes, 'node')} may pull {', '.join(images)} from one address, which has "
        f"{ANONYMOUS_PULLS} anonymous pulls an hour; name a copy in mirrors, or image_pull_secrets"
    )
    return Gate(name, None, detail, source)


def _hub_images(plan: Plan) -> Iterator[str]:
    served = (service.serving.image for service in plan.services if service.serving)
    yield from (image for image in served if image.startswith(DOCKER_HUB))


def _hub_images_without_gpus(plan: Plan) -> Iterator[str]:
    """Yield the images from there on nodes for renditions and applications."""
    for service in plan.services:
        made, application = service.renditions, service.application
        images = [
            "" if made is None or made.worker is None else made.worker.ffmpeg_image,
            "" if application is None or application.pods is None else application.pods.image,
        ]
        yield from (image for image in images if image.startswith(DOCKER_HUB))


def _nodes_behind_one_address(plan: Plan) -> int:
    """Most nodes that share a NAT gateway, burst nodes included; all nodes where it is unknown.

    Nodes of renditions and applications count as if they were all in one zone.
    """
    pools = (plan.rendition_nodes, plan.application_nodes)
    nodes = sum(pool.nodes_total for pool in pools if pool is not None)
    added = nodes if any(_hub_images_without_gpus(plan)) else 0
    return added + _gpu_nodes_behind_one_address(plan)


def _gpu_nodes_behind_one_address(plan: Plan) -> int:
    pools = [pool for pool in plan.pools if _pulls(pool, plan)]
    total = sum(sum(pool.nodes_by_zone.values()) + _burst_nodes(pool) for pool in pools)
    gateways = sum(subnet.nat for subnet in plan.network.subnets)
    if gateways < 2 or not pools:
        return total
    zones = {zone for pool in pools for zone in pool.nodes_by_zone}
    floor = max(sum(pool.nodes_by_zone.get(zone, 0) for pool in pools) for zone in zones)
    return floor + sum(_burst_nodes(pool) for pool in pools)


def _pulls(pool: NodePool, plan: Plan) -> bool:
    served = [service.serving for service in plan.services if service.name in pool.services]
    return any(serving and serving.image.startswith(DOCKER_HUB) for serving in served)


def _burst_nodes(pool: NodePool) -> int:
    return 0 if pool.burst is None else pool.burst.nodes
