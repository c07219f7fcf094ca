"""What are the times of one replica for requests of a trace's lengths?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from sizing.replay.trace import Trace
from sizing.replica.calibrated import CalibratedReplica, times_of
from sizing.replica.lengths import Lengths
from sizing.replica.rate import MS, ReplicaTimes, computed_prompts_ms, launch_ms, prompt_hits


@dataclass(frozen=True)
class ReplicaServer:
    """Replica at one quantile of the band: a batch whose steps slow as it grows, and prompts that
    slow it."""

    steps_s: tuple[float, ...]
    """Seconds of one step with 1, 2, ... N sequences running. Further requests wait."""
    prompts: Mapping[int, tuple[float, float]]
    """By tokens of a prompt: seconds of computing that it takes from the batch, and seconds to its
    own first token without steps and waits."""
    first_steps: float = 0.0
    """Steps before a first token: their number, without the band of the steps."""
    first_factor: float = 1.0
    """Factor of the first token's own band."""
    chunk_s: float = inf
    """Seconds of the part of prompts that the engine computes between two steps."""

    @property
    def slots(self) -> int:
        """Number of sequences that run at once."""
        return len(self.steps_s)

    def work_s(self, input_tokens: int, output_tokens: int) -> float:
        """Seconds of a full replica that one request takes: steps x step / slots + prompt."""
        decoding = (output_tokens - 1) * self.steps_s[-1] / self.slots
        return decoding + self.prompts[input_tokens][0]


@dataclass(frozen=True)
class TraceLengths:
    """Mean tokens of a trace's requests, and their squared coefficients of variation."""

    prompt_tokens: float
    output_tokens: float
    prompt_variation: float
    output_variation: float

    @property
    def sequence_tokens(self) -> float:
        """Tokens of a running sequence at its end, as `running_tokens` of `sizing.replica`."""
        longer = max((1 + self.output_variation) / 2, 1.0)
        return self.prompt_tokens + self.output_tokens * longer


def trace_lengths(trace: Trace) -> TraceLengths:
    """Return the mean lengths of a trace. Basis: arithmetic."""
    prompt, prompt_varies = _moments(trace.input_tokens)
    output, output_varies = _moments(trace.output_tokens)
    return TraceLengths(prompt, output, prompt_varies, output_varies)


def _moments(tokens: Sequence[int]) -> tuple[float, float]:
    """Mean, and squared coefficient of variation."""
    mean = sum(tokens) / len(tokens)
    square = sum(each * each for each in tokens) / len(tokens)
    return mean, max(square / mean**2 - 1, 0.0)


def replica_server(
    replica: CalibratedReplica, trace: Trace, slots: int, quantile: float, chunk_tokens: int
) -> ReplicaServer:
    """Return the replica's times for the lengths of a trace, at a quantile of the bands.

    Between two steps, the engine computes at most `chunk_tokens` tokens of prompts. The same share
    of each prompt is in the cache as of the sized mean prompt.

    Basis: as the calibrated method; the steps are those of the trace's mean running context.
    """
    lengths, sized = trace_lengths(trace), replica.lengths
    cached = sized.cached_tokens / sized.prompt_tokens if sized.prompt_tokens else 0.0
    times = times_of(
        replica.steps,
        Lengths(
            prompt_tokens=lengths.prompt_tokens,
            cached_tokens=cached * lengths.prompt_tokens,
            output_tokens=lengths.output_tokens,
            prompt_variation=lengths.prompt_variation,
            output_variation=lengths.output_variation,
            prompts=((lengths.prompt_tokens, 1.0),),
        ),
        slots,
        quantile,
        replica.targets,
    )
    if not isinstance(times, ReplicaTimes):
        raise TypeError("an embedding has no steps to replay")
    mean_tokens = lengths.prompt_tokens * (1 - cached)
    return ReplicaServer(
        steps_s=times.decode_s,
        prompts=_prompts(
            replica, trace, cached, slots=slots, quantile=quantile, slower=times.slower
        ),
        first_steps=times.first_steps / times.slower,
        first_factor=times.first_factor,
        chunk_s=chunk_tokens * times.prompt_s / mean_tokens if mean_tokens else inf,
    )


def _prompts(
    replica: CalibratedReplica,
    trace: Trace,
    cached_ratio: float,
    *,
    slots: int,
    quantile: float,
    slower: float,
) -> dict[int, tuple[float, float]]:
    """Seconds of each length of prompt in the trace, as `replica_times` has them for the mean."""
    steps = replica.steps
    coefficients = steps.coefficients.engines[steps.engine]
    launched_ms, hit_ratio = launch_ms(steps, slots), steps.host_cache.hit_ratio(quantile)
    found = dict[int, tuple[float, float]]()
    for tokens in sorted(set(trace.input_tokens)):
        own = _alone(float(tokens), cached_ratio)
        (own_ms,) = computed_prompts_ms(steps, own)
        saved_ms = prompt_hits(steps, own, hit_ratio, slower).saved_ms
        pause_ms = (own_ms + launched_ms) * slower - saved_ms
        prefills = coefficients.first_token_prefills
        first_ms = coefficients.first_token_ms + prefills * (own_ms + launched_ms)
        found[tokens] = pause_ms * MS / steps.work.ranks, first_ms * MS
    return found


def _alone(tokens: float, cached_ratio: float) -> Lengths:
    """Lengths of one prompt; its answer does not matter to its prefill."""
    return Lengths(
        prompt_tokens=tokens,
        cached_tokens=cached_ratio * tokens,
        output_tokens=1.0,
        prompt_variation=None,
        output_variation=None,
        prompts=((tokens, 1.0),),
    )
