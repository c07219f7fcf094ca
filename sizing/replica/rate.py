"""What rate of requests can one replica take within its latency targets?"""

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
"""Highest share of a full batch's rate. Basis: assumed; the waits are checked up to here, and
above it a small surplus of load makes them long."""
GRID_GROWTH = 1.5
"""Batches at which step times are computed; between two of them they grow in a straight line."""
MS = 1e-3
TINY = 1e-9
"""Shares that differ by less are the same: nine bars of 0.1 are not quite 0.9."""


@dataclass(frozen=True)
class ReplicaTimes:
    """Seconds of a replica's work, at one side of the band."""

    decode_s: tuple[float, ...]
    """One step with 1, 2, ... N sequences and no prompt."""
    prompt_s: float
    """What one prompt adds to a step."""
    firsts_s: tuple[tuple[float, float], ...]
    """Of the first token, beside the steps and waits: for each length of prompt, shortest first,
    with the share of requests whose prompt is not longer."""
    first_steps: float
    """Steps that the first token takes."""
    first_factor: float
    """Side of the first token's own band."""
    output_tokens: float
    variation: float
    """Squared coefficient of variation of a request's work."""

    @cached_property
    def server(self) -> BatchServer:
        """The replica as a queue sees it; the first token comes with the prompt."""
        answer = max(self.output_tokens - 1, 1.0)
        return BatchServer(answer, self.decode_s, self.prompt_s, self.variation)

    def tpot_s(self, queue: Queue, share: float) -> float:
        """Seconds between two tokens that such a share of requests does not exceed.

        step / (1 - arrivals x prompt): prompts take their share of the time

        Basis: arithmetic; at the batch that such a share of arrivals does not exceed.
        """
        busy = queue.arrivals_per_s * self.prompt_s
        return self.decode_s[queue.running(share) - 1] / (1 - busy) if busy < 1 else inf

    def first_s(self, share: float) -> float:
        """Seconds of the first token for the prompt that such a share of requests does not exceed,
        beside the steps and waits."""
        longest = self.firsts_s[-1][1]
        return next((first for most, first in self.firsts_s if most >= share - TINY), longest)

    def ttft_s(self, queue: Queue, share: float) -> float:
        """Seconds to the first token that such a share of requests does not exceed.

        first + steps x step + wait behind other prompts + wait for a slot

        Basis: arithmetic; the sum of quantiles is not below the quantile of the sum here.
        """
        own = self.first_s(share) + self.first_steps * self.tpot_s(queue, share)
        return own * self.first_factor + queue.prompt_wait_s(share) + queue.slot_wait_s(share)


class BandSide(StrEnum):
    low = "low"
    """P10: the fastest that is likely."""
    median = "median"
    """As fitted."""
    safe = "safe"
    """P90: the slowest that is likely; what is sized for."""

    def of(self, band: Band) -> float:
        """Measured over predicted on this side."""
        return {"low": band.low, "median": 1.0, "safe": band.high}[self.value]


def replica_times(steps: StepModel, lengths: Lengths, slots: int, side: BandSide) -> ReplicaTimes:
    """The times of a replica with so many slots, on one side of the band."""
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
    """One step without a prompt; never faster than the datasheet, whatever own runs say."""
    return max(sum(steps.terms(batch, load)) * slower, steps.roofline_ms(load.context, batch))


def untouched_ms(steps: StepModel, batch: float) -> float:
    """Milliseconds of reading the experts that a prompt touches and so large a batch does not.

    Basis: arithmetic; a prompt of some hundred tokens touches all.
    """
    work = steps.work
    if not work.expert_layers:
        return 0.0
    times = steps.coefficients.engines[steps.engine].expert_weights_read
    return times * work.experts_ms * work.untouched_share(batch)


def computed_prompts_ms(steps: StepModel, lengths: Lengths) -> list[float]:
    """Milliseconds of computing what the cache lacks of a prompt, for each length of prompt.

    linear terms of the new tokens + attention of the whole prompt - attention of the cached part

    Basis: arithmetic; the attention of n tokens grows with n^2, so that the mean of a histogram
    takes more than its mean prompt.
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
    """1, then half as many more each, until the slots are covered; the same for all slots, so that
    one slot more does not change the time of a smaller batch."""
    batches = [1]
    while batches[-1] < slots:
        batches.append(max(batches[-1] + 1, int(batches[-1] * GRID_GROWTH)))
    return batches


def _filled(batches: Sequence[int], times: Sequence[float]) -> tuple[float, ...]:
    """A time for every batch, in a straight line between those computed."""
    filled = [times[0]]
    for index in range(1, len(batches)):
        low, high = batches[index - 1], batches[index]
        rise = (times[index] - times[index - 1]) / (high - low)
        filled += [times[index - 1] + rise * n for n in range(1, high - low + 1)]
    return tuple(filled)


@dataclass(frozen=True)
class Targets:
    """What a request may take, and what share of them must."""

    share: float
    ttft_s: float | None
    tpot_s: float | None
    max_utilisation: float


def without_headroom(targets: Targets) -> Targets:
    """The same targets for the mean request, with each replica as busy as they allow.

    That is what most benchmarks and calculators tell. Basis: arithmetic; 99 % of a full batch.
    """
    return replace(targets, share=0.5, max_utilisation=0.99)


def targets_of(latency: Latency | None, max_utilisation: float | None) -> Targets:
    """The targets of a workload; without latency targets the utilisation alone limits."""
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

    throughput: utilisation limit x the full batch's rate; ttft, tpot: the highest rate below it at
    which the target holds for the share that is asked for
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
