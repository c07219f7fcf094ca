"""The answer in one paragraph: the load, the fleet, and the failures that it survives."""

from math import ceil
from typing import assert_never

from sizewright.layout.numbers import data_size, duration, number, plural, share
from sizing.fleet.redundancy import Rule, nodes_for_zone_loss
from sizing.plan.service.application.api import ApplicationPlan, TokenLimitPlan
from sizing.plan.service.application.cache import AnswerCachePlan
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.files.cdn import CdnPlan
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.pool import PoolPlan, Survives
from sizing.plan.service.whole import ServicePlan
from sizing.values.exact import plain
from sizing.workload import Contradicts, Method
from sizing.workload.route.derived import RoutedWorkload

ANYWHERE = "0.0.0.0/0"
BRANDED_USERS = 50
"""People up to whom the branding of Open WebUI may be changed. Basis: vendor (its licence)."""


def answer(service: ServicePlan) -> str:
    """Return the paragraph of one service."""
    if service.pool is None:
        reasons = "; ".join(f"{r.option}: {r.numbers}" for r in service.rejected)
        return f"{service.name} {request_rates(service)} It gets no GPU pool. {reasons}."
    parts = [request_rates(service), needed(service, service.pool), where(service, service.pool)]
    parts += [survives(service.pool), load(service, service.pool), latency(service)]
    parts += [other_methods(service), chosen(service), unbuilt(service)]
    parts += [f"{text}." for text in (public_ingress(service), imported(service)) if text]
    return f"{service.name} {' '.join(part for part in parts if part)}"


def request_rates(service: ServicePlan) -> str:
    """Mean and peak rate of requests, with their basis."""
    inputs, traffic = service.inputs.traffic, service.traffic
    users, each = number(inputs.daily_users), number(float(inputs.requests_per_user_per_day))
    mean = number(traffic.requests_per_s_mean)
    basis = f"{users} users x {each} a day{_by_route(service)}"
    text = f"receives {mean} requests/s on the daily mean ({basis})"
    if traffic.requests_per_s_peak is None:
        return f"{text}; no peak is given."
    if _by_route(service):
        return f"{text} and {number(traffic.requests_per_s_peak)} at the peak."
    return f"{text} and {number(traffic.requests_per_s_peak)} at the peak ({peak_basis(service)})."


def _by_route(service: ServicePlan) -> str:
    """What a route adds to the requests of the engines, or takes from them; empty without one."""
    inputs = service.inputs
    if isinstance(inputs, RoutedWorkload) and inputs.host_share:
        part = share(plain(inputs.host_share))
        return f", and {part} of the requests of {inputs.access.service}"
    if service.route is not None and service.route.easy is not None:
        easy = service.route.easy
        return f", less {share(easy.share)} for {easy.service}"
    return ""


def peak_basis(service: ServicePlan) -> str:
    """Basis of the peak."""
    inputs = service.inputs.traffic
    if inputs.think_time_s is not None:
        online = number(service.traffic.users_online_peak)
        return f"{online} online, a request every {number(float(inputs.think_time_s))} s each"
    if inputs.peak_ratio is not None:
        return f"{number(float(inputs.peak_ratio))} x the mean"
    return "the busiest of 24 hours"


def needed(service: ServicePlan, pool: PoolPlan) -> str:
    """GPUs and nodes: needed, spare and total, and the binding constraint."""
    nodes = plural(pool.nodes_needed, "node")
    if pool.nodes_per_replica > 1:
        nodes = f"{plural(pool.replicas_needed, 'replica')} of {pool.nodes_per_replica} nodes each"
    spare = f"{plural(pool.nodes_spare, 'spare node')} ({rule(service, pool)}) make"
    total = f"{plural(pool.gpus_total, 'GPU')} on {plural(pool.nodes_total, 'node')}"
    return (
        f"That needs {pool.gpus_needed:,} x {pool.gpu}, {nodes} of {pool.instance_type}, bound by "
        f"{pool.binding} ({_binding(service, pool)}); "
        + (f"{spare} {total}" if pool.nodes_spare else f"without spare nodes: {total}")
        + "."
    )


def _binding(service: ServicePlan, pool: PoolPlan) -> str:
    capacity = service.capacity
    if pool.binding == "memory" or capacity is None:
        return f"one replica takes {plural(pool.gpus_per_replica, 'GPU')}"
    rate = f"{plural(capacity.requests_per_gpu_per_s, 'request')}/s a GPU"
    full = full_gpu_rate(service)
    if full is not None:
        rate += f" at {share(capacity.requests_per_gpu_per_s / full)} utilisation"
    return f"{rate}, {_method(service, capacity.method)}"


def full_gpu_rate(service: ServicePlan) -> float | None:
    """Requests per second of one GPU at full utilisation; None for methods without such a limit.

    Guard: utilisation is a share of this rate, and not of the rate that meets the targets.
    """
    capacity, pool = service.capacity, service.pool
    if capacity is None or pool is None or capacity.saturation_requests_per_s is None:
        return None
    return capacity.saturation_requests_per_s / pool.gpus_per_replica


def _method(service: ServicePlan, method: str) -> str:
    """Method of the rate, and what the textbook rule omits."""
    if method == "given":
        return f"as you measured{measured_with(service)}"
    if method == "calibrated":
        name = f", at the {service.estimate} estimate" if service.estimate else ""
        return f"by the calibrated method{name} of its band"
    if service.kind == "image":
        return "by the textbook rule, which counts an iteration as one token: far too many"
    return "by the textbook rule, which ignores memory bandwidth: too many"


def measured_with(service: ServicePlan) -> str:
    """Model and GPU of a measured rate, or a note that they are not stated."""
    capacity = service.inputs.capacity
    if capacity is None or capacity.method is not Method.given:
        return ""
    measured = capacity.measured_on
    if measured is None:
        return " with a model and GPU that are not stated (capacity.measured_on)"
    precision = f" in {measured.precision}" if measured.precision else ""
    return f" with {measured.model}{precision} on {measured.gpu}"


def rule(service: ServicePlan, pool: PoolPlan) -> str:
    """Return the redundancy rule that binds, with its value."""
    requested = service.inputs.redundancy
    binding = Rule(pool.redundancy_binding)
    match binding:
        case Rule.none:
            return "no redundancy requested"
        case Rule.spare_ratio:
            return f"spare ratio {share(float(requested.spare_ratio or 0))}"
        case Rule.nodes:
            return f"N + k nodes {requested.nodes}"
        case Rule.zones:
            return f"zone loss {requested.zones}"
        case Rule.availability:
            return f"availability {requested.availability}"
        case never:
            assert_never(never)


def public_ingress(service: ServicePlan) -> str:
    """Sentence on public ingress with addresses, token and rate limit; empty without ingress.

    The text has no final stop.
    """
    gateway = service.gateway
    if gateway is None or not gateway.has_public:
        return ""
    places = ", ".join(gateway.public_cidrs)
    text = f"It is open to the internet, {f'from {places}' if places != ANYWHERE else 'to anyone'}"
    if gateway.token is not None:
        claims = " and ".join(claim.name for claim in gateway.token.claims)
        text += f" with a token of {gateway.token.issuer} that has the right {claims}"
    if gateway.firewall is not None:
        most = plural(gateway.firewall.requests_per_key, "request")
        text += f", at most {most} a token in {number(gateway.firewall.window_s)} s"
    return text


def renditions(plan: RenditionsPlan) -> str:
    """Variants of each clip, their CPU time and their workers."""
    names = ", ".join(each.name for each in plan.variants)
    workers = f"{plural(plan.workers_needed, 'worker')} needed + 1 spare"
    if plan.worker is None:
        workers += ", which the stack does not build"
    return (
        f"{names}: {data_size(plan.bytes_per_clip)} a clip in {number(plan.cpu_s_per_clip)} CPU s "
        f"(usually {number(plan.usual_cpu_s_per_clip)}), {number(plan.clips_per_s)} clips/s at "
        f"the busiest moment; {workers}, each on an m7i.large of its own"
    )


def application(plan: ApplicationPlan) -> str:
    """Pods of the application and the load that they answer, without a final stop."""
    spare = plan.pods_total - plan.pods_needed
    pods = f"{plural(plan.pods_needed, 'pod')} needed + {spare} spare"
    if plan.pods is None:
        pods += ", which the stack does not build"
    text = (
        f"{plan.api}: {number(plan.requests_per_s)} requests/s at the busiest moment, "
        f"{number(plan.cpu_s_per_request)} CPU s each; {pods}, each on an m7i.large of its own"
    )
    if plan.file_bytes_per_request:
        files = data_size(round(plan.file_bytes_per_request))
        text += f"; {files} of files a request, kept for {plural(plan.retention.days, 'day')}"
    if plan.tokens is not None:
        text += f"; {token_limit(plan.tokens)}"
    return text


def answers(plan: AnswerCachePlan) -> str:
    """Cache of answers, what it holds and what it saves, without a final stop."""
    stated = {each.hit_ratio for each in plan.hits}
    band = f" (of {share(min(stated))} to {share(max(stated))})" if len(stated) > 1 else ""
    text = (
        f"{share(plan.hit_ratio)} of requests reach no engine{band}; at most {plan.entries:,} "
        f"answers of {plan.entry_bytes:,} bytes for {plan.ttl_s:,} s in {plan.storage_gb:,} GB, "
        f"{number(plan.ecpu_per_s)} processing units/s at the busiest moment"
    )
    if plan.gpus_needed_without is None or plan.empty_ratio is None:
        return text
    needed = {each.hit_ratio: each.gpus_needed for each in plan.hits}
    ends = ", ".join(f"{gpus:,} at {share(ratio)}" for ratio, gpus in needed.items())
    return (
        f"{text}; GPUs needed: {ends}, {plan.gpus_needed_without:,} without it; with an empty "
        f"cache the fleet serves {share(plan.empty_ratio)} of the busiest moment"
    )


def page(plan: PagePlan) -> str:
    """Pods of the chat page, its database and its licence, without a final stop."""
    spare = plan.pods_total - plan.pods_needed
    pods = f"{plural(plan.pods_needed, 'pod')} needed + {spare} spare"
    if plan.pods is None:
        pods += ", which the stack does not build"
    return (
        f"{plan.ui}: {number(plan.cpu_s_per_request)} CPU s a question; {pods}, each on an "
        f"m7i.large of its own; {number(plan.writes_per_s)} writes/s and "
        f"{data_size(plan.turn_bytes)} a question in a database of its own, kept for "
        f"{plural(plan.retention_days, 'day')}; its branding must stay above {BRANDED_USERS} "
        "users in 30 days (Open WebUI License)"
    )


def feedback(plan: FeedbackPlan) -> str:
    """Text on what users say about answers, without a final stop."""
    return (
        f"{share(plan.share)} of answers, {number(plan.records_per_s)} records/s of "
        f"{plan.record_bytes:,} bytes at the busiest moment, {plan.records_per_day:,} a day; "
        f"{data_size(plan.stored_bytes)} before gzip, kept for {plural(plan.days, 'day')}"
    )


def token_limit(plan: TokenLimitPlan) -> str:
    """Limit of a user's tokens and what enforces it, without a final stop."""
    at_once = plural(plan.requests_at_once, "request")
    text = (
        f"at most {plan.tokens_per_user_per_min:,} tokens a user in a minute, counted by the "
        f"application: each request reserves {plan.reserved_tokens:,}, so {at_once} at once"
    )
    if plan.requests_per_min is None or plan.request_tokens is None:
        return text
    requests = plural(plan.requests_per_min, "request")
    return f"{text}, and {requests} of {number(plan.request_tokens)} tokens in a minute"


def documents(plan: ContextPlan) -> str:
    """Text on the documents that requests search, without a final stop."""
    searching = f"{share(plan.share)} of requests add up to {plan.searched_tokens:,} tokens each"
    alone = ""
    if plan.direct is not None:
        searches, vectors = plan.direct.searches_per_s, plan.direct.embeddings_per_s
        alone = f"; without an answer {number(searches)} searches/s and {number(vectors)} vectors/s"
    return (
        f"{plan.documents:,} documents in {plan.chunks:,} chunks, each with {plan.dimensions:,} "
        f"elements from {plan.service}; {searching}, {number(plan.searches_per_s)} searches/s; "
        f"{data_size(plan.stored_bytes)} in the database, of which {data_size(plan.index_bytes)} "
        f"of index stay in memory ({number(plan.memory_acu)} ACU); "
        f"{plural(plan.workers_needed, 'worker')} needed in {plural(plan.pods, 'pod')}, which "
        f"{'reads' if plan.pods == 1 else 'read'} all documents in {number(plan.first_h)} h{alone}"
    )


def application_database(plan: ApplicationPlan) -> str:
    """Writes, connections and bytes of the application's database, without a final stop."""
    kept = plan.retention
    text = (
        f"{number(plan.writes_per_s)} writes/s at the busiest moment; at most "
        f"{plan.connections_total:,} of {plan.connections_limit:,} connections; "
        f"{data_size(plan.interaction_bytes)} of rows an interaction, and "
        f"{kept.rows_per_day:,} rows a day are deleted after {plural(kept.days, 'day')}"
    )
    if plan.interaction_ratio != 1:
        ratio = number(plan.interaction_ratio)
        text += f"; the stated bytes are {ratio} times the measured ones, indexes included"
    return text


def region_copy(copy: RegionCopyPlan) -> str:
    """Text on the copy of a bucket's files in another region, without a final stop."""
    usd = copy.transfer_usd_per_month
    cost = "at an unknown price" if usd is None else f"{usd:,.0f} USD at list prices"
    moved = f"{number(copy.transfer_gb_per_month)} GB a month between the regions, {cost}"
    return f"{data_size(copy.stored_bytes)} in {copy.region}; {moved}"


def delivery(cdn: CdnPlan) -> str:
    """Text on the views of a content delivery network, without a final stop."""
    views, egress = cdn.views_per_s_peak, cdn.egress_mbit_per_s_peak
    rate = f"{number(cdn.views_per_s_mean)} views/s mean"
    rate += "" if views is None else f", {number(views)} peak"
    out = f"{number(cdn.egress_mbit_per_s)} Mbit/s mean"
    out += "" if egress is None else f", {number(egress)} Mbit/s peak"
    usd = cdn.egress_usd_per_month
    cost = "at an unknown price" if usd is None else f"{usd:,.0f} USD at list prices"
    month = f"{number(cdn.egress_gb_per_month)} GB a month, {cost}"
    return (
        f"{rate}: {out} by {cdn.price_class}, {month}; "
        f"the bucket answers {number(cdn.origin_requests_per_s)} requests/s with "
        f"{number(cdn.origin_mbit_per_s)} Mbit/s{'' if views is None else ' at the peak'}"
    )


def imported(service: ServicePlan) -> str:
    """Sentence on the source of the weights and the import time; empty without an import.

    The text has no final stop.
    """
    source, job = service.inputs.model.source, service.weights_import
    if source is None or job is None:
        return ""
    where = ""
    if source.hub is not None:
        where = f"the hub's {source.hub.id} at {source.hub.revision[:12]}"
    elif source.s3 is not None:
        where = source.s3.uri
    elif source.image is not None:
        where = f"the image {source.image.reference.partition('@')[0]}"
    return (
        f"Its weights come from {where}: a Job brings them into the bucket in about "
        f"{duration(job.import_s)}, and replicas wait for it"
    )


def latency(service: ServicePlan) -> str:
    """Verdict on the latency targets, with the load for which it is valid."""
    found = service.latency
    return f"The latency target is {found.text}." if found is not None else ""


def other_methods(service: ServicePlan) -> str:
    """GPUs needed by the other methods, and their ratio to the answer."""
    own = service.capacity.method if service.capacity else ""
    others = [m for m in service.methods if m.method != own]
    if not others:
        return ""
    counts = [f"{m.method} {m.gpus_needed:,} ({number(m.ratio)} x)" for m in others]
    assumed = service.calibrated.assumed if service.calibrated else ()
    about = f", assuming {' and '.join(assumed)}" if assumed else ""
    return f"GPUs needed by other methods: {', '.join(counts)}{about}."


def chosen(service: ServicePlan) -> str:
    """Source of weights narrower than published; else a note that `auto` did not consider them."""
    hardware, choice = service.inputs.hardware, service.choice
    if choice is None or hardware is None:
        return ""
    if choice.checkpoint is not None:
        return f"The planned weights are in {choice.checkpoint.text}."
    if not hardware.is_auto or hardware.precisions or service.inputs.model.precision is not None:
        return ""
    return (
        f"The planned weights are in {choice.precision}, as published; hardware.precisions allows "
        "narrower ones."
    )


def unbuilt(service: ServicePlan) -> str:
    """Note that the stack creates no nodes for a service without an engine."""
    if service.serving is not None:
        return ""
    return f"The stack builds none of these nodes: {service.unserved}."


def where(service: ServicePlan, pool: PoolPlan) -> str:
    """Nodes by zone, and the zones of the site that cannot have any."""
    zones = ", ".join(f"{zone} {count}" for zone, count in pool.nodes_by_zone.items())
    without = [f"{r.zone} {r.numbers}" for r in service.rejected if r.zone is not None]
    lacking = f"; {'; '.join(without)}" if without else ""
    return f"By zone: {zones}{lacking}."


def losses(survived: Survives) -> str:
    """Return the losses that a fleet survives: `loss of any 3 nodes, no zone`."""
    nodes = f"any {plural(survived.nodes, 'node')}" if survived.nodes else "no node"
    zones = f"any {plural(survived.zones, 'zone')}" if survived.zones else "no zone"
    return f"loss of {nodes}, {zones}"


def survives(pool: PoolPlan) -> str:
    """Sentence on survived and other losses, with the nodes that surviving a zone loss takes."""
    lost = "any one node" if pool.survives.nodes == 1 else f"any {pool.survives.nodes} nodes"
    nodes = (
        f"It survives the loss of {lost}"
        if pool.survives.nodes
        else "It does not survive the loss of a node"
    )
    if pool.survives.any_zone:
        lost = "any one zone" if pool.survives.zones == 1 else f"any {pool.survives.zones} zones"
        return f"{nodes}, and of {lost}."
    left = (
        f"{pool.nodes_left_after_zone} of {plural(pool.nodes_needed, 'needed node')} would be left"
    )
    link = ", but not of a zone" if pool.survives.nodes else " or a zone"
    return f"{nodes}{link}: {left}{_zone_price(pool)}."


def _zone_price(pool: PoolPlan) -> str:
    zones = len(pool.nodes_by_zone)
    if zones < 2:
        return "; one zone alone cannot survive its own loss"
    span = pool.nodes_per_replica
    total = nodes_for_zone_loss(pool.nodes_needed // span, zones) * span
    return f"; surviving one of {zones} zones takes {plural(total, 'node')}"


def queue_text(jobs: JobsPlan) -> str:
    """Largest backlog of a day, its end, and the wait that most jobs do not exceed."""
    wait = (
        "wait more than a day" if jobs.wait_s is None else f"wait at most {duration(jobs.wait_s)}"
    )
    waits = f"{number(jobs.percentile)} % of jobs {wait if jobs.wait_s != 0 else 'do not wait'}"
    if not jobs.largest_backlog:
        return f"no backlog grows; {waits}"
    backlog = plural(ceil(jobs.largest_backlog), "job")
    drain = duration(ceil(jobs.drain_s))
    return f"up to {backlog} wait; the queue is empty {drain} after the peak; {waits}"


def burst_serves_peak(service: ServicePlan) -> bool:
    """True where the floor and its burst together serve the peak."""
    codes = {each.code for each in service.contradictions}
    return service.burst is not None and Contradicts.peak_above_capacity not in codes


def load(service: ServicePlan, pool: PoolPlan) -> str:
    """Load that the fleet is sized for, and the GPUs that the peak would need."""
    capacity = service.capacity
    mean = f"{share(pool.utilisation_at_mean)} on the mean"
    if service.jobs is not None:
        queue = queue_text(service.jobs)
        return f"Jobs wait in a queue, and the fleet is sized over a day: {queue}."
    if capacity is None or capacity.load == "peak":
        peak = f"{share(pool.utilisation_at_peak)} at the peak"
        return f"It is sized on the peak; utilisation is {mean}, {peak}."
    if capacity.gpus_at_peak is None or pool.utilisation_at_peak is None:
        return f"It is sized on the mean, not on a peak; utilisation of all GPUs is {mean}."
    if service.burst is not None and burst_serves_peak(service):
        return (
            "It is sized on the mean, and a burst for the peak; "
            f"utilisation of the floor is {mean}, and up to "
            f"{plural(service.burst.gpus, 'GPU')} more serve the peak."
        )
    return (
        f"It is sized on the mean, not on the peak; utilisation of all GPUs is {mean}, but the "
        "peak "
        "alone would need "
        f"{plural(capacity.gpus_at_peak, 'GPU')}, {plural(pool.nodes_at_peak or 0, 'node')} with "
        f"the same redundancy; at the peak it receives {number(pool.utilisation_at_peak)} "
        "times what it can serve."
    )
