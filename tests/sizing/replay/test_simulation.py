"""Simulated waits meet known formulas, and follow losses and rates in the right direction."""

import random
from array import array
from math import inf, isinf, log

import pytest

from sizing.replay.burst import BurstRule
from sizing.replay.server import ReplicaServer
from sizing.replay.simulation import Fleet, Loss, Outcome, simulated
from sizing.replay.trace import Trace
from sizing.replica.queues.queueing import BatchServer
from sizing.replica.queues.item_queue import ItemQueue

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
