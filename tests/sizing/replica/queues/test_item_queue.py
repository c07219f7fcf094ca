"""Replicas that make one item at a time: Erlang C, its limits, and a simulation of the balancer."""

from heapq import heappop, heappush
from math import exp, inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.replica.queues.item_queue import ItemQueue, erlang_loss, fewest_replicas

OWN_QUEUE_ITEMS = 0.35
"""Largest excess of the simulated wait over that of one queue, in items."""


@pytest.mark.parametrize(
    ("replicas", "utilisation", "waiting", "wait_s"),
    [
        (12, 0.70, "0.184", "1.8"),
        (12, 0.85, "0.493", "6.4"),
        (12, 0.92, "0.705", "13.8"),
        (15, 0.70, "0.141", "1.2"),
        (15, 0.85, "0.447", "4.9"),
        (15, 0.92, "0.673", "10.8"),
    ],
)
def test_the_known_vectors(replicas: int, utilisation: float, waiting: str, wait_s: str) -> None:
    """Items of 5 s: share of requests that wait, and the wait that 95 % do not exceed."""
    queue = ItemQueue(replicas, replicas * utilisation / 5, 5.0)
    assert f"{queue.waiting_share:.3f}" == waiting
    assert f"{queue.wait_s(0.95):.1f}" == wait_s


def test_one_replica_is_the_textbook_s_queue() -> None:
    """M/M/1: the share that waits is the utilisation, and P(W > t) = rho exp(-(mu - lambda) t)."""
    queue = ItemQueue(1, 0.16, 5.0)
    assert queue.waiting_share == pytest.approx(0.8)
    assert 0.8 * exp(-(0.2 - 0.16) * queue.wait_s(0.9)) == pytest.approx(0.1)


@pytest.mark.parametrize(("servers", "offered", "loss"), [(1, 1.0, 0.5), (2, 1.0, 0.2)])
def test_the_loss_of_few_servers(servers: int, offered: float, loss: float) -> None:
    assert erlang_loss(servers, offered) == pytest.approx(loss)


def test_the_ends() -> None:
    assert ItemQueue(3, 0.6, 5.0).wait_s(0.95) == inf, "as many requests as replicas complete"
    assert ItemQueue(3, 1e-9, 5.0).response_s(0.95) == 5.0, "nobody waits"
    assert erlang_loss(5000, 1.0) == 0.0
    assert erlang_loss(3, 0.0) == 0.0
    assert 0 < erlang_loss(116_000, 115_740.0) < 0.01


@given(st.floats(0.01, 300), st.floats(0.2, 60), st.floats(1.0, 5.0), st.floats(0.5, 0.99))
def test_the_count_is_the_fewest(rate: float, item_s: float, ratio: float, share: float) -> None:
    target = item_s * ratio
    found = fewest_replicas(rate, item_s, target, share)
    assert found is not None
    assert ItemQueue(found, rate, item_s).response_s(share) <= target
    if found > 1:
        assert ItemQueue(found - 1, rate, item_s).response_s(share) > target


def test_a_target_below_one_item_has_no_count() -> None:
    assert fewest_replicas(1.0, 5.0, 4.99, 0.95) is None
    assert fewest_replicas(1.0, 5.0, 5.0, 0.95) is not None


def simulated_wait_s(replicas: int, rate: float, item_s: float, share: float) -> float:
    """Wait behind a load balancer that picks the replica with the fewest requests."""
    random, now = Random(7), 0.0
    held = [0] * replicas
    free_at = [0.0] * replicas
    ends: list[tuple[float, int]] = []
    waits = list[float]()
    for _ in range(60_000):
        now += random.expovariate(rate)
        while ends and ends[0][0] <= now:
            held[heappop(ends)[1]] -= 1
        fewest = min(held)
        chosen = random.choice([i for i, count in enumerate(held) if count == fewest])
        start = max(now, free_at[chosen])
        free_at[chosen] = start + item_s
        held[chosen] += 1
        heappush(ends, (free_at[chosen], chosen))
        waits.append(start - now)
    return sorted(waits)[int(share * len(waits))]


@pytest.mark.parametrize("utilisation", [0.50, 0.70, 0.85, 0.92])
@pytest.mark.parametrize("replicas", [4, 12, 30])
def test_the_wait_behind_the_balancer_is_that_of_one_queue(
    replicas: int, utilisation: float
) -> None:
    """Guard: each replica has its own queue. With items of equal time it waits less, except that a
    short wait may be longer by a part of the item in front."""
    rate = replicas * utilisation / 5
    real = simulated_wait_s(replicas, rate, 5.0, 0.95)
    sized = ItemQueue(replicas, rate, 5.0).wait_s(0.95)
    assert real <= sized + OWN_QUEUE_ITEMS * 5.0
    assert real <= max(sized, 5.0), "where more than one item waits, the sized wait is the longer"
