"""Windows, hours and shapes of a trace."""

import random
from array import array
from itertools import accumulate

import pytest

from sizing.replay.shape import histogram, trace_shape
from sizing.replay.trace import Trace, counts, variance_ratio


def even(requests: int, gap_s: float, *, start_s: float = 1_000.0) -> Trace:
    """Requests at equal gaps; prompts of 1, 2, 3 ... tokens and answers of 10."""
    times = array("d", (start_s + gap_s * n for n in range(requests)))
    return Trace(times, array("L", range(1, requests + 1)), array("L", [10]) * requests)


def test_evenly_spaced_requests_have_the_rate_of_their_gap() -> None:
    trace = even(7_200, 0.5)
    assert trace.requests_per_s == pytest.approx(2.0)
    assert trace.seconds == pytest.approx(3_600)
    assert (trace.hours, trace.seconds_of_hour(0)) == (1, 3_600)
    assert even(1, 1.0).requests_per_s == 1.0, "one request alone covers one second"


def test_a_faster_trace_has_the_same_requests() -> None:
    trace = even(7_200, 0.5).faster(2)
    assert trace.requests_per_s == pytest.approx(4.0)
    assert trace.requests == 7_200
    assert even(10, 1.0).faster(1).arrivals_s[0] == 1_000.0


def test_a_window_counts_from_the_first_arrival() -> None:
    trace = even(100, 1.0).between(10, 20)
    assert list(trace.input_tokens) == list(range(11, 21))
    assert even(100, 1.0).between(200, 300).requests == 0


def test_long_requests_are_left_out() -> None:
    assert even(100, 1.0).within(60).requests == 50
    trace = even(100, 1.0)
    assert trace.within(None) is trace and trace.within(110) is trace


def test_an_incomplete_last_window_does_not_count() -> None:
    assert counts(even(650, 1.0), 300) == [300, 300]
    assert counts(even(200, 1.0), 300) == [200]


@pytest.mark.parametrize("requests", [1, 7, 100, 4_321])
def test_a_histogram_keeps_the_mean_and_all_requests(requests: int) -> None:
    draw = random.Random(requests)
    tokens = [max(1, round(draw.expovariate(1 / 300))) for _ in range(requests)]
    bars = histogram(tokens)
    assert sum(share for _, share in bars) == pytest.approx(1)
    mean = sum(tokens) / len(tokens)
    assert sum(each * share for each, share in bars) == pytest.approx(mean)
    assert list(bars) == sorted(bars)


def test_equal_lengths_are_one_bar() -> None:
    assert histogram([80] * 1_000) == ((80.0, 1.0),)


def test_the_bar_at_the_percentile_is_near_the_percentile() -> None:
    """P95 lies in the bar from P94 to P96, so a target of 95 % sees that length."""
    bars = histogram(range(1, 10_001))
    ends = accumulate(share for _, share in bars)
    reached = next(index for index, end in enumerate(ends) if end >= 0.95 - 1e-9)
    assert bars[reached][0] == pytest.approx(9_500, rel=0.001)


def test_the_peak_is_the_p99_of_windows_and_the_fullest_is_apart() -> None:
    """200 minutes of 300 requests; two have 600, and one has 3,000."""
    times = array("d")
    for window in range(200):
        count = {50: 600, 51: 600, 120: 3_000}.get(window, 300)
        times.extend(window * 60 + 60 * n / count for n in range(count))
    size = len(times)
    shape = trace_shape(Trace(times, array("L", [5]) * size, array("L", [7]) * size))
    mean = size / 200
    assert shape.peak_ratio == pytest.approx(600 / mean, rel=0.001)
    assert shape.fullest_ratio == pytest.approx(3_000 / mean, rel=0.001)
    assert shape.requests_per_day == pytest.approx(size / 12_000 * 86_400, rel=1e-4)
    assert (shape.window_s, shape.longest_tokens) == (60, 12)


def test_rare_arrivals_are_counted_in_longer_windows() -> None:
    """One request in ten seconds: 100 of them take 1,000 seconds, and none is a peak by chance."""
    shape = trace_shape(even(1_000, 10.0))
    assert (shape.window_s, shape.peak_ratio) == (pytest.approx(1_000), 1.0)


def test_bursts_have_more_variance_than_random_arrivals_and_a_slow_change_has_not() -> None:
    draw, times, now = random.Random(1), array("d"), 0.0
    while now < 7_200:
        # The rate rises from 1 to 5 a second in two hours.
        now += draw.expovariate(1 + 4 * now / 7_200)
        times.append(now)
    tokens = array("L", [1]) * len(times)
    assert variance_ratio(Trace(times, tokens, tokens), 10) == pytest.approx(1, rel=0.1)
    bursts = array("d", (100 * round(each / 100) for each in times))
    assert variance_ratio(Trace(bursts, tokens, tokens), 10) > 100
    assert variance_ratio(even(500, 1.0), 10) == 0, "even arrivals vary less than random ones"
    assert variance_ratio(even(290, 1.0), 10) is None, "29 windows say too little"
