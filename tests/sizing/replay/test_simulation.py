"""Simulated waits meet known formulas, and follow losses and rates in the right direction."""

import random
from array import array
from math import isinf, isnan, log

import pytest

from sizing.replay.burst import Burst, BurstRule
from sizing.replay.server import ReplicaServer
from sizing.replay.simulation import Fleet, Loss, Outcome, simulated
from sizing.replay.trace import Trace
from sizing.replica.queues.item_queue import ItemQueue
from sizing.replica.queues.queueing import BatchServer

STEPS = 10_000
"""Steps of the mean answer: many, so that a whole number of tokens is as good as a time."""


def poisson(rate: float, requests: int, *, exponential: bool, steps: int = STEPS) -> Trace:
    draw, now = random.Random(7), 0.0
    times, answers = array("d"), array("L")
    for _ in range(requests):
        now += draw.expovariate(rate)
        times.append(now)
        length = -log(1 - draw.random()) * steps if exponential else steps
        answers.append(1 + max(round(length), 1))
    return Trace(times, array("L", [1]) * requests, answers)


def server(slots: int, *, step_s: float = 1 / STEPS, prompt_s: float = 0.0) -> ReplicaServer:
    return ReplicaServer(steps_s=(step_s,) * slots, prompts={1: (prompt_s, 0.0)})


def mean(outcome: Outcome) -> float:
    """Mean wait for a slot: the first token takes no time of its own here."""
    steady = outcome.ttft_s[len(outcome.ttft_s) // 20 :]
    return sum(steady) / len(steady)


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_one_slot_with_equal_work_is_m_d_1(rho: float) -> None:
    """Mean wait = rho / (2 (1 - rho)) services of one second, within 5 %."""
    found = mean(simulated(poisson(rho, 60_000, exponential=False), Fleet(server(1), 1)))
    assert found == pytest.approx(rho / (2 * (1 - rho)), rel=0.05)


def test_prompts_alone_are_m_d_1() -> None:
    """Prompts of 0.7 s pause a replica one after another, while slots are free."""
    trace = poisson(1.0, 60_000, exponential=False, steps=1)
    found = mean(simulated(trace, Fleet(server(256, step_s=1e-9, prompt_s=0.7), 1)))
    assert found == pytest.approx(0.7 * 0.7 / (2 * (1 - 0.7)), rel=0.05)


@pytest.mark.parametrize(("slots", "rho"), [(4, 0.8), (16, 0.8)])
def test_slots_with_exponential_work_are_m_m_c(slots: int, rho: float) -> None:
    """Mean wait = Erlang C / (slots - load) services, within 8 %."""
    rate = rho * slots
    found = mean(simulated(poisson(rate, 80_000, exponential=True), Fleet(server(slots), 1)))
    queue = ItemQueue(slots, rate, 1.0)
    assert found == pytest.approx(queue.waiting_share / queue.free_per_s, rel=0.08)


def test_steps_that_slow_and_prompts_meet_the_queue_that_sizes() -> None:
    """The chain of `queueing.py` at 85 % utilisation, within 10 %: its own stated error."""
    slots, prompt_s, answer = 32, 0.01, 200
    steps_s = tuple(0.012 + 0.0002 * n for n in range(1, slots + 1))
    decode = answer * steps_s[-1] / slots
    share = decode / (decode + prompt_s)
    queue = BatchServer(answer, steps_s, prompt_s, share**2).at
    rate = 0.85 * BatchServer(answer, steps_s, prompt_s).saturation_per_s
    trace = poisson(rate, 100_000, exponential=True, steps=answer)
    outcome = simulated(trace, Fleet(ReplicaServer(steps_s, {1: (prompt_s, 0.0)}), 1))
    rho = rate * prompt_s
    behind_prompts = rho * prompt_s / (2 * (1 - rho))
    expected = queue(rate).mean_slot_wait_s + behind_prompts
    assert mean(outcome) == pytest.approx(expected, rel=0.1)


def test_times_of_requests_are_added_by_hand() -> None:
    """Two slots, steps of 1 and 2 seconds, prompts of 3: the second prompt pauses the first answer.

    First: prompt until 3, one step alone until 4 is cut short by nothing, then the second arrives.
    """
    trace = Trace(array("d", [0.0, 4.0, 5.0]), array("L", [1, 1, 1]), array("L", [5, 2, 2]))
    replica = ReplicaServer((1.0, 2.0), {1: (3.0, 0.5)}, first_steps=1.0, first_factor=2.0)
    outcome = simulated(trace, Fleet(replica, 1))
    # 0: computed at 3, step until 4, paused until 7, then steps of 2 s: 7-9 both, and so on.
    # 1: computed at 7, one step of 2 s ends at 9.  2: waits until 9, computed at 12, ends at 14.
    # 0 has made 1 + 1 step at 9, 3 at 14, and is alone then: its last step ends at 15.
    assert list(outcome.tpot_s) == [(15 - 3) / 4, 2.0, 2.0]
    own = [(0.5 + 1.0) * 2, (0.5 + 2.0) * 2, (0.5 + 2.0) * 2]
    assert list(outcome.ttft_s) == [0 + own[0], 0 + own[1], 4 + own[2]]
    assert (outcome.waiting_most, outcome.waiting_at_s, outcome.wait_most_s) == (1, 5.0, 4.0)


def test_steps_go_on_between_the_parts_of_a_prompt() -> None:
    """One step of 2 s for each part of 1 s: a prompt of 3 s takes 3 + 3 x 2 with one that runs."""
    trace = Trace(array("d", [0.0, 3.0]), array("L", [1, 1]), array("L", [8, 3]))
    replica = ReplicaServer((2.0, 2.0), {1: (3.0, 0.0)}, chunk_s=1.0)
    outcome = simulated(trace, Fleet(replica, 1))
    # 0: computed at 3, three steps until 12, and four more of 2 s until 20.
    # 1: computed at 12, and two steps until 16.
    assert outcome.tpot_s[0] == pytest.approx((20 - 3) / 7)
    assert outcome.tpot_s[1] == pytest.approx(2.0)


def test_a_burst_counts_the_hours_of_its_nodes() -> None:
    """Three replicas on two nodes, then one on one; each freed node is idle for a minute."""
    burst = Burst(BurstRule(10, 9, 15, 120, 300, 2, 60), 1)
    burst.begin(100)
    for now, requested in ((100, 3), (400, 1), (500, 0), (900, 0)):
        burst.count(now, requested)
    assert burst.node_s == 300 * 2 + 60 + 100 * 1 + 60
    assert (burst.active_s, burst.most) == (400, 3)


def test_the_emptiest_replica_is_next_and_turns_ignore_the_load() -> None:
    """Two replicas of one slot. Answers of 9 s and 1 s alternate: in turn, the long ones meet."""
    lengths = [STEPS * 9 + 1, STEPS + 1] * 3
    trace = Trace(array("d", map(float, range(6))), array("L", [1] * 6), array("L", lengths))
    fewest = simulated(trace, Fleet(server(1), 2))
    in_turn = simulated(trace, Fleet(server(1), 2, in_turn=True))
    assert sum(fewest.ttft_s) < sum(in_turn.ttft_s)
    assert in_turn.wait_most_s == pytest.approx(9 + 9 - 4)


def late(outcome: Outcome, limit_s: float = 1.0) -> int:
    return sum(each > limit_s for each in outcome.ttft_s)


@pytest.mark.parametrize("limit", [None, 20])
def test_a_higher_rate_never_makes_fewer_requests_late(limit: int | None) -> None:
    trace = poisson(10.0, 4_000, exponential=True)
    rates = (0.8, 1.0, 1.2, 1.4, 1.6, 2.0)
    found = [
        late(simulated(trace.faster(rate), Fleet(server(4), 4, most_in_flight=limit)))
        for rate in rates
    ]
    assert found == sorted(found)
    assert found[0] == 0 < found[-1]


def test_a_lost_replica_is_never_better_and_its_requests_get_no_answer() -> None:
    trace = poisson(14.0, 4_000, exponential=True)
    whole = simulated(trace, Fleet(server(4), 4))
    for lost in ([0], [1, 2], [0, 1, 2]):
        part = simulated(trace, Fleet(server(4), 4, loss=Loss(100.0, lost)))
        cut = [n for n, each in enumerate(part.ttft_s) if isinf(each)]
        assert late(part) > late(whole)
        assert 0 < len(cut) <= 4 * 4 * len(lost), "requests in flight on the lost replicas"
        assert all(trace.arrivals_s[n] < 100.0 and isnan(part.tpot_s[n]) for n in cut)
    none = simulated(trace, Fleet(server(4), 4, loss=Loss(100.0, range(4))))
    assert all(isinf(none.ttft_s[n]) for n, at in enumerate(trace.arrivals_s) if at > 100.0)


def test_a_full_replica_refuses() -> None:
    trace = Trace(
        array("d", [0.0, 0.1, 0.2, 0.3]), array("L", [1] * 4), array("L", [STEPS + 1] * 4)
    )
    outcome = simulated(trace, Fleet(server(1), 1, most_in_flight=3))
    assert [isinf(each) for each in outcome.ttft_s] == [False, False, False, True]
    assert isnan(outcome.tpot_s[3])
    assert outcome.waiting_most == 2


def test_a_burst_follows_the_load_and_stops() -> None:
    """Ten minutes of twice the floor's rate, then an hour of little."""
    high, low = poisson(8.0, 4_800, exponential=True), poisson(0.5, 1_800, exponential=True)
    after = [high.arrivals_s[-1] + each for each in low.arrivals_s]
    trace = Trace(
        array("d", [*high.arrivals_s, *after]),
        array("L", [1]) * 6_600,
        array("L", [*high.output_tokens, *low.output_tokens]),
    )
    rule = BurstRule(
        in_flight_target=4,
        most=3,
        poll_s=15,
        start_s=120,
        cooldown_s=300,
        replicas_per_node=2,
        idle_s=60,
    )
    alone = simulated(trace, Fleet(server(4), 1))
    helped = simulated(trace, Fleet(server(4), 1, burst=rule))
    assert late(helped) < late(alone) / 2
    burst = helped.burst
    assert burst is not None
    assert burst.most == 3 and burst.requested == 0
    assert helped.burst_by_hour == {0: 3}
    assert 600 < burst.active_s < 1_800, "the high load, the queue after it, and the cooldown"
    # Two nodes hold three replicas, and each node is idle for a minute before it goes.
    assert burst.active_s + 2 * 60 < burst.node_s <= 2 * burst.active_s + 2 * 60


def test_a_burst_wants_what_is_above_the_floor() -> None:
    rule = BurstRule(10, 100, 15, 120, 300, 1, 60)
    burst = Burst(rule, 2)
    assert burst.poll(0, 20, 2) == 0, "the floor may have 20"
    assert burst.poll(15, 21, 2) == 1
    assert burst.poll(30, 200, 2) == 1 + 4, "at most four more, or twice as many"
    assert burst.poll(45, 200, 2) == 10
    assert burst.poll(60, 200, 2) == 18, "(200 - 20) / 10"
    assert burst.poll(75, 0, 2) == 18, "the highest of the last 300 seconds"
    assert burst.poll(361, 0, 2) == 0
    assert burst.poll(376, 40, 1) == 3, "a lost replica of the floor is replaced"


def test_the_same_input_gives_the_same_times() -> None:
    trace = poisson(14.0, 2_000, exponential=True)
    first, second = (simulated(trace, Fleet(server(4), 4)) for _ in range(2))
    assert first.ttft_s == second.ttft_s and first.tpot_s == second.tpot_s
