"""How long does a replica take for vectors of texts, all of which a step computes at once?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from sizing.catalog.bands import Bands
from sizing.replica.lengths import Lengths
from sizing.replica.queues.queueing import BatchServer, Queue
from sizing.replica.rate import (
    MS,
    RESPONSE,
    Targets,
    batch_grid,
    computed_prompts_ms,
    filled,
    text_at,
)
from sizing.steps.model import StepModel

STEPS_OF_A_REQUEST = 1
"""Steps of one text. Basis: arithmetic; nothing is decoded."""
STEPS_IN_TIME = 2
"""Steps between arrival and answer without a wait for a place: the one at work, and the text's own.
Basis: arithmetic; an upper bound, since a text arrives while a step is at work."""


@dataclass(frozen=True)
class EmbeddingTimes:
    """Seconds of a replica's steps, on one side of the band."""

    steps_s: tuple[float, ...]
    """Seconds of a step with 1, 2, ... N texts."""
    texts_s: tuple[tuple[float, float], ...]
    """Seconds that one text adds to a step. Each length, shortest first, has its share of requests
    whose text is not longer."""
    mean_s: float
    """Seconds that the mean text adds to a step."""
    variation: float
    """Squared coefficient of variation of the tokens of a text."""
    slower: float
    """Factor of the steps on this side of their band."""

    @cached_property
    def server(self) -> BatchServer:
        """Replica as a queue, whose requests take one step."""
        return BatchServer(STEPS_OF_A_REQUEST, self.steps_s, 0.0, self.variation)

    @property
    def by_target(self) -> Mapping[str, Callable[[Queue, float], float]]:
        """Time of the whole answer."""
        return {RESPONSE: self.response_s}

    def response_s(self, queue: Queue, share: float) -> float:
        """Seconds to the vector that this share of requests does not exceed.

        2 x step(n) + own text - mean text + wait for a place, n = texts in a step that this share
        does not exceed

        Basis: arithmetic (birth-death chain); the sum of quantiles is not below the quantile of the
        sum. It is 1.0 to 2.9 times that of a simulation of every step from the 90th percentile on
        (`tests/sizing/replica/test_embedding.py`).
        """
        steps = STEPS_IN_TIME * self.steps_s[queue.running(share) - 1]
        longer = max(text_at(self.texts_s, share) - self.mean_s, 0.0)
        return steps + longer + queue.slot_wait_s(share)


def embedding_times(
    steps: StepModel,
    lengths: Lengths,
    slots: int,
    quantile: float,
    targets: Targets,
    *,
    bands: Bands | None = None,
) -> EmbeddingTimes:
    """Return the times of a replica whose steps have up to `slots` texts, at a quantile of the
    bands, 0 to 1.

    The mean text of a histogram takes the mean time of its lengths.
    """
    slower = targets.slowness(bands or steps.bands, quantile)
    shares = [share for _, share in lengths.prompts]
    prompts_ms = computed_prompts_ms(steps, lengths)
    prompt_ms = sum(share * each for share, each in zip(shares, prompts_ms, strict=True))
    roofline_ms = sum(share * steps.prompt_roofline_ms(tokens) for tokens, share in lengths.prompts)
    batches, computed = batch_grid(slots), list[float]()
    for texts in batches:
        fitted, roofline = steps.embedding_ms(float(texts), prompt_ms, roofline_ms)
        computed.append(max(fitted * slower, roofline) * MS)
    varies, _ = lengths.queue_variation
    texts_s = (each * slower * MS for each in prompts_ms)
    return EmbeddingTimes(
        steps_s=filled(batches, computed)[:slots],
        texts_s=tuple(zip(accumulate(shares), texts_s, strict=True)),
        mean_s=prompt_ms * slower * MS,
        variation=varies,
        slower=slower,
    )
