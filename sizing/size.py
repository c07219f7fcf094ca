"""Sizing of workloads on a site with the facts of the catalog. Start reading here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sizing.catalog import Catalog
from sizing.catalog.correction import Corrections
from sizing.fleet.served import Served
from sizing.hardware.decision import Decision, decision
from sizing.locks.workload_lock import Lock
from sizing.model.memory import nominal_weights_bytes
from sizing.plan.buying import BuyingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.whole import Plan
from sizing.replica.caches.response_cache import cached_rates, engine_rates
from sizing.replica.case import case_of
from sizing.replica.own_runs import own_runs_plan
from sizing.replica.traffic import answered_rates, front_rates, traffic_plan
from sizing.service.application.api import with_measured_rows, writes_per_s
from sizing.service.application.page import no_page
from sizing.service.application.route import route_plan
from sizing.service.application.vectors import with_context
from sizing.service.burst import no_burst, wants_spot, without_spot
from sizing.service.contradictions import contradictions
from sizing.service.gateway import transfer_plan
from sizing.service.hardware_parts import hardware_parts
from sizing.service.storage import no_application, storage_plan, stores
from sizing.service.stores.artefact import artefact_plan, with_derived_bytes
from sizing.service.stores.cdn import cdn_plan
from sizing.site import Site
from sizing.stack.buying import buying_plan
from sizing.stack.calendar import calendar_plan
from sizing.stack.checks import check_engine_image, check_stack
from sizing.stack.cluster_services import cluster_services
from sizing.stack.names import dns_plan
from sizing.stack.network import access_logs, network_plan, subnet_ranges
from sizing.stack.one_cluster import OneCluster
from sizing.stack.shared import (
    application_pool,
    cluster_plan,
    keys_plan,
    node_pools,
    nvme_overflow_pools,
    on_demand_pools,
    rendition_pool,
    system_pool,
    with_room,
)
from sizing.stack.unverified import unverified_pins
from sizing.steps.image import image_plan
from sizing.values.field_error import of_site, of_workload
from sizing.workload import Workload
from sizing.workload.prompt.derived import of_parents, with_stages
from sizing.workload.route.derived import with_routes


def size(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock] | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> Plan:
    """Return the plan of one stack: each service by itself, then their shared parts.

    `locks` and `corrections` are by workload name, and a correction applies to its own workload
    only. The stages of prompts are services of their own, each after its parent, without a lock.
    A service behind the application of another one gets its share of that one's requests.
    An infeasible service is in the plan with `pool` null and its reasons.

    Raises StackFieldError with the field that is refused, and the workload or the site that has it:
    names the catalog lacks, zones the region lacks, services named alike.
    """
    routed = with_routes(workloads)
    staged = with_stages(routed, lambda model: image_plan(catalog, model).counted)
    with of_parents(staged):
        whole = with_context(staged)
    with of_parents(whole):
        return _sized(whole, site, catalog, locks or {}, corrections or {})


def _sized(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock],
    corrections: Mapping[str, Corrections],
) -> Plan:
    """Return the plan of a stack whose workloads include the stages."""
    check_stack(workloads, site, catalog)
    with of_site():
        ranges = subnet_ranges(site)
    decisions = _decisions(workloads, site, catalog, locks, corrections)
    with of_site():
        check_engine_image(decisions, site)
    overflowing, on_demand = nvme_overflow_pools(decisions), on_demand_pools(decisions)
    services = list[ServicePlan]()
    for index, each in enumerate(decisions):
        with of_workload(index):
            plan = service_plan(
                each,
                lock=locks.get(each.requested.name),
                own=corrections.get(each.requested.name),
                nvme_overflow_pools=overflowing,
                on_demand_pools=on_demand,
            )
        services.append(plan)
    pools = node_pools(services, site, catalog)
    services = [without_spot(service, pools) for service in services]
    system = system_pool(services, site, catalog)
    rendering, answering = rendition_pool(services, catalog), application_pool(services, catalog)
    worker_pools = [pool for pool in (rendering, answering) if pool is not None]
    cpu_pools = [*([] if system is None else [system]), *worker_pools]
    added = cluster_services(services, pools, site, catalog, cpu_pools)
    if system is not None and added.monitoring is not None:
        system = with_room(system, added.monitoring.system_nodes)
        cpu_pools = [system, *worker_pools]
    return Plan(
        catalog_digest=catalog.digest,
        site=site,
        services=tuple(services),
        pools=pools,
        system=system,
        rendition_nodes=rendering,
        application_nodes=answering,
        network=network_plan(
            site,
            workloads,
            services,
            pools,
            cpu_pools=cpu_pools,
            ranges=ranges,
        ),
        keys=keys_plan(site, services, pools),
        dns=dns_plan(site, services),
        roles=RolesPlan(
            path=site.role_path, permissions_boundary_arn=site.permissions_boundary_arn
        ),
        cluster=cluster_plan(site, pools, catalog, worker_groups=len(worker_pools)),
        cluster_services=added,
        access_logs=access_logs(services, site),
        calendar=calendar_plan(services, cpu_pools, catalog),
        unverified=unverified_pins(
            services, pools, site, catalog, cpu_pools=cpu_pools, cluster_services=added
        ),
    )


def _decisions(
    workloads: Sequence[Workload],
    site: Site,
    catalog: Catalog,
    locks: Mapping[str, Lock],
    corrections: Mapping[str, Corrections],
) -> list[Decision]:
    """Return the hardware of each workload. Nodes of a shared pool fill its emptiest zones.

    A service whose nodes exceed the cluster gets none, and leaves its room to those after it.
    """
    decisions, cluster = list[Decision](), OneCluster.of(site, catalog, workloads)
    for index, workload in enumerate(workloads):
        known = catalog.with_corrections(corrections.get(workload.name))
        lock = locks.get(workload.name)
        pools = [
            each.result.pool
            for each in decisions
            if isinstance(each.result, Served) and not each.unserved
        ]
        with of_workload(index):
            case = case_of(workload, site, known)
            decided = decision(case, engine_rates(workload), lock, pools)
            front = front_rates(decided.case.workload)
            beyond = (*no_application(decided.case), *no_page(decided.case, front))
        decided = replace(decided, unserved=(*decided.unserved, *beyond))
        decisions.append(cluster.admitted(decided))
    return decisions


def service_plan(
    decided: Decision,
    *,
    lock: Lock | None = None,
    own: Corrections | None = None,
    nvme_overflow_pools: frozenset[str] = frozenset(),
    on_demand_pools: frozenset[str] = frozenset(),
) -> ServicePlan:
    """Return one service: its traffic, its hardware if possible, its data, and its serving.

    `own` are the corrections that the case's catalog has for the service, which the plan reports.
    Pools named in `nvme_overflow_pools` keep their weights on gp3 volumes. Burst nodes of those
    named in `on_demand_pools` are no spot instances.
    """
    case, result = decided.case, decided.result
    artefact, facts = artefact_plan(case), case.facts
    # Guard: the case keeps the stated workload, which the lock identifies.
    workload = with_measured_rows(with_derived_bytes(case.workload, artefact), case.catalog)
    rates, front = answered_rates(workload), front_rates(workload)
    parts = hardware_parts(
        case,
        result,
        rates,
        chosen_by=decided.chosen_by,
        file=artefact,
        unserved=decided.unserved,
        nvme_overflow_pools=nvme_overflow_pools,
    )
    engine = parts.engine
    nominal = nominal_weights_bytes(workload.model, facts.parameters, facts.precision, facts.model)
    variants = () if parts.renditions is None else parts.renditions.variants
    storage = storage_plan(workload, front, nominal, sum(each.file_bytes for each in variants))
    database, buckets, too_large = stores(
        workload,
        storage,
        front,
        case.site,
        case.catalog,
        writes_per_s=writes_per_s(workload, front, case.catalog),
        variants=variants,
    )
    spanning = [] if parts.pool is None else no_burst(workload, parts.pool)
    cdn, beyond_cdn = cdn_plan(workload, front, case.site, parts.jobs)
    locked = result.rated is not None and result.rated.locked
    service = ServicePlan(
        name=workload.name,
        kind=workload.kind.value,
        inputs=decided.requested,
        traffic=traffic_plan(workload, rates, cached_rates(workload)),
        capacity=parts.capacity,
        calibrated=parts.calibrated,
        item=parts.item,
        host_cache=parts.host_cache,
        artefact=artefact,
        jobs=parts.jobs,
        cdn=cdn,
        renditions=parts.renditions,
        application=parts.application,
        page=parts.page,
        own_runs=own_runs_plan(
            own,
            workload,
            case.catalog,
            gpu=facts.gpu,
            need=case.need,
            lock=lock if locked else None,
        ),
        methods=parts.methods,
        latency=parts.latency,
        contradictions=(),
        choice=parts.choice,
        states=parts.states,
        rollout=engine.rollout,
        memory=parts.memory,
        pool=parts.pool,
        rejected=(
            *result.rejected,
            *parts.rejected,
            *engine.rejected,
            *too_large,
            *beyond_cdn,
            *spanning,
        ),
        storage=storage,
        network=transfer_plan(
            workload, front, None if parts.application is None else parts.application.direct
        ),
        volumes=parts.volumes,
        gateway=engine.gateway,
        route=route_plan(case, front),
        callers=workload.callers,
        database=database,
        buckets=buckets,
        weights_import=engine.weights_import,
        serving=engine.serving,
        burst=engine.burst,
        quota=engine.quota,
        buying=_buying(decided, workload, on_demand_pools),
    )
    return service.model_copy(update={"contradictions": contradictions(service, case.site)})


def _buying(
    decided: Decision, workload: Workload, on_demand_pools: frozenset[str]
) -> BuyingPlan | None:
    """Return the ways to buy the nodes of a service; None where no hardware serves it."""
    result, case = decided.result, decided.case
    if not isinstance(result, Served):
        return None
    spot = wants_spot(workload) and result.pool.name not in on_demand_pools
    return buying_plan(workload, result, case.site, case.catalog, spot=spot)
