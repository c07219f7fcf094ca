"""Which numbers of the plan does a label of `size`, `compare` or `preview` mean?"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from sizing.plan.claims import claims
from sizing.plan.whole import Plan

LABELS: Mapping[str, tuple[str, ...]] = {
    "one GPU": ("capacity.*",),
    "GPU": ("pool.gpu_memory_bytes", "pool.gpus_per_node"),
    "GPUs": ("pool.gpus_needed", "pool.gpus_total"),
    "GPUs needed": ("pool.gpus_needed",),
    "nodes": ("pool.nodes_needed", "pool.nodes_spare", "pool.nodes_total"),
    "zones": ("pool.nodes_by_zone.*",),
    "nodes by zone": ("pool.nodes_by_zone.*",),
    "survives": ("pool.survives.*", "pool.nodes_left_after_zone"),
    "survives any nodes": ("pool.survives.nodes",),
    "survives any zones": ("pool.survives.zones",),
    "binding": ("pool.gpus_by_constraint.*",),
    "bound by": ("pool.gpus_by_constraint.*",),
    "redundancy": ("pool.nodes_by_rule.*",),
    "redundancy by": ("pool.nodes_by_rule.*",),
    "utilisation": ("pool.utilisation_at_mean", "pool.utilisation_at_peak"),
    "at peak": ("pool.utilisation_at_peak",),
    "at the peak": ("capacity.gpus_at_peak", "pool.nodes_at_peak"),
    "utilisation at the peak": ("pool.utilisation_at_peak",),
    "band": (
        "calibrated.median.gpus_needed",
        "calibrated.safe.gpus_needed",
        "calibrated.replicas_without_headroom.*",
    ),
    "latency": tuple(
        f"calibrated.{estimate}.{time}"
        for estimate in ("median", "safe")
        for time in ("ttft_ms", "tpot_ms", "response_s")
    ),
    "response": (
        "latency.response_s",
        "calibrated.median.response_s",
        "calibrated.safe.response_s",
    ),
    "TTFT": ("calibrated.median.ttft_ms", "calibrated.safe.ttft_ms"),
    "TPOT": ("calibrated.median.tpot_ms", "calibrated.safe.tpot_ms"),
    "TTFT ms": ("calibrated.median.ttft_ms", "calibrated.safe.ttft_ms"),
    "TPOT ms": ("calibrated.median.tpot_ms", "calibrated.safe.tpot_ms"),
    "method": ("methods.*",),
    "methods": ("methods.*",),
    "sized for the": ("traffic.requests_per_s_mean", "traffic.requests_per_s_peak"),
    "price": ("choice.usd_per_hour", "choice.pool_usd_per_month"),
    "USD a month": ("choice.pool_usd_per_month",),
    "USD/month": ("choice.pool_usd_per_month",),
    "type": ("choice.usd_per_hour", "pool.gpus_per_node"),
    "instance type": ("choice.usd_per_hour", "pool.gpus_per_node"),
    "TP": ("pool.tensor_parallel",),
    "tensor parallel": ("pool.tensor_parallel",),
    "bits": ("memory.weights_bytes",),
    "precision": ("memory.weights_bytes",),
    "checkpoint": ("memory.weights_bytes",),
    "calibration": ("own_runs.*",),
    "one own run": ("calibrated.one_run.*",),
    "margins": ("calibrated.margins.*",),
    "measure": ("calibrated.one_run.*",),
    "public ingress": ("gateway.*",),
    "host cache": ("host_cache.*",),
    "feedback": ("application.feedback.*",),
    "answers": ("application.cache.*",),
    "cost": ("choice.pool_usd_per_month",),
    "buy": ("buying.*",),
    "load": ("traffic.requests_per_s_peak", "pool.utilisation_at_peak"),
    "import": ("weights_import.*",),
    "queue": ("jobs.largest_backlog", "jobs.drain_s", "jobs.wait_s"),
    "the largest zone lost": ("pool.nodes_left_after_zone",),
    "a new version rolls out": ("states.rollout.*",),
    "one node in repair": ("states.repair.*",),
    "steady": ("states.steady.*",),
    "repair": ("states.repair.*",),
    "service": ("pool.*",),
    "fleet": ("pool.nodes_total", "choice.pool_usd_per_month"),
    "prompt tokens": ("inputs.request.input_tokens", "inputs.request.input_tokens.*"),
    "requests": ("traffic.requests_per_s_mean", "traffic.requests_per_s_peak"),
}
"""Leaves below a service by printed label, in its rows' order; `*` matches any rest of a name.

The other labels are names of a part of the plan, or HEADLINES of `report/change/difference.py`.
"""
_MARKS = (", nodes alone", ", sizing estimate", ", at least", ", or ", " (")
"""Starts of the additions that may follow the words of a label."""


def bare(label: str) -> str:
    """Return a label without additions such as ` (tighter)` in `latency.ttft_ms (tighter)`."""
    for mark in _MARKS:
        label = label.partition(mark)[0]
    return label


def properties(plan: Plan, requested: str) -> Iterator[str]:
    """JSON pointers of the leaves that decide a property that `preview` prints (`desiredSize`)."""
    for claim in claims(plan):
        if claim.reaches.path.rsplit(".", 1)[-1].rsplit("/", 1)[-1] == requested:
            yield "/" + "/".join(map(str, claim.path))


def labelled(requested: str, names: Sequence[str], headlines: Mapping[str, str]) -> Iterator[str]:
    """Names of the plan's numbers that a label means, `chat price` or `price`.

    A label may begin with the name of a service. `headlines` are the labels of `diff` by leaf. The
    result is empty where the words are not a label.
    """
    service, _, rest = requested.partition(" ")
    services = {name.partition(".")[0] for name in names}
    label = rest if service in services and rest else requested
    patterns = _patterns(label, headlines)
    for name in names:
        owner, _, leaf = name.partition(".")
        if label == rest and owner != service:
            continue
        if any(fnmatchcase(leaf, pattern) for pattern in patterns):
            yield name


def _patterns(label: str, headlines: Mapping[str, str]) -> tuple[str, ...]:
    label = bare(label)
    if label in LABELS:
        return LABELS[label]
    return tuple(path for path, text in headlines.items() if _is(label, text, path))


def _is(label: str, text: str, path: str) -> bool:
    """True where a label is that of a leaf; the label of a zone's nodes ends in the zone."""
    return label == text or (path.endswith(".*") and label.startswith(f"{text} "))
