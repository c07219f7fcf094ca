"""What rate of requests can one replica serve within its latency targets?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import inf
from typing import Protocol

from sizing.catalog.bands import MEDIAN, Bands
from sizing.replica.lengths import Lengths
from sizing.replica.queues.queueing import BatchServer, Queue, highest_rate
from sizing.steps.model import US, StepModel
from sizing.workload import Latency

DEFAULT_MAX_UTILISATION = 0.9
"""Maximum share of a full batch's rate where latency has a target. Basis: assumed; the waits are
checked up to here, and above it a small surplus of load makes them long."""
FULL = 0.99
"""Share of a full batch's rate where no time has a target. Basis: arithmetic; at 1 the queue is
unbounded."""
GRID_GROWTH = 1.5
"""Ratio of the batches with computed step times. Between two of them, the times are linear."""
TTFT, TPOT, RESPONSE = "ttft", "tpot", "response"
"""Names of times that may have a target."""
MS = 1e-3
TINY = 1e-9
"""Smallest difference of two shares: nine bars of 0.1 are not quite 0.9."""


class Times(Protocol):
    """Seconds of a replica's work, on one side of the band, whatever it answers."""

    @property
    def slower(self) -> float:
        """Factor of the steps on this side."""

    @property
    def server(self) -> BatchServer:
        """Replica as a queue."""

    @property
    def by_target(self) -> Mapping[str, Callable[[Queue, float], float]]:
        """Seconds that a share of requests does not exceed, by the name of their target."""


@dataclass(frozen=True)
class ReplicaTimes:
    """Seconds of a replica's work, on one side of the band."""

    decode_s: tuple[float, ...]
    """Seconds of one step with 1, 2, ... N sequences and no prompt."""
    prompt_s: float
    """Seconds that one prompt adds to a step."""
    firsts_s: tuple[tuple[float, float], ...]
    """Seconds of the first token, without the steps and waits. Each length of prompt, shortest
    first, has its share of requests whose prompt is not longer."""
    first_steps: float
    """Number of steps before the first token."""
    first_factor: float
    """Factor of the first token's own band on this side."""
    output_tokens: float
    variation: float
    """Squared coefficient of variation of a request's work."""
    slower: float = 1.0
    """Factor of the steps on this side: of their band, and of own runs."""

    @cached_property
    def server(self) -> BatchServer:
        """Replica as a queue. The first token comes with the prompt."""
        answer = max(self.output_tokens - 1, 1.0)
        return BatchServer(answer, self.decode_s, self.prompt_s, self.variation)

    @property
    def by_target(self) -> Mapping[str, Callable[[Queue, float], float]]:
        """Times of a text: its first token, and its later ones."""
        return {TTFT: self.ttft_s, TPOT: self.tpot_s}

    def tpot_s(self, queue: Queue, share: float) -> float:
        """Seconds between two tokens that this share of requests does not exceed.

        step / (1 - arrivals x prompt): prompts use their share of the time

        Basis: arithmetic; at the batch that this share of arrivals does not exceed.
        """
        rho = queue.arrivals_per_s * self.prompt_s
        return self.decode_s[queue.running(share) - 1] / (1 - rho) if rho < 1 else inf

    def first_s(self, share: float) -> float:
        """Seconds of the first token, without steps and waits, for the prompt that this share of
        requests does not exceed."""
        return text_at(self.firsts_s, share)

    def ttft_s(self, queue: Queue, share: float) -> float:
        """Seconds to the first token that this share of requests does not exceed.

        (first + steps x step) x band of TTFT + wait behind other prompts + wait for a slot

        Basis: arithmetic; the sum of quantiles is not below the quantile of the sum here. The band
        of TTFT is that of times with fitted steps, so the band of the steps is not applied to them.
        """
        own = self.first_s(share) + self.first_steps_s(queue, share)
        return own * self.first_factor + queue.prompt_wait_s(share) + queue.slot_wait_s(share)

    def first_steps_s(self, queue: Queue, share: float) -> float:
        """Seconds of the steps before the first token, as fitted."""
        return self.first_steps * self.tpot_s(queue, share) / self.slower


def text_at(seconds: Sequence[tuple[float, float]], share: float) -> float:
    """Seconds of the text that this share of requests does not exceed. Each length, shortest first,
    has its share of requests whose text is not longer."""
    return next((each for most, each in seconds if most >= share - TINY), seconds[-1][1])


def replica_times(
    steps: StepModel,
    lengths: Lengths,
    slots: int,
    quantile: float,
    targets: "Targets",
    *,
    bands: Bands | None = None,
) -> ReplicaTimes:
    """Return the times of a replica with `slots` slots, at a quantile of the bands, 0 to 1.

    `bands` replace those of the steps, to answer what more measurements would change.

    Hits in host memory shorten the mean prompt. The first token and the variation are those of
    prompts without a hit: a mean share does not say which requests hit. Basis: assumed.
    """
    coefficients = steps.coefficients.engines[steps.engine]
    bands = bands or steps.bands
    slower = targets.slowness(bands, quantile) * steps.tpot_correction
    batches = batch_grid(slots)
    context = lengths.running_context_tokens
    computed = [_step_ms(steps, float(n), context, slower) * MS for n in batches]
    times = filled(batches, computed)[:slots]
    prompts_ms = computed_prompts_ms(steps, lengths)
    shares = [share for _, share in lengths.prompts]
    prompt_ms = sum(share * each for share, each in zip(shares, prompts_ms, strict=True))
    launched_ms = launch_ms(steps, slots)
    prompt_s = (prompt_ms + launched_ms) * MS * slower / steps.work.ranks
    hits = prompt_hits(steps, lengths, steps.host_cache.hit_ratio(quantile), slower)
    prefills = coefficients.first_token_prefills
    firsts_ms = [coefficients.first_token_ms + prefills * (own + launched_ms) for own in prompts_ms]
    decode = max(lengths.output_tokens - 1, 1.0) * times[-1] / slots
    share = decode / (decode + prompt_s)
    prompt_varies, answer_varies = lengths.queue_variation
    return ReplicaTimes(
        decode_s=times,
        prompt_s=prompt_s - hits.saved_ms * MS / steps.work.ranks,
        firsts_s=tuple(zip(accumulate(shares), (ms * MS for ms in firsts_ms), strict=True)),
        first_steps=steps.first_steps,
        first_factor=bands.ttft.at(quantile) * steps.ttft_correction,
        slower=slower,
        output_tokens=lengths.output_tokens,
        variation=share**2 * answer_varies + (1 - share) ** 2 * prompt_varies,
    )


def _step_ms(steps: StepModel, batch: float, context_tokens: float, slower: float) -> float:
    """Milliseconds of one step without a prompt, never less than the datasheet's, whatever own runs
    say."""
    fitted, roofline = steps.without_prompts_ms(batch, context_tokens)
    return max(fitted * slower, roofline)


def launch_ms(steps: StepModel, slots: int) -> float:
    """Milliseconds that any prompt adds, whatever its length: launches, and experts that half a
    batch does not read."""
    coefficients = steps.coefficients.engines[steps.engine]
    launches = US * coefficients.prefill_layer_us * steps.work.layers
    return launches + untouched_ms(steps, slots / 2)


def untouched_ms(steps: StepModel, batch: float) -> float:
    """Milliseconds of reading the experts that a prompt uses and a batch of this size does not.

    Basis: arithmetic; a prompt of some hundred tokens uses all experts.
    """
    work = steps.work
    if not work.expert_layers:
        return 0.0
    return steps.experts_ms * work.untouched_share(batch)


@dataclass(frozen=True)
class PromptHits:
    """What the host cache does for the mean prompt. Its own step still takes the smaller time."""

    tokens: float
    """Tokens of the prompt that come from host memory."""
    computing_ms: float
    """Milliseconds to compute these tokens."""
    copying_ms: float
    """Milliseconds to copy their KV cache from host memory."""
    saved_ms: float
    """Milliseconds that a prompt saves; 0 where copying takes longer than computing."""


def prompt_hits(
    steps: StepModel, lengths: Lengths, hit_ratio: float, slower: float = 1.0
) -> PromptHits:
    """Return the hits of the mean prompt, at a factor of the time of computing.

    saved = mean of max(computing - copying, 0) over the lengths of prompts

    Basis: arithmetic. The copy counts as if the GPU waited for it, although it overlaps. Of the
    tokens that the GPU's cache lacks, those at the start hit.
    """
    if not hit_ratio:
        return PromptHits(0.0, 0.0, 0.0, 0.0)
    whole = computed_prompts_ms(steps, lengths)
    rest = computed_prompts_ms(steps, lengths, hit_ratio)
    tokens = computing = copying = saved = 0.0
    for (prompt, share), all_ms, rest_ms in zip(lengths.prompts, whole, rest, strict=True):
        hit = hit_ratio * max(prompt - lengths.cached_tokens, 0.0)
        copy = hit * steps.host_cache.copy_ms_per_token
        compute = slower * (all_ms - rest_ms)
        tokens, copying = tokens + share * hit, copying + share * copy
        computing += share * compute
        saved += share * max(compute - copy, 0.0)
    return PromptHits(tokens, computing, copying, saved)


def computed_prompts_ms(steps: StepModel, lengths: Lengths, hit_ratio: float = 0.0) -> list[float]:
    """Milliseconds of computing the uncached part of a prompt, for each length of prompt.

    linear terms of the new tokens + attention of the whole prompt - attention of the cached part

    `hit_ratio` is the share of the uncached part, at its start, that host memory has.

    Basis: arithmetic; the attention of n tokens grows with n^2, so the mean of a histogram takes
    more than its mean prompt.
    """
    times = steps.coefficients.engines[steps.engine].attention_flop
    cached, new = lengths.cached_tokens, lengths.prompt_tokens - lengths.cached_tokens
    linear = steps.prompt_ms(new) - times * steps.work.attention_ms(new)
    found = [cached + hit_ratio * max(prompt - cached, 0.0) for prompt, _ in lengths.prompts]
    return [
        linear * (max(prompt - before, 0.0) / new if new else 0.0)
        + times * max(steps.work.attention_ms(prompt) - steps.work.attention_ms(before), 0.0)
        for (prompt, _), before in zip(lengths.prompts, found, strict=True)
    ]


def batch_grid(slots: int) -> list[int]:
    """Batches from 1, each half as large again, until the slots are covered. The batches do not
    depend on the slots, so one more slot does not change the time of a smaller batch."""
    batches = [1]
    while batches[-1] < slots:
        batches.append(max(batches[-1] + 1, int(batches[-1] * GRID_GROWTH)))
    return batches


def filled(batches: Sequence[int], times: Sequence[float]) -> tuple[float, ...]:
    """Return a time for every batch, linear between the computed ones."""
    filled = [times[0]]
    for index in range(1, len(batches)):
        low, high = batches[index - 1], batches[index]
        rise = (times[index] - times[index - 1]) / (high - low)
        filled += [times[index - 1] + rise * n for n in range(1, high - low + 1)]
    return tuple(filled)


@dataclass(frozen=True)
class Targets:
    """Targets of a request, and the share of requests that must meet them."""

    share: float
    ttft_s: float | None
    tpot_s: float | None
    max_utilisation: float | None = None
    """Maximum share of a full batch's rate where the workload states one."""
    response_s: float | None = None

    @property
    def stated(self) -> dict[str, float]:
        """Seconds of each target, by its name."""
        limits = ((TTFT, self.ttft_s), (TPOT, self.tpot_s), (RESPONSE, self.response_s))
        return {name: limit for name, limit in limits if limit is not None}

    @property
    def has_any(self) -> bool:
        """True where a time has a target. Otherwise nobody waits for an answer, and a queue costs
        nothing."""
        return bool(self.stated)

    @property
    def queue_limit(self) -> float:
        """Maximum share of a full batch's rate that keeps the waits short."""
        return self.max_utilisation or DEFAULT_MAX_UTILISATION

    @property
    def limit(self) -> float:
        """Maximum share of a full batch's rate: that of short waits where a time has a target."""
        return self.queue_limit if self.has_any else self.max_utilisation or FULL

    def slowness(self, bands: Bands, quantile: float) -> float:
        """Measured over predicted time of a step at a quantile of the bands.

        With a target: the band of the steps. Without: the narrower of it and the band at full load

        Guard: without a target the rate is at least that of a target that is always met.
        """
        steps = bands.tpot.at(quantile)
        return steps if self.has_any else min(steps, bands.full_load.at(quantile))


def without_headroom(targets: Targets) -> Targets:
    """Return the same targets for the mean request at the highest utilisation.

    Most benchmarks and calculators report this rate. Basis: arithmetic; 99 % of a full batch.
    """
    return replace(targets, share=MEDIAN, max_utilisation=FULL)


def targets_of(latency: Latency | None, max_utilisation: float | None) -> Targets:
    """Return the targets of a workload."""
    if latency is None:
        return Targets(0.95, None, None, max_utilisation)
    return Targets(
        share=float(latency.percentile) / 100,
        ttft_s=None if latency.ttft_ms is None else float(latency.ttft_ms) * MS,
        tpot_s=None if latency.tpot_ms is None else float(latency.tpot_ms) * MS,
        max_utilisation=max_utilisation,
        response_s=None if latency.response_s is None else float(latency.response_s),
    )


def throughput_per_s(times: Times, targets: Targets) -> float:
    """Requests per second of one replica that its utilisation limit allows: limit x the full
    batch's rate."""
    return targets.limit * times.server.saturation_per_s


def rate_within(times: Times, targets: Targets) -> float:
    """Requests per second of one replica within all constraints; 0 for none.

    The value is the least of `rate_by_constraint`. Each search starts from the rate that the others
    allow, so most need one step.
    """
    rate = throughput_per_s(times, targets)
    for allowed in _allowed(times, targets).values():
        rate = highest_rate(allowed, rate) if rate > 0 else 0.0
    return rate


def rate_by_constraint(times: Times, targets: Targets) -> dict[str, float]:
    """Requests per second of one replica that each constraint alone allows; 0 for none.

    throughput: as `throughput_per_s`; ttft, tpot, response: the highest lower rate at which the
    required share of requests meets the target
    """
    highest = throughput_per_s(times, targets)
    searched = {
        name: highest_rate(allowed, highest) for name, allowed in _allowed(times, targets).items()
    }
    return {"throughput": highest, **searched}


def _allowed(times: Times, targets: Targets) -> dict[str, Callable[[float], bool]]:
    """Whether a rate meets each stated target."""
    server, share, limits = times.server, targets.share, targets.stated

    def within(seconds: Callable[[Queue, float], float], limit: float) -> Callable[[float], bool]:
        return lambda rate: seconds(server.at(rate), share) <= limit

    return {
        name: within(seconds, limits[name])
        for name, seconds in times.by_target.items()
        if name in limits
    }
