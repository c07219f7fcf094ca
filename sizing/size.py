"""Sizing of workloads on a site with the facts of the catalog. Start reading here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sizing.catalog import Catalog
from sizing.catalog.architecture import KV_BYTES
from sizing.catalog.correction import Corrections
from sizing.catalog.lookup import check_site
from sizing.fleet.capacity_source import check_capacity
from sizing.fleet.states import calibrated_plan, rollout, states
from sizing.hardware.nearest import nearest_types
from sizing.hardware.resolve import resolve
from sizing.hardware.search import HardwareResult, find_hardware, lacks_other_type
from sizing.locks.workload_lock import Lock
from sizing.model.memory import (
    NOMINAL_BITS,
    Need,
    kv_copies,
    nominal_weights_bytes,
)
from sizing.plan import (
    BurstPlan,
    CachePlan,
    CalibratedPlan,
    CapacityPlan,
    ChoicePlan,
    GatewayPlan,
    ImportPlan,
    MemoryPlan,
    MethodPlan,
    Plan,
    Reason,
    Rejected,
    RolesPlan,
    ServicePlan,
    ServingPlan,
    VolumePlan,
    WeightsOn,
)
from sizing.replica.case import Case, Choice, case_of
from sizing.replica.gpu_rate import capacity_plan
from sizing.replica.methods import MethodEstimate, estimate, side_by_side
from sizing.replica.own_runs import own_runs_plan
from sizing.replica.traffic import Rates, request_rates, traffic_plan
from sizing.service.access import check_access
from sizing.service.burst import burst_plan
from sizing.service.checkpoint import checkpoint_plan
from sizing.service.contradictions import contradictions
from sizing.service.gateway import gateway_plan, too_slow, transfer_plan
from sizing.service.node_disks import held_gib, volume_plan, weights_on
from sizing.service.request_limits import impatient
from sizing.service.serving import copy_image, quota_plan, serving_plan
from sizing.service.storage import storage_plan, stores
from sizing.service.verdict import latency_plan
from sizing.service.weights_import import import_plan
from sizing.site import Site
from sizing.stack.cluster_services import cluster_services
from sizing.stack.mirror_check import check_mirrors
from sizing.stack.names import dns_plan
from sizing.stack.network import access_logs, network_plan
from sizing.stack.shared import (
    check_ami_release,
    cluster_plan,
    keys_plan,
    node_pools,
    nvme_overflow_pools,
    system_pool,
)
from sizing.stack.unverified import unverified_pins
from sizing.values.exact import exact, plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.values.units import HOURS_PER_PRICED_MONTH
from sizing.workload import Workload


@dataclass(frozen=True)
class WorkloadSidecars:
    """Files next to the workload files, by workload name: locks and corrections."""

    locks: Mapping[str, Lock]
    corrections: Mapping[str, Corrections]


def size(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock] | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> Plan:
    """Return the plan of one stack: each service by itself, then their shared parts.

    `locks` and `corrections` are by workload name, and a correction applies to its own workload
    only. An infeasible service is in the plan with `pool` null and its reasons.
    Raises FieldError for names the catalog lacks, zones the region lacks, services named alike.
    """
    check_site(site, catalog)
    check_ami_release(site)
    check_mirrors(workloads, site, catalog)
    sidecars = WorkloadSidecars(locks or {}, corrections or {})
    services = _services(workloads, site, catalog, sidecars, frozenset())
    overflowing = nvme_overflow_pools(services, catalog)
    if overflowing:
        services = _services(workloads, site, catalog, sidecars, overflowing)
    pools = node_pools(services, site, catalog)
    system = system_pool(services, site, catalog)
    added = cluster_services(services, pools, site, catalog)
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
        cluster_services=added,
        access_logs=access_logs(services, site),
        unverified=unverified_pins(
            services, pools, site, catalog, system=system, cluster_services=added
        ),
    )


def _services(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    sidecars: WorkloadSidecars,
    nvme_overflow_pools: frozenset[str],
) -> list[ServicePlan]:
    services = list[ServicePlan]()
    for workload in workloads:
        if any(service.name == workload.name for service in services):
            raise FieldError(("name",), f"two services are named {workload.name}", "one name each")
        check_capacity(workload, site, catalog)
        check_access(workload, site)
        own = sidecars.corrections.get(workload.name)
        known, lock = catalog.with_corrections(own), sidecars.locks.get(workload.name)
        services.append(
            service_plan(
                workload,
                site,
                known,
                lock,
                services,
                own=own,
                nvme_overflow_pools=nvme_overflow_pools,
            )
        )
    return services


def service_plan(
    workload: Workload,
    site: Site,
    catalog: Catalog,
    lock: Lock | None = None,
    neighbours: Sequence[ServicePlan] = (),
    *,
    own: Corrections | None = None,
    nvme_overflow_pools: frozenset[str] = frozenset(),
) -> ServicePlan:
    """Return one service: its traffic, its hardware if possible, its data, and its serving.

    `own` are the corrections that `catalog` has for the service, which the plan reports. Pools
    named in `nvme_overflow_pools` keep their weights on gp3 volumes.
    """
    asked = workload
    case = case_of(workload, site, catalog)
    rates = request_rates(workload.traffic)
    resolved = resolve(case, rates, lock)
    if resolved.workload is not workload:
        workload = resolved.workload
        case = case_of(workload, site, catalog)
    facts = case.facts
    found = find_hardware(case, rates, lock, neighbours)
    told = {(r.reason, r.numbers) for r in found.rejected}
    found.rejected.extend(r for r in resolved.rejected if (r.reason, r.numbers) not in told)
    if lacks_other_type(found):
        found.rejected += nearest_types(case, rates, asked)
    nominal = nominal_weights_bytes(workload.model, facts.parameters, facts.precision, facts.model)
    known = _estimate(case, found, rates)
    sidecars, methods = _beside(case, found, rates, known)
    storage = storage_plan(workload, rates, nominal)
    database, buckets, too_large = stores(workload, storage, rates, site, catalog)
    volumes, slow = _volumes(case, found, nvme_overflow_pools)
    gateway, serving, absent = _served(case, found, volumes, rates)
    filled = None if serving is None else _import(workload, case, serving)
    capacity = _capacity(case, found, rates)
    burst = _burst(workload, capacity, found, serving)
    service = ServicePlan(
        name=workload.name,
        kind=workload.kind.value,
        inputs=asked,
        traffic=traffic_plan(workload, rates),
        capacity=capacity,
        calibrated=sidecars,
        own_runs=own_runs_plan(
            own,
            workload,
            catalog,
            gpu=facts.gpu,
            need=case.need,
            lock=lock if found.locked else None,
        ),
        methods=methods,
        latency=latency_plan(case, found.pool, burst, rates, known),
        contradictions=(),
        choice=_choice(case, found, resolved.chosen_by),
        states=states(found.pool, serving, rates, found.rate) if found.pool and found.rate else (),
        rollout=rollout(serving, volumes) if found.pool and serving and volumes else None,
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
    return service.model_copy(update={"contradictions": contradictions(service, site)})


def _capacity(case: Case, found: HardwareResult, rates: Rates) -> CapacityPlan | None:
    if found.rate is None:
        return None
    split = found.choice.fit.tensor_parallel if found.choice else 1
    return capacity_plan(
        case.workload,
        rates,
        found.rate,
        found.flop_per_s,
        tensor_parallel=split,
        locked=found.locked,
    )


def _estimate(case: Case, found: HardwareResult, rates: Rates) -> MethodEstimate | None:
    """Return the calibrated replica on the chosen hardware; None without hardware or where
    unknown."""
    capacity = case.workload.capacity
    if found.pool is None or found.choice is None or capacity is None:
        return None
    if found.replica is not None:
        return MethodEstimate(found.replica, ())
    return estimate(case, found.choice, rates.at(capacity.load))


def _beside(
    case: Case, found: HardwareResult, rates: Rates, known: MethodEstimate | None
) -> tuple[CalibratedPlan | None, tuple[MethodPlan, ...]]:
    """Return the calibrated view of the chosen hardware, and the counts of all methods for
    comparison."""
    capacity = case.workload.capacity
    if found.pool is None or found.choice is None or capacity is None:
        return None, ()
    load = rates.at(capacity.load)
    sidecars = None
    if known is not None:
        sidecars = calibrated_plan(case.workload, known, found.pool, rates, load)
    methods = side_by_side(case, known, load, found.pool.gpus_needed, capacity.method)
    return sidecars, methods


def _choice(case: Case, found: HardwareResult, chosen_by: str) -> ChoicePlan | None:
    if found.pool is None:
        return None
    pool = found.pool
    price = case.catalog.price(pool.instance_type, case.site.region)
    hourly = None if price is None else exact(price.usd_per_hour)
    return ChoicePlan(
        instance_type=pool.instance_type,
        tensor_parallel=pool.tensor_parallel,
        precision=case.facts.precision.value,
        checkpoint=checkpoint_plan(case),
        chosen_by=chosen_by,
        usd_per_hour=plain_or_none(hourly),
        price_source=price.source if price else None,
        price_checked=price.checked if price else None,
        rates_for=found.rates_key,
        pool_usd_per_month=plain_or_none(
            None if hourly is None else pool.nodes_total * hourly * HOURS_PER_PRICED_MONTH
        ),
    )


def _burst(
    workload: Workload,
    capacity: CapacityPlan | None,
    found: HardwareResult,
    serving: ServingPlan | None,
) -> BurstPlan | None:
    """Return the burst of a service that has replicas."""
    if capacity is None or found.pool is None or serving is None:
        return None
    if _no_burst(workload, found):
        return None
    return burst_plan(workload, capacity, found.pool, serving)


def _volumes(
    case: Case, found: HardwareResult, nvme_overflow_pools: frozenset[str]
) -> tuple[VolumePlan | None, list[Rejected]]:
    """Return the disks of the nodes, where there are nodes."""
    hardware, instance, pool = case.workload.hardware, case.facts.instance, found.pool
    if pool is None or hardware is None or instance is None:
        return None, []
    weights_bytes, replicas = case.need.weights_bytes, pool.replicas_per_node
    on = weights_on([held_gib(weights_bytes, replicas)], instance)
    if pool.name in nvme_overflow_pools:
        on = WeightsOn.gp3
    return volume_plan(weights_bytes, replicas, hardware.load_time_s, instance, on)


def _served(
    case: Case, found: HardwareResult, volumes: VolumePlan | None, rates: Rates
) -> tuple[GatewayPlan | None, ServingPlan | None, list[Rejected]]:
    """Return the gateway and the Deployment of a service that an engine of this version serves."""
    if found.pool is None or found.choice is None or found.rate is None or volumes is None:
        return None, None, []
    if not case.workload.kind.traits.has_engine:
        return None, None, [_not_served(case.workload)]
    gateway = gateway_plan(case.workload, rates, case.site)
    serving = serving_plan(
        case,
        found.choice,
        pool=found.pool,
        volumes=volumes,
        gateway=gateway,
        rate=found.rate,
    )
    return gateway, serving, [*too_slow(gateway), *impatient(gateway, serving)]


def _import(workload: Workload, case: Case, serving: ServingPlan) -> ImportPlan | None:
    bytes_held, image = case.need.weights_bytes, copy_image(case.site, case.catalog)
    return import_plan(workload.model.source, bytes_held, serving.weights_prefix, image)


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


def _no_burst(workload: Workload, found: HardwareResult) -> list[Rejected]:
    """Rejection of a burst for replicas that span nodes: a burst adds single nodes."""
    asked = workload.capacity.burst_gpus if workload.capacity else 0
    if not asked or found.pool is None or found.pool.nodes_per_replica == 1:
        return []
    numbers = f"a replica takes {found.pool.nodes_per_replica} nodes; the floor serves alone"
    option = f"burst of {asked} GPUs"
    return [Rejected(option=option, reason=Reason.not_in_this_version, numbers=numbers)]


def _caches(need: Need) -> tuple[CachePlan, ...]:
    """Layers that cache, by the elements that they keep of a token."""
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
        numbers=f"this version has no engine for {workload.kind.value}: the stack builds no nodes",
    )
