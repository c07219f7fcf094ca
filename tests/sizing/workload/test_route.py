"""Routes of an application: what their files may say, and the rates that size both sides."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isclose
from typing import Any

import pytest

from sizing.catalog import load_catalog
from sizing.compare.comparison import compare
from sizing.explain import explain_all
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.replica.traffic import answered_rates, front_rates
from sizing.size import size
from sizing.values.field_error import FieldError, StackFieldError
from sizing.workload import Workload
from sizing.workload.route.derived import with_routes
from tests.components.plans import APPLIED, applied_site

EASY: dict[str, Any] = {"service": "small", "share": 0.4, "prompt_tokens": 200}
HOST: dict[str, Any] = APPLIED | {
    "name": "host",
    "model": {"name": "qwen3-8b", "precision": "fp8"},
    "traffic": {"daily_users": 50_021, "requests_per_user_per_day": 7, "peak_ratio": 40},
    "capacity": {"method": "calibrated"},
    "hardware": {"instance_type": "g6e.xlarge"},
    "application": {"api": "ogx"},
    "route": {"services": ["coder"], "easy": EASY},
}
SMALL: dict[str, Any] = {
    "name": "small",
    "kind": "chat",
    "model": {"name": "qwen3-1.7b", "precision": "bf16"},
    "traffic": "none",
    "request": {
        "input_tokens": 100,
        "output_tokens": 250,
        "context_tokens": 2048,
        "request_bytes": 800,
        "response_bytes": 6_000,
    },
    "latency": {"ttft_ms": 500, "tpot_ms": 50},
    "hardware": {"instance_type": "g6.xlarge"},
    "access": {"service": "host"},
}
CODER: dict[str, Any] = SMALL | {
    "name": "coder",
    "traffic": {"daily_users": 3_000, "requests_per_user_per_day": 11, "peak_ratio": 9},
    "request": SMALL["request"] | {"context_tokens": 8192, "turns": 3, "output_tokens": 900},
}


NO_PEAK: dict[str, Any] = {
    "traffic": {"daily_users": 3_000, "requests_per_user_per_day": 11},
    "capacity": {"load": "mean"},
}


def sized(*values: dict[str, Any]) -> Plan:
    workloads = [Workload.model_validate(each) for each in values]
    return size(workloads, applied_site(), load_catalog())


def host(**changes: Any) -> dict[str, Any]:
    return HOST | changes


def with_easy(**changes: Any) -> dict[str, Any]:
    return HOST | {"route": {"services": ["coder"], "easy": EASY | changes}}


def gpus(service: ServicePlan) -> int:
    assert service.pool is not None
    return service.pool.gpus_needed


def refused(*values: dict[str, Any]) -> tuple[str, str]:
    """Field and message of the first error."""
    with pytest.raises((FieldError, ValueError)) as raised:
        sized(*values)
    fault = raised.value
    if isinstance(fault, StackFieldError):
        assert fault.workload_index is not None
        name = values[fault.workload_index]["name"]
        return f"{name}: {'.'.join(map(str, fault.field))}", fault.message
    return "", str(fault)


SHARES = [Decimal(each) / 20 for each in range(1, 20)]


@pytest.mark.parametrize("traffic", ["none", CODER["traffic"]])
def test_no_request_is_lost_or_counted_twice(traffic: Any) -> None:
    """The sum is that of the files for each share, exactly."""
    for share in SHARES:
        files = (with_easy(share=share), CODER, SMALL | {"traffic": traffic})
        whole = with_routes([Workload.model_validate(each) for each in files])
        rates = [answered_rates(each) for each in whole]
        alone = [answered_rates(Workload.model_validate(each | {"route": None})) for each in files]
        assert sum(rate.mean for rate in rates) == sum(rate.mean for rate in alone)
        peaks = [rate.peak or Fraction(0) for rate in rates]
        assert sum(peaks) == sum(rate.peak or Fraction(0) for rate in alone)
        assert rates[0].mean == alone[0].mean * (1 - Fraction(share))
        front = front_rates(whole[0])
        assert (front.mean, front.peak) == (sum(rate.mean for rate in rates), sum(peaks))


def test_a_larger_share_moves_gpus_from_the_large_model_to_the_small_one() -> None:
    plans = [sized(with_easy(share=share), CODER, SMALL) for share in SHARES[::3]]
    large, coder, small = ([gpus(plan.services[at]) for plan in plans] for at in range(3))
    assert large == sorted(large, reverse=True) and large[0] > large[-1]
    assert small == sorted(small) and small[0] < small[-1]
    assert len(set(coder)) == 1


def test_the_application_and_the_stores_have_all_requests_with_their_own_lengths() -> None:
    plan = sized(HOST, CODER, SMALL)
    large, coder, small = plan.services
    assert large.application is not None and large.route is not None and large.gateway is not None
    assert large.application.requests_per_s == large.route.requests_per_s_peak
    sum_of_means = sum(each.traffic.requests_per_s_mean for each in plan.services)
    assert isclose(large.route.requests_per_s_mean, sum_of_means)
    assert (coder.gateway, coder.database, small.gateway) == (None, None, None)
    assert (coder.callers, small.callers) == (("host",), ("host",))
    longest = sized(host(route={"easy": EASY}), SMALL).services[0].gateway
    assert longest is not None
    assert large.gateway.longest_answer_s > longest.longest_answer_s
    assert large.application.body_bytes >= 16 * 8192 or large.application.body_bytes == 2**20
    more = SMALL | {"request": SMALL["request"] | {"output_tokens": 500, "response_bytes": 9_000}}
    after = sized(HOST, CODER, more).services[0]
    assert after.application is not None and after.route is not None
    assert after.application.cpu_s_per_request > large.application.cpu_s_per_request
    assert after.application.interaction_bytes > large.application.interaction_bytes
    assert after.pool == large.pool


def test_a_service_behind_an_application_outlives_its_longest_answer() -> None:
    for service in sized(HOST, CODER, SMALL).services[1:]:
        assert service.serving is not None
        assert service.serving.keep_alive_s == 15
        assert service.serving.stop_s > 2_048 * 0.05


@pytest.mark.parametrize("header", [None, {"name": "x-easy", "value": "yes"}])
@pytest.mark.parametrize("limit", [None, 20_000])
def test_every_number_of_a_route_explains_itself(header: Any, limit: int | None) -> None:
    rule = EASY if header is None else {"service": "small", "share": 0.4, "header": header}
    access = HOST["access"] | ({} if limit is None else {"tokens_per_key_per_min": limit})
    values = host(route={"services": ["coder"], "easy": rule}, access=access)
    plan = sized(values, CODER, SMALL | {"traffic": CODER["traffic"]})
    names = {"ceil": ceil, "floor": floor, "max": max, "min": min, "__builtins__": {}}
    for each in explain_all(plan):
        assert each.meaning and each.symbols
        if each.arithmetic:
            assert isclose(eval(each.numbers, dict(names)), each.value, rel_tol=1e-6), each


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((HOST, SMALL), "host: route.services.0"),
        ((HOST, CODER), "host: route.easy.service"),
        ((SMALL,), "small: access.service"),
        ((host(route=None), SMALL), "small: access.service"),
        ((host(route={"services": ["coder"]}), CODER, SMALL), "small: access.service"),
        ((HOST, CODER, SMALL | {"access": {}, "traffic": CODER["traffic"]}), "host: route.easy"),
        ((HOST, CODER, SMALL | {"access": {"service": "coder"}}), "host: route.easy.service"),
        (
            (host(route={"services": ["small", "coder"]}), CODER, SMALL),
            "small: traffic.daily_users",
        ),
        ((HOST, CODER | NO_PEAK, SMALL), "coder: traffic"),
        (
            (HOST, CODER, SMALL | {"request": SMALL["request"] | {"context_tokens": 849}}),
            "small: request.context_tokens",
        ),
        (
            (with_easy(prompt_tokens=600), CODER, SMALL),
            "small: request.context_tokens",
        ),
        (
            (
                host(access=HOST["access"] | {"tokens_per_key_per_min": 4_096}),
                CODER,
                SMALL,
            ),
            "coder: request.context_tokens",
        ),
    ],
)
def test_files_that_do_not_agree_are_refused(values: Any, field: str) -> None:
    found, message = refused(*values)
    assert found.startswith(field) and message


def test_the_smallest_context_that_fits_is_accepted() -> None:
    """200 tokens are at most 600 bytes, and an answer has 250 tokens."""
    fitting = SMALL | {"request": SMALL["request"] | {"context_tokens": 850}}
    assert sized(HOST, CODER, fitting).services[2].serving is not None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (host(route={"easy": "small"}), "share"),
        (with_easy(share=1), "less than 1"),
        (with_easy(share=0), "greater than 0"),
        (with_easy(header={"name": "x-easy", "value": "yes"}), "two rules"),
        (with_easy(prompt_tokens=None), "missing"),
        (host(route={"easy": {**EASY, "header": {"name": "x-route", "value": "1"}}}), "meaning"),
        (host(route={}), "names no service"),
        (host(route={"services": ["coder", "coder"]}), "there twice"),
        (host(route={"services": ["host"]}), "routes to itself"),
        (host(application=None, data=None), "an application can"),
        (SMALL | {"access": {"service": "small"}}, "calls itself"),
        (SMALL | {"access": {"service": "host", "token_required": True}}, "checks its callers"),
        (SMALL | {"access": {}}, "without users"),
        (SMALL | {"in_transit": "tls"}, "without TLS"),
        (SMALL | {"engine": {"routing": "sticky"}}, "any replica"),
        (
            SMALL | {"data": {"retention_days": 1, "interaction_bytes": 1, "client": "own"}},
            "keeps their texts",
        ),
        (SMALL | {"application": {"api": "ogx"}, "data": {"retention_days": 1}}, "of host"),
        (SMALL | {"request": {"input_tokens": 1, "output_tokens": 1}}, "stores the text"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Workload.model_validate(values)


def test_a_comparison_of_one_file_does_not_guess_what_is_routed_to_it() -> None:
    with pytest.raises(FieldError, match="in another file"):
        compare(Workload.model_validate(CODER), applied_site(), load_catalog())


def test_a_file_without_users_is_written_and_read_again() -> None:
    small = Workload.model_validate(SMALL)
    assert small.traffic.daily_users == 0
    assert Workload.model_validate(small.model_dump(mode="json", exclude_none=True)) == small
