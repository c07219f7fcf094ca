"""The load, what one GPU serves of it, and what the fleet holds in each state."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class TrafficPlan(Part):
    requests_per_s_mean: Number
    requests_per_s_peak: Number | None
    """Requests a second at the busiest moment; null without a peak."""
    users_online_peak: Number | None
    requests_in_flight_peak: Number | None


class CapacityPlan(Part):
    method: str
    """given, textbook or calibrated."""
    load: str
    """mean or peak: the load that is sized for."""
    request_s: Number
    """GPU-seconds of one request."""
    requests_per_gpu_per_s: Number
    users_per_gpu_per_day: Number
    peak_flop_per_s: Number | None
    passes: Number | None
    """Forward passes of one request that the textbook rule counts."""
    requests_per_replica_per_s: dict[str, Number]
    """What each constraint of the calibrated method allows; empty by other methods."""
    saturation_requests_per_s: Number | None
    """Of one replica with every slot taken; null by other methods."""
    locked: bool
    """Whether the rates are those of the lock."""
    gpus_at_mean: int
    """GPUs that the daily mean needs, before packing."""
    gpus_at_peak: int | None
    """GPUs that the peak needs, before packing; null without a peak."""


class SidePlan(Part):
    """One side of the calibrated band, at the load of one needed replica."""

    gpus_needed: int | None
    """Null where no rate meets the targets on this side."""
    requests_per_replica_per_s: Number
    """The most within every target."""
    saturation_requests_per_s: Number
    """Of one replica with every slot taken."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, for the share of requests that the latency's
    percentile asks for; null where none ends."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, for that share; null where none ends."""


class BandPlan(Part):
    """An estimate with its band; null where no number of replicas is enough."""

    low: Number | None
    """P10"""
    median: Number | None
    """P50"""
    high: Number | None
    """P90"""


class OwnRunsPlan(Part):
    """What the calibration file beside the workload did."""

    file: str
    """Name of the file."""
    applied: bool
    """Whether it corrects the calibrated numbers."""
    told: str
    """How many runs, and what they were applied to, or why not."""


class CalibratedPlan(Part):
    """What the calibrated method says of the chosen replica, whichever method sized it."""

    basis: str
    """measured: this engine on this generation of GPU and in this precision; datasheet: the same
    terms, a wider band."""
    coefficients: str
    """Date of the coefficients."""
    assumed: tuple[str, ...]
    """What the workload does not say."""
    prompt_tokens: Number
    """Tokens of the mean prompt, earlier turns included."""
    cached_tokens: Number
    """Of those, tokens that the replica still has."""
    output_tokens: Number
    """Tokens of the mean answer."""
    most_sequences: int
    percentile: Number
    imbalance_ratio: Number
    """Requests of the fullest replica above the mean one's, where conversations stay."""
    in_flight_peak: Number | None
    """Requests running or waiting at the busiest moment, all replicas; users online are others."""
    replicas_without_headroom: BandPlan
    """For the mean request, each replica as busy as the targets allow; not rounded."""
    median: SidePlan
    """At the median of the estimate."""
    safe: SidePlan
    """At its safe side, which sizes."""


class MethodPlan(Part):
    """What one method answers to the same question on the same hardware."""

    method: str
    """given, textbook or calibrated."""
    gpus_needed: int
    """GPUs needed by that method, before packing."""
    ratio: Number
    """Over the answer's own GPUs needed."""
    remark: str
    """What it takes or leaves out."""


class StatePlan(Part):
    """The fleet in one state: steady, during a rollout, or with a node in repair."""

    state: str
    """steady, a rollout, or a node in repair."""
    replicas: int
    """That serve."""
    holds: bool
    """Whether they are as many as are needed."""
    utilisation_at_peak: Number | None
    """Share of its rate that the peak asks for; null without a peak."""


class RolloutPlan(Part):
    """How a new version reaches every replica."""

    surge_replicas: int
    """More than the fleet at once: none, as every slot is taken."""
    replicas_at_once: int
    """Replicas that change at the same time."""
    cold_start_s: Number
    """Until a replica serves: its weights copied, the engine started."""
    duration_s: Number
    """Until every replica has the new version."""


class CheckpointPlan(Part):
    """What provides weights that are narrower than the published ones."""

    published: str
    """Precision of the published weights."""
    precision: str
    """Precision of the weights that are planned."""
    repository: str | None
    """Repository that holds them; null where none is known."""
    revision: str | None
    """Its commit; null where none is known."""
    flag: str | None
    """Engine flag that narrows published weights as they load; the stack does not pass it."""
    text: str
    """All of it in a clause."""


class ChoicePlan(Part):
    """The hardware, who chose it, and what its nodes cost."""

    instance_type: str
    """EC2 instance type."""
    tensor_parallel: int
    precision: str
    """Precision of the weights."""
    checkpoint: CheckpointPlan | None
    """What provides weights narrower than published; null where they are as published."""
    chosen_by: str
    """workload, lock or ranking."""
    usd_per_hour: Number | None
    """Of one node on demand; null where no source says it."""
    price_source: str | None
    """Where the price is from."""
    price_checked: str | None
    """Day on which it was."""
    rates_for: str | None
    """Digest of what the calibrated rates follow from, for the lock; null by other methods."""
    pool_usd_per_month: Number | None
    """Nodes alone; all else comes on top."""
