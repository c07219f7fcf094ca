"""The wait for a replica, compared with a simulation of every step."""

import random
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.replica.queues.queueing import BatchServer, Queue, highest_rate
from sizing.replica.rate import ReplicaTimes
from tests.examples import examples

Draw = Callable[[random.Random], int]


def simulated(
    step_s: Callable[[int], float],
    *,
    prompt_s: float,
    slots: int,
    arrivals_per_s: float,
    answer: Draw,
    seed: int,
    requests: int,
) -> tuple[float, float]:
    """Mean seconds until a request starts, and P95 until its first token, simulated step by step.

    Arrivals are Poisson, and requests start first come, first served.
    """
    draw = random.Random(seed)
    now, steps = 0.0, 0
    arrives = draw.expovariate(arrivals_per_s)
    queue, ends, waits, firsts = deque[float](), list[int](), list[float](), list[float]()
    while len(waits) < requests:
        while arrives <= now:
            queue.append(arrives)
            arrives += draw.expovariate(arrivals_per_s)
        started = list[float]()
        while queue and len(ends) < slots:
            started.append(queue.popleft())
            waits.append(now - started[-1])
            heappush(ends, steps + answer(draw))
        if not ends:
            now = arrives
            continue
        now += step_s(len(ends)) + len(started) * prompt_s
        firsts += [now - arrived for arrived in started]
        steps += 1
        # Guard: steps until the next start or end are all alike, so they are added at once.
        alike, each_s = ends[0] - steps, step_s(len(ends))
        if len(ends) < slots:
            alike = min(alike, max(0, ceil((arrives - now) / each_s)))
        now, steps = now + alike * each_s, steps + alike
        while ends and ends[0] <= steps:
            heappop(ends)
    steady, tokens = waits[requests // 20 :], sorted(firsts[requests // 20 :])
    return sum(steady) / len(steady), tokens[len(tokens) * 95 // 100]


TOKENS = 200
SHAPES = {
    # slots, seconds of a prompt, runs
    "few slots": (8, 0.02, 8),
    "some slots": (32, 0.01, 24),
    "many slots": (64, 0.005, 24),
}
"""Waits of a large batch come in rare long storms, so about 3 % accuracy takes more runs.

A short run makes a share of them. Basis: measured; its errors are within 4 % of those of all runs,
and the tests allow 10 % and more.
"""


def simulations(shares: tuple[float, ...], kept: dict[str, float]) -> list[object]:
    """Every shape with every utilisation; those that are not kept run in `make prove` only."""
    return [
        pytest.param(
            shape, load_share, marks=[] if kept[shape] == load_share else [pytest.mark.prove]
        )
        for shape in SHAPES
        for load_share in shares
    ]


def step_s(running: int) -> float:
    return 0.012 + 0.0002 * running


def geometric(draw: random.Random) -> int:
    return max(1, ceil(log(1 - draw.random()) / log(1 - 1 / TOKENS)))


def server(slots: int, prompt_s: float, variation: float) -> BatchServer:
    """The same replica in closed form."""
    steps = tuple(step_s(n) for n in range(1, slots + 1))
    decode = TOKENS * step_s(slots) / slots
    share = decode / (decode + prompt_s)
    return BatchServer(TOKENS, steps, prompt_s, share**2 * variation)


def error(shape: str, load_share: float, answer: Draw, variation: float) -> float:
    """Wait in closed form over the simulated one, less 1; the mean of some runs."""
    slots, prompt_s, runs = SHAPES[shape]
    replica = server(slots, prompt_s, variation)
    rate = load_share * replica.saturation_per_s
    wait_s, _ = mean_of_runs(replica, rate, answer, range(10, 10 + examples(runs)), 100_000)
    return mean_wait_s(replica.at(rate)) / wait_s - 1


def mean_of_runs(
    replica: BatchServer, rate: float, answer: Draw, seeds: range, requests: int
) -> tuple[float, float]:
    """Seconds until a request starts, and until its first token at P95; each the mean of runs."""
    found = [
        simulated(
            step_s,
            prompt_s=replica.prompt_s,
            slots=replica.slots,
            arrivals_per_s=rate,
            answer=answer,
            seed=seed,
            requests=requests,
        )
        for seed in seeds
    ]
    waits, firsts = zip(*found, strict=True)
    return sum(waits) / len(seeds), sum(firsts) / len(seeds)


def mean_wait_s(queue: Queue) -> float:
    """Seconds until a request starts, mean: for a slot, or for the running step to end.

    residual of a step = step / (1 - lambda x prompt) / 2 + lambda x prompt^2 / 2, where a slot is
    free (renewal theory; prompts join a step at random)
    """
    weights, _, total = queue._weights
    load_share = queue.arrivals_per_s * queue.server.prompt_s
    prompts = load_share * queue.server.prompt_s
    steps = zip(weights[1:-1], queue.server.steps_s, strict=False)
    running = sum(weight * (step / (1 - load_share) + prompts) / 2 for weight, step in steps)
    return queue.mean_slot_wait_s + running / total


@pytest.mark.parametrize(
    ("shape", "load_share"),
    simulations((0.5, 0.7, 0.8, 0.9), {"few slots": 0.9, "some slots": 0.8, "many slots": 0.7}),
)
def test_the_wait_is_that_of_a_simulation(shape: str, load_share: float) -> None:
    # answers of geometric length, squared coefficient of variation 1 - 1 / mean
    assert abs(error(shape, load_share, geometric, 1 - 1 / TOKENS)) < 0.10


@pytest.mark.parametrize(
    ("shape", "load_share"),
    simulations((0.7, 0.9), {"few slots": 0.9, "some slots": 0.7, "many slots": 0.9}),
)
def test_answers_all_alike_wait_less(shape: str, load_share: float) -> None:
    assert abs(error(shape, load_share, lambda _: TOKENS, 0.0)) < 0.15


@pytest.mark.parametrize(
    ("shape", "load_share"),
    simulations((0.5, 0.8, 0.9), {"few slots": 0.9, "some slots": 0.5, "many slots": 0.8}),
)
@pytest.mark.parametrize(("answer", "variation"), [(geometric, 1 - 1 / TOKENS), (lambda _: 200, 0)])
def test_the_time_to_the_first_token_is_not_underestimated(
    shape: str, load_share: float, answer: Draw, variation: float
) -> None:
    """P95 as sizing computes it, of a prompt with the measured number of steps of an engine."""
    slots, prompt_s, _ = SHAPES[shape]
    replica = server(slots, prompt_s, variation)
    rate = load_share * replica.saturation_per_s
    _, typical = mean_of_runs(replica, rate, answer, range(3), 60_000)
    times = ReplicaTimes(
        decode_s=replica.steps_s,
        prompt_s=prompt_s,
        firsts_s=((1.0, prompt_s),),
        first_steps=3.7,
        first_factor=1.0,
        output_tokens=TOKENS + 1,
        variation=replica.variation,
    )
    reported = times.ttft_s(times.server.at(rate), 0.95)
    assert reported > 0.88 * typical
    if typical > 20 * step_s(slots):
        assert reported < 1.3 * typical


@pytest.mark.parametrize(
    "shape",
    ["few slots", *(pytest.param(name, marks=pytest.mark.prove) for name in list(SHAPES)[1:])],
)
def test_heavy_tails_are_not_underestimated(shape: str) -> None:
    # one answer in eight is four times the mean, the others are shorter: cv^2 = 1.29
    long, short = 4 * TOKENS, round(TOKENS * (1 - 4 / 8) / (7 / 8))

    def answer(draw: random.Random) -> int:
        return long if draw.random() < 1 / 8 else short

    variation = (long**2 / 8 + short**2 * 7 / 8) / TOKENS**2 - 1
    assert variation == pytest.approx(1.29, abs=0.01)
    assert -0.10 < error(shape, 0.9, answer, variation) < 0.40


def test_one_slot_is_the_single_server_queue() -> None:
    # M/M/1 with 10 served a second and 8 arriving: 0.8 wait, 1 / (10 - 8) s each
    queue = BatchServer(1.0, (0.1,), 0.0).at(8.0)
    assert queue.waiting_share == pytest.approx(0.8)
    assert queue.mean_slot_wait_s == pytest.approx(0.4)
    assert queue.slot_wait_s(0.95) == pytest.approx(log(0.8 / 0.05) / 2)
    assert queue.slot_wait_s(0.1) == 0
    assert queue.in_system == pytest.approx(4)


def test_equal_slots_are_erlangs_queue() -> None:
    # S = 5 s, 12 servers, utilisation 0.85: Erlang C 0.493, 95 % wait up to 6.4 s (notes on queues)
    servers = BatchServer(5.0, (1.0,) * 12, 0.0)
    queue = servers.at(0.85 * 12 / 5)
    assert queue.waiting_share == pytest.approx(0.493, abs=0.001)
    assert queue.slot_wait_s(0.95) == pytest.approx(6.4, abs=0.05)


def test_prompts_queue_behind_each_other() -> None:
    # M/D/1: 5 prompts a second of 0.1 s, rho 0.5: 0.05 s mean, here as the tail's integral
    queue = BatchServer(1.0, (0.001,), 0.1).at(5.0)
    tail = [0.5 * exp(-2 * 0.5 * t / 100 / 0.1) for t in range(1_000)]
    assert sum(tail) / 100 == pytest.approx(0.05, rel=0.06)
    assert queue.prompt_wait_s(0.95) == pytest.approx(log(10) * 0.1)
    assert queue.prompt_wait_s(0.4) == 0
    assert BatchServer(1.0, (0.001,), 0.1).at(10.0).prompt_wait_s(0.5) == inf


def test_an_overloaded_replica_has_no_end() -> None:
    queue = server(8, 0.02, 1.0).at(1e6)
    assert not queue.is_stable
    assert queue.mean_slot_wait_s == queue.slot_wait_s(0.5) == queue.in_system == inf
    assert queue.running(0.5) == 8


steps = st.lists(st.floats(0, 0.01), min_size=1, max_size=300).map(
    lambda rises: tuple(0.001 + sum(rises[: n + 1]) for n in range(len(rises)))
)


@given(
    steps=steps,
    prompt_s=st.floats(0, 0.5),
    load_share=st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999)),
)
def test_more_arrivals_wait_longer(
    steps: tuple[float, ...], prompt_s: float, load_share: tuple[float, float]
) -> None:
    replica = BatchServer(100.0, steps, prompt_s)
    low, high = (replica.at(each * replica.saturation_per_s) for each in sorted(load_share))
    assert low.mean_slot_wait_s <= high.mean_slot_wait_s * (1 + 1e-9)
    assert low.running(0.95) <= high.running(0.95)
    assert low.slot_wait_s(0.95) <= high.slot_wait_s(0.95) * (1 + 1e-9)
    assert 0 <= low.waiting_share <= 1


@given(limit=st.floats(0.001, 1e6), wanted=st.floats(1e-6, 1.0), more=st.floats(1, 10))
def test_the_highest_rate_is_found_from_below(limit: float, wanted: float, more: float) -> None:
    target = limit * wanted
    found = highest_rate(lambda rate: rate <= target, limit)
    assert found <= target
    assert found >= target * (1 - 1e-4)
    further = highest_rate(lambda rate: rate <= target, limit * more)
    assert further == pytest.approx(found, rel=1e-4)


@given(limit=st.floats(0.001, 1e6), more=st.floats(1, 1000), wanted=st.floats(1e-6, 0.999))
def test_a_higher_limit_never_finds_a_lower_rate(limit: float, more: float, wanted: float) -> None:
    target = limit * wanted
    found = [highest_rate(lambda rate: rate <= target, top) for top in (limit, limit * more)]
    assert found[0] == found[1]


def test_no_rate_is_allowed() -> None:
    assert highest_rate(lambda rate: False, 5.0) == 0.0
