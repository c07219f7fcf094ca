"""Tables that `size` prints for a service: one row for each question, and each number once."""

from collections.abc import Iterator
from typing import assert_never

from sizewright.layout.numbers import data_size, duration, number, plural, share, usd
from sizewright.layout.table import Table
from sizewright.report.answer.contradicted import contradiction_table
from sizewright.report.answer.paragraphs import (
    answers,
    application,
    application_database,
    burst_serves_peak,
    delivery,
    documents,
    feedback,
    full_gpu_rate,
    imported,
    measured_with,
    page,
    public_ingress,
    queue_text,
    region_copy,
    renditions,
)
from sizewright.report.answer.rejections import COLUMNS, rejection_rows
from sizewright.report.stages import stages
from sizing.plan.service.burst import BurstPlan, FeltPlan, JobBurstPlan
from sizing.plan.service.calibrated import (
    CalibratedPlan,
    EstimatePlan,
    OneRunPlan,
    QuantilePlan,
    estimate_name,
)
from sizing.plan.service.capacity import CapacityPlan, MethodPlan
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.plan.service.host_memory.host_cache import HostCachePlan, HostHitsPlan
from sizing.plan.service.items.item import ItemPlan
from sizing.plan.service.pool import ChoicePlan, PoolPlan
from sizing.plan.service.states import StatePlan
from sizing.plan.service.stores import BucketPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.values.exact import Number
from sizing.workload import Load, Method, Workload


def size_tables(plan: Plan) -> Iterator[Table]:
    """Tables of each service: its figures and rejected options; at the end, the unverified pins."""
    for service in plan.services:
        yield Table(_title(service), list(_rows(service)))
        yield contradiction_table(service)
        rejected = list(rejection_rows(service.rejected))
        title = "not taken" if service.pool else "why it has no pool"
        yield Table(f"{service.name}: {title}", rejected, COLUMNS)
    yield Table("unverified", [(text,) for text in plan.unverified])


def _title(service: ServicePlan) -> str:
    pool = service.pool
    if pool is None:
        return f"{service.name}: no GPU pool"
    gpus = f"{plural(pool.gpus_total, 'GPU')} ({pool.gpu})"
    return f"{service.name}: {gpus} on {pool.nodes_total:,} x {pool.instance_type}"


def _rows(service: ServicePlan) -> Iterator[tuple[str, str]]:
    yield "traffic", _traffic(service)
    if service.capacity:
        yield "one GPU", _capacity(service)
    if service.pool:
        yield from _pool_rows(service, service.pool)
        yield from _fleet_rows(service)
    if service.own_runs:
        yield "calibration", f"{service.own_runs.file}: {service.own_runs.told}"
    if service.burst:
        yield "burst", _burst(service.burst)
    yield "memory", _memory(service)
    if service.pool and service.volumes:
        yield "volumes", _volumes(service.volumes)
    if service.artefact:
        yield "file", _file(service.artefact)
    yield "storage", _storage(service)
    yield from _bucket_rows(service)
    yield "network", _network(service)
    if service.renditions:
        yield "renditions", renditions(service.renditions)
    yield from _application_rows(service)
    if service.cdn:
        yield "delivery", delivery(service.cdn)
    yield from stages(service)
    for name, text in (("public ingress", public_ingress(service)), ("import", imported(service))):
        if text:
            yield name, text


def _application_rows(service: ServicePlan) -> Iterator[tuple[str, str]]:
    plan = service.application
    if plan:
        yield "application", application(plan)
        yield "database", application_database(plan)
        if plan.context:
            yield "documents", documents(plan.context)
        if plan.cache:
            yield "answers", answers(plan.cache)
        if plan.feedback:
            yield "feedback", feedback(plan.feedback)
    if service.page:
        yield "page", page(service.page)


def _bucket_rows(service: ServicePlan) -> Iterator[tuple[str, str]]:
    for bucket in service.buckets:
        if bucket.prefixes:
            yield "objects", _objects(bucket)
        if bucket.region_copy:
            yield "copy", region_copy(bucket.region_copy)


def _volumes(volumes: VolumePlan) -> str:
    place = f"local NVMe of {volumes.nvme_gib} GiB"
    if volumes.weights_gib is not None:
        place = f"a gp3 volume of {volumes.weights_gib} GiB"
    return (
        f"root {volumes.root_gib} GiB, weights on {place}: a new node downloads them in "
        f"{duration(volumes.download_s)} at {volumes.copy_mib_per_s} MiB/s, reads them in "
        f"{duration(volumes.load_s)} at {volumes.sustained_mib_per_s} MiB/s"
    )


def _traffic(service: ServicePlan) -> str:
    traffic = service.traffic
    text = f"{number(traffic.requests_per_s_mean)} requests/s mean"
    text += f", {number(traffic.requests_per_s_peak)} peak"
    if traffic.engine_requests_per_s_mean is not None:
        at_engines = number(traffic.engine_requests_per_s_mean)
        text += f"; {at_engines} and {number(traffic.engine_requests_per_s_peak)} at the engines"
    if traffic.users_online_peak is not None:
        text += f"; {number(traffic.users_online_peak)} users online"
    if traffic.requests_in_flight_peak is not None:
        in_flight = number(traffic.requests_in_flight_peak)
        text += f"; {in_flight} in flight at the peak if each took as long as its targets allow"
    return text


def _capacity(service: ServicePlan) -> str:
    capacity = service.capacity
    if capacity is None:
        return ""
    sized = f"{capacity.method}, sized for the {capacity.load}"
    if capacity.load == Load.mean:
        # Guard: over a whole day, a rate sized for the peak would count users that never come.
        sized = f"{number(capacity.users_per_gpu_per_day)} users a day; {sized}"
    measured = measured_with(service)
    sized += f"; measured{measured}" if measured else ""
    return f"{_gpu_rate(service, capacity)}; {sized}"


def _gpu_rate(service: ServicePlan, capacity: CapacityPlan) -> str:
    """Rate of one GPU; for a calibrated rate also its share of full utilisation."""
    rate = f"{plural(capacity.requests_per_gpu_per_s, 'request')}/s"
    full = full_gpu_rate(service)
    if full is None:
        return f"{rate}, {duration(capacity.request_s)} of GPU time each"
    targets = "the latency targets and " if service.inputs.latency else ""
    part = share(capacity.requests_per_gpu_per_s / full)
    return f"{rate} within {targets}the limit of utilisation, {part} of {number(full)} at 100 %"


def _pool_rows(service: ServicePlan, pool: PoolPlan) -> Iterator[tuple[str, str]]:
    yield "GPUs", f"{pool.gpus_needed:,} needed, {pool.gpus_total:,} in all"
    yield (
        "nodes",
        f"{pool.nodes_needed:,} needed + {pool.nodes_spare:,} spare = {pool.nodes_total:,}",
    )
    yield "zones", ", ".join(f"{zone} {count:,}" for zone, count in pool.nodes_by_zone.items())
    yield "survives", _survives(pool)
    yield "binding", _each(pool.binding, pool.gpus_by_constraint, "GPUs")
    yield "redundancy", _each(pool.redundancy_binding, pool.nodes_by_rule, "nodes")
    utilisation = f"{share(pool.utilisation_at_mean)} at the mean"
    queue = ""
    if service.jobs is not None:
        queue = ", which the queue absorbs" * ((pool.utilisation_at_peak or 0) > 1)
    elif (pool.utilisation_at_peak or 0) > 1:
        queue = ": requests queue and the queue grows"
        if service.burst is not None and burst_serves_peak(service):
            queue = f" of the floor, which up to {plural(service.burst.gpus, 'burst GPU')} relieve"
    yield "utilisation", f"{utilisation}, {share(pool.utilisation_at_peak)} at the peak{queue}"
    capacity = service.capacity
    if service.jobs is not None:
        yield "queue", queue_text(service.jobs)
    elif capacity and capacity.load == "mean" and capacity.gpus_at_peak is not None:
        nodes = plural(pool.nodes_at_peak or 0, "node")
        yield "at the peak", f"{plural(capacity.gpus_at_peak, 'GPU')} on {nodes} would be needed"


def _fleet_rows(service: ServicePlan) -> Iterator[tuple[str, str]]:
    """Rows of a sized fleet: the calibrated band, latency, methods, states, rollout and price."""
    if service.calibrated:
        yield "band", _band(service, service.calibrated)
        yield "margins", _margins(service.calibrated)
        if service.calibrated.one_run is not None:
            yield "one own run", _one_run(service, service.calibrated.one_run)
    if service.host_cache:
        yield "host cache", _host_cache(service.host_cache, service.inputs)
    if service.item:
        yield "item", _item(service.item)
    if service.calibrated or service.latency:
        yield "latency", _latency(service)
    if service.methods:
        yield "methods", "; ".join(_method(method) for method in service.methods)
    if service.states:
        yield "states", "; ".join(_state(state) for state in service.states)
    if service.rollout:
        rollout = service.rollout
        yield (
            "rollout",
            f"{plural(rollout.replicas_at_once, 'replica')} at once, no surge; cold start "
            f"{duration(rollout.cold_start_s)}, {duration(rollout.duration_s)} in all",
        )
    if service.choice:
        yield "price", _price(service.choice)
        if service.choice.checkpoint:
            yield "checkpoint", service.choice.checkpoint.text


def _host_cache(found: HostCachePlan, inputs: Workload) -> str:
    """Size of the KV cache in host memory, then both ends of its effect on a prompt and on the
    GPUs."""
    link = f"{number(found.link_gb_per_s)} GB/s to a GPU"
    link += "" if found.link_was_read else " (recalled, not read)"
    text = f"{found.gib:,} GiB a replica, {found.tokens:,} tokens, {link}"
    if not found.hits:
        return f"{text}; the method that sizes does not know its effect"
    given = {each.hit_ratio: each for each in found.hits}
    ends = "; ".join(_host_hits(each) for each in given.values())
    without = f"{_gpus(found.gpus_needed_without)} without it"
    method = Method.calibrated if inputs.capacity is None else inputs.capacity.method
    by = "" if method is Method.calibrated else f"{method.value} sizes; by the calibrated estimate "
    return f"{text}; {by}{without}; {ends}"


def _host_hits(found: HostHitsPlan) -> str:
    """Effect of one end of the share of hits."""
    text = (
        f"{found.name} {number(found.hit_ratio)}: {_gpus(found.gpus_needed)}, "
        f"{number(found.tokens)} tokens of a prompt copied in {number(found.copying_ms)} ms "
        f"instead of computed in {number(found.computing_ms)} ms"
    )
    return f"{text}, which saves nothing" if found.saves_nothing else text


def _item(found: ItemPlan) -> str:
    """Shape, seconds and memory of one image or clip, and the assumptions."""
    frames = f", {found.frames} frames" if found.frames > 1 else ""
    shape = f"{found.width} x {found.height}{frames}, {found.steps} steps of {found.passes}"
    known = "measured" if found.basis == "measured" else "known from its datasheet alone"
    assumed = "".join(f"; assumed: {each}" for each in found.assumed)
    return (
        f"{shape}: {number(found.seconds)} s ({number(found.low_s)} to {number(found.high_s)}) on "
        f"{plural(found.cards, 'GPU')}, {found.runtime}; {data_size(found.card_bytes)} on each;"
        f" {found.model}, this GPU generation {known}, coefficients of {found.coefficients}"
        f"{assumed}"
    )


def _band(service: ServicePlan, found: CalibratedPlan) -> str:
    """Estimates of the band side by side with spares, and the assumptions."""
    counts = [_quantile(each) for each in found.quantiles if each.gpus_needed]
    text = ", ".join(counts) or "no rate meets the targets"
    capacity = service.capacity
    if capacity is not None and capacity.method == Method.calibrated:
        sizes = "the lock's rate sizes" if capacity.locked else f"{found.estimate} sizes"
        text += f", spares included; {sizes} the fleet"
    bare = found.replicas_without_headroom
    low, median, high = (
        number(n) if n is not None else "none" for n in (bare.low, bare.median, bare.high)
    )
    text += f"; {median} replicas ({low} to {high}) for the mean request without headroom"
    assumed = "".join(f"; assumed: {each}" for each in found.assumed)
    return f"{text}; {found.evidence}; coefficients of {found.coefficients}{assumed}"


def _quantile(found: QuantilePlan) -> str:
    """Fleet at one quantile: GPUs needed, nodes with spares, and their cost."""
    nodes = "" if found.nodes_total is None else f" on {_nodes(found.nodes_total)}"
    cost = _dollars(found.usd_per_month)
    return f"{_gpus(found.gpus_needed)}{nodes}{cost} at {estimate_name(found.quantile_percent)}"


def _gpus(count: int | None) -> str:
    return "an unknown number of GPUs" if count is None else plural(count, "GPU")


def _nodes(count: int | None) -> str:
    return "an unknown number of nodes" if count is None else plural(count, "node")


def _dollars(cost: Number | None) -> str:
    return "" if cost is None else f" ({usd(cost)} USD a month)"


def _margins(found: CalibratedPlan) -> str:
    """GPUs, nodes and money of each margin."""
    return "; ".join(
        f"{m.name}: {_gpus(m.gpus)}, {_nodes(m.nodes)} with spares{_dollars(m.usd_per_month)}"
        for m in found.margins
    )


def _one_run(service: ServicePlan, found: OneRunPlan) -> str:
    """Value of one own run, and the commands that measure and apply it."""
    nodes = "" if found.nodes_total is None else f" on {_nodes(found.nodes_total)}"
    text = f"{_gpus(found.gpus_needed)}{nodes} with the band after one run, spares included"
    if found.usd_saved_per_month is not None:
        text += f", which saves {usd(found.usd_saved_per_month)} USD a month"
    engine = service.inputs.engine.name.value
    tools = "`vllm bench serve` or guidellm" if engine == "vllm" else "guidellm"
    option = "" if engine == "vllm" else f" --engine {engine}"
    return f"{text}; {tools} measures it, `sizewright calibrate{option}` applies it"


def _latency(service: ServicePlan) -> str:
    """The verdict with its load, then the fitted times at the sized load."""
    latency, found = service.latency, service.calibrated
    verdict = latency.text if latency else "no target"
    if found is None:
        return verdict
    load = service.capacity.load if service.capacity else "peak"
    generates = service.inputs.kind.traits.generates
    fitted = f"{verdict}; as fitted (P50) at the {load} {_times(found.median, generates=generates)}"
    if latency is None:
        safe = _times(found.safe, generates=generates)
        fitted += f", {found.estimate} {safe}, for {number(found.percentile)} % of requests"
    if found.in_flight_peak is not None:
        in_flight = number(found.in_flight_peak)
        fitted += f"; {in_flight} requests in flight at the peak as estimated (P50)"
    return fitted


def _times(estimate: EstimatePlan, *, generates: bool) -> str:
    """Times of one side at the load of the needed replicas: TTFT and TPOT, or the response."""
    times = [("TTFT", estimate.ttft_ms, "ms"), ("TPOT", estimate.tpot_ms, "ms")]
    if not generates:
        times = [("response", estimate.response_s, "s")]
    return ", ".join(
        f"{name} {'unbounded' if time is None else f'{number(time)} {unit}'}"
        for name, time, unit in times
    )


def _method(found: MethodPlan) -> str:
    gpus = plural(found.gpus_needed, "GPU")
    return f"{found.method} {gpus} ({number(found.ratio)} x; {found.remark})"


def _state(state: StatePlan) -> str:
    used = share(state.utilisation_at_peak)
    holds = "" if state.holds else ", fewer than needed"
    return (
        f"{state.state} {plural(state.replicas, 'replica')}, {used} utilisation at the peak{holds}"
    )


def _price(choice: ChoicePlan) -> str:
    chosen = f"chosen by the {choice.chosen_by}"
    if choice.usd_per_hour is None or choice.pool_usd_per_month is None:
        return f"{choice.instance_type}: unknown, never zero; {chosen}"
    dated = f", {choice.price_checked}" if choice.price_checked else ", undated"
    return (
        f"{choice.pool_usd_per_month:,.0f} USD a month for the nodes alone, at "
        f"{number(choice.usd_per_hour)} USD an hour ({choice.price_source}{dated}); {chosen}"
    )


def _burst(burst: BurstPlan | JobBurstPlan) -> str:
    match burst:
        case BurstPlan():
            load = f"a replica has over {plural(burst.in_flight_target, 'request')} in flight"
            load += "" if burst.felt is None else _felt(burst.felt)
        case JobBurstPlan():
            load = (
                f"over {plural(burst.floor_jobs, 'job')} wait, one replica for each "
                f"{plural(burst.jobs_per_replica, 'job')} more"
            )
        case _ as never:
            assert_never(never)
    return (
        f"up to {plural(burst.gpus, 'GPU')} on {plural(burst.nodes, 'node')} more while {load}; "
        f"removed after {duration(burst.cooldown_s)} of less"
    )


def _felt(felt: FeltPlan) -> str:
    """Clause on what users feel, which starts replicas too."""
    failed = f"over {share(felt.failed_share)} of requests fail"
    if felt.slow is None:
        return f" or {failed}"
    slow = f"P{number(felt.slow.percentile)} of TTFT is above {number(felt.slow.ttft_ms)} ms"
    return f", {slow}, or {failed}"


def _survives(pool: PoolPlan) -> str:
    nodes, zones = pool.survives.nodes, pool.survives.zones
    some = f"any {plural(nodes, 'node')}" if nodes else "not a lost node"
    whole = f"any {plural(zones, 'zone')}" if zones else "not a lost zone"
    left = f"{pool.nodes_left_after_zone:,} of {plural(pool.nodes_needed, 'needed node')}"
    return f"{some}; {whole} ({left} left after the largest)"


def _each(binding: str, counts: dict[str, int], unit: str) -> str:
    said = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"{binding} ({unit}: {said})"


def _memory(service: ServicePlan) -> str:
    memory, pool, choice = service.memory, service.pool, service.choice
    precision = "" if choice is None else f" in {choice.precision}"
    text = f"weights take {data_size(memory.weights_bytes)} of GPU memory{precision}, KV "
    kv = memory.kv_bytes_per_token
    text += "unknown" if kv is None else f"{data_size(kv)} a token"
    if pool is None or memory.usable_bytes_per_gpu is None:
        return text
    usable, card = data_size(memory.usable_bytes_per_gpu), data_size(pool.gpu_memory_bytes)
    text += f"; {usable} of {card} usable x {plural(pool.gpus_per_replica, 'GPU')} a replica"
    if memory.max_sequences is not None:
        tokens = number(memory.tokens_per_sequence)
        text += f"; {plural(memory.max_sequences, 'sequence')} of {tokens} tokens fit"
    return text


def _storage(service: ServicePlan) -> str:
    storage = service.storage
    text = f"weights {data_size(storage.weights_bytes)} as parameters x nominal bits"
    if storage.interaction_bytes_per_day is None:
        return f"{text}; no data kept"
    kept = storage.profile_bytes
    profiles = "no profiles" if kept is None else f"profiles {data_size(kept)}"
    return (
        f"{text}; {profiles}; "
        f"interactions {data_size(storage.interaction_bytes_per_day)} a day, with indexes "
        f"{data_size(storage.indexed_bytes_per_day)} a day = "
        f"{data_size(storage.indexed_bytes_per_month)} a month; "
        f"{data_size(storage.retained_bytes)} kept"
    )


def _file(file: ArtefactPlan) -> str:
    """Bytes of one file from its pixels, and the stated bytes next to them."""
    text = f"{data_size(file.file_bytes)} as {file.format}: {file.width} x {file.height}"
    if file.frames > 1:
        text += f" x {file.frames:,} frames"
    text += f" x {number(file.bits_per_pixel)} bits a pixel"
    for what, ratio in (("stored", file.stated_file_ratio), ("answer", file.stated_answer_ratio)):
        if ratio is not None:
            text += f"; the stated {what} bytes are {number(ratio)} x that"
            text += " in base64" if what == "answer" and file.answer_bytes > file.file_bytes else ""
    return text


def _objects(bucket: BucketPlan) -> str:
    """Storage classes of a bucket's files, and its key prefixes."""
    tiers = [f"{data_size(tier.stored_bytes)} in {tier.storage_class}" for tier in bucket.tiers]
    standard = bucket.stored_bytes if bucket.standard_bytes is None else bucket.standard_bytes
    text = ", ".join([f"{data_size(standard)} in standard", *tiers])
    prefixes = bucket.prefixes
    if prefixes is None:
        return text
    named = "your application names the keys"
    there = named if prefixes.available is None else f"{prefixes.available:,} used"
    text = f"{text}; key prefixes: {prefixes.needed:,} needed, {there}"
    return f"{text}; over at least {bucket.zones} zones"


def _network(service: ServicePlan) -> str:
    network = service.network
    if network.ingress_mbit_per_s is None and network.egress_mbit_per_s is None:
        return "unknown: request_bytes and response_bytes are not given"
    into = (
        f"{_mbit(network.ingress_mbit_per_s)} mean, {_mbit(network.ingress_mbit_per_s_peak)} peak"
    )
    out = f"{_mbit(network.egress_mbit_per_s)} mean, {_mbit(network.egress_mbit_per_s_peak)} peak"
    return f"in {into}; out {out}"


def _mbit(value: float | None) -> str:
    return number(value) if value is None else f"{number(value)} Mbit/s"
