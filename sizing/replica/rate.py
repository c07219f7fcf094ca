"""What rate of requests can one replica serve within its latency targets?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from math import inf

from sizing.catalog.coefficients import Band
from sizing.replica.lengths import Lengths
from sizing.replica.queueing import BatchServer, Queue, highest_rate
from sizing.steps.model import US, Load, StepModel
from sizing.workload import Latency

DEFAULT_MAX_UTILISATION = 0.9
"""Maximum share of a full batch's rate. Basis: assumed; the waits are checked up to here, and above
it a small surplus of load makes them long."""
GRID_GROWTH = 1.5
"""Ratio of the batches with computed step times. Between two of them, the times are linear."""
MS = 1e-3
TINY = 1e-9
"""Smallest difference of two shares: nine bars of 0.1 are not quite 0.9."""


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

    @cached_property
    def server(self) -> BatchServer:
        """Replica as a queue. The first token comes with the prompt."""
        answer = max(self.output_tokens - 1, 1.0)
        return BatchServer(answer, self.decode_s, self.prompt_s, self.variation)

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
        longest = self.firsts_s[-1][1]
        return next((first for most, first in self.firsts_s if most >= share - TINY), longest)

    def ttft_s(self, queue: Queue, share: float) -> float:
        """Seconds to the first token that this share of requests does not exceed.

        first + steps x step + wait behind other prompts + wait for a slot

        Basis: arithmetic; the sum of quantiles is not below the quantile of the sum here.
        """
        own = self.first_s(share) + self.first_steps * self.tpot_s(queue, share)
        return own * self.first_factor + queue.prompt_wait_s(share) + queue.slot_wait_s(share)


class BandSide(StrEnum):
    low = "low"
    """P10: the fastest likely time."""
    median = "median"
    """Median: the fitted time."""
    safe = "safe"
    """P90: the slowest likely time, which sizes a service."""

    def of(self, band: Band) -> float:
        """Return measured over predicted time on this side."""
        return {"low": band.low, "median": 1.0, "safe": band.high}[self.value]


def replica_times(steps: StepModel, lengths: Lengths, slots: int, side: BandSide) -> ReplicaTimes:
    """Return the times of a replica with `slots` slots, on one side of the band."""
    coefficients = steps.coefficients.engines[steps.engine]
    bands = steps.bands
    slower = side.of(bands.tpot) * steps.tpot_correction
    batches = _grid(slots)
    alone = Load(inf, lengths.running_context_tokens, 0.0, 0.0, slots, slots)
    computed = [_step_ms(steps, float(n), alone, slower) * MS for n in batches]
    times = _filled(batches, computed)[:slots]
    prompts_ms = computed_prompts_ms(steps, lengths)
    shares = [share for _, share in lengths.prompts]
    prompt_ms = sum(share * each for share, each in zip(shares, prompts_ms, strict=True))
    launch_ms = US * coefficients.prefill_layer_us * steps.work.layers
    launch_ms += untouched_ms(steps, slots / 2)
    prompt_s = (prompt_ms + launch_ms) * MS * slower / steps.work.ranks
    prefills = coefficients.first_token_prefills
    firsts_ms = [coefficients.first_token_ms + prefills * (own + launch_ms) for own in prompts_ms]
    decode = max(lengths.output_tokens - 1, 1.0) * times[-1] / slots
    share = decode / (decode + prompt_s)
    prompt_varies, answer_varies = lengths.queue_variation
    return ReplicaTimes(
        decode_s=times,
        prompt_s=prompt_s,
        firsts_s=tuple(zip(accumulate(shares), (ms * MS for ms in firsts_ms), strict=True)),
        first_steps=coefficients.first_token_steps,
        first_factor=side.of(bands.ttft) * steps.ttft_correction,
        output_tokens=lengths.output_tokens,
        variation=share**2 * answer_varies + (1 - share) ** 2 * prompt_varies,
    )


def _step_ms(steps: StepModel, batch: float, load: Load, slower: float) -> float:
    """Milliseconds of one step without a prompt, never less than the datasheet's, whatever own runs
    say."""
    return max(sum(steps.terms(batch, load)) * slower, steps.roofline_ms(load.context, batch))


def untouched_ms(steps: StepModel, batch: float) -> float:
    """Milliseconds of reading the experts that a prompt uses and a batch of this size does not.

    Basis: arithmetic; a prompt of some hundred tokens uses all experts.
    """
    work = steps.work
    if not work.expert_layers:
        return 0.0
    times = steps.coefficients.engines[steps.engine].expert_weights_read
    return times * work.experts_ms * work.untouched_share(batch)


def computed_prompts_ms(steps: StepModel, lengths: Lengths) -> list[float]:
    """Milliseconds of computing the uncached part of a prompt, for each length of prompt.

    linear terms of the new tokens + attention of the whole prompt - attention of the cached part

    Basis: arithmetic; the attention of n tokens grows with n^2, so the mean of a histogram takes
    more than its mean prompt.
    """
    times = steps.coefficients.engines[steps.engine].attention_flop
    cached, new = lengths.cached_tokens, lengths.prompt_tokens - lengths.cached_tokens
    linear = steps.prompt_ms(new) - times * steps.work.attention_ms(new)
    before = steps.work.attention_ms(cached)
    return [
        linear * (max(prompt - cached, 0.0) / new if new else 0.0)
        + times * max(steps.work.attention_ms(prompt) - before, 0.0)
        for prompt, _ in lengths.prompts
    ]


def _grid(slots: int) -> list[int]:
    """Batches from 1, each half as large again, until the slots are covered. The batches do not
    depend on the slots, so one more slot does not change the time of a smaller batch."""
    batches = [1]
    while batches[-1] < slots:
        batches.append(max(batches[-1] + 1, int(batches[-1] * GRID_GROWTH)))
    return batches


def _filled(batches: Sequence[int], times: Sequence[float]) -> tuple[float, ...]:
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
    max_utilisation: float


def without_headroom(targets: Targets) -> Targets:
    """Return the same targets for the mean request at the highest utilisation.

    Most benchmarks and calculators report this rate. Basis: arithmetic; 99 % of a full batch.
    """
    return replace(targets, share=0.5, max_utilisation=0.99)


def targets_of(latency: Latency | None, max_utilisation: float | None) -> Targets:
    """Return the targets of a workload. Without latency targets, only the utilisation limits."""
    limit = DEFAULT_MAX_UTILISATION if max_utilisation is None else max_utilisation
    if latency is None:
        return Targets(0.95, None, None, limit)
    return Targets(
        share=float(latency.percentile) / 100,
        ttft_s=None if latency.ttft_ms is None else float(latency.ttft_ms) * MS,
        tpot_s=None if latency.tpot_ms is None else float(latency.tpot_ms) * MS,
        max_utilisation=limit,
    )


def rate_by_constraint(times: ReplicaTimes, targets: Targets) -> dict[str, float]:
    """Requests per second of one replica that each constraint alone allows; 0 for none.

    throughput: utilisation limit x the full batch's rate; ttft, tpot: the highest lower rate at
    which the required share of requests meets the target
    """
    highest = targets.max_utilisation * times.server.saturation_per_s
    rates = {"throughput": highest}
    ttft, tpot = targets.ttft_s, targets.tpot_s
    if ttft is not None:
        rates["ttft"] = highest_rate(
            lambda rate: times.ttft_s(times.server.at(rate), targets.share) <= ttft,
            highest,
        )
    if tpot is not None:
        rates["tpot"] = highest_rate(
            lambda rate: times.tpot_s(times.server.at(rate), targets.share) <= tpot,
            highest,
        )
    return rates
