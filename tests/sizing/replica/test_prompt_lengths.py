"""Effects of the histogram of prompts on one replica: its work, and its first tokens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.catalog.bands import EDGE
from sizing.model.memory import fit
from sizing.replica.calibrated import (
    calibrated_replica,
    lengths_apart,
    step_model_of,
    throughput_upper_bound,
)
from sizing.replica.case import case_of
from sizing.replica.lengths import Lengths, request_lengths
from sizing.replica.rate import ReplicaTimes, computed_prompts_ms, replica_times
from sizing.replica.traffic import request_rates
from sizing.site import Site
from sizing.steps.model import StepModel
from sizing.workload import Request, Routing, Workload
from tests.examples import examples
from tests.sizing.made_up import QUEUED
from tests.sizing.replica.test_calibrated import BASE

BARS = [{"tokens": 200, "share": 0.9}, {"tokens": 9_200, "share": 0.1}]
"""Mean 1,100."""


@pytest.fixture(scope="module")
def steps(site: Site, catalog: Catalog) -> StepModel:
    case = case_of(Workload.model_validate(BASE), site, catalog)
    found = step_model_of(case, case.need, 1)
    assert found is not None
    return found


def lengths(prompts: Any, **changes: Any) -> Lengths:
    request = {"input_tokens": prompts, "output_tokens": 300} | changes
    return request_lengths(Request.model_validate(request), Routing.least_requests, 1)


def times(steps: StepModel, prompts: Any) -> ReplicaTimes:
    return replica_times(steps, lengths(prompts), 64, EDGE, QUEUED)


def test_a_bar_alone_is_its_mean(steps: StepModel) -> None:
    one, bar = times(steps, 1_100), times(steps, [{"tokens": 1_100, "share": 1}])
    assert (one.prompt_s, one.firsts_s) == (bar.prompt_s, bar.firsts_s)


def test_long_prompts_take_more_than_the_mean_one(steps: StepModel) -> None:
    mixed, mean = lengths(BARS), lengths(1_100)
    short, long = computed_prompts_ms(steps, mixed)
    (middle,) = computed_prompts_ms(steps, mean)
    assert short == pytest.approx(steps.prompt_ms(200))
    assert long == pytest.approx(steps.prompt_ms(9_200))
    assert 0.9 * short + 0.1 * long > middle * 1.01
    assert times(steps, BARS).prompt_s > times(steps, 1_100).prompt_s


def test_the_first_token_is_of_the_prompt_at_the_percentile(steps: StepModel) -> None:
    found = times(steps, BARS)
    (most, short), (every, long) = found.firsts_s
    assert most == pytest.approx(0.9) and every == pytest.approx(1) and short < long
    assert found.first_s(0.5) == found.first_s(0.9) == short
    assert found.first_s(0.91) == found.first_s(0.999) == long
    alone = times(steps, 9_200).first_s(0.5)
    assert long == pytest.approx(alone, rel=0.01)
    idle = found.server.at(1e-9)
    assert found.ttft_s(idle, 0.95) - found.ttft_s(idle, 0.9) > 0.9 * (long - short)


def test_what_is_cached_takes_no_time(steps: StepModel) -> None:
    prefix = lengths(BARS, shared_prefix_tokens=1_100)
    short, long = computed_prompts_ms(steps, prefix)
    assert short == 0 and 0 < long < steps.prompt_ms(9_200)
    every = lengths(1_100, shared_prefix_tokens=1_100)
    assert computed_prompts_ms(steps, every) == [0]


def adding_to_one(bars: list[dict[str, int]]) -> list[dict[str, Any]]:
    """Bars of a histogram whose shares are any whole numbers."""
    total = sum(bar["share"] for bar in bars)
    return [{**bar, "share": f"{bar['share'] / total:.12f}"} for bar in bars]


REQUEST = st.fixed_dictionaries(
    {
        "request": st.fixed_dictionaries(
            {
                "input_tokens": st.lists(
                    st.fixed_dictionaries(
                        {"tokens": st.integers(1, 20_000), "share": st.integers(1, 9)}
                    ),
                    min_size=1,
                    max_size=4,
                ).map(adding_to_one),
                "output_tokens": st.integers(1, 1_000),
            }
        ),
        "latency": st.fixed_dictionaries(
            {"ttft_ms": st.integers(200, 9_000), "tpot_ms": st.integers(15, 200)}
        ),
        "engine": st.fixed_dictionaries({"routing": st.sampled_from(["least_requests", "sticky"])}),
    }
)


@settings(max_examples=examples(100))
@given(requested=REQUEST)
def test_the_bound_is_never_above_what_a_request_takes(
    requested: dict[str, Any], site: Site, catalog: Catalog
) -> None:
    workload = Workload.model_validate({**BASE, **requested})
    case, load = case_of(workload, site, catalog), request_rates(workload.traffic).busiest
    found, steps = fit(case.need, 80 * 10**9, 1), step_model_of(case, case.need, 1)
    assert found is not None and steps is not None
    full = calibrated_replica(steps, workload, found, load).gpu_rate()
    if full is not None:
        bound = throughput_upper_bound(steps, workload, lengths_apart(workload), found)
        assert bound.request_s <= full.request_s
