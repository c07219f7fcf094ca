"""Explanations of the jobs of a queued service, of its function and of its workers."""

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, Registry, log_days, setting
from sizing.explained.service.capacity import busiest_rate, item_seconds
from sizing.plan.service.items.jobs import JobApiPlan, JobsPlan, JobWorkerPlan
from sizing.replica.traffic import apart_s, jobs_at_once
from sizing.workload import Queue

CODE = "sizing/service/items/jobs.py"
_FRAME = "{s.item.width} * {s.item.height} * {jobs.BYTES_PER_PIXEL}"


def _job_s(leaf: Leaf) -> Entry:
    return Entry(
        "seconds of an engine for one job, repeated attempts included",
        "GPU-seconds of a job / GPUs of a replica",
        item_seconds(leaf),
        leaf.method,
        leaf.method_source,
    )


def _alone_s(leaf: Leaf) -> Entry:
    """Explanation with the stages that run apart from the engine."""
    workload, made = leaf.sized.inputs, "{s.jobs.job_s} * (1 - {w.jobs.repeated_ratio})"
    apart = float(apart_s(workload))
    symbols, numbers = "seconds of an engine without repeated attempts", made
    if apart:
        symbols, numbers = f"stages + {symbols}", f"{apart} + {made}"
    if jobs_at_once(workload) > 1 and leaf.capacity.method == "calibrated":
        symbols = "stages + min(made, 2 x made - stages), made being seconds of an engine"
        numbers = f"{apart} + min({made}, 2 * {made} - {apart})"
    return Entry("seconds of one job that does not wait, stages included", symbols, numbers)


def _of_a_day(meaning: str, symbols: str) -> Explainer:
    """Explanation of a number that follows from the periods of a whole day."""

    def entry(leaf: Leaf) -> Entry:
        return Entry(
            meaning,
            symbols,
            "{v}",
            leaf.method,
            leaf.method_source,
            arithmetic=False,
            remarks=(_day(leaf),),
        )

    return entry


def _day(leaf: Leaf) -> str:
    """Clause that describes the day of the queue."""
    traffic, queue = leaf.sized.inputs.traffic, leaf.sized.inputs.jobs or Queue()
    if traffic.hourly is not None:
        return "24 hours as in traffic.hourly"
    if leaf.sized.traffic.requests_per_s_peak is None:
        return "no peak is given: the rate is constant"
    return f"{queue.peak_hours} hours at the peak, and the rest of the day's jobs in the others"


def _requests(leaf: Leaf) -> Entry:
    waiting = "({s.jobs.largest_backlog} + {s.jobs.workers}) / {jobs.POLL_S}"
    return Entry(
        "requests a second at the busiest moment: new jobs, and clients that poll",
        "busiest rate + (largest backlog + workers) / seconds between two polls",
        f"{busiest_rate(leaf)} + {waiting}",
        Basis.assumed,
        f"seconds between two polls: {CODE}",
    )


def _stated(meaning: str, field: str) -> Entry:
    return Entry(
        meaning,
        f"queue.{field}",
        f"{{w.jobs.{field}}}",
        Basis.given,
        f"the workload file: queue.{field}; its default is assumed",
    )


def _limit(meaning: str, field: str) -> Entry:
    return Entry(meaning, "as sized", f"{{s.item.{field}}}")


JOBS: Registry = {
    JobsPlan: {
        "workers": Entry(
            "replicas that work off the queue", "replicas needed", "{s.pool.replicas_needed}"
        ),
        "job_s": _job_s,
        "alone_s": _alone_s,
        "utilisation": Entry(
            "share of a day in which these workers work",
            "mean rate x seconds of a job / workers",
            "{s.traffic.requests_per_s_mean} * {s.jobs.job_s} / {s.jobs.workers}",
        ),
        "largest_backlog": _of_a_day(
            "jobs that wait at the worst moment of a day",
            "(arrivals - finished jobs a second) x seconds, after idle workers are taken",
        ),
        "drain_s": _of_a_day(
            "seconds from the largest backlog until no job waits",
            "backlog / (finished jobs - arrivals a second), period by period",
        ),
        "drain_target_s": _stated("the target of the drain, seconds", "drain_s"),
        "percentile": Entry(
            "percent of a day's jobs for the wait",
            "latency.percentile",
            "{v}",
            Basis.given,
            "the workload file: latency.percentile; 95 when left out",
        ),
        "wait_s": _of_a_day(
            "seconds that this percentage of jobs waits at most",
            "backlog / finished jobs a second while one grows or shrinks, else Erlang C",
        ),
        "kept_s": setting(
            "seconds for which a queue keeps a job",
            "14 days, the most",
            Basis.vendor,
            f"SQS; {CODE}",
        ),
        "receives": Entry(
            "times that a job is handed out before the queue moves it to the dead letters",
            "attempts + 20, since drained nodes give jobs back",
            "{w.jobs.attempts} + {jobs.BACKUP_RECEIVES}",
            Basis.assumed,
            CODE,
        ),
    },
    JobApiPlan: {
        "memory_mib": setting("memory of the function", "a fixed size", Basis.assumed, CODE),
        "timeout_s": setting(
            "longest run of the function, seconds", "a fixed time", Basis.assumed, CODE
        ),
        "requests_per_s": _requests,
        "at_once": Entry(
            "requests that run at once at the busiest moment",
            "requests a second x seconds of one, Little's law",
            "{s.jobs.api.requests_per_s} * {jobs.REQUEST_S}",
            Basis.assumed,
            f"seconds of a request: {CODE}",
        ),
        "body_bytes": setting("most bytes of a request", "64 KiB", Basis.assumed, CODE),
        "url_s": setting(
            "seconds for which the signed address of a result is valid",
            "an hour",
            Basis.assumed,
            CODE,
        ),
        "upload_bytes": setting("most bytes of an uploaded image", "20 MiB", Basis.assumed, CODE),
        "width": _limit("pixels of a row of the largest item of a job", "width"),
        "height": _limit("pixels of a column of the largest item of a job", "height"),
        "frames": _limit("frames of the largest item of a job", "frames"),
        "fps": Entry(
            "frames of a second of a clip that states none",
            "frames of a second of the sized clip, rounded up",
            "ceil({s.artefact.frames_per_s})",
        ),
        "iterations": _limit("denoising steps of the largest item of a job", "steps"),
        "expire_days": Entry(
            "days after which a result is no longer found",
            "data.retention_days",
            "{w.data.retention_days}",
            Basis.given,
            "the workload file: data.retention_days",
        ),
        "row_days": Entry(
            "days after which the table may delete the row of a job",
            "days of the result + 3, since tables delete late",
            "{s.jobs.api.expire_days} + {jobs.LATE_ROW_DAYS}",
            Basis.vendor,
            "DynamoDB deletes expired rows within a few days",
        ),
        "log_days": log_days("the logs of the function"),
    },
    JobWorkerPlan: {
        "cpu_millicores": setting(
            "millicores that the worker requests of its replica's share",
            "250 for each job in hand: it waits for the engine and copies bytes",
            Basis.assumed,
            CODE,
        ),
        "at_once": setting(
            "jobs that the worker has in hand",
            "2 where prompts of images have stages, so that the engine works meanwhile; else 1",
            Basis.assumed,
            "sizing/replica/traffic.py",
        ),
        "memory_mib": Entry(
            "MiB that the worker requests of its replica's share, and may use",
            "jobs in hand x (256 + 4 uncompressed images or frames of 3 bytes a pixel)",
            "{s.jobs.worker.at_once} * ({jobs.WORKER_MIB}"
            f" + ceil({{jobs.HELD_IMAGES}} * {_FRAME} / {{units.MIB}}))",
            Basis.assumed,
            CODE,
        ),
        "scratch_mib": Entry(
            "MiB on the node's disk for one item and one uploaded image",
            "16 + jobs in hand x bytes of the uncompressed item and of the largest upload",
            "{jobs.SCRATCH_SPARE_MIB} + {s.jobs.worker.at_once}"
            f" * ceil(({_FRAME} * {{s.item.frames}}"
            " + {s.jobs.api.upload_bytes}) / {units.MIB})",
            Basis.assumed,
            CODE,
            remarks=("no codec takes more bytes than the uncompressed item",),
        ),
        "give_back_s": setting(
            "seconds for which the engine outlives the order to stop",
            "fixed: the worker gives its job back by two short calls",
            Basis.assumed,
            CODE,
        ),
        "attempts": _stated("attempts of one job before it goes to the dead letters", "attempts"),
        "visibility_s": Entry(
            "seconds after which the job of a lost worker returns to the queue",
            "2 x seconds of a job, 60 s to 12 h",
            "min(max(ceil({jobs.VISIBLE_ITEMS} * {s.jobs.job_s}), {jobs.SHORTEST_VISIBILITY_S}),"
            " {jobs.LONGEST_VISIBILITY_S})",
            Basis.assumed,
            CODE,
        ),
        "heartbeat_s": Entry(
            "seconds between two extensions of that time",
            "floor(that time / 3)",
            "floor({s.jobs.worker.visibility_s} / {jobs.HEARTBEATS})",
            Basis.assumed,
            CODE,
        ),
        "item_timeout_s": Entry(
            "seconds after which an engine that has not made the item counts as hung",
            "4 x seconds of a job + 600",
            "ceil({jobs.SLOWEST_ITEM} * {s.jobs.job_s}) + {jobs.SLOWEST_EXTRA_S}",
            Basis.assumed,
            CODE,
            remarks=("the first job of an engine may compile kernels for some minutes",),
        ),
    },
}
