"""Gates check the conditions for building a plan. Each takes plain values and gives one verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sizewright.exit_code import ExitCode
from sizewright.feasibility import shortfalls, unserved
from sizewright.gates.remedies import remedy_of
from sizewright.layout.numbers import plural
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.buildable import buildable
from sizewright.reading.stack.site_file import SiteFile
from sizewright.reading.stack.workload_file import WorkloadFile
from sizing.catalog import Catalog
from sizing.fleet.packing import NODES_PER_GROUP_LIMIT
from sizing.locks.workload_lock import Lock
from sizing.model.memory import NOMINAL_BITS
from sizing.plan.part import Reason
from sizing.plan.service.pool import PoolPlan
from sizing.plan.whole import Plan
from sizing.stack.addresses import fullest_subnet
from sizing.stack.calendar import SYSTEM_QUOTA, vcpus_without_gpus
from sizing.stack.one_cluster import NODE_GROUP_LIMIT
from sizing.stack.shared import release_day
from sizing.workload import Precision

ELASTIC_IP_LIMIT = 5
"""Most elastic IPs of one region by default. Basis: vendor (EC2 quota L-0263D0A3)."""

AMI_RELEASE_DAYS = 90
"""Most days that a GPU image may stay without the fixes of later ones. Basis: assumed."""


@dataclass(frozen=True)
class Gate:
    """One verdict. `passed` is None where nothing was judged, and `detail` gives the reason."""

    name: str
    passed: bool | None
    detail: str
    source: str = ""
    """Source of a limit."""

    @property
    def remedy(self) -> str | None:
        """Remedy of a failed gate; None unless it failed."""
        return remedy_of(self.name) if self.passed is False else None


def feasible(plan: Plan) -> Gate:
    """Check that every service has a pool; one that this version cannot size is not judged."""
    short = shortfalls(plan)
    if not short:
        pools = ", ".join(f"{s.name} {s.pool.gpus_total} GPUs" for s in plan.services if s.pool)
        return Gate("feasible", True, pools)
    infeasible = any(shortfall.code is ExitCode.infeasible for shortfall in short)
    detail = "; ".join(shortfall.text for shortfall in short)
    return Gate("feasible", False if infeasible else None, detail)


def served(plan: Plan) -> Gate:
    """Check that every service with a pool has an engine; one without an engine is not judged."""
    lacking = {service.name for service in plan.services if service.lacks_engine}
    short = [shortfall for shortfall in unserved(plan) if shortfall.service in lacking]
    if short:
        return Gate("served", None, "; ".join(shortfall.text for shortfall in short))
    names = [service.name for service in plan.services if service.serving is not None]
    return Gate("served", True if names else None, ", ".join(names) or "nothing is served")


def one_cluster(plan: Plan) -> Gate:
    """Check that one cluster can hold the nodes of every service; the others get none."""
    name, source = "one cluster", "sizing/stack/one_cluster.py"
    if beyond := [service for service in plan.services if service.exceeds_one_cluster]:
        return Gate(
            name, False, "; ".join(f"{s.name}: {s.beyond_one_cluster}" for s in beyond), source
        )
    names = [service.name for service in plan.services if service.serving is not None]
    return Gate(name, True if names else None, ", ".join(names) or "no GPU nodes", source)


def node_groups(plan: Plan) -> Gate:
    """Check that the cluster's managed node groups are within the quota."""
    count = plan.cluster.node_groups
    return Gate(
        "node groups",
        count <= NODE_GROUP_LIMIT,
        f"{count} of at most {NODE_GROUP_LIMIT}",
        "EKS quota L-6D54EA21",
    )


def nodes_per_group(plan: Plan) -> Gate:
    """Check that the largest node group is within the quota; a group is one pool in one zone."""
    groups = {
        f"{pool.name} in {zone}": count
        for pool in plan.pools
        for zone, count in pool.nodes_by_zone.items()
    }
    groups |= {name: pool.nodes_total for name, pool in plan.cpu_pools.items()}
    if not groups:
        return Gate("nodes per group", None, "no node group")
    largest = max(groups, key=lambda group: groups[group])
    return Gate(
        "nodes per group",
        groups[largest] <= NODES_PER_GROUP_LIMIT,
        f"{groups[largest]:,} of at most {NODES_PER_GROUP_LIMIT} ({largest})",
        "EKS quota L-BD136A63",
    )


def sold(plan: Plan, catalog: Catalog) -> Gate:
    """Check that every zone with nodes sells their instance type; not judged without zone data."""
    unknown, unsold, sold_in = list[str](), list[str](), list[str]()
    for pool in plan.pools:
        selling = catalog.zones_selling(pool.instance_type, plan.site.region)
        for zone in pool.nodes_by_zone:
            where = f"{pool.instance_type} in {zone}"
            if selling is None:
                unknown.append(where)
            else:
                (sold_in if zone in selling else unsold).append(where)
    source = "EC2 offerings, data/instance_types.csv"
    if unsold:
        return Gate("sold", False, f"not sold: {', '.join(unsold)}", source)
    if unknown:
        return Gate("sold", None, f"the catalog does not know: {', '.join(unknown)}", source)
    return Gate("sold", True if sold_in else None, ", ".join(sold_in) or "no GPU nodes", source)


def elastic_ips(plan: Plan) -> Gate:
    """Check that the NAT gateways' elastic IPs are within the default quota."""
    count = sum(subnet.nat for subnet in plan.network.subnets)
    return Gate(
        "elastic IPs",
        True if count <= ELASTIC_IP_LIMIT else None,
        f"{count}; a region has {ELASTIC_IP_LIMIT} by default, and AWS grants more on request",
        "EC2 quota L-0263D0A3",
    )


def addresses(plan: Plan) -> Gate:
    """Check that each zone's private subnet has the addresses for nodes, pods and the rest."""
    fullest = fullest_subnet(plan.network)
    need = fullest.addresses
    name, source = "subnet addresses", "sizing/stack/addresses.py"
    spare = f"in {fullest.zone}, 30 % spare included"
    if need.capacity is None:
        unknown = f"{need.needed:,} {spare}; network.use.private_subnet_cidrs are not stated"
        return Gate(name, None, unknown, source)
    passed = need.needed <= need.capacity
    return Gate(name, passed, f"{need.needed:,} of {need.capacity:,} {spare}", source)


def vcpus(plan: Plan, catalog: Catalog) -> Iterator[Gate]:
    """vCPUs that each quota must allow, all burst nodes included. None is judged, because the
    account's quota is unknown."""
    needed: dict[tuple[str, str], int] = {}
    for pool in plan.pools:
        row = catalog.instance_type(pool.instance_type)
        quota = (row.quota_code, row.quota_name)
        needed[quota] = needed.get(quota, 0) + pool.nodes_at_most * row.vcpu_count
    if plan.cpu_pools:
        other = catalog.quota(SYSTEM_QUOTA)
        needed[other.code, other.quota] = vcpus_without_gpus(plan.cpu_pools.values())
    for (code, name), count in needed.items():
        yield Gate("vCPU quota", None, f"{count:,} vCPUs of '{name}'", f"EC2 quota {code}")


def reserved_capacity(plan: Plan) -> Iterator[Gate]:
    """Load balancer capacity units that the quota must allow to reserve; a region has none."""
    count = sum(
        (s.gateway.reserved_units or 0) * len(s.gateway.balancers())
        for s in plan.services
        if s.gateway
    )
    if count:
        detail = f"{count:,} units; a region has none before its quota is raised"
        yield Gate("LCU reservation", None, detail, "ELB quota: reserved LCUs of a region")


def kubernetes_support(plan: Plan, as_of: date | None) -> Gate:
    """Check that Kubernetes is in standard support on the day; not judged without a day."""
    name, cluster = "Kubernetes support", plan.cluster
    version, end = cluster.kubernetes_version, cluster.end_of_support
    if end == "unknown":
        return Gate(name, None, f"the end of support of {version} is unknown", "data/pins.csv")
    until = f"{version} is in standard support until {end}"
    if as_of is None:
        return Gate(name, None, f"{until}; skipped without --as-of", "data/pins.csv")
    return Gate(name, as_of <= date.fromisoformat(end), f"{until}, as of {as_of}", "data/pins.csv")


def ami_release(plan: Plan, as_of: date | None) -> Gate:
    """Check the age of the oldest release of a GPU image; not judged without a release or a day.

    Basis: assumed; security fixes arrive with releases, which EKS makes every one to two weeks.
    """
    name, releases = "GPU image release", {pool.ami_release for pool in plan.pools}
    if not releases:
        return Gate(name, None, "no GPU nodes")
    pinned = sorted(r for r in releases if r is not None)
    if not pinned:
        return Gate(name, None, "none is pinned")
    release = min(pinned, key=release_day)
    if as_of is None:
        return Gate(name, None, f"{release}; skipped without --as-of")
    days = (as_of - release_day(release)).days
    detail = f"{release} is {days} days old as of {as_of}, at most {AMI_RELEASE_DAYS}"
    return Gate(name, days <= AMI_RELEASE_DAYS, detail)


def checkpoints(plan: Plan, catalog: Catalog) -> Iterator[Gate]:
    """Check that a hub's repository contains the sized model, in no more bits than planned.

    Basis: the catalog's row of that repository (data/models.csv, data/checkpoints.csv).
    """
    for service in plan.services:
        source, choice = service.inputs.model.source, service.choice
        if source is None or source.hub is None or choice is None or service.serving is None:
            continue
        name, repository = f"checkpoint of {service.name}", source.hub.id
        held = catalog.held_in(repository)
        if held is None:
            yield Gate(name, None, f"the catalog does not know {repository}")
            continue
        (model, precision), planned = held, choice.precision
        wider = NOMINAL_BITS[Precision(precision)] > NOMINAL_BITS[Precision(planned)]
        passed = model == service.serving.model and not wider
        detail = f"{repository} is {model} in {precision}; planned is {service.serving.model}"
        yield Gate(name, passed, f"{detail} in {planned}", "data/models.csv, data/checkpoints.csv")


def locks(files: Sequence[WorkloadFile], plan: Plan) -> Iterator[Gate]:
    """Check that each lock is for this model and type, and has the planned tensor parallel."""
    for file in files:
        service = plan.service(file.workload.name)
        lock, name = file.lock, f"lock of {service.name}"
        if lock is None:
            yield Gate(name, None, f"there is no {file.path.with_suffix('.lock')}")
        elif stale := [r for r in service.rejected if r.reason is Reason.stale_lock]:
            yield Gate(name, False, f"stale: {stale[0].numbers}")
        elif service.pool is None:
            yield Gate(name, None, "the plan has nothing to compare with it")
        else:
            gate = _lock(name, lock, service.pool, plan)
            other = "; made for other inputs: `sizewright update FILE --why` chooses again"
            yield replace(gate, detail=gate.detail + other * service.locked_for_other_inputs)


def _lock(name: str, lock: Lock, pool: PoolPlan, plan: Plan) -> Gate:
    locked, planned = (_split(chosen) for chosen in (lock, pool))
    if locked != planned:
        return Gate(name, False, f"{locked} locked, {planned} planned")
    detail = f"{lock.instance_type}, {locked}"
    if lock.catalog_digest != plan.catalog_digest:
        detail += f"; made with catalog {lock.catalog_digest}, now {plan.catalog_digest}"
    return Gate(name, True, detail)


def _split(chosen: Lock | PoolPlan) -> str:
    over = chosen.nodes_per_replica
    return f"tensor parallel {chosen.tensor_parallel}" + (f" over {over} nodes" * (over > 1))


def building_needs(site: SiteFile, plan: Plan, catalog: Catalog) -> Gate:
    """Check that the site has account ids, a certificate, and two zones fit for EKS."""
    try:
        buildable(site, plan, catalog)
    except InputError as fault:
        return Gate("build inputs", False, str(fault))
    return Gate(
        "build inputs",
        True,
        "account_ids, a certificate of the account and suitable zones are given",
    )


def documents(texts: Mapping[str, str]) -> Gate:
    """Check that every rendered YAML document parses as one mapping."""
    # Guard: PyYAML is used because the components read these documents with it.
    import yaml

    from templates.document import document_values

    parsed = 0
    for path, text in texts.items():
        if not path.endswith(".yaml"):
            continue
        try:
            document = document_values(text)
        except yaml.YAMLError as fault:
            return Gate("documents", False, f"{path}: {' '.join(str(fault).split())}")
        if not isinstance(document, dict):
            return Gate("documents", False, f"{path}: holds no mapping")
        parsed += 1
    scripts = plural(len(texts) - parsed, "script")
    return Gate(
        "documents", True, f"{plural(parsed, 'YAML document')} parsed, and {scripts} not parsed"
    )
