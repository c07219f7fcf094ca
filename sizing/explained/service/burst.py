"""Explanations of the capacity above the floor."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.service.burst import (
    AddedPlan,
    BurstPlan,
    FeltPlan,
    JobBurstPlan,
    SlowPlan,
)

SOURCE = "sizing/service/burst.py"


def _in_flight_sized(leaf: Leaf) -> Entry:
    meaning = "requests in flight on one replica that serves what it was sized for"
    latency = leaf.sized.inputs.latency
    batch = "{s.serving.max_num_seqs}"
    output = leaf.sized.inputs.request.output_tokens
    if latency is not None and latency.response_s is not None:
        return Entry(
            meaning,
            "min(images at once, rate of one GPU x GPUs a replica x response target)",
            f"min({batch}, {{s.capacity.requests_per_gpu_per_s}} * {{s.pool.tensor_parallel}}"
            " * {w.latency.response_s})",
        )
    if latency is None or latency.ttft_ms is None or latency.tpot_ms is None or output is None:
        return Entry(
            meaning,
            "sequences in one batch; there are no latency targets to count with",
            batch,
        )
    return Entry(
        meaning,
        "min(sequences in one batch, rate of one GPU x GPUs a replica"
        " x (TTFT + (output tokens - 1) x TPOT))",
        f"min({batch}, {{s.capacity.requests_per_gpu_per_s}} * {{s.pool.tensor_parallel}}"
        " * ({w.latency.ttft_ms} + max({w.request.output_tokens} - 1, 0)"
        " * {w.latency.tpot_ms}) / 1000)",
    )


def _backlog_s(leaf: Leaf) -> Entry:
    queue, latency = leaf.sized.inputs.jobs, leaf.sized.inputs.latency
    meaning, stated = "seconds in which waiting jobs must be made", list[tuple[str, str]]()
    if queue is not None and queue.drain_s is not None:
        stated.append(("time of the drain", "{w.jobs.drain_s}"))
    if latency is not None and latency.response_s is not None:
        response = "{w.latency.response_s} - {s.jobs.alone_s}"
        stated.append(("target of the response - seconds of a job", response))
    if not stated:
        numbers = "max({s.jobs.job_s}, {burst.DEFAULT_BACKLOG_S})"
        symbols = "3,600 without a target, at least those of one job"
        return Entry(meaning, symbols, numbers, Basis.assumed, SOURCE)
    symbols, numbers = (", ".join(each) for each in zip(*stated, strict=True))
    if len(stated) > 1:
        symbols, numbers = f"min({symbols})", f"min({numbers})"
    return Entry(
        meaning, f"{symbols}; at least seconds of a job", f"max({{s.jobs.job_s}}, {numbers})"
    )


def _failed_share(leaf: Leaf) -> Entry:
    meaning = "share of requests with a 5xx answer above which another replica starts"
    if leaf.sized.inputs.latency is None:
        return Entry(meaning, "0.05 without targets", "{burst.FAILED_SHARE}", Basis.assumed, SOURCE)
    return Entry(
        meaning,
        "min(0.05, 1 - percentile): a failed request misses each target",
        "min({burst.FAILED_SHARE}, 1 - {w.latency.percentile} / 100)",
        Basis.assumed,
        SOURCE,
    )


BURST: Registry = {
    AddedPlan: {
        "nodes": Entry(
            "whole nodes that hold the GPUs of the burst",
            "ceil(burst GPUs / GPUs a node)",
            "ceil({w.capacity.burst_gpus} / {s.pool.gpus_per_node})",
        ),
        "gpus": Entry(
            "GPUs that may be added: the ceiling less the floor",
            "nodes x GPUs a node",
            "{s.burst.nodes} * {s.pool.gpus_per_node}",
        ),
        "replicas": Entry(
            "most replicas above the floor",
            "nodes x replicas a node",
            "{s.burst.nodes} * {s.pool.replicas_per_node}",
        ),
        "max_unavailable": Entry(
            "burst replicas that a rollout or a drain may take at once",
            "replicas of one node",
            "{s.pool.replicas_per_node}",
        ),
        "cooldown_s": Entry(
            "seconds of lower load after which burst replicas are removed",
            "the seconds a new one may take to copy and to start, at most 3,600",
            "min({s.serving.copy_s} + {s.serving.start_s}, {burst.LONGEST_COOLDOWN_S})",
            Basis.assumed,
            SOURCE,
        ),
    },
    BurstPlan: {
        "in_flight_sized": _in_flight_sized,
        "in_flight_target": Entry(
            "requests in flight on one replica, waiting ones included, beyond which another "
            "replica starts",
            "max(1, floor(0.8 x requests in flight that it was sized for))",
            "max(1, floor({burst.TARGET_SHARE} * {s.burst.in_flight_sized}))",
            Basis.assumed,
            SOURCE,
            remarks=("counted over floor and burst; a lost floor replica takes none",),
        ),
    },
    FeltPlan: {
        "window_s": Entry(
            "seconds over which slow and failed requests are counted, and for which a new replica "
            "serves before another one starts for the same reason",
            "300",
            "{burst.FELT_WINDOW_S}",
            Basis.assumed,
            SOURCE,
        ),
        "failed_share": _failed_share,
        "least_requests": Entry(
            "requests in these seconds below which a share is chance and starts nothing",
            "ceil(10 / share of failed requests)",
            "ceil({burst.FELT_REQUESTS} / {s.burst.felt.failed_share})",
            Basis.assumed,
            SOURCE,
        ),
    },
    SlowPlan: {
        "ttft_ms": Entry(
            "time to the first token above which another replica starts",
            "latency.ttft_ms",
            "{w.latency.ttft_ms}",
            Basis.given,
            "the workload file: latency.ttft_ms",
        ),
        "percentile": Entry(
            "percentile of the time to the first token that is compared",
            "latency.percentile",
            "{w.latency.percentile}",
            Basis.given,
            "the workload file: latency.percentile",
        ),
    },
    JobBurstPlan: {
        "backlog_s": _backlog_s,
        "jobs_per_replica": Entry(
            "waiting jobs for each replica of the burst",
            "max(1, floor(0.5 x seconds for waiting jobs / seconds of a job))",
            "max(1, floor({burst.BACKLOG_SHARE} * {s.burst.backlog_s} / {s.jobs.job_s}))",
            Basis.assumed,
            SOURCE,
            remarks=("the other half of the time is for the start of a node and its engine",),
        ),
        "floor_jobs": Entry(
            "waiting jobs that are left to the floor",
            "max(needed replicas x jobs for each, largest backlog of a day)",
            "max({s.jobs.workers} * {s.burst.jobs_per_replica}, ceil({s.jobs.largest_backlog}))",
        ),
        "oldest_s": Entry(
            "age of the oldest job above which no job is left to the floor",
            "ceil(max(0.5 x seconds for waiting jobs, wait of the backlog) + seconds of a job)",
            "ceil(max({burst.BACKLOG_SHARE} * {s.burst.backlog_s},"
            " {s.jobs.largest_backlog} * {s.jobs.job_s} / {s.jobs.workers}) + {s.jobs.alone_s})",
            Basis.assumed,
            SOURCE,
            remarks=(
                "a job that a worker makes ages too, because it is in the queue until its end",
            ),
        ),
    },
}
