"""How long does a request wait where each replica makes one item at a time?

The load balancer sends a request to the replica with the fewest requests, so that none waits while
another replica is idle: an M/M/c queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import exp, inf, log

NEGLIGIBLE = 1e-17
"""Share of a sum below which further, smaller terms do not change it."""
UNBOUNDED = 1e300
"""Sum above which nobody waits, as far as a float can tell."""


@dataclass(frozen=True)
class ItemQueue:
    """Replicas that make one item at a time, in their steady state.

    Basis: arithmetic (Erlang C, Poisson arrivals, exponential times). In a simulation of a balancer
    in front of 4 to 30 replicas, items of equal time wait less, or at most 0.35 items longer where
    the wait is shorter than one item (`tests/sizing/replica/queues/test_item_queue.py`).
    """

    replicas: int
    requests_per_s: float
    item_s: float
    """Seconds of one item."""

    @property
    def offered(self) -> float:
        """Mean number of replicas at work, in Erlang: requests per second x seconds of an item."""
        return self.requests_per_s * self.item_s

    @property
    def free_per_s(self) -> float:
        """Requests per second that the replicas could make beyond those that arrive."""
        return self.replicas / self.item_s - self.requests_per_s

    @cached_property
    def waiting_share(self) -> float:
        """Share of requests that find every replica at work.

        C = B / (1 - rho (1 - B)), rho = offered / replicas, B = Erlang's loss
        """
        if self.offered >= self.replicas:
            return 1.0
        loss = erlang_loss(self.replicas, self.offered)
        return loss / (1 - self.offered / self.replicas * (1 - loss))

    def late_share(self, wait_s: float) -> float:
        """Share of requests that wait longer than this.

        P(W > t) = C x exp(-(replicas / seconds - rate) t)
        """
        if self.offered >= self.replicas:
            return 1.0
        return self.waiting_share * exp(-self.free_per_s * wait_s)

    def wait_s(self, share: float) -> float:
        """Seconds of the wait that this share of requests does not exceed.

        P(W > t) = C x exp(-(replicas / seconds - rate) t)
        """
        if self.offered >= self.replicas:
            return inf
        exceeding = 1 - share
        if self.waiting_share <= exceeding:
            return 0.0
        return log(self.waiting_share / exceeding) / self.free_per_s

    def response_s(self, share: float) -> float:
        """Seconds of the whole answer that this share of requests does not exceed."""
        return self.wait_s(share) + self.item_s


def erlang_loss(servers: int, offered: float) -> float:
    """Share of requests that are lost where nobody waits: Erlang B.

    1 / B = sum over j <= servers of the product over i < j of (servers - i) / offered

    Basis: arithmetic. Terms are added until they no longer count, so that thousands of servers
    take as many steps as the root of their number.
    """
    if offered <= 0:
        return 0.0
    term = total = 1.0
    for idle in range(servers):
        term *= (servers - idle) / offered
        total += term
        if total > UNBOUNDED:
            return 0.0
        if term < NEGLIGIBLE * total:
            break
    return 1 / total


def fewest_replicas(
    requests_per_s: float, item_s: float, response_s: float, share: float
) -> int | None:
    """Smallest number of replicas whose answers are in time for this share of requests.

    The result is None where one item alone takes longer. Basis: a wait only falls with more
    replicas.
    """
    if item_s > response_s:
        return None

    def enough(replicas: int) -> bool:
        queue = ItemQueue(replicas, requests_per_s, item_s)
        return queue.response_s(share) <= response_s

    return fewest(int(requests_per_s * item_s), enough)


def fewest(too_few: int, enough: Callable[[int], bool]) -> int:
    """Smallest number above `too_few` that is enough, where each larger one is enough too.

    Basis: bisection.
    """
    low, step = too_few, 1
    while not enough(low + step):
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
