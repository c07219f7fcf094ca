"""From workloads, a site and the catalog to a plan. Start reading here."""

from collections.abc import Mapping, Sequence

from sizing.access import check_access
from sizing.architecture import KV_BYTES
from sizing.burst import burst_plan
from sizing.capacity import capacity_plan
from sizing.capacity_source import check_capacity
from sizing.catalog import Catalog
from sizing.choose import ENGINE_KINDS, Case, Choice
from sizing.cluster_services import cluster_services
from sizing.exact import exact, plain, plain_or_none
from sizing.field_error import FieldError
from sizing.hardware import Found, find_hardware
from sizing.lock import Lock
from sizing.lookup import Facts, check_site, facts_of
from sizing.memory import (
    NOMINAL_BITS,
    Need,
    held_weights,
    kv_copies,
    nominal_weights_bytes,
)
from sizing.model_rows import architecture_of
from sizing.names import dns_plan
from sizing.network import access_logs, gateway_plan, network_plan, too_slow, transfer_plan
from sizing.node_disks import held_gib, volume_plan, weights_on
from sizing.plan import (
    BurstPlan,
    CachePlan,
    CapacityPlan,
    GatewayPlan,
    ImportPlan,
    MemoryPlan,
    Plan,
    Reason,
    Rejected,
    RolesPlan,
    ServicePlan,
    ServingPlan,
    VolumePlan,
    WeightsOn,
)
from sizing.serving import copy_image, quota_plan, serving_plan
from sizing.shared import (
    check_ami_release,
    cluster_plan,
    crowded_pools,
    keys_plan,
    node_pools,
    system_pool,
    unverified_pins,
)
from sizing.site import Site
from sizing.storage import storage_plan, stores
from sizing.traffic import Rates, request_rates, traffic_plan
from sizing.weights_import import import_plan
from sizing.workload import Workload


def size(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock] | None = None,
) -> Plan:
    """The plan of one stack: each service by itself, then what they share.

    `locks` by workload name. An infeasible service is in the plan with `pool` null and its reasons.
    Raises FieldError for names the catalog lacks, zones the region lacks, services named alike.
    """
    check_site(site, catalog)
    check_ami_release(site)
    services = _services(workloads, site, catalog, locks or {}, frozenset())
    crowded = crowded_pools(services, catalog)
    if crowded:
        services = _services(workloads, site, catalog, locks or {}, crowded)
    pools = node_pools(services, site, catalog)
    system = system_pool(services, site, catalog)
    beside = cluster_services(services, pools, site, catalog)
    return Plan(
        catalog_digest=catalog.digest,
        site=site,
        services=tuple(services),
        pools=pools,
        system=system,
        network=network_plan(site, workloads, services, pools, system),
        keys=keys_plan(site, services, pools),
        dns=dns_plan(site, services),
        roles=RolesPlan(
            path=site.role_path, permissions_boundary_arn=site.permissions_boundary_arn
        ),
        cluster=cluster_plan(site, pools, catalog),
        cluster_services=beside,
        access_logs=access_logs(services, site),
        unverified=unverified_pins(services, pools, beside, site, catalog),
    )


def _services(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock],
    crowded: frozenset[str],
) -> list[ServicePlan]:
    services = list[ServicePlan]()
    for workload in workloads:
        if any(service.name == workload.name for service in services):
            raise FieldError(("name",), f"two services are named {workload.name}", "one name each")
        check_capacity(workload, site, catalog)
        check_access(workload, site)
        lock = locks.get(workload.name)
        services.append(service_plan(workload, site, catalog, lock, services, crowded=crowded))
    return services


def service_plan(
    workload: Workload,
    site: Site,
    catalog: Catalog,
    lock: Lock | None = None,
    neighbours: Sequence[ServicePlan] = (),
    *,
    crowded: frozenset[str] = frozenset(),
) -> ServicePlan:
    """One service: its traffic, its hardware if it can have any, its data, and how it is served.

    Pools named in `crowded` keep their weights on gp3 volumes.
    """
    facts = facts_of(workload, catalog)
    case = Case(workload, facts, _need(workload, facts), site, catalog)
    rates = request_rates(workload.traffic)
    found = find_hardware(case, rates, lock, neighbours)
    nominal = nominal_weights_bytes(workload.model, facts.parameters, facts.precision, facts.model)
    storage = storage_plan(workload, rates, nominal)
    database, buckets, too_large = stores(workload, storage, rates, site, catalog)
    volumes, slow = _volumes(case, found, crowded)
    gateway, serving, absent = _served(case, found, volumes, rates)
    filled = None if serving is None else _import(workload, case, serving)
    capacity = None
    if found.rate is not None:
        capacity = capacity_plan(workload, rates, found.rate, found.flop_per_s)
    burst = _burst(workload, capacity, found, serving)
    return ServicePlan(
        name=workload.name,
        kind=workload.kind.value,
        inputs=workload,
        traffic=traffic_plan(workload, rates),
        capacity=capacity,
        memory=_memory(case.need, found.choice),
        pool=found.pool,
        rejected=(*found.rejected, *slow, *absent, *too_large, *_no_burst(workload, found)),
        storage=storage,
        network=transfer_plan(workload, rates),
        volumes=volumes,
        gateway=gateway,
        database=database,
        buckets=buckets,
        weights_import=filled,
        serving=serving,
        burst=burst,
        quota=None if serving is None else quota_plan(serving, burst, filled),
    )


def _burst(
    workload: Workload,
    capacity: CapacityPlan | None,
    found: Found,
    serving: ServingPlan | None,
) -> BurstPlan | None:
    """What may come above the floor of a service that is served."""
    if capacity is None or found.pool is None or serving is None:
        return None
    if _no_burst(workload, found):
        return None
    return burst_plan(workload, capacity, found.pool, serving)


def _volumes(
    case: Case, found: Found, crowded: frozenset[str]
) -> tuple[VolumePlan | None, list[Rejected]]:
    """Disks of the nodes, where there are any."""
    hardware, instance, pool = case.workload.hardware, case.facts.instance, found.pool
    if pool is None or hardware is None or instance is None:
        return None, []
    weights_bytes, replicas = case.need.weights_bytes, pool.replicas_per_node
    on = weights_on([held_gib(weights_bytes, replicas)], instance)
    if pool.name in crowded:
        on = WeightsOn.gp3
    return volume_plan(weights_bytes, replicas, hardware.load_time_s, instance, on)


def _served(
    case: Case, found: Found, volumes: VolumePlan | None, rates: Rates
) -> tuple[GatewayPlan | None, ServingPlan | None, list[Rejected]]:
    """Gateway and Deployment of a service that an engine of this version serves."""
    if found.pool is None or found.choice is None or volumes is None:
        return None, None, []
    if case.workload.kind not in ENGINE_KINDS:
        return None, None, [_not_served(case.workload)]
    gateway = gateway_plan(case.workload, rates, case.site)
    serving = serving_plan(case, found.choice, found.pool, volumes, gateway)
    return gateway, serving, too_slow(gateway)


def _import(workload: Workload, case: Case, serving: ServingPlan) -> ImportPlan | None:
    bytes_held, image = case.need.weights_bytes, copy_image(case.catalog)
    return import_plan(workload.model.source, bytes_held, serving.weights_prefix, image)


def _need(workload: Workload, facts: Facts) -> Need:
    tokens, longest = workload.request.total_tokens, workload.request.context_tokens
    return Need(
        weights=held_weights(workload.model, facts.parameters, facts.precision, facts.model),
        shape=architecture_of(facts.model),
        kv_precision=workload.engine.kv_precision,
        tokens=None if tokens is None else exact(tokens),
        longest_tokens=None
        if longest is None and tokens is None
        else exact(longest or tokens or 0),
    )


def _memory(need: Need, choice: Choice | None) -> MemoryPlan:
    split, stages = (choice.fit.tensor_parallel, choice.fit.pipeline_parallel) if choice else (1, 1)
    shape = need.shape
    return MemoryPlan(
        nominal_bits_per_parameter=NOMINAL_BITS[need.weights.precision],
        parameters=plain(need.weights.parameters),
        encoder_parameters=plain(need.weights.encoder_parameters),
        sixteen_bit_parameters=plain(need.weights.sixteen_bit_parameters),
        bits_per_parameter=plain(need.weights.bits_per_parameter),
        kv_copies=plain(kv_copies(shape, split)) if shape else None,
        weights_bytes=need.weights_bytes,
        kv_bytes_per_token=need.kv_bytes_per_token,
        caches=_caches(need),
        state_bytes_per_sequence=shape.state_bytes_per_sequence if shape else None,
        kv_bytes_per_sequence=plain_or_none(need.kv_bytes_per_sequence),
        max_sequences=choice.fit.max_sequences if choice else None,
        max_context_tokens=choice.fit.max_context_tokens if choice else None,
        stage_imbalance=None if choice is None else plain(need.stage_imbalance(stages)),
        usable_bytes_per_gpu=choice.fit.usable_bytes_per_gpu if choice else None,
        tokens_per_sequence=plain_or_none(need.tokens),
    )


def _no_burst(workload: Workload, found: Found) -> list[Rejected]:
    """Above the floor come single nodes, which are no group."""
    asked = workload.capacity.burst_gpus if workload.capacity else 0
    if not asked or found.pool is None or found.pool.nodes_per_replica == 1:
        return []
    numbers = f"a replica takes {found.pool.nodes_per_replica} nodes; the floor serves alone"
    option = f"burst of {asked} GPUs"
    return [Rejected(option=option, reason=Reason.not_in_this_version, numbers=numbers)]


def _caches(need: Need) -> tuple[CachePlan, ...]:
    """The layers that cache, by what they keep of a token."""
    if need.shape is None:
        return ()
    wide = KV_BYTES[need.kv_precision]
    return tuple(
        CachePlan(
            layers=cache.layers,
            bytes_per_token=int(cache.elements_per_token * wide),
            window_tokens=cache.window_tokens,
        )
        for cache in need.shape.caches
    )


def _not_served(workload: Workload) -> Rejected:
    return Rejected(
        option="serving",
        reason=Reason.not_in_this_version,
        numbers=f"this version builds nodes and stores for {workload.kind.value}, not its engine",
    )
