"""What do the services of one stack share: GPU pools, system nodes, the cluster?"""

from collections.abc import Callable, Sequence
from datetime import date

from sizing.catalog import Catalog, InstanceType
from sizing.fleet.served import Served
from sizing.hardware.decision import Decision
from sizing.hardware.stated_type import selling_zones
from sizing.locks.versions import (
    addon_versions,
    gpu_ami_release,
    kubernetes_version,
    node_template,
    system_ami_release,
    wanted_kubernetes,
)
from sizing.plan.service.disks import PoolVolumePlan, VolumePlan, WeightsOn
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import (
    AccessPlan,
    ClusterPlan,
    ClusterRolePlan,
    KeysPlan,
    StackPlan,
    UsedClusterPlan,
    UsedKeysPlan,
)
from sizing.plan.stack.nodes import (
    ApplicationPool,
    CpuPool,
    InterconnectPlan,
    NodePool,
    RenditionPool,
    SystemPool,
)
from sizing.service.burst import burst_nodes, burst_pool, wants_spot
from sizing.service.node_disks import held_gib, root_gib, weights_on
from sizing.service.serving import engines_of
from sizing.site import LOG_DAYS, Environment, Site
from sizing.site.reuse import ClusterPart
from sizing.stack.addresses import DAEMON_PODS, node_addresses
from sizing.stack.node_updates import (
    must_force,
    spare_for_updates,
    take_turns,
    update_timeout_s,
    updated_by_zone,
)
from sizing.values.field_error import FieldError
from sizing.workload import EngineName

SYSTEM_INSTANCE_TYPE = "m7i.large"
SYSTEM_AMI = "ami-type-system-x86_64"
"""Item of data/pins.csv of their image."""
SYSTEM_NODES_PER_ZONE = {Environment.dev: 1, Environment.prod: 2}
SYSTEM_ROOT_GIB = 50
"""GiB of a system node's root volume. Basis: assumed; add-ons fill smaller ones."""
IMAGE_COPIES = 3
"""Copies of a model in an image on the node that imports it. Basis: vendor, containerd unpacks its
download; then the Job copies it."""
SYSTEM_INTERFACES, SYSTEM_IPV4_PER_INTERFACE, SYSTEM_PODS = 3, 10, 29
"""Network limits of that type and the pods that they allow. Basis: vendor (EC2 instance types; max
pods = 3 x (10 - 1) + 2, as in the VPC CNI's eni-max-pods.txt)."""
KEY_DELETION_DAYS = {Environment.dev: 7, Environment.prod: 30}
"""Days in which the deletion of a key can be reverted. Basis: vendor allows 7 to 30."""


def node_pools(
    services: Sequence[ServicePlan], site: Site, catalog: Catalog
) -> tuple[NodePool, ...]:
    """Return one pool for each instance type, replica size and capacity source.

    The services' nodes are added zone by zone. A node may hold any of the pool's models, so its
    room for weights is their sum. The rates are those of the most demanding model.
    """
    members = _members(services)
    return tuple(_pool(name, members[name], site, catalog) for name in sorted(members))


def nvme_overflow_pools(decisions: Sequence[Decision]) -> frozenset[str]:
    """Names of the pools whose models together exceed their nodes' local disks."""
    held: dict[str, list[int]] = {}
    engines: dict[str, set[EngineName]] = {}
    types: dict[str, InstanceType] = {}
    for each in decisions:
        case, result = each.case, each.result
        if isinstance(result, Served) and not each.unserved:
            pool = result.pool
            types[pool.name] = result.instance
            weights_gib = held_gib(case.need.weights_bytes, pool.replicas_per_node)
            held.setdefault(pool.name, []).append(weights_gib)
            engines.setdefault(pool.name, set()).add(case.workload.engine.name)
    return frozenset(
        name
        for name, gib in held.items()
        if weights_on(gib, types[name], engines[name]) is not WeightsOn.nvme
    )


def on_demand_pools(decisions: Sequence[Decision]) -> frozenset[str]:
    """Names of the pools whose burst nodes also serve a burst of requests, which runs only once."""
    served = ((each.case.workload, each.result) for each in decisions if not each.unserved)
    return frozenset(
        result.pool.name
        for workload, result in served
        if isinstance(result, Served)
        and burst_nodes(workload, result.pool)
        and not wants_spot(workload)
    )


def _members(services: Sequence[ServicePlan]) -> dict[str, list[ServicePlan]]:
    """Return the services with nodes, by the name of their pool.

    Guard: a service without an engine, or beyond one cluster, gets no nodes.
    """
    members: dict[str, list[ServicePlan]] = {}
    for service in services:
        if service.pool is not None and service.serving is not None:
            members.setdefault(service.pool.name, []).append(service)
    return members


def _type(members: Sequence[ServicePlan], catalog: Catalog) -> InstanceType:
    pools = [s.pool for s in members if s.pool is not None]
    return catalog.instance_type(pools[0].instance_type)


def _pool(name: str, members: Sequence[ServicePlan], site: Site, catalog: Catalog) -> NodePool:
    pools = [s.pool for s in members if s.pool is not None]
    volumes = [s.volumes for s in members if s.volumes is not None]
    instance = _type(members, catalog)
    by_zone = {
        zone: count
        for zone in site.zones
        if (count := sum(pool.nodes_by_zone.get(zone, 0) for pool in pools))
    }
    spare = min(pool.nodes_spare for pool in pools)
    spare_replicas = spare_for_updates(pools)
    survives = any(pool.survives.any_zone for pool in pools)
    taken = updated_by_zone(by_zone, spare_replicas, survives_a_zone=survives)
    ami_type = catalog.pin(f"ami-type-gpu-{instance.arch}").version
    release = gpu_ami_release(ami_type, site, catalog)
    templates = {zone: node_template(name, zone, ami_type, site, catalog) for zone in by_zone}
    return NodePool(
        name=name,
        instance_type=instance.name,
        ami_type=ami_type,
        ami_release=release,
        release_by_zone={zone: template[1] for zone, template in templates.items()},
        kubernetes_by_zone={zone: template[0] for zone, template in templates.items()},
        gpu=instance.gpu,
        nodes_by_zone=by_zone,
        repairs_at_once=max(1, spare // len(by_zone)),
        repair_stops_above=max(1, spare),
        updated_by_zone=taken,
        zones_take_turns=take_turns(by_zone, spare_replicas),
        update_timeout_s=update_timeout_s(by_zone, taken),
        force_update=must_force(members) or None,
        capacity_source=pools[0].capacity_source,
        reservation_by_zone=pools[0].reservation_by_zone,
        volumes=_pool_volumes(volumes, engines_of(members)),
        addresses=node_addresses(
            DAEMON_PODS + max(pool.replicas_per_node for pool in pools),
            instance.eni_count,
            instance.ipv4_per_eni,
        ),
        interconnect=_interconnect(pools[0], instance),
        burst=burst_pool(members, selling_zones(instance, site, catalog)[0], release),
        services=tuple(s.name for s in members),
    )


def _interconnect(pool: PoolPlan, instance: InstanceType) -> InterconnectPlan | None:
    """Return EFA on every network card and close placement; None where each replica has one node.

    The first card's interface has the node's address. It is a plain one where the type has one card
    more than EFA interfaces. A reservation has its own placement, which a group would contradict.
    """
    if pool.nodes_per_replica == 1:
        return None
    cards, efa = instance.network_cards or 1, instance.efa_interfaces or 0
    return InterconnectPlan(
        first_interface="efa" if efa >= cards else "interface",
        efa_only_interfaces=cards - 1,
        placement=None if pool.reservation_by_zone else "cluster",
    )


def _pool_volumes(volumes: Sequence[VolumePlan], engines: set[EngineName]) -> PoolVolumePlan:
    return PoolVolumePlan(
        weights_on=volumes[0].weights_on,
        weights_path=volumes[0].weights_path,
        root_gib=root_gib(volumes[0].weights_on, engines),
        held_gib=sum(v.held_gib for v in volumes),
        nvme_gib=volumes[0].nvme_gib,
        weights_gib=_combined(sum, [v.weights_gib for v in volumes]),
        weights_iops=_combined(max, [v.weights_iops for v in volumes]),
        weights_mib_per_s=_combined(max, [v.weights_mib_per_s for v in volumes]),
        wanted_mib_per_s=max(v.wanted_mib_per_s for v in volumes),
        sustained_mib_per_s=min(v.sustained_mib_per_s for v in volumes),
        load_s=max(v.load_s for v in volumes),
        copy_mib_per_s=min(v.copy_mib_per_s for v in volumes),
        download_s=max(v.download_s for v in volumes),
    )


def _combined(how: Callable[[list[int]], int], values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return how(known) if known else None


def check_ami_release(site: Site) -> None:
    """Check the release of the GPU image. Raises FieldError for another Kubernetes minor version,
    whose nodes the cluster would refuse, or for an invalid date."""
    if site.ami_release is None:
        return
    version, field = wanted_kubernetes(site), ("ami_release",)
    if not site.ami_release.startswith(f"{version}."):
        message = f"{site.ami_release} is not of Kubernetes {version}"
        raise FieldError(field, message, f"a release like {version}.0-20261101")
    try:
        release_day(site.ami_release)
    except ValueError as fault:
        raise FieldError(field, f"{site.ami_release} ends in no day", "YYYYMMDD") from fault


def release_day(ami_release: str) -> date:
    """Date of an image's release: its last eight digits. Raises ValueError for an invalid date.

    Basis: vendor (EKS AMI releases are named by the day they are made).
    """
    return date.fromisoformat(ami_release[-8:])


def system_pool(services: Sequence[ServicePlan], site: Site, catalog: Catalog) -> SystemPool | None:
    """Return the nodes for the cluster's own pods: one a zone in dev, two in prod, at least two.

    Each zone has one, so they survive the loss of a zone whether or not a workload requires it.

    root = 50 GiB + 3 x the files that any service takes from an image

    The copies are the image, its unpacked form, and the copy of the Job. The result is None where
    the cluster has another owner, who runs these nodes.
    """
    if site.cluster.elsewhere:
        return None
    per_zone = SYSTEM_NODES_PER_ZONE[site.environment]
    scratch_gib = sum(image_gib(service) for service in services)
    ami_type = catalog.pin(SYSTEM_AMI).version
    return SystemPool(
        instance_type=SYSTEM_INSTANCE_TYPE,
        ami_type=ami_type,
        ami_release=system_ami_release(ami_type, catalog),
        nodes_total=max(2, per_zone * len(site.zones)),
        root_gib=SYSTEM_ROOT_GIB + IMAGE_COPIES * scratch_gib,
        addresses=node_addresses(SYSTEM_PODS, SYSTEM_INTERFACES, SYSTEM_IPV4_PER_INTERFACE),
    )


def with_room(pool: SystemPool, nodes: int) -> SystemPool:
    """Return the system nodes, at least as many as the pods that export and keep metrics need."""
    return pool.model_copy(update={"nodes_total": max(pool.nodes_total, nodes)})


def rendition_pool(services: Sequence[ServicePlan], catalog: Catalog) -> RenditionPool | None:
    """Return the nodes of the workers that make renditions: one for each worker, in all zones.

    None where no service has such workers. Work waits for them in a queue, so that they need no
    zone's worth of spares.
    """
    workers = {s.name: s.rendition_workers for s in services if s.rendition_workers}
    if not workers:
        return None
    nodes = _nodes_of_one_pod(sum(workers.values()), catalog)
    return RenditionPool(**nodes.model_dump(), services=tuple(workers))


def application_pool(services: Sequence[ServicePlan], catalog: Catalog) -> ApplicationPool | None:
    """Return the nodes of applications and of their pages: one for each pod, in all zones; None
    without any."""
    pods = {s.name: s.application_pods + s.page_pods for s in services if s.application_pods}
    if not pods:
        return None
    nodes = _nodes_of_one_pod(sum(pods.values()), catalog)
    return ApplicationPool(**nodes.model_dump(), services=tuple(pods))


def _nodes_of_one_pod(nodes_total: int, catalog: Catalog) -> CpuPool:
    """Return nodes of the system nodes' type and image, each for one pod of a service."""
    ami_type = catalog.pin(SYSTEM_AMI).version
    return CpuPool(
        instance_type=SYSTEM_INSTANCE_TYPE,
        ami_type=ami_type,
        ami_release=system_ami_release(ami_type, catalog),
        nodes_total=nodes_total,
        root_gib=SYSTEM_ROOT_GIB,
        addresses=node_addresses(SYSTEM_PODS, SYSTEM_INTERFACES, SYSTEM_IPV4_PER_INTERFACE),
    )


def image_gib(service: ServicePlan) -> int:
    """GiB of files that a service's import takes from an image; 0 where it takes none."""
    filled = service.weights_import
    return 0 if filled is None else filled.scratch_gib or 0


def keys_plan(site: Site, services: Sequence[ServicePlan], pools: Sequence[NodePool]) -> KeysPlan:
    """Return the key of each class of data in the stack: an existing one, else a created one.

    `deletion_days` is the wait before a key's deletion. In prod keys must be unprotected before
    they can be deleted.
    """
    own_cluster = not site.cluster.elsewhere
    accepting = any(s.jobs and s.jobs.api for s in services)
    has = {
        "cluster": own_cluster,
        "volumes": own_cluster or bool(pools),
        "data": accepting or any(s.database or len(s.buckets) > 1 for s in services),
        "weights": any(s.buckets for s in services),
        "logs": own_cluster
        or not site.uses_network
        or accepting
        or any(s.database or (s.gateway and s.gateway.firewall) for s in services),
    }
    used = {} if site.keys is None else site.keys.use.model_dump()
    arns = {name: used.get(name) if there else None for name, there in has.items()}
    return KeysPlan(
        used=UsedKeysPlan(**arns) if any(arns.values()) else None,
        made=tuple(name for name, there in has.items() if there and arns[name] is None),
        deletion_days=KEY_DELETION_DAYS[site.environment],
        protected=site.protected,
    )


def cluster_plan(
    site: Site, pools: Sequence[NodePool], catalog: Catalog, *, worker_groups: int = 0
) -> ClusterPlan:
    """Return the EKS cluster, made or used. The stack has a node group for each zone and pool, one
    for the system in an own cluster, and `worker_groups` for pods without a GPU."""
    version = kubernetes_version(site, catalog)
    used = site.cluster.use
    return ClusterPlan(
        used=None if used is None else UsedClusterPlan(**used.model_dump()),
        stack=None if site.cluster.stack is None else StackPlan(name=site.cluster.stack),
        role=ClusterRolePlan(path=site.role_path, name=None),
        access=AccessPlan(
            creator=site.access is None or site.access.creator,
            policies={} if site.access is None else site.access.policies,
        ),
        controller_elsewhere=ClusterPart.load_balancer_controller in site.cluster.provides,
        node_autoscaler_elsewhere=ClusterPart.node_autoscaler in site.cluster.provides,
        kubernetes_version=version,
        addons=addon_versions(site, catalog),
        end_of_support=catalog.end_of_support(version) or "unknown",
        node_groups=(not site.cluster.elsewhere)
        + worker_groups
        + sum(len(pool.nodes_by_zone) for pool in pools),
        log_days=LOG_DAYS[site.environment],
        protected=site.protected,
    )
