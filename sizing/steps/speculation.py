"""What does a step cost that verifies drafted tokens, and how certain is their acceptance?"""

import math
from dataclasses import dataclass

from sizing.catalog.bands import Band, Bands

FEWER, MORE = 0.76, 1.14
"""P10 and P90 of the acceptance length on one kind of text, over its mean on all kinds.

Basis: measured, 11 kinds of text with two drafters (NVIDIA, Nemotron-Labs-Diffusion, 2026, table
10, on SPEED-Bench, arXiv 2604.09557). N-grams were not among them and are assumed to vary alike.
"""


@dataclass(frozen=True)
class Speculation:
    """Drafted tokens of each sequence, as the user measured them."""

    draft_tokens: int = 0
    tokens_per_step: float = 1.0
    """Mean tokens of one step, the model's own included."""
    draft_cost_ratio: float = 0.0
    """Time of drafting over the time of the step without prompts."""

    @property
    def is_used(self) -> bool:
        return self.draft_tokens > 0

    @property
    def positions(self) -> int:
        """Tokens of each sequence that a step computes: the drafted ones, and the model's own."""
        return self.draft_tokens + 1

    def bands(self, known: Bands) -> Bands:
        """Return the bands with the spread of the acceptance length; TTFT has none of it."""
        return Bands(
            tpot=self._wider(known.tpot), ttft=known.ttft, full_load=self._wider(known.full_load)
        )

    def _wider(self, band: Band) -> Band:
        """Return a band of the time per token, wider by the spread of the acceptance length.

        ln edge = sqrt(ln^2 edge of the step + ln^2 edge of the acceptance); acceptance is at least
        1 and at most the computed tokens

        Basis: arithmetic; both errors are independent and log-normal.
        """
        accepted = self.tokens_per_step
        slower = accepted / max(FEWER * accepted, 1.0)
        faster = accepted / min(MORE * accepted, self.positions)
        return Band(low=1 / _both(1 / band.low, 1 / faster), high=_both(band.high, slower))


NO_DRAFTS = Speculation()
"""A step without drafts, which computes one token of each sequence."""


def _both(first: float, second: float) -> float:
    """Combined factor of two independent ones, each at least 1."""
    return math.exp(math.hypot(math.log(first), math.log(max(second, 1.0))))
