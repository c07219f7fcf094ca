"""Replicas that are wanted because users feel a lack of them, as real Prometheus counts them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sizing.plan.service.burst import BurstPlan
from sizing.plan.whole import Plan
from sizing.workload.engines import ENGINES
from templates.felt import felt_queries
from templates.monitoring.metrics import known_metrics
from templates.render import render
from testbed.prometheus import prometheus_missing
from tests.components.plans import BURSTING, STUDIO, bursting_plan, plan_of
from tests.templates.monitoring.promtool import run_tests

SCRAPE_S = 15
SCRAPES = 80
"""Scrapes of 20 minutes, after which the queries are evaluated."""
PLAN = bursting_plan()
"""A chat with a target of 500 ms for 95 % of requests. Its share of failures is 5 %, over 300 s and
at least 200 requests; its burst has 4 replicas at most."""


def queries(plan: Plan) -> dict[str, str]:
    """Queries of the first service by the names of their triggers."""
    service = plan.services[0]
    assert isinstance(service.burst, BurstPlan) and service.serving is not None
    return {each.name: each.query for each in felt_queries(service, service.serving, service.burst)}


@dataclass(frozen=True, kw_only=True)
class Felt:
    """Measurements of one service over 20 minutes, and the replicas that they want."""

    case: str
    slow: int = 0
    failed: int = 0
    requests_per_s: float = 10
    slow_share: float = 0
    failed_share: float = 0
    settled: int = 0
    """Replicas of the burst that are ready from the start."""
    new: int = 0
    """Replicas that are ready since two minutes."""
    starting: int = 0
    """Replicas that answer scrapes and are not ready."""
    namespace: str = "chat"
    engine: str = "vllm"


FELT = (
    Felt(case="slow requests", slow=1, slow_share=0.051),
    Felt(case="fewer slow requests than the percentile leaves", slow_share=0.049),
    Felt(case="slow requests with two replicas", slow=3, slow_share=0.5, settled=2),
    Felt(case="slow requests while a third starts", slow=3, slow_share=0.5, settled=2, starting=1),
    Felt(case="slow requests since a third serves", slow=3, slow_share=0.5, settled=2, new=1),
    Felt(case="slow requests no more, with two replicas", settled=2),
    Felt(case="slow requests of many replicas", slow=12, slow_share=0.5, settled=10),
    Felt(case="failed requests", failed=1, failed_share=0.051),
    Felt(case="fewer failed requests", failed_share=0.049),
    Felt(case="failed requests with a replica", failed=2, failed_share=0.2, settled=1),
    Felt(case="both", slow=2, failed=2, slow_share=0.2, failed_share=0.2, settled=1),
    Felt(case="too few requests", requests_per_s=0.66, slow_share=1, failed_share=1),
    Felt(case="just enough", requests_per_s=0.67, slow_share=1, failed_share=1, slow=1, failed=1),
    Felt(case="an idle service", requests_per_s=0, slow_share=1, settled=1),
    Felt(case="another service", slow_share=1, failed_share=1, namespace="other"),
    Felt(case="no samples", engine=""),
    Felt(
        case="another engine", slow=1, failed=1, slow_share=0.1, failed_share=0.1, engine="sglang"
    ),
)


def series(felt: Felt) -> dict[str, str]:
    """Samples in promtool's notation. An engine without failures has no counter of them."""
    if not felt.engine:
        return {}
    of = f'namespace="{felt.namespace}",component="floor",pod="a"'
    first, answers, ok, failed = {
        "vllm": (
            "vllm:time_to_first_token_seconds",
            "http_requests_total",
            'status="2xx"',
            'status="5xx"',
        ),
        "sglang": (
            "sglang:time_to_first_token_seconds",
            "sglang:http_responses_total",
            'status_code="200"',
            'status_code="503"',
        ),
    }[felt.engine]
    rate = felt.requests_per_s
    rates = {
        f'{first}_bucket{{{of},le="0.25"}}': 0.0,
        f'{first}_bucket{{{of},le="0.5"}}': rate * (1 - felt.slow_share),
        f'{first}_bucket{{{of},le="1.0"}}': rate,
        f'{first}_bucket{{{of},le="+Inf"}}': rate,
        f'{answers}{{{of},method="POST",{ok}}}': rate * (1 - felt.failed_share),
        f'{answers}{{{of},method="GET",{failed}}}': 50.0,
    }
    if felt.failed_share:
        rates[f'{answers}{{{of},method="POST",{failed}}}'] = rate * felt.failed_share
    grown = {name: f"0+{each * SCRAPE_S:.9g}x{SCRAPES}" for name, each in rates.items()}
    return grown | replicas(felt)


def replicas(felt: Felt) -> dict[str, str]:
    up, new = f'up{{namespace="{felt.namespace}",component=', 120 // SCRAPE_S
    ready = [f"1x{SCRAPES}"] * felt.settled + [f"_x{SCRAPES - new} 1x{new}"] * felt.new
    waiting = [f"1x{SCRAPES}"] * felt.starting
    return {
        f'{up}"floor",pod="a",ready="true"}}': f"1x{SCRAPES}",
        **{f'{up}"burst",pod="b{n}",ready="true"}}': each for n, each in enumerate(ready)},
        **{f'{up}"burst",pod="c{n}",ready="false"}}': each for n, each in enumerate(waiting)},
    }


def query_test(felt: Felt) -> dict[str, Any]:
    """Test of both queries. promtool prints the query of a wrong answer, so it has the case."""
    plan = PLAN if felt.engine != "sglang" else plan_of(SGLANG)
    wanted = {"slow": felt.slow, "failed": felt.failed}
    return {
        "interval": f"{SCRAPE_S}s",
        "input_series": [{"series": k, "values": v} for k, v in series(felt).items()],
        "promql_expr_test": [
            {
                "expr": f"label_replace({query}, 'case', '{felt.case}', '', '')",
                "eval_time": f"{SCRAPES * SCRAPE_S}s",
                "exp_samples": [{"labels": f'{{case="{felt.case}"}}', "value": wanted[name]}],
            }
            for name, query in queries(plan).items()
        ],
    }


SGLANG = BURSTING | {"engine": {"name": "sglang"}, "model": "llama-3.1-8b"}


@pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())
def test_replicas_are_wanted_while_users_feel_a_lack_of_them(tmp_path: Path) -> None:
    """A share above that of the plan wants one step; any other measurement wants none."""
    written = {"evaluation_interval": "15s", "tests": [query_test(felt) for felt in FELT]}
    (tmp_path / "felt.yaml").write_text(json.dumps(written), encoding="utf-8")
    ended = run_tests(tmp_path, ["felt"])
    assert ended.returncode == 0, ended.stdout + ended.stderr


def triggers(plan: Plan) -> list[dict[str, Any]]:
    (text,) = (t for path, t in render(plan).items() if path.endswith("/scaled-object.yaml"))
    found: list[dict[str, Any]] = yaml.safe_load(text)["spec"]["triggers"]
    return found


def test_the_largest_wish_counts_up_to_the_ceiling() -> None:
    """KEDA takes the largest number, and `maxReplicaCount` bounds it."""
    load, *felt = triggers(PLAN)
    assert {each["name"]: each["metadata"]["query"] for each in felt} == queries(PLAN)
    for trigger in felt:
        assert trigger["metadata"]["threshold"] == "1", "the answer is a number of replicas"
        assert trigger["metricType"] == "AverageValue", "the fallback needs it"
        assert trigger["metadata"]["serverAddress"] == load["metadata"]["serverAddress"]


@pytest.mark.parametrize(
    ("latency", "names"),
    [
        ({"latency": {"ttft_ms": 500, "tpot_ms": 50}}, ["failed", "slow"]),
        ({"latency": {"tpot_ms": 50}}, ["failed"]),
        ({}, ["failed"]),
    ],
)
def test_without_a_target_only_failures_count(latency: dict[str, Any], names: list[str]) -> None:
    without = {key: value for key, value in BURSTING.items() if key != "latency"}
    assert [each["name"] for each in triggers(plan_of(without | latency))[1:]] == names


def test_an_engine_without_metrics_of_requests_scales_by_its_load_alone() -> None:
    plan = plan_of(STUDIO | {"capacity": STUDIO["capacity"] | {"burst_gpus": 1, "load": "mean"}})
    assert queries(plan) == {}
    assert len(triggers(plan)) == 1


def test_engines_have_the_metrics_that_are_read() -> None:
    known = {series: each.exporter for each in known_metrics() for series in each.series}
    for name, traits in ENGINES.items():
        if traits.requests is not None:
            wanted = (f"{traits.requests.first_token.name}_bucket", traits.requests.answers.name)
            assert [known[each] for each in wanted] == [name, name]
