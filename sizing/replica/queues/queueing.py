"""How long does a request wait for one replica, and what rate keeps the wait short enough?

A replica is a batch server: its sequences run more slowly as their number grows. Above its maximum
the others wait. Its state is the number of requests in it, a birth-death chain.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import floor, inf, log, log2, sqrt
from operator import mul

LARGEST = 1e250
RATES_PER_OCTAVE = 2**14
"""Rates that a search distinguishes between one and its double: steps of 0.004 %."""
LOWEST_OCTAVE = -40
"""Lowest octave of a search: 2^-40 requests per second, one in 35,000 years."""


@dataclass(frozen=True)
class BatchServer:
    """Replica with a number of slots, steps that slow with the batch, and prompts between them."""

    answer_steps: float
    """Mean steps of one answer."""
    steps_s: tuple[float, ...]
    """Seconds of one step with 1, 2, ... N sequences running. Further requests wait."""
    prompt_s: float
    """Seconds that the prompt of one request adds to a step."""
    variation: float = 1.0
    """Squared coefficient of variation of the requests' work: 0 for equal work, 1 for
    exponential."""

    @property
    def slots(self) -> int:
        """Number of sequences that run at once."""
        return len(self.steps_s)

    @cached_property
    def saturation_per_s(self) -> float:
        """Requests completed per second with every slot taken: N / (answer x step + N x prompt).

        Basis: arithmetic; a prompt follows each answer that ends.
        """
        slots = len(self.steps_s)
        return slots / (self.answer_steps * self.steps_s[-1] + slots * self.prompt_s)

    @cached_property
    def steps_of_one_s(self) -> tuple[float, ...]:
        """Seconds of a step over its sequences, for 1, 2, ... N sequences."""
        return tuple(step / n for n, step in enumerate(self.steps_s, start=1))

    def at(self, arrivals_per_s: float) -> "Queue":
        """Return the queue at that arrival rate, with Poisson arrivals."""
        return Queue(self, arrivals_per_s)


@dataclass(frozen=True)
class Queue:
    """Batch server under load, in its steady state.

    p_n = p_0 x product over i <= n of lambda / mu(i)
    mu(i) = i x (1 - lambda x prompt) / (answer x step(i)) below N, and saturation from N on

    Basis: arithmetic (birth-death chain, Poisson arrivals). Up to 0.9 utilisation, its mean wait is
    within 10 % of a simulation of every step for answers of geometric length. It is within 15 % for
    equal answers, and above the simulation for heavier tails.
    """

    server: BatchServer
    arrivals_per_s: float

    @cached_property
    def utilisation(self) -> float:
        """Arrivals over the full batch's completions. At 1 and above the queue is unbounded."""
        return self.arrivals_per_s / self.server.saturation_per_s

    @property
    def is_stable(self) -> bool:
        return self.utilisation < 1

    @cached_property
    def _weights(self) -> tuple[Sequence[float], float, float]:
        """Weights of 0..N running requests, the weight of a queue behind them, and their sum."""
        server, arrivals = self.server, self.arrivals_per_s
        each = arrivals * server.answer_steps / (1 - arrivals * server.prompt_s)
        ratios = [each * step for step in server.steps_of_one_s]
        ratios[-1] = self.utilisation
        weights = list(accumulate(ratios, mul, initial=1.0))
        if max(weights) > LARGEST:
            weights = _scaled(ratios)
        weight = weights[-1]
        waiting = weight * self.utilisation / (1 - self.utilisation)
        return weights, waiting, sum(weights) + waiting

    @property
    def waiting_share(self) -> float:
        """Share of requests that arrive while every slot is taken."""
        if not self.is_stable:
            return 1.0
        weights, waiting, total = self._weights
        return (weights[-1] + waiting) / total

    @property
    def mean_slot_wait_s(self) -> float:
        """Mean seconds that a request waits for a slot: P(wait) / (mu(N) - lambda) x spread."""
        return self.waiting_share / self._gap * self._spread if self.is_stable else inf

    def slot_wait_s(self, share: float) -> float:
        """Seconds of the wait for a slot that this share of requests does not exceed.

        P(W > t) = P(wait) x exp(-(mu(N) - lambda) t / spread)
        """
        if not self.is_stable:
            return inf
        exceeding = 1 - share
        if self.waiting_share <= exceeding:
            return 0.0
        return log(self.waiting_share / exceeding) / self._gap * self._spread

    def prompt_wait_s(self, share: float) -> float:
        """Seconds behind other prompts that this share of requests does not exceed.

        P(W > t) = rho x exp(-2 (1 - rho) t / prompt),  rho = arrivals x prompt

        Basis: arithmetic; M/D/1, whose mean rho x prompt / (2 (1 - rho)) it keeps.
        """
        rho, exceeding = self.arrivals_per_s * self.server.prompt_s, 1 - share
        if rho >= 1:
            return inf
        if rho <= exceeding:
            return 0.0
        return log(rho / exceeding) * self.server.prompt_s / (2 * (1 - rho))

    def running(self, share: float) -> int:
        """Number of sequences running with a request, itself included, that this share of requests
        does not exceed."""
        if not self.is_stable:
            return self.server.slots
        weights, _, total = self._weights
        seen = list(accumulate(weights[:-1]))
        found = bisect_left(seen, share * total)
        return min(found + 1, self.server.slots)

    @property
    def in_system(self) -> float:
        """Mean number of requests that run and wait."""
        if not self.is_stable:
            return inf
        return self.mean_running + self.mean_slot_wait_s * self.arrivals_per_s

    @property
    def mean_running(self) -> float:
        """Mean number of requests that run."""
        if not self.is_stable:
            return float(self.server.slots)
        weights, waiting, total = self._weights
        running = sum(n * weight for n, weight in enumerate(weights)) / total
        return running + waiting / total * self.server.slots

    @property
    def _gap(self) -> float:
        return self.server.saturation_per_s - self.arrivals_per_s

    @property
    def _spread(self) -> float:
        """Wait over that of exponential work: cv^2 + (1 - cv^2) x the wait of equal work.

        alike = (1 + (1 - rho) (N - 1) (sqrt(4 + 5 N) - 2) / (16 rho N)) / 2

        Basis: approximations of M/D/c (Cosmetatos 1976) and of M/G/c (interpolation in cv^2).
        """
        slots, utilisation, varies = self.server.slots, self.utilisation, self.server.variation
        if utilisation <= 0:
            return 1.0
        more = (
            (1 - utilisation) * (slots - 1) * (sqrt(4 + 5 * slots) - 2) / (16 * utilisation * slots)
        )
        alike = min((1 + more) / 2, 1.0)
        return varies + (1 - varies) * alike


def _scaled(ratios: Sequence[float]) -> list[float]:
    """Products of the first 0, 1, 2, ... ratios over a common factor, none above LARGEST."""
    weights = [1.0]
    weight = 1.0
    for ratio in ratios:
        weight *= ratio
        if weight > LARGEST:
            weights = [old / LARGEST for old in weights]
            weight /= LARGEST
        weights.append(weight)
    return weights


def highest_rate(allowed: Callable[[float], bool], limit: float) -> float:
    """Return the highest allowed rate up to `limit`, where all lower ones are allowed; else 0.

    Below the limit, rates are powers of 2^(1/RATES_PER_OCTAVE), whatever the limit is. Therefore
    the server with the higher rate never seems the slower one.

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
