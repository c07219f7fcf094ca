"""Which parts of a service follow from the hardware that serves it, or from its absence?"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from sizing.fleet.estimates import Priced, calibrated_plan
from sizing.fleet.packing import nodes_total_for
from sizing.fleet.served import HardwareResult, Served, Unserved
from sizing.fleet.states import rollout, states
from sizing.plan.part import Rejected
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.burst import BurstPlan, JobBurstPlan
from sizing.plan.service.calibrated import CalibratedPlan
from sizing.plan.service.capacity import CapacityPlan, MethodPlan
from sizing.plan.service.disks import VolumePlan, WeightsOn
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.gateway import GatewayPlan, JobGatewayPlan
from sizing.plan.service.host_memory.host_cache import HostCachePlan
from sizing.plan.service.items.item import ItemPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.latency import LatencyPlan
from sizing.plan.service.memory import MemoryPlan
from sizing.plan.service.pool import ChoicePlan, PoolPlan
from sizing.plan.service.serving import QuotaPlan, ServingPlan
from sizing.plan.service.states import RolloutPlan, StatePlan
from sizing.plan.service.weights_import import ImportPlan
from sizing.replica.caches.response_cache import engine_rates
from sizing.replica.case import Case, Choice
from sizing.replica.gpu_rate import capacity_plan
from sizing.replica.memory import memory_plan
from sizing.replica.methods import MethodEstimate, estimate, side_by_side
from sizing.replica.rated import Rated
from sizing.replica.traffic import Rates, front_rates, stages_s
from sizing.service.application.api import application_plan
from sizing.service.application.cache import with_fleet
from sizing.service.application.page import page_plan
from sizing.service.burst import burst_plan
from sizing.service.choice import choice_plan
from sizing.service.gateway import gateway_plan, job_gateway_plan, too_slow
from sizing.service.host_memory.effect import host_cache_plan
from sizing.service.host_memory.room import host_cache_gib
from sizing.service.items.item import item_plan
from sizing.service.items.jobs import jobs_of
from sizing.service.items.ways import other_way
from sizing.service.node_disks import held_gib, volume_plan, weights_on
from sizing.service.request_limits import impatient, item_seconds
from sizing.service.serving import copy_image, quota_plan, serving_plan
from sizing.service.stores.artefact import with_derived_bytes
from sizing.service.stores.renditions import renditions_plan
from sizing.service.verdict import latency_plan
from sizing.service.weights_import import import_plan
from sizing.values.exact import exact
from sizing.values.units import HOURS_PER_PRICED_MONTH


@dataclass(frozen=True)
class EngineParts:
    """Parts of a service that an engine serves; the defaults are of a service without one."""

    gateway: GatewayPlan | JobGatewayPlan | None = None
    serving: ServingPlan | None = None
    weights_import: ImportPlan | None = None
    burst: BurstPlan | JobBurstPlan | None = None
    quota: QuotaPlan | None = None
    rollout: RolloutPlan | None = None
    rejected: tuple[Rejected, ...] = ()


NO_ENGINE = EngineParts()


@dataclass(frozen=True)
class HardwareParts:
    """Parts of a service's plan that depend on its hardware; the defaults are of one without."""

    memory: MemoryPlan
    capacity: CapacityPlan | None
    pool: PoolPlan | None = None
    choice: ChoicePlan | None = None
    calibrated: CalibratedPlan | None = None
    item: ItemPlan | None = None
    host_cache: HostCachePlan | None = None
    methods: tuple[MethodPlan, ...] = ()
    latency: LatencyPlan | None = None
    states: tuple[StatePlan, ...] = ()
    volumes: VolumePlan | None = None
    jobs: JobsPlan | None = None
    renditions: RenditionsPlan | None = None
    application: ApplicationPlan | None = None
    page: PagePlan | None = None
    engine: EngineParts = NO_ENGINE
    rejected: tuple[Rejected, ...] = ()


def hardware_parts(
    case: Case,
    result: HardwareResult,
    rates: Rates,
    *,
    chosen_by: str,
    file: ArtefactPlan | None,
    unserved: tuple[Rejected, ...],
    nvme_overflow_pools: frozenset[str],
) -> HardwareParts:
    """Return the parts of a service with or without nodes.

    `file` is the file of one item. `unserved` are reasons why the stack builds no nodes. The
    service then has no engine parts. Pools named in `nvme_overflow_pools` keep their weights on
    gp3 volumes.
    """
    match result:
        case Served():
            return _served_parts(
                case,
                result,
                rates,
                chosen_by=chosen_by,
                file=file,
                unserved=unserved,
                nvme_overflow_pools=nvme_overflow_pools,
            )
        case Unserved():
            return _unserved_parts(case, result, rates, file)
        case _:
            assert_never(result)


def _served_parts(
    case: Case,
    served: Served,
    rates: Rates,
    *,
    chosen_by: str,
    file: ArtefactPlan | None,
    unserved: tuple[Rejected, ...],
    nvme_overflow_pools: frozenset[str],
) -> HardwareParts:
    pool, load, at_engines = served.pool, served.load, engine_rates(case.workload)
    volumes, late = _volumes(case, served, nvme_overflow_pools)
    known = _estimate(case, served)
    choice, calibrated = choice_plan(case, served, chosen_by), None
    if known is not None:
        priced = _priced(case, served, choice)
        calibrated = calibrated_plan(case.workload, known, pool, at_engines, load, priced=priced)
    capacity = _capacity(case, served.rated, served.choice, at_engines)
    jobs, beyond = jobs_of(case, pool, served.rated.rate, rates, served=not unserved)
    item = item_plan(case, served.choice)
    rendered = renditions_plan(case, file, rates, pool=pool, item=item, jobs=jobs)
    application = application_plan(case, front_rates(case.workload), served=not unserved)
    if application is not None:
        application = with_fleet(case, application, pool, capacity)
    page = page_plan(case, front_rates(case.workload), served=not unserved)
    if unserved:
        engine = EngineParts(rejected=unserved)
    else:
        engine = _engine_parts(
            case,
            served,
            capacity,
            volumes,
            rates,
            file=file,
            jobs=jobs,
            renditions=rendered,
            application=application,
            page=page,
        )
    if jobs is not None and jobs.api is not None:
        gateway = job_gateway_plan(case.workload, rates, case.site, jobs.api)
        engine = replace(engine, gateway=gateway)
    method = served.capacity.method
    return HardwareParts(
        memory=memory_plan(case.need, served.choice.fit),
        capacity=capacity,
        pool=pool,
        choice=choice,
        calibrated=calibrated,
        item=item,
        host_cache=host_cache_plan(case, served.choice, known, load),
        methods=side_by_side(
            case, served.choice, known, load, gpus_needed=pool.gpus_needed, method=method
        ),
        latency=latency_plan(
            case,
            served.choice,
            pool,
            burst=engine.burst,
            rates=at_engines,
            estimate=known,
            jobs=jobs,
        ),
        states=states(pool, engine.serving, at_engines, served.rated.rate),
        volumes=volumes,
        jobs=jobs,
        renditions=rendered,
        application=application,
        page=page,
        engine=engine,
        rejected=(*late, *beyond, *other_way(case, pool, rates)),
    )


def _priced(case: Case, served: Served, choice: ChoicePlan) -> Priced:
    """Return the nodes for any number of GPUs by the service's redundancy, with their price."""
    hourly = None if choice.usd_per_hour is None else exact(Decimal(str(choice.usd_per_hour)))

    def nodes(gpus: int) -> int:
        return nodes_total_for(served.choice, served.instance, case.workload.redundancy, gpus)

    return Priced(nodes, None if hourly is None else hourly * HOURS_PER_PRICED_MONTH)


def _unserved_parts(
    case: Case, result: Unserved, rates: Rates, file: ArtefactPlan | None
) -> HardwareParts:
    """Return the memory of the model, and the GPUs for the load where their rate is known."""
    choice, capacity = result.choice, None
    if result.rated is not None:
        capacity = _capacity(case, result.rated, choice, engine_rates(case.workload))
    return HardwareParts(
        memory_plan(case.need, choice.fit if choice else None),
        capacity,
        renditions=renditions_plan(case, file, rates),
        application=application_plan(case, front_rates(case.workload), served=False),
        page=page_plan(case, front_rates(case.workload), served=False),
    )


def _engine_parts(
    case: Case,
    served: Served,
    capacity: CapacityPlan,
    volumes: VolumePlan,
    rates: Rates,
    *,
    file: ArtefactPlan | None,
    jobs: JobsPlan | None,
    renditions: RenditionsPlan | None,
    application: ApplicationPlan | None,
    page: PagePlan | None,
) -> EngineParts:
    """Return the load balancer and the Deployment, with all that they need."""
    workload, pool = case.workload, served.pool
    balanced = workload.jobs is None and not workload.callers
    gateway = _gateway(case, served, file, application) if balanced else None
    serving = serving_plan(
        case,
        served.choice,
        pool=pool,
        volumes=volumes,
        gateway=gateway,
        worker=None if jobs is None else jobs.worker,
        rate=served.rated.rate,
        host_cache_gib=host_cache_gib(case, served.choice),
    )
    image = copy_image(case.site, case.catalog)
    source, weights_bytes = workload.model.source, case.need.weights_bytes
    weights_import = import_plan(source, weights_bytes, serving.weights_prefix, image)
    burst = burst_plan(workload, capacity, pool, serving, jobs)
    return EngineParts(
        gateway=gateway,
        serving=serving,
        weights_import=weights_import,
        burst=burst,
        quota=quota_plan(serving, burst, weights_import, renditions, (application, page)),
        rollout=rollout(serving, volumes),
        rejected=() if gateway is None else (*too_slow(gateway), *impatient(gateway, serving)),
    )


def _gateway(
    case: Case, served: Served, file: ArtefactPlan | None, application: ApplicationPlan | None
) -> GatewayPlan:
    """Return the load balancer of a service that answers while the user waits."""
    item_s = None
    if case.workload.kind.traits.makes_media:
        item_s = item_seconds(served.rated.rate, served.pool.gpus_per_replica)
        item_s += stages_s(case.workload)
    workload = with_derived_bytes(case.workload, file)
    direct = None if application is None else application.direct
    return gateway_plan(workload, front_rates(workload), case.site, item_s, direct)


def _capacity(case: Case, rated: Rated, choice: Choice | None, rates: Rates) -> CapacityPlan:
    """Return the rate of one GPU, and the GPUs for the load before packing."""
    return capacity_plan(
        case.workload,
        rates,
        rated.rate,
        rated.flop_per_s,
        tensor_parallel=1 if choice is None else choice.fit.tensor_parallel,
        locked=rated.locked,
    )


def _estimate(case: Case, served: Served) -> MethodEstimate | None:
    """Return the calibrated replica on the chosen hardware; None where it is unknown."""
    if served.rated.replica is not None:
        return MethodEstimate(served.rated.replica, ())
    return estimate(case, served.choice, served.load)


def _volumes(
    case: Case, served: Served, nvme_overflow_pools: frozenset[str]
) -> tuple[VolumePlan, list[Rejected]]:
    """Return the disks of the nodes, and the rejected disks."""
    if case.workload.hardware is None:
        raise ValueError("nodes without hardware")
    weights_bytes, replicas = case.need.weights_bytes, served.pool.replicas_per_node
    engine = case.workload.engine.name
    on = weights_on([held_gib(weights_bytes, replicas)], served.instance, [engine])
    if served.pool.name in nvme_overflow_pools:
        on = WeightsOn.gp3
    load_time_s = case.workload.hardware.load_time_s
    return volume_plan(weights_bytes, replicas, load_time_s, served.instance, on=on, engine=engine)
