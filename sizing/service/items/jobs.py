"""How does a queued service accept its jobs, and how do workers take and give them back?"""

from fractions import Fraction
from math import ceil, isfinite

from sizing.catalog import Catalog
from sizing.locks.versions import image_reference
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.items.jobs import JobApiPlan, JobsPlan, JobWorkerPlan
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Case
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.item import item_of
from sizing.replica.queues.job_queue import JobQueue, day_of
from sizing.replica.traffic import Rates, apart_s, jobs_at_once
from sizing.service.request_limits import item_seconds
from sizing.service.stores.artefact import format_of, frame_of
from sizing.site import LOG_DAYS, Site
from sizing.site.mirrors import mirrored
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.units import KIB, MIB, SECONDS_PER_DAY
from sizing.workload import Kind, Method, Queue, Workload
from sizing.workload.targets import Latency

WORKER_IMAGE = "public.ecr.aws/lambda/python"
"""Item of data/pins.csv of the image that workers run in."""
RUNTIME = "python3.13"
"""Runtime of the function. Basis: vendor (AWS Lambda runtimes, 2026-11)."""
FUNCTION_MIB, FUNCTION_S = 512, 45
"""Memory and longest run of the function. Basis: assumed; a request makes up to six calls, each of
two attempts of 3 s and a pause of 1 s."""
REQUEST_S = 0.1
"""Seconds of one request of the function. Basis: assumed."""
POLL_S = 10
"""Seconds between two requests for the state of a job. Basis: assumed; a client decides it."""
FUNCTIONS_AT_ONCE = 1_000
"""Functions of an account that run at once in a region. Basis: vendor (AWS Lambda, default quota).
"""
OWNER_INDEX = "by-owner"
"""Name of the index of a table by owner and time."""
BODY_BYTES = 64 * KIB
"""Maximum bytes of a request. Basis: assumed; a prompt has a few KB, and an image is uploaded."""
UPLOAD_BYTES = 20 * MIB
"""Maximum bytes of an uploaded image. Basis: assumed."""
URL_S = 3_600
"""Seconds for which the signed address of a result is valid. Basis: assumed. The credentials of a
function last longer."""
LATE_ROW_DAYS = 3
"""Days for which a row outlives its object. Basis: vendor; DynamoDB deletes expired rows within a
few days."""
SHORTEST_VISIBILITY_S, LONGEST_VISIBILITY_S = 60, 43_200
"""Limits of the time for which a job is invisible. Basis: assumed; vendor (SQS, 12 hours)."""
VISIBLE_ITEMS = 2
"""Items that fit in that time. Basis: assumed; heartbeats extend it for longer ones."""
HEARTBEATS = 3
"""Heartbeats within that time. Basis: assumed; two may fail."""
SLOWEST_ITEM, SLOWEST_EXTRA_S = 4, 600
"""Longest item over the sized one, and seconds beyond. Basis: assumed; the first item of an engine
may compile kernels for some minutes, which must not look like an engine that hangs."""
WORKER_MILLICORES, WORKER_MIB = 250, 256
"""CPU and memory of the worker beyond one image. Basis: assumed; it waits for the engine and copies
bytes."""
HELD_IMAGES = 4
"""Uncompressed images that fit in the worker's memory. Basis: assumed; an answer with a picture has
its text, in base64, and its bytes. Clips are copied in parts."""
BYTES_PER_PIXEL = 3
"""Bytes of an uncompressed pixel. Basis: arithmetic, three colours of 8 bits."""
SCRATCH_SPARE_MIB = 16
"""MiB beyond the files of one job. Basis: assumed."""
GIVE_BACK_S = 10
"""Seconds for which an engine outlives the order to stop. Basis: assumed; its worker stops at once,
and gives the job back by two short calls."""
KEPT_S = 14 * SECONDS_PER_DAY
"""Seconds for which a queue keeps a message. Basis: vendor (SQS, the most)."""
BACKUP_RECEIVES = 20
"""Times a job is handed out beyond its attempts. Basis: assumed; drained nodes give jobs back, and
workers count that apart."""
JOBS_IN_PROGRESS = 120_000
"""Messages of one queue that are handed out at once. Basis: vendor (SQS, standard queues)."""
DEFAULT_PERCENTILE = Latency().percentile
"""Percentage of jobs for the wait without a target."""


def jobs_of(
    case: Case, pool: PoolPlan, rate: GpuRate, rates: Rates, *, served: bool
) -> tuple[JobsPlan | None, tuple[Rejected, ...]]:
    """Return the jobs of a queued service, and the options that were not taken.

    There are no jobs where requests are answered at once. `served` is true where an engine makes
    the items on nodes of this stack.
    """
    queue, latency = case.workload.jobs, case.workload.latency
    if queue is None:
        return None, ()
    item_s = item_seconds(rate, pool.gpus_per_replica)
    day = day_of(case.workload.traffic, rates, queue)
    waiting = JobQueue(pool.replicas_needed, float(item_s), day)
    prompt = case.workload.prompt
    percentile = DEFAULT_PERCENTILE if latency is None else latency.percentile
    wait_s = waiting.wait_s(float(percentile) / 100)
    lacking = without_api(case)
    api = None if lacking is not None else _api(case, waiting, rates, accepts=served)
    plan = JobsPlan(
        workers=waiting.workers,
        job_s=plain(item_s),
        alone_s=plain(alone_seconds(case.workload, item_s)),
        utilisation=plain(rates.mean * item_s / waiting.workers),
        largest_backlog=waiting.largest_backlog,
        drain_s=waiting.drain_s,
        drain_target_s=plain_or_none(queue.drain_s),
        percentile=plain(percentile),
        wait_s=wait_s if isfinite(wait_s) else None,
        kept_s=KEPT_S,
        protected=case.site.keeps(case.workload),
        recoverable=case.site.protected,
        owner_index=OWNER_INDEX if prompt is not None and prompt.history is not None else None,
        receives=queue.attempts + BACKUP_RECEIVES,
        api=api,
        worker=_worker(case, queue, item_s, api) if served and api is not None else None,
    )
    absent = [] if lacking is None else [_no_api(lacking)]
    return plan, (*absent, *_over_quota(api), *_too_many(pool))


def alone_seconds(workload: Workload, job_s: Fraction) -> Fraction:
    """Seconds of one job that does not wait, from its first stage to its end.

    made = seconds of an engine without repeated attempts; stages + made, and with two jobs in hand
    stages + min(made, 2 x made - stages), since the seconds of an engine then include a half of the
    stages that exceed them

    Basis: arithmetic. A rate that the user measured includes no stages.
    """
    queue, apart, capacity = workload.jobs, apart_s(workload), workload.capacity
    made = job_s * (1 - exact(queue.repeated_ratio)) if queue is not None else job_s
    if jobs_at_once(workload) > 1 and capacity and capacity.method is Method.calibrated:
        made = min(made, 2 * made - apart)
    return apart + made


def without_api(case: Case) -> str | None:
    """Reason why nothing accepts the service's jobs, as a clause; None where something does, or
    where it has none.

    Without it there are no nodes either, because nothing would give their workers a job.
    """
    if case.workload.jobs is None:
        return None
    if case.site.token_issuer is None:
        return (
            "a job belongs to the subject of a token, and the stack file names no issuer: add "
            "sizewright:token_issuer and sizewright:token_jwks_url"
        )
    if case.workload.data is None:
        return "results expire; the workload has no data.retention_days"
    if case.made is None:
        return "the catalog does not know what the model makes by default"
    return None


def _worker(case: Case, queue: Queue, item_s: Fraction, api: JobApiPlan) -> JobWorkerPlan:
    """Return the worker next to each engine, for one item of the sized form.

    visibility = 2 x seconds of an item, 60 s to 12 h; a heartbeat = visibility / 3
    memory = jobs at once x (256 MiB + 4 x bytes of a frame)
    scratch = jobs at once x (bytes of all frames + upload) + 16 MiB

    Bytes are those of uncompressed pixels. Basis: arithmetic; no codec takes more.
    """
    frame_bytes = api.width * api.height * BYTES_PER_PIXEL
    visible_s, at_once = visibility_s(item_s), jobs_at_once(case.workload)
    return JobWorkerPlan(
        image=worker_image(case.site, case.catalog),
        at_once=at_once,
        cpu_millicores=at_once * WORKER_MILLICORES,
        memory_mib=at_once * (WORKER_MIB + ceiling(Fraction(HELD_IMAGES * frame_bytes, MIB))),
        scratch_mib=SCRATCH_SPARE_MIB
        + at_once * ceiling(Fraction(frame_bytes * api.frames + api.upload_bytes, MIB)),
        give_back_s=GIVE_BACK_S,
        format=format_of(case.workload).value,
        attempts=queue.attempts,
        visibility_s=visible_s,
        heartbeat_s=visible_s // HEARTBEATS,
        item_timeout_s=ceiling(SLOWEST_ITEM * item_s) + SLOWEST_EXTRA_S,
    )


def visibility_s(item_s: Fraction) -> int:
    """Seconds for which a message that is handed out is invisible: 2 x seconds of its item, 60 s to
    12 h."""
    wanted = ceiling(VISIBLE_ITEMS * item_s)
    return min(max(wanted, SHORTEST_VISIBILITY_S), LONGEST_VISIBILITY_S)


def worker_image(site: Site, catalog: Catalog) -> str:
    """Image that workers run in, by exact tag: Python and the AWS SDK."""
    return mirrored(image_reference(WORKER_IMAGE, WORKER_IMAGE, catalog), site.mirrors)


def polls_per_s(waiting: JobQueue) -> float:
    """Requests a second for the state of jobs, at the worst moment of a day.

    (largest backlog + workers) / seconds between two requests

    Basis: arithmetic; each job that waits or is made has a client that polls.
    """
    return (waiting.largest_backlog + waiting.workers) / POLL_S


def _api(case: Case, waiting: JobQueue, rates: Rates, *, accepts: bool) -> JobApiPlan:
    """Return the function that accepts jobs, where workers do them. Raises ValueError where there
    can be none.
    """
    workload, data, issuer = case.workload, case.workload.data, case.site.token_issuer
    if case.made is None or data is None or issuer is None:
        raise ValueError(f"{workload.name}: {without_api(case)}")
    # Guard: an image that starts from another has more tokens, which are not sized.
    item, video = item_of(workload, case.made.model), workload.kind is Kind.video
    requests_per_s = float(rates.busiest) + polls_per_s(waiting)
    row = case.catalog.listed(workload.engine.name).get(case.made.model.model)
    return JobApiPlan(
        kind=workload.kind.value,
        model=case.made.model.model,
        runtime=RUNTIME,
        memory_mib=FUNCTION_MIB,
        timeout_s=FUNCTION_S,
        requests_per_s=requests_per_s,
        at_once=requests_per_s * REQUEST_S,
        body_bytes=BODY_BYTES,
        url_s=URL_S,
        issuer=issuer,
        accepts=accepts,
        takes_images=video and row is not None and row.takes_image,
        upload_bytes=UPLOAD_BYTES,
        width=item.width,
        height=item.height,
        frames=item.frames,
        fps=_fps(case),
        iterations=item.steps,
        expire_days=data.retention_days,
        row_days=data.retention_days + LATE_ROW_DAYS,
        log_days=LOG_DAYS[case.site.environment],
    )


def _fps(case: Case) -> int | None:
    """Whole frames of a second of a clip, rounded up, as the engine accepts them."""
    frame = frame_of(case)
    return None if frame is None or frame.frames_per_s is None else ceil(frame.frames_per_s)


def _no_api(numbers: str) -> Rejected:
    return Rejected(option="job API", reason=Reason.no_job_api, numbers=numbers)


def _over_quota(api: JobApiPlan | None) -> list[Rejected]:
    """Rejection of more functions at once than an account runs by default."""
    if api is None or api.at_once <= FUNCTIONS_AT_ONCE:
        return []
    return [too_many_functions("job API", api.at_once)]


def too_many_functions(option: str, at_once: float) -> Rejected:
    """Rejection of an option whose functions exceed those that an account runs at once."""
    had = f"an account has {FUNCTIONS_AT_ONCE:,}"
    return Rejected(
        option=f"{option} within the default quota",
        reason=Reason.store_limit,
        numbers=f"{at_once:,.0f} run at once at the busiest moment; {had}",
    )


def _too_many(pool: PoolPlan) -> list[Rejected]:
    """Rejection of more workers than one queue hands jobs out to."""
    if pool.replicas_total <= JOBS_IN_PROGRESS:
        return []
    numbers = (
        f"{pool.replicas_total:,} workers; a queue hands out {JOBS_IN_PROGRESS:,} jobs at once"
    )
    return [Rejected(option="one queue", reason=Reason.store_limit, numbers=numbers)]
