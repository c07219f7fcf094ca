"""Explanations of the latency verdict and of the numbers that contradict each other."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.service.latency import Contradiction, LatencyPlan
from sizing.plan.service.pool import PoolPlan

QUEUE = "the needed replicas, or all and the burst's where the mean is sized for"


def _latency(leaf: Leaf) -> LatencyPlan:
    """Return the verdict of the leaf's service. Raises ValueError."""
    if leaf.sized.latency is None:
        raise ValueError(f"{leaf.path} without a verdict")
    return leaf.sized.latency


def _time(leaf: Leaf) -> Entry:
    """Return the entry of a time of the sizing estimate at the judged load."""
    name = "time to the first token" if leaf.keys[-1].startswith("ttft") else "time per token"
    if leaf.keys[-1].startswith("response"):
        return _response(leaf)
    return Entry(
        f"{name} that the percentile of requests does not exceed, at the sizing estimate",
        "queue and steps of one replica at its share of the load",
        "{v}",
        leaf.fitted,
        leaf.fitted_source,
        arithmetic=False,
    )


def _response(leaf: Leaf) -> Entry:
    """Return the entry of the time to a whole answer at the judged load."""
    if leaf.sized.jobs is not None:
        return Entry(
            "time to the item that the percentile of a day's jobs does not exceed",
            "wait in the queue over the day + seconds of an item",
            "{v}",
            leaf.fitted,
            leaf.fitted_source,
            arithmetic=False,
            remarks=("a job that is repeated waits again, which is not counted",),
        )
    if not leaf.sized.inputs.kind.traits.generates:
        return Entry(
            "time to a vector that the percentile of requests does not exceed",
            "2 x step(n) + own text - mean text + wait for a place, n = texts in a step, all at the"
            " percentile",
            "{v}",
            leaf.fitted,
            leaf.fitted_source,
            arithmetic=False,
            remarks=("texts of one request arrive together, which is not counted",),
        )
    stages = "time budgets of the stages + " if leaf.sized.inputs.prompt is not None else ""
    return Entry(
        "time to the whole answer that the percentile of requests does not exceed",
        f"{stages}seconds of an image + ln(C / (1 - percentile)) / (replicas / seconds - rate),"
        " M/M/c, C = share of requests that wait (Erlang)",
        "{v}",
        leaf.fitted,
        leaf.fitted_source,
        arithmetic=False,
        remarks=("replicas and rate as in this verdict", "a short wait may be 0.35 images longer"),
    )


def _target(leaf: Leaf) -> Entry:
    name = leaf.keys[-1].replace("_target", "")
    text = f"{{w.latency.{name}}}"
    source = f"the workload file: latency.{name}"
    return Entry("the target", f"latency.{name}", text, Basis.given, source)


def _missed(leaf: Leaf) -> Entry:
    found = _latency(leaf)
    pairs = (
        (found.ttft_ms, found.ttft_target_ms),
        (found.tpot_ms, found.tpot_target_ms),
        (found.response_s, found.response_target_s),
    )
    ratios = [f"{time!r} / {target!r}" for time, target in pairs if time and target]
    numbers = f"max({', '.join(ratios)})" if len(ratios) > 1 else ratios[0]
    meaning, source = "times the worst target", leaf.fitted_source
    return Entry(meaning, "largest time / its target", numbers, leaf.fitted, source)


def _replicas(leaf: Leaf) -> Entry:
    mean = leaf.capacity.load == "mean" and leaf.sized.jobs is None
    pool = leaf.pool
    if not (mean and leaf.sized.traffic.requests_per_s_peak is not None):
        return Entry("replicas that share the load", QUEUE, "{s.pool.replicas_needed}")
    added = f" + {leaf.sized.burst.replicas}" if leaf.sized.burst else ""
    return Entry("replicas that share the load", QUEUE, f"{pool.replicas_total}{added}")


def _ratio(leaf: Leaf) -> Entry:
    counts = [leaf.pool.gpus_needed, _calibrated_gpus(leaf)]
    return Entry(
        "ratio of the GPUs that the two methods need",
        "more GPUs / fewer GPUs",
        f"{max(counts)} / {min(counts)}",
    )


def _calibrated_gpus(leaf: Leaf) -> int:
    return next(m.gpus_needed for m in leaf.sized.methods if m.method == "calibrated")


def _gpus_calibrated(leaf: Leaf) -> Entry:
    return Entry(
        "GPUs that the calibrated estimate needs, at the quantile that sizes the fleet",
        "as in `methods`",
        str(_calibrated_gpus(leaf)),
        leaf.fitted,
        leaf.fitted_source,
    )


def _gpus_at_most(leaf: Leaf) -> Entry:
    added = f" + {leaf.sized.burst.gpus}" if leaf.sized.burst else ""
    return Entry(
        "GPUs in all, burst included", "GPUs + burst GPUs", f"{leaf.pool.gpus_total}{added}"
    )


def _peak_over_capacity(leaf: Leaf) -> Entry:
    pool: PoolPlan = leaf.pool
    added = leaf.sized.burst.replicas if leaf.sized.burst else 0
    return Entry(
        "ratio of the peak to what all GPUs serve",
        "utilisation at the peak x replicas / (replicas + burst replicas)",
        f"{pool.utilisation_at_peak!r} * {pool.replicas_total} / {pool.replicas_total + added}",
        leaf.method,
        leaf.method_source,
    )


LATENCY: Registry = {
    LatencyPlan: {
        "requests_per_s": Entry(
            "requests a second of the load of the verdict",
            "the peak, or the mean where no peak is given",
            "{s.latency.requests_per_s}",
        ),
        "replicas": _replicas,
        "percentile": Entry(
            "percent of requests that a target covers",
            "latency.percentile",
            "{w.latency.percentile}",
            Basis.given,
            "the workload file: latency.percentile; 95 when left out",
        ),
        "ttft_ms": _time,
        "ttft_target_ms": _target,
        "tpot_ms": _time,
        "tpot_target_ms": _target,
        "response_s": _time,
        "response_target_s": _target,
        "missed_ratio": _missed,
    },
    Contradiction: {
        "numbers.*_target_ms": _target,
        "numbers.response_target_s": _target,
        "numbers.response_p90_s": _time,
        "numbers.times_missed": _missed,
        "numbers.t*_ms": _time,
        "numbers.times_apart": _ratio,
        "numbers.gpus_by_estimate": _gpus_calibrated,
        "numbers.gpus_with_burst": _gpus_at_most,
        "numbers.peak_over_capacity": _peak_over_capacity,
        "numbers.gpus_by_method": Entry(
            "GPUs needed, before packing", "as the service's pool", "{s.pool.gpus_needed}"
        ),
        "numbers.peak_requests_per_s": lambda leaf: Entry(
            "requests a second at the peak", "as its traffic", leaf.engine_rate("peak")
        ),
        "numbers.nodes_in_one_zone": Entry("nodes in all", "as its pool", "{s.pool.nodes_total}"),
        "numbers.zones_of_site": Entry(
            "zones of the site",
            "zones of the stack file",
            "{v}",
            Basis.given,
            "the stack file: zones",
        ),
    },
}
