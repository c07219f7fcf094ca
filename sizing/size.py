"""From workloads, a site and the catalog to a plan. Start reading here."""

from collections.abc import Mapping, Sequence

from sizing.capacity import capacity_plan
from sizing.catalog import Catalog
from sizing.choose import ENGINE_KINDS, Case, Choice
from sizing.exact import exact, plain, plain_or_none
from sizing.field_error import FieldError
from sizing.hardware import find_hardware
from sizing.lock import Lock
from sizing.lookup import Facts, facts_of, site_zones
from sizing.memory import (
    NOMINAL_BITS,
    Need,
    held_weights,
    kv_bytes_per_token,
    kv_copies,
    nominal_weights_bytes,
)
from sizing.network import gateway_plan, network_plan, transfer_plan
from sizing.plan import MemoryPlan, Plan, Reason, Rejected, ServicePlan
from sizing.serving import serving_plan
from sizing.shared import cluster_plan, node_pools, system_pool, unverified_pins
from sizing.site import Site
from sizing.storage import storage_plan, stores, volume_plan
from sizing.traffic import request_rates, traffic_plan
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
    site_zones(site, catalog)
    network = network_plan(site, workloads)
    services = list[ServicePlan]()
    for workload in workloads:
        if any(service.name == workload.name for service in services):
            raise FieldError(("name",), f"two services are named {workload.name}", "one name each")
        lock = (locks or {}).get(workload.name)
        services.append(service_plan(workload, site, catalog, lock, services))
    pools = node_pools(services, site, catalog)
    return Plan(
        catalog_digest=catalog.digest,
        site=site,
        services=tuple(services),
        pools=pools,
        system=system_pool(site, catalog),
        network=network,
        cluster=cluster_plan(site, pools, catalog),
        unverified=unverified_pins(services, pools, site, catalog),
    )


def service_plan(
    workload: Workload,
    site: Site,
    catalog: Catalog,
    lock: Lock | None = None,
    neighbours: Sequence[ServicePlan] = (),
) -> ServicePlan:
    """One service: its traffic, its hardware if it can have any, its data, and how it is served."""
    facts = facts_of(workload, catalog)
    rates = request_rates(workload.traffic)
    need = _need(workload, facts)
    found = find_hardware(Case(workload, facts, need, site, catalog), rates, lock, neighbours)
    nominal = nominal_weights_bytes(workload.model, facts.parameters, facts.precision)
    storage = storage_plan(workload, rates, nominal)
    database, buckets, too_large = stores(workload, storage, rates, site, catalog)
    gateway = gateway_plan(workload, rates, site) if found.pool else None
    volumes = serving = None
    if found.pool and found.choice and gateway and facts.instance and workload.hardware:
        volumes, slow = volume_plan(
            need.weights_bytes, workload.hardware.load_time_s, facts.instance
        )
        found.rejected.extend(slow)
        if workload.kind in ENGINE_KINDS:
            serving = serving_plan(
                workload=workload,
                facts=facts,
                choice=found.choice,
                pool=found.pool,
                volumes=volumes,
                gateway=gateway,
                site=site,
                catalog=catalog,
            )
        else:
            found.rejected.append(_not_served(workload))
    return ServicePlan(
        name=workload.name,
        kind=workload.kind.value,
        inputs=workload,
        traffic=traffic_plan(workload, rates),
        capacity=(
            capacity_plan(workload, workload.capacity, rates, found.rate, found.flop_per_s)
            if workload.capacity and found.rate
            else None
        ),
        memory=_memory(need, found.choice),
        pool=found.pool,
        rejected=(*found.rejected, *too_large),
        storage=storage,
        network=transfer_plan(workload, rates),
        volumes=volumes,
        gateway=gateway,
        database=database,
        buckets=buckets,
        serving=serving,
    )


def _need(workload: Workload, facts: Facts) -> Need:
    tokens, longest = workload.request.total_tokens, workload.request.context_tokens
    return Need(
        weights=held_weights(workload.model, facts.parameters, facts.precision, facts.model),
        kv_bytes_per_token=kv_bytes_per_token(facts.model, workload.engine.kv_precision),
        tokens=None if tokens is None else exact(tokens),
        longest_tokens=None
        if longest is None and tokens is None
        else exact(longest or tokens or 0),
        facts=facts.model,
    )


def _memory(need: Need, choice: Choice | None) -> MemoryPlan:
    split = choice.fit.tensor_parallel if choice else 1
    return MemoryPlan(
        nominal_bits_per_parameter=NOMINAL_BITS[need.weights.precision],
        parameters=plain(need.weights.parameters),
        encoder_parameters=plain(need.weights.encoder_parameters),
        sixteen_bit_parameters=plain(need.weights.sixteen_bit_parameters),
        bits_per_parameter=plain(need.weights.bits_per_parameter),
        kv_copies=plain(kv_copies(need.facts, split)) if need.kv_bytes_per_token else None,
        weights_bytes=need.weights_bytes,
        kv_bytes_per_token=need.kv_bytes_per_token,
        max_sequences=choice.fit.max_sequences if choice else None,
        usable_bytes_per_gpu=choice.fit.usable_bytes_per_gpu if choice else None,
        tokens_per_sequence=plain_or_none(need.tokens),
    )


def _not_served(workload: Workload) -> Rejected:
    return Rejected(
        option="serving",
        reason=Reason.not_in_this_version,
        numbers=f"this version builds nodes and stores for {workload.kind.value}, not its engine",
    )
