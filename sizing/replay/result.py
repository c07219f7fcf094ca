"""Answer of a replay: what a service's fleet does with the requests of a trace."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class MissedPart(Part):
    """Shares of requests and of time for which a target does not hold, 0 to 1."""

    requests_ratio: Number
    """Share of requests that miss a target, or that get no answer."""
    time_ratio: Number
    """Share of the five-minute windows with requests in which too few of them meet the targets."""
    ttft_ratio: Number | None
    """Share of requests whose first token is late; null without that target."""
    tpot_ratio: Number | None
    """Share of requests whose later tokens are too slow; null without that target."""


class EstimatePart(Part):
    """Fleet at one quantile of the band of the step times."""

    quantile_percent: Number
    """Share of predictions, in percent, that are not exceeded."""
    missed: MissedPart | None
    """Requests and time that miss a target; null where the workload has none."""
    unanswered_ratio: Number
    """Share of requests that a replica refused because too many waited, or that were lost."""
    ttft_ms: Number | None
    """Time to the first token that the percentile of requests does not exceed, milliseconds; null
    where so many got no answer."""
    tpot_ms: Number | None
    """Time per output token that the percentile of requests does not exceed, milliseconds; null
    where answers have one token."""
    utilisation_mean: Number
    """Work of the requests over what the floor's full replicas can do, over the whole trace."""
    utilisation_worst: Number
    """The same in the hour with the most work; above 1 the floor cannot keep up."""
    waiting_most: int
    """Largest number of requests that waited for a slot at the same time, over all replicas."""
    waiting_hour: int
    """Hour of the trace in which that was, from 0."""
    wait_most_s: Number
    """Longest wait for a slot, seconds."""


class HourPart(Part):
    """One hour of the trace, at the sizing estimate."""

    hour: int
    """Hour since the first arrival, from 0."""
    requests: int
    """Requests that arrive in it."""
    utilisation: Number
    """Work of these requests over what the floor's full replicas can do."""
    missed_ratio: Number | None
    """Share of them that miss a target; null without targets."""
    burst_replicas: int
    """Most replicas of the burst that are requested in it."""


class BurstPart(Part):
    """Effect of the burst, at the sizing estimate."""

    start_s: Number
    """Seconds from the decision to the first request of a new replica."""
    replicas_most: int
    """Most replicas at the same time."""
    replicas_limit: int
    """Replicas that the burst may have."""
    hours: Number
    """Hours in which at least one replica is requested."""
    gpu_hours: Number
    """GPU hours of its nodes, until they are idle and removed."""
    usd: Number | None
    """Cost of these nodes on demand, US dollars; null where the price is unknown."""
    without: MissedPart | None
    """Shares that the floor alone misses; null without targets."""


class LostZonePart(Part):
    """Loss of the zone with the most replicas, at the start of the hour with the most work."""

    zone: str
    """Zone that is lost."""
    replicas_lost: int
    """Replicas of the floor in it."""
    hour: int
    """Hour of the trace, from 0."""
    utilisation: Number
    """Work of that hour over what the remaining replicas can do; 0 where none remains."""
    missed_ratio: Number | None
    """Share of the hour's requests that miss a target; null without targets."""
    missed_ratio_median: Number | None
    """The same at the median of the band."""
    missed_ratio_before: Number | None
    """Share of the same requests that miss a target with all zones."""
    unanswered_ratio: Number
    """Share of the requests that arrive in the hour and are refused."""
    lost_in_flight: int
    """Requests in flight on the zone's replicas as it is lost, which get no answer. They arrived
    earlier, so no share counts them."""


class ReplayPart(Part):
    """Replay of a trace on the fleet of one service."""

    name: str
    """Name of the service."""
    requests: int
    """Requests that reach the fleet."""
    too_long: int
    """Further requests of the trace that the engine refuses: longer than its context."""
    hours: Number
    """Hours that the trace covers."""
    requests_per_s_mean: Number
    """Arrivals per second, mean."""
    requests_per_s_worst: Number
    """Arrivals per second in the hour with the most work."""
    requests_per_s_sized: Number
    """Arrivals per second that the fleet is sized for."""
    arrivals_variance_ratio: Number | None
    """Variance of the arrivals in ten seconds over their mean: 1 for the random arrivals that the
    sizing assumes, and more where requests come in bursts; null for less than five minutes."""
    input_tokens: Number
    """Tokens of the mean prompt of the trace."""
    output_tokens: Number
    """Tokens of the mean answer of the trace."""
    input_tokens_sized: Number
    """Tokens of the mean prompt that the fleet is sized for."""
    output_tokens_sized: Number
    """Tokens of the mean answer that the fleet is sized for."""
    replicas: int
    """Replicas of the floor, spare ones included."""
    sequences_most: int
    """Sequences of the trace's lengths in one batch of a replica."""
    percentile: Number
    """Percentage of requests that must meet a target."""
    ttft_target_ms: Number | None
    """Target of the time to the first token; null without one."""
    tpot_target_ms: Number | None
    """Target of the time per output token; null without one."""
    sized: EstimatePart
    """Fleet as it is deployed, its burst included, at the estimate that sizes it."""
    median: EstimatePart
    """The same fleet at the median of the band."""
    worst_hour: int
    """Hour with the most work, from 0; an incomplete last hour counts only where it is alone."""
    by_hour: tuple[HourPart, ...]
    """Each hour of the trace."""
    burst: BurstPart | None
    """Effect of the burst; null without one."""
    lost_zone: LostZonePart | None
    """Loss of a zone; null where the plan names no zones."""
    assumed: tuple[str, ...]
    """Assumptions of the replay, each in a sentence."""
