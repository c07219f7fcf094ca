"""Load, rate of one GPU, and fleet in each state."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class TrafficPlan(Part):
    requests_per_s_mean: Number
    requests_per_s_peak: Number | None
    """Requests per second at the peak; null without a peak."""
    users_online_peak: Number | None
    requests_in_flight_peak: Number | None


class CapacityPlan(Part):
    method: str
    """Method: given, textbook or calibrated."""
    load: str
    """Load that is sized for: mean or peak."""
    request_s: Number
    """GPU-seconds of one request."""
    requests_per_gpu_per_s: Number
    users_per_gpu_per_day: Number
    peak_flop_per_s: Number | None
    passes: Number | None
    """Forward passes of one request that the textbook rule counts."""
    requests_per_replica_per_s: dict[str, Number]
    """Requests per second that each constraint of the calibrated method allows; empty by other
    methods."""
    saturation_requests_per_s: Number | None
    """Requests per second of one replica with every slot taken; null by other methods."""
    locked: bool
    """True where the rates are those of the lock."""
    gpus_at_mean: int
    """GPUs required by the daily mean, before packing."""
    gpus_at_peak: int | None
    """GPUs required by the peak, before packing; null without a peak."""


class SidePlan(Part):
    """One side of the calibrated band, at the load of one needed replica."""

    gpus_needed: int | None
    """GPUs needed on this side; null where no rate meets the targets."""
    requests_per_replica_per_s: Number
    """Highest rate within every target."""
    saturation_requests_per_s: Number
    """Requests per second of one replica with every slot taken."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, for the percentile of the latency targets; null where
    the queue is unbounded."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, for that percentile; null where
    unbounded."""


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
    """measured: this engine on this generation of GPU and in this precision. datasheet: the same
    terms with a wider band."""
    coefficients: str
    """Date of the coefficients."""
    assumed: tuple[str, ...]
    """Assumptions where the workload has no value."""
    prompt_tokens: Number
    """Tokens of the mean prompt, earlier turns included."""
    cached_tokens: Number
    """Tokens of the mean prompt that are in the replica's cache."""
    output_tokens: Number
    """Tokens of the mean answer."""
    most_sequences: int
    percentile: Number
    imbalance_ratio: Number
    """Excess of requests on the fullest replica over the mean one, where conversations stay."""
    in_flight_peak: Number | None
    """Requests running or waiting at the peak, over all replicas. Users online are not counted."""
    replicas_without_headroom: BandPlan
    """Replicas for the mean request at the utilisation that the targets allow; not rounded."""
    median: SidePlan
    """Side at the median of the estimate."""
    safe: SidePlan
    """Side at the P90 estimate, which sizes the service."""


class MethodPlan(Part):
    """Answer of one method for the same load and hardware."""

    method: str
    """Method: given, textbook or calibrated."""
    gpus_needed: int
    """GPUs needed by that method, before packing."""
    ratio: Number
    """GPUs of that method over the GPUs needed in the answer."""
    remark: str
    """Scope of the method."""


class StatePlan(Part):
    """Fleet in one state: steady, during a rollout, or with a node in repair."""

    state: str
    """State: steady, a rollout, or a node in repair."""
    replicas: int
    """Replicas that serve."""
    holds: bool
    """True where the replicas are enough."""
    utilisation_at_peak: Number | None
    """Share of the replicas' rate that the peak uses; null without a peak."""


class RolloutPlan(Part):
    """Rollout of a new version to every replica."""

    surge_replicas: int
    """Replicas above the fleet's number at once: none, because every slot is taken."""
    replicas_at_once: int
    """Replicas that change at the same time."""
    cold_start_s: Number
    """Seconds until a replica serves: its weights copied, the engine started."""
    duration_s: Number
    """Seconds until every replica has the new version."""


class CheckpointPlan(Part):
    """Source of weights that are narrower than the published ones."""

    published: str
    """Precision of the published weights."""
    precision: str
    """Precision of the planned weights."""
    repository: str | None
    """Repository with the planned weights; null where none is known."""
    revision: str | None
    """Commit of the repository; null where none is known."""
    flag: str | None
    """Engine flag that converts published weights as they load. The stack does not pass it."""
    text: str
    """Summary in a clause."""


class ChoicePlan(Part):
    """Hardware, the origin of its choice, and the cost of its nodes."""

    instance_type: str
    """EC2 instance type."""
    tensor_parallel: int
    precision: str
    """Precision of the weights."""
    checkpoint: CheckpointPlan | None
    """Source of narrower weights; null where the weights are as published."""
    chosen_by: str
    """Origin of the choice: workload, lock or ranking."""
    usd_per_hour: Number | None
    """Price of one node on demand, USD an hour; null where it is unknown."""
    price_source: str | None
    """Source of the price."""
    price_checked: str | None
    """Date on which the price was checked."""
    rates_for: str | None
    """Digest of the inputs of the calibrated rates, for the lock; null by other methods."""
    pool_usd_per_month: Number | None
    """Cost of the nodes alone, USD a month."""
