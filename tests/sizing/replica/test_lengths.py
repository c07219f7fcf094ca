"""Lengths of requests: histograms, turns that grow the prompt, prefixes that are cached."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from sizing.replica.lengths import request_lengths, running_tokens
from sizing.workload import Length, Request, Routing, mean_tokens, variation

BARS = [{"tokens": 100, "share": 0.75}, {"tokens": 900, "share": 0.25}]
"""Mean 300, mean square 210,000: cv^2 = 210,000 / 90,000 - 1 = 4 / 3."""


def request(**changes: Any) -> Request:
    return Request.model_validate({"input_tokens": 1_000, "output_tokens": 200} | changes)


def test_a_histogram_has_a_mean_and_a_spread() -> None:
    bars = tuple(Length.model_validate(bar) for bar in BARS)
    assert mean_tokens(bars) == 300
    assert variation(bars) == pytest.approx(4 / 3)
    assert mean_tokens(Decimal(5)) == 5 and variation(Decimal(5)) == 0
    requested = request(output_tokens=BARS)
    assert requested.output_mean == 300 and requested.total_tokens == 1_300


def test_turns_repeat_what_went_before() -> None:
    # three turns of 1,000 + 200: prompts of 1,000, 2,200 and 3,400
    requested = request(turns=3)
    assert requested.prompt_tokens == 2_200 and requested.history_tokens == 1_200
    assert requested.total_tokens == 2_400


@pytest.mark.parametrize(
    ("changes", "routing", "replicas", "cached"),
    [
        ({}, Routing.least_requests, 4, 0),
        ({"shared_prefix_tokens": 300}, Routing.round_robin, 4, 300),
        # earlier turns hold 1,200 tokens, the shared prefix two times out of three among them
        ({"turns": 3}, Routing.sticky, 4, 1_200),
        ({"turns": 3}, Routing.least_requests, 4, 300),
        ({"turns": 3}, Routing.round_robin, 1, 1_200),
        ({"turns": 3, "shared_prefix_tokens": 300}, Routing.sticky, 4, 300 + 1_000),
        ({"turns": 3, "shared_prefix_tokens": 300}, Routing.least_requests, 4, 300 + 250),
    ],
)
def test_what_is_cached_depends_on_the_routing(
    changes: dict[str, Any], routing: Routing, replicas: int, cached: float
) -> None:
    found = request_lengths(request(**changes), routing, replicas)
    assert found.cached_tokens == pytest.approx(cached)
    assert found.cached_tokens < found.prompt_tokens


def test_long_answers_are_seen_more_often() -> None:
    # of a mean alone nothing more is known: running sequences are half done on average
    alone = request_lengths(request(), Routing.sticky, 1)
    assert alone.running_context_tokens == 1_100 and alone.queue_variation == (1, 1)
    found = request_lengths(request(output_tokens=BARS), Routing.sticky, 1)
    assert found.running_context_tokens == pytest.approx(1_000 + 300 * (1 + 4 / 3) / 2)
    assert running_tokens(request()) == 1_200
    heavy = running_tokens(request(output_tokens=BARS))
    assert heavy == pytest.approx(Fraction(1_000 + 350))
    light = [{"tokens": 290, "share": 0.5}, {"tokens": 310, "share": 0.5}]
    assert running_tokens(request(output_tokens=light)) == 1_300, "never below the mean's end"
    assert running_tokens(Request()) is None
