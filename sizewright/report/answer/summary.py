"""The answer in at most ten lines: fleet, cost, verdicts, losses, limits and warnings."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sizewright.feasibility import shortfalls, without_nodes
from sizewright.layout.numbers import number, plural, share, usd
from sizewright.layout.table import Table, table_text
from sizewright.record import Recorded
from sizewright.report.answer.contradicted import first_line
from sizewright.report.answer.paragraphs import (
    BRANDED_USERS,
    burst_serves_peak,
    full_gpu_rate,
    losses,
    public_ingress,
    queue_text,
    rule,
)
from sizewright.report.buying import buying_line
from sizing.plan.service.burst import AddedPlan, JobBurstPlan
from sizing.plan.service.latency import LatencyPlan, Verdict
from sizing.plan.service.pool import CapacitySource, ChoicePlan, PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.values.units import SECONDS_PER_MINUTE
from sizing.workload import EngineName

LABEL = 9
"""Columns of the labels, so that all rows of an answer are aligned."""
OFFLINE = "Offline preview: recorded on this machine; not a diff against a cloud"
MORE = "`--verbose` shows all figures, `sizewright explain FILE` each reason."
LINES = 10
"""Lines of an answer for each service, where nothing wraps."""
COUNTED = {
    "aws:eks/nodeGroup:NodeGroup": "node group",
    "kubernetes:karpenter.sh/v1:NodePool": "burst pool",
    "aws:ec2/natGateway:NatGateway": "NAT gateway",
    "aws:lb/loadBalancer:LoadBalancer": "load balancer",
    "aws:rds/cluster:Cluster": "database",
}
"""Resource types that the summary counts, with their names there. AWS bills each of them by the
hour, and also other types, such as the control plane and VPC endpoints."""
METHODS = {"given": "as measured", "textbook": "textbook rule"}
"""What the rate of one GPU is based on, by method; the calibrated method names its estimate."""


def size_summary(plan: Plan) -> str:
    """Lines of `size`: at most ten for each service."""
    return _summary(plan, [], list(_worth_measuring(plan)), [], buying=True)


def _worth_measuring(plan: Plan) -> Iterator[tuple[str, str]]:
    """Row of what one own run of each model would save, where it would save anything."""
    values = [s.calibrated.one_run for s in plan.services if s.calibrated is not None]
    saved = sum(max(value.usd_saved_per_month or 0, 0) for value in values if value is not None)
    if saved > 0:
        text = f"one own run may save {usd(saved)} USD a month: see `sizewright calibrate --help`"
        yield "measure", text


def preview_summary(plan: Plan, recorded: Recorded, warnings: Sequence[str]) -> str:
    """Lines of `preview`: at most ten for each service; warnings are whole sentences."""
    return _summary(plan, [OFFLINE], [("resources", _resources(recorded))], warnings)


def _summary(
    plan: Plan,
    intro: Sequence[str],
    rows: Sequence[tuple[str, str]],
    warnings: Sequence[str],
    *,
    buying: bool = False,
) -> str:
    opening = [*first_line(plan), *map(_line, (*without_nodes(plan), *intro))]
    services = {_title(service): list(_rows(plan, service)) for service in plan.services}
    if buying:
        for service in plan.services:
            if service.buying is not None:
                services[_title(service)].append(("buy", buying_line(service)))
    lines = len(opening) + sum(1 + len(each) for each in services.values())
    if buying and lines + len(rows) >= LINES * len(services):
        # Guard: what one own run may save gives way, so that an answer keeps its ten lines.
        rows = ()
    lines += len(rows)
    tail = _tail([*warnings, *_warnings(plan)], LINES * len(services) - lines)
    tables = (_table(title, each) for title, each in services.items())
    gap = "\n\n" if len(services) > 1 else "\n"
    return gap.join(filter(None, ("\n".join(opening), *tables, _table("", [*rows, *tail]))))


def _tail(warnings: Sequence[str], room: int) -> list[tuple[str, str]]:
    """Return the warnings and how to see more: in one row where two would be too many."""
    if not warnings:
        return [("more", MORE)]
    if room < 2:
        return [("warnings", " ".join((*warnings, MORE)))]
    return [("warnings", " ".join(warnings)), ("more", MORE)]


def _line(text: str) -> str:
    return table_text(Table("", [(text,)]))


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    return table_text(Table(title, [(f"{label:{LABEL}}", text) for label, text in rows]))


def _title(service: ServicePlan) -> str:
    pool = service.pool
    if pool is None:
        return f"{service.name}: no GPU pool"
    return (
        f"{service.name}: {plural(pool.gpus_total, 'GPU')} ({pool.gpu}) on {pool.nodes_total:,} x "
        f"{pool.instance_type}, {pool.nodes_needed:,} needed + {pool.nodes_spare:,} spare"
    )


def _rows(plan: Plan, service: ServicePlan) -> Iterator[tuple[str, str]]:
    pool = service.pool
    if pool is None:
        yield "load", _load(service, None)
        (short,) = (each for each in shortfalls(plan) if each.service == service.name)
        yield "verdict", short.text.removeprefix(f"{service.name}: ")
        return
    if service.choice:
        yield "cost", _cost(service.choice, pool.capacity_source) + _unpriced(service)
        yield from _engine(service, service.choice)
    yield "load", _load(service, pool)
    if service.jobs is not None:
        yield "queue", queue_text(service.jobs) + _job_burst(service.burst)
    if service.latency and not _is_unmodelled(service):
        yield "latency", _latency(service.latency, service.estimate, queue=service.jobs is not None)
    yield "survives", _survives(service, pool)
    yield "bound by", _bound_by(service, pool)


def _engine(service: ServicePlan, choice: ChoicePlan) -> Iterator[tuple[str, str]]:
    """Row of an engine that is not the default, or that was chosen."""
    serving, requested = service.serving, service.inputs
    if serving is None or (serving.engine, *requested.engines) == (EngineName.vllm,) * 2:
        return
    engine = serving.engine.value
    if requested.engine.name is not EngineName.auto:
        yield "engine", engine
    elif choice.chosen_by == "lock":
        yield "engine", f"{engine}, from the lock"
    else:
        yield "engine", f"{engine}, the cheapest of {', '.join(requested.engines)}"


def _unpriced(service: ServicePlan) -> str:
    """Clause on nodes and a cache that the cost does not contain; empty without any."""
    nodes = {
        "renditions": service.rendition_workers,
        "the application": service.application_pods,
        "the page": service.page_pods,
    }
    clauses = [
        f"without {plural(count, 'node')} for {what}" for what, count in nodes.items() if count
    ]
    clauses += ["without the cache of answers"] if service.answer_cache else []
    return f"; {' and '.join(clauses)}" if clauses else ""


def _cost(choice: ChoicePlan, source: CapacitySource) -> str:
    if choice.pool_usd_per_month is None:
        return "unknown, never zero"
    dated = f" of {choice.price_checked}" if choice.price_checked else ", undated"
    amount = usd(choice.pool_usd_per_month)
    if source is not CapacitySource.on_demand:
        return f"{amount} USD a month at the on-demand list price{dated} (nodes only)"
    return f"at least {amount} USD a month (nodes only, list price{dated})"


def _load(service: ServicePlan, pool: PoolPlan | None) -> str:
    """Return the rate and the utilisation; above 100 %, also what the peak needs."""
    traffic = service.traffic
    if service.jobs is not None:
        text = f"{service.name} receives {number(traffic.requests_per_s_mean)} jobs/s at the mean"
        text += f": {share(service.jobs.utilisation)} utilisation of the needed replicas"
        if traffic.requests_per_s_peak is not None:
            text += f"; {number(traffic.requests_per_s_peak)} jobs/s at the peak"
    elif traffic.requests_per_s_peak is None:
        text = f"{service.name} receives {number(traffic.requests_per_s_mean)} requests/s"
        utilisation = pool and f": {share(pool.utilisation_at_mean)} utilisation"
        text += f" at the mean{utilisation or ''}; no peak is given"
    else:
        text = f"{service.name} receives {number(traffic.requests_per_s_peak)} requests/s"
        text += f" at the peak{_peak(service, pool) if pool else ''}"
    return f"{text}; no latency estimate" if _is_unmodelled(service) else text


def _job_burst(burst: AddedPlan | None) -> str:
    """Clause on the workers above the floor of a queued service; empty without a burst."""
    if not isinstance(burst, JobBurstPlan):
        return ""
    added, jobs = plural(burst.gpus, "more GPU"), plural(burst.floor_jobs, "waiting job")
    return f"; up to {added} above {jobs}"


def _peak(service: ServicePlan, pool: PoolPlan) -> str:
    text = f": {share(pool.utilisation_at_peak)} utilisation"
    if (pool.utilisation_at_peak or 0) <= 1:
        return text
    if service.burst is not None and burst_serves_peak(service):
        return f"{text} without the burst of up to {plural(service.burst.gpus, 'GPU')}"
    capacity = service.capacity
    if capacity is None or pool.nodes_at_peak is None:
        return f"{text}, and the queue grows"
    return f"{text}; the peak needs {plural(pool.nodes_at_peak, 'node')} with this redundancy"


def _is_unmodelled(service: ServicePlan) -> bool:
    """Whether no engine serves it and no estimate covers its latency targets."""
    unknown = service.latency is not None and service.latency.verdict is Verdict.unknown
    return unknown and service.serving is None


def _latency(latency: LatencyPlan, estimate: str, *, queue: bool) -> str:
    if latency.verdict is Verdict.unknown:
        return latency.text
    stated = [
        (name, time, target, unit)
        for name, time, target, unit in (
            ("TTFT", latency.ttft_ms, latency.ttft_target_ms, "ms"),
            ("TPOT", latency.tpot_ms, latency.tpot_target_ms, "ms"),
            ("response", latency.response_s, latency.response_target_s, "s"),
        )
        if target is not None
    ]
    where = "" if latency.load == "peak" else f" at the {latency.load}"
    where = " over the day" if queue else where
    if any(time is None for _, time, _, _ in stated):
        return f"{latency.verdict}{where or ' at the peak'}: requests queue, and the queue grows"
    times = (
        f"{name} {number(time)} of {number(of)} {unit}"
        for name, time, of, unit in stated
        if time is not None
    )
    of_requests = f"{number(float(latency.percentile))} %"
    return f"{latency.verdict}{where} for {of_requests}: {', '.join(times)} ({estimate} estimate)"


def _survives(service: ServicePlan, pool: PoolPlan) -> str:
    some = pool.survives.nodes or pool.survives.zones
    left, needed = pool.nodes_left_after_zone, pool.nodes_needed
    lost = losses(pool.survives) if some else "no loss of a node or zone"
    load = " at the mean load" if service.capacity and service.capacity.load == "mean" else ""
    nodes = f"{lost}{load} (a lost zone leaves {left:,}; {needed:,} needed)"
    application = service.application
    if application is None or application.pods is None:
        return nodes
    spare = plural(application.pods.taken_at_once, "node")
    text = f"{nodes}; of the application any {spare}"
    if service.page is None or service.page.pods is None:
        return text
    return f"{text}, of the page any {plural(service.page.pods.taken_at_once, 'node')}"


def _bound_by(service: ServicePlan, pool: PoolPlan) -> str:
    capacity, text = service.capacity, pool.binding
    if pool.binding == "memory" or capacity is None:
        text += f", {plural(pool.gpus_per_replica, 'GPU')} a replica"
    else:
        rate = f"{plural(capacity.requests_per_gpu_per_s, 'request')}/s a GPU"
        if full := full_gpu_rate(service):
            rate += f" at {share(capacity.requests_per_gpu_per_s / full)}"
        text += f", {rate} ({METHODS.get(capacity.method) or service.estimate})"
    spare = "no spare" if pool.redundancy_binding == "none" else rule(service, pool)
    return f"{text}; {spare}"


def _resources(recorded: Recorded) -> str:
    """Return the number of resources, and counts of the types in `COUNTED`, in their order."""
    if not recorded.resources:
        return "none; the program refuses a service that is infeasible"
    counts = Counter(resource.type for resource in recorded.resources)
    named = [plural(counts[kind], name) for kind, name in COUNTED.items() if counts[kind]]
    total = f"{sum(resource.custom for resource in recorded.resources):,}"
    return f"{total}, with {', '.join(named)}" if named else total


SMALL_RATIO = 0.5
"""Stated over measured bytes of an interaction below which `size` warns. Basis: assumed; text that
compresses well takes half as much."""


def _tight_limit(service: ServicePlan) -> Iterator[str]:
    """Sentence where a limit of tokens refuses requests that the fleet is sized for."""
    limit = None if service.application is None else service.application.tokens
    peak, online = service.traffic.requests_per_s_peak, service.traffic.users_online_peak
    if limit is None or limit.requests_per_min is None or not peak or not online:
        return
    each = SECONDS_PER_MINUTE * peak / online
    if limit.requests_per_min < each:
        allowed = plural(limit.requests_per_min, "request")
        yield (
            f"{service.name}: the limit of tokens allows {allowed} a minute, and a user who is "
            f"online sends {number(each)}."
        )


def _search_apart(service: ServicePlan) -> Iterator[str]:
    """Sentence on the time of a search, which the targets leave out; none without documents."""
    context = service.inputs.context
    if context is not None and service.context is not None:
        budget = f"{context.embedding.budget_ms:,} ms"
        yield f"{service.name}: TTFT is without the search of documents, of up to {budget}."


def _empty_cache(service: ServicePlan) -> Iterator[str]:
    """Sentence where the fleet cannot serve the busiest moment without its cache of answers."""
    cache = None if service.application is None else service.application.cache
    if cache is None or cache.empty_ratio is None or cache.empty_ratio >= 1:
        return
    yield (
        f"{service.name}: while the cache of answers is empty, the fleet serves "
        f"{share(cache.empty_ratio)} of the busiest moment."
    )


def _warnings(plan: Plan) -> Iterator[str]:
    """Sentences about what is open to the internet, old locks, and what nobody verified."""
    if public := [service.name for service in plan.services if public_ingress(service)]:
        yield f"Open to the internet: {', '.join(public)}."
    if old := [service.name for service in plan.services if service.locked_for_other_inputs]:
        again = "`sizewright update FILE --why` chooses again"
        yield f"The lock of {' and '.join(old)} was made for other inputs: {again}."
    for service in plan.services:
        if service.calibrated is not None and service.calibrated.unmeasured:
            names = ", ".join(service.calibrated.unmeasured)
            yield f"{service.name}: {names} never measured, so the band is wide."
    for service in plan.services:
        cache = service.host_cache
        if cache is not None and any(hits.saves_nothing for hits in cache.hits):
            slow = "copying KV cache from host memory takes longer than computing it"
            remedy = "leave out engine.kv_offload, because hits make prompts wait longer"
            yield f"{service.name}: {slow}: {remedy}."
    for service in plan.services:
        application = service.application
        if application is not None and application.interaction_ratio < SMALL_RATIO:
            ratio = number(application.interaction_ratio)
            yield f"{service.name}: the stated bytes of data are {ratio} times the measured ones."
        yield from _tight_limit(service)
        yield from _empty_cache(service)
        yield from _search_apart(service)
    if paged := [service.name for service in plan.services if service.page]:
        yield (
            f"{' and '.join(paged)}: the licence of Open WebUI keeps its branding above "
            f"{BRANDED_USERS} users in 30 days."
        )
    if plan.unverified:
        verb = "is" if len(plan.unverified) == 1 else "are"
        yield f"{plural(len(plan.unverified), 'version')} {verb} unverified."
