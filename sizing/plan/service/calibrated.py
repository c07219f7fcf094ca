"""Estimate of the calibrated method, with its band."""

from pydantic import Field

from sizing.plan.part import Part
from sizing.values.exact import Number


def estimate_name(quantile_percent: float) -> str:
    """Name of the estimate at a quantile of the band: P90."""
    return f"P{quantile_percent:.3g}"


class EstimatePlan(Part):
    """One estimate of the calibrated band, at the load of one needed replica."""

    gpus_needed: int | None
    """GPUs needed at this estimate; null where no rate meets the targets."""
    requests_per_replica_per_s: Number
    """Highest rate within every target."""
    saturation_requests_per_s: Number
    """Requests per second of one replica with every slot taken."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, for the percentile of the latency targets; null where
    the queue is unbounded, and for embeddings."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, for that percentile; null where
    unbounded, and for embeddings."""
    response_s: Number | None = Field(default=None, exclude_if=lambda seconds: seconds is None)
    """Time to the vector of an embedding, seconds, for that percentile; left out where unbounded,
    and for text."""


class QuantilePlan(Part):
    """Fleet for the load at one quantile of the band."""

    quantile_percent: Number
    """Share of predictions, in percent, that are not exceeded."""
    gpus_needed: int | None
    """GPUs needed at this quantile, without spares; null where no rate meets the targets."""
    nodes_total: int | None
    """Number of nodes for these GPUs, spare ones included; null where the GPUs are unknown."""
    usd_per_month: Number | None
    """Cost of these nodes, USD a month; null where it is unknown."""


class MarginPlan(Part):
    """What one margin adds to the fleet of the mean request without headroom."""

    name: str
    """Name of the margin."""
    gpus: int | None
    """Number of GPUs that it adds, without spares; null where a count is unknown."""
    nodes: int | None
    """Number of nodes that it adds, spare ones included; null where a count is unknown."""
    usd_per_month: Number | None
    """Cost of these nodes, USD a month; null where it is unknown."""


class OneRunPlan(Part):
    """Value of one measured run of this model on this GPU, if it took the predicted time."""

    gpus_needed: int | None
    """GPUs needed with the band after one run; null where no rate meets the targets."""
    nodes_total: int | None
    """Number of nodes for these GPUs, spare ones included; null where the GPUs are unknown."""
    usd_saved_per_month: Number | None
    """Cost of the nodes that the narrower band saves, USD a month; null where it is unknown."""


class BandPlan(Part):
    """Estimate with its band; null where no number of replicas is enough."""

    low: Number | None
    """P10 of the estimate."""
    median: Number | None
    """P50 of the estimate."""
    high: Number | None
    """P90 of the estimate."""


class OwnRunsPlan(Part):
    """Effect of the calibration file in the workload's folder."""

    file: str
    """Name of the file."""
    applied: bool
    """True where the file corrects the calibrated numbers."""
    told: str
    """Number of runs, and their use or the reason against it."""


class CalibratedPlan(Part):
    """Estimate of the calibrated method for the chosen replica, whichever method sized it."""

    basis: str
    """measured: this engine on this generation of GPU, in these formats and with these kernels, or
    your own runs. datasheet: the same terms with a wider band."""
    unmeasured: tuple[str, ...]
    """Formats and kernels of the model that were never measured with this engine."""
    quantile_percent: Number
    """Share of predictions, in percent, that are not exceeded: k / (1 + k), k = shortfall cost."""
    coefficients: str
    """Date of the coefficients."""
    assumed: tuple[str, ...]
    """Assumptions where the workload has no value."""
    prompt_tokens: Number
    """Tokens of the mean prompt, earlier turns included."""
    cached_tokens: Number
    """Tokens of the mean prompt that are in the replica's cache."""
    output_tokens: Number
    """Tokens of the mean answer; 0 for embeddings."""
    most_sequences: int
    """Sequences in one batch of a replica, or texts in one step."""
    percentile: Number
    imbalance_ratio: Number
    """Excess of requests on the fullest replica over the mean one, where conversations stay."""
    in_flight_peak: Number | None
    """Requests running or waiting at the peak, over all replicas. Users online are not counted."""
    replicas_without_headroom: BandPlan
    """Replicas for the mean request at the utilisation that the targets allow; not rounded."""
    quantiles: tuple[QuantilePlan, ...]
    """P50, P90 and the quantile that sizes the service, side by side."""
    margins: tuple[MarginPlan, ...]
    """Margins between the mean request without headroom and the GPUs needed."""
    one_run: OneRunPlan | None
    """Value of one own run; null where own runs correct the estimate, or another method sizes the
    service."""
    median: EstimatePlan
    """Median of the estimate (P50)."""
    safe: EstimatePlan
    """Estimate at `quantile_percent`, which sizes the service; P90 unless the workload states a
    shortfall cost."""

    @property
    def evidence(self) -> str:
        """What was measured of this engine with this model on this GPU, in words."""
        if self.unmeasured:
            return f"never measured with this engine: {', '.join(self.unmeasured)}; a wider band"
        if self.basis != "measured":
            return "this GPU generation known from its datasheet only; a wider band"
        return "this GPU generation measured in these formats, with these kernels"

    @property
    def estimate(self) -> str:
        """Name of the estimate that sizes the service."""
        return estimate_name(self.quantile_percent)
