"""How long does a request wait for one replica, and what rate keeps the wait short enough?

A replica is a batch server: the more sequences run, the slower each is, and beyond its most
sequences the others wait. Its state is the number of requests in it, a birth-death chain.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import floor, inf, log, log2, sqrt

LARGEST = 1e250
RATES_PER_OCTAVE = 2**14
"""Rates between one and its double that a search tells apart: steps of 0.004 %."""
LOWEST_OCTAVE = -40
"""A search ends at 2^-40 requests a second, one in 35,000 years."""


@dataclass(frozen=True)
class BatchServer:
    """One replica: so many slots, steps that slow with the batch, prompts between them."""

    answer_steps: float
    """Steps of one answer, mean."""
    steps_s: tuple[float, ...]
    """Seconds of one step with 1, 2, ... N sequences running; more requests wait."""
    prompt_s: float
    """Seconds that the prompt of one request adds to a step."""
    variation: float = 1.0
    """Squared coefficient of variation of the requests' work: 0 alike, 1 exponential."""

    @property
    def slots(self) -> int:
        """Sequences that run at once."""
        return len(self.steps_s)

    @property
    def saturation_per_s(self) -> float:
        """Requests completed in a second with every slot taken: N / (answer x step + N x prompt).

        Basis: arithmetic; a prompt takes the place of each answer that ends.
        """
        slots = len(self.steps_s)
        return slots / (self.answer_steps * self.steps_s[-1] + slots * self.prompt_s)

    def at(self, arrivals_per_s: float) -> "Queue":
        """The queue at that arrival rate, Poisson arrivals."""
        return Queue(self, arrivals_per_s)


@dataclass(frozen=True)
class Queue:
    """A batch server under load, in its steady state.

    p_n = p_0 x product over i <= n of lambda / mu(i)
    mu(i) = i x (1 - lambda x prompt) / (answer x step(i)) below N, and saturation from N on

    Basis: arithmetic (birth-death chain, Poisson arrivals); its mean wait is within 10 % of a
    simulation of every step up to 0.9 utilisation for answers of geometric length, 15 % for answers
    all alike; above it for heavier tails.
    """

    server: BatchServer
    arrivals_per_s: float

    @property
    def utilisation(self) -> float:
        """Arrivals over what the full batch completes; at 1 and above the queue has no end."""
        return self.arrivals_per_s / self.server.saturation_per_s

    @property
    def is_stable(self) -> bool:
        return self.utilisation < 1

    @cached_property
    def _weights(self) -> tuple[Sequence[float], float, float]:
        """Weights of 0..N requests running, the weight of a queue behind them, their sum."""
        weights = [1.0]
        weight = 1.0
        server, arrivals = self.server, self.arrivals_per_s
        each = arrivals * server.answer_steps / (1 - arrivals * server.prompt_s)
        ratios = [each * step / n for n, step in enumerate(server.steps_s, start=1)]
        ratios[-1] = self.utilisation
        for ratio in ratios:
            weight *= ratio
            if weight > LARGEST:
                weights = [old / LARGEST for old in weights]
                weight /= LARGEST
            weights.append(weight)
        waiting = weight * self.utilisation / (1 - self.utilisation)
        return weights, waiting, sum(weights) + waiting

    @property
    def waiting_share(self) -> float:
        """Share of requests that find every slot taken."""
        if not self.is_stable:
            return 1.0
        weights, waiting, total = self._weights
        return (weights[-1] + waiting) / total

    @property
    def mean_slot_wait_s(self) -> float:
        """Seconds that a request waits for a slot, mean: P(wait) / (mu(N) - lambda) x spread."""
        return self.waiting_share / self._gap * self._spread if self.is_stable else inf

    def slot_wait_s(self, share: float) -> float:
        """Seconds for a slot that so large a share of requests does not exceed.

        P(W > t) = P(wait) x exp(-(mu(N) - lambda) t / spread)
        """
        if not self.is_stable:
            return inf
        exceeding = 1 - share
        if self.waiting_share <= exceeding:
            return 0.0
        return log(self.waiting_share / exceeding) / self._gap * self._spread

    def prompt_wait_s(self, share: float) -> float:
        """Seconds behind other prompts that so large a share of requests does not exceed.

        P(W > t) = rho x exp(-2 (1 - rho) t / prompt),  rho = arrivals x prompt

        Basis: arithmetic; M/D/1, whose mean rho x prompt / (2 (1 - rho)) it keeps.
        """
        busy, exceeding = self.arrivals_per_s * self.server.prompt_s, 1 - share
        if busy >= 1:
            return inf
        if busy <= exceeding:
            return 0.0
        return log(busy / exceeding) * self.server.prompt_s / (2 * (1 - busy))

    def running(self, share: float) -> int:
        """Sequences running beside a request, itself included, that such a share of requests
        does not exceed."""
        if not self.is_stable:
            return self.server.slots
        weights, _, total = self._weights
        seen = list(accumulate(weights[:-1]))
        found = bisect_left(seen, share * total)
        return min(found + 1, self.server.slots)

    @property
    def in_system(self) -> float:
        """Requests running and waiting, mean."""
        if not self.is_stable:
            return inf
        weights, waiting, total = self._weights
        running = sum(n * weight for n, weight in enumerate(weights)) / total
        queued = self.mean_slot_wait_s * self.arrivals_per_s
        return running + waiting / total * self.server.slots + queued

    @property
    def _gap(self) -> float:
        return self.server.saturation_per_s - self.arrivals_per_s

    @property
    def _spread(self) -> float:
        """Wait over that of exponential work: cv^2 + (1 - cv^2) x the wait of work all alike.

        alike = (1 + (1 - rho) (N - 1) (sqrt(4 + 5 N) - 2) / (16 rho N)) / 2

        Basis: approximations of M/D/c (Cosmetatos 1976) and of M/G/c (interpolation in cv^2).
        """
        slots, busy, varies = self.server.slots, self.utilisation, self.server.variation
        if busy <= 0:
            return 1.0
        more = (1 - busy) * (slots - 1) * (sqrt(4 + 5 * slots) - 2) / (16 * busy * slots)
        alike = min((1 + more) / 2, 1.0)
        return varies + (1 - varies) * alike


def highest_rate(allowed: Callable[[float], bool], limit: float) -> float:
    """The highest rate up to `limit` that is allowed, where lower ones are allowed too; else 0.

    Below the limit, rates are powers of 2^(1/RATES_PER_OCTAVE) whatever the limit is: two servers
    of which one allows more are never told apart the wrong way round.

    Basis: bisection.
    """
    if allowed(limit):
        return limit
    low, high = LOWEST_OCTAVE * RATES_PER_OCTAVE, floor(log2(limit) * RATES_PER_OCTAVE) + 1
    if not allowed(_rate(low)):
        return 0.0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(_rate(middle)) else (low, middle)
    return _rate(low)


def _rate(step: int) -> float:
    return float(2 ** (step / RATES_PER_OCTAVE))
