"""`compare` with separate pools for prompts and answers: shown where they pay, never deployed."""

import json
from pathlib import Path
from typing import Any

import pytest

from sizewright.report.answer.disaggregation import NOT_DEPLOYED, disaggregation_tables
from sizing.catalog import Catalog, load_catalog
from sizing.compare.disaggregation.search import disaggregation
from sizing.replica.case import case_of
from sizing.replica.traffic import request_rates
from sizing.site import Site
from sizing.workload import Workload
from tests.sizewright.conftest import Run
from tests.sizewright.report.test_mix import written

LONG: dict[str, Any] = {
    "name": "documents",
    "kind": "text",
    "model": "llama-3.1-70b",
    "traffic": {"daily_users": 300_000, "requests_per_user_per_day": 10, "peak_ratio": 2},
    "request": {"input_tokens": 8_000, "output_tokens": 200},
    "latency": {"ttft_ms": 2_000, "tpot_ms": 50},
    "hardware": "auto",
}
SHORT = LONG | {"request": {"input_tokens": 200, "output_tokens": 200}}


def test_people_read_the_pools_the_saving_and_that_they_are_not_deployed(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: 100)
    out = run("compare", written(tmp_path, LONG)).out
    start = out.index("prefill and decode apart")
    table = out[start:].split("\n\n", maxsplit=1)[0]
    title = " ".join(table.split("pool  ")[0].split())
    assert title.endswith(NOT_DEPLOYED) and "less than one pool" in title
    assert "\nprefill" in table and "\ndecode" in table
    assert "numbers of the separate pools" not in out
    shown = run("compare", written(tmp_path, LONG), "--all").out
    assert "numbers of the separate pools" in shown and "transfer of the cache" in shown


def test_nothing_is_said_where_they_do_not_pay(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, SHORT)
    assert "prefill and decode" not in run("compare", path).out
    assert "USD a month more than one" in run("compare", path, "--all").out
    answer = json.loads(run("compare", path, "--json").out)["disaggregation"]
    assert answer["pools"] is None and "more than one" in answer["refused"]


def test_the_json_adds_up(tmp_path: Path, run: Run) -> None:
    answer = json.loads(run("compare", written(tmp_path, LONG), "--json").out)
    pools = answer["disaggregation"]["pools"]
    assert pools["is_deployed"] is False and answer["disaggregation"]["refused"] is None
    parts = [pools[role]["usd_per_month"] for role in ("prefill", "decode")]
    assert pools["usd_per_month"] == pytest.approx(sum(parts))
    single = answer["options"][0]["usd_per_month"]
    assert pools["saving_usd_per_month"] == pytest.approx(single - pools["usd_per_month"])
    assert pools["ttft_ms"] <= 2_000 and pools["kv_bytes"] == 8_000 * 327_680
    for role in ("prefill", "decode"):
        pool = pools[role]
        assert pool["replicas_needed"] == max(pool["replicas_by_constraint"].values())
        assert pool["nodes_total"] == max(pool["nodes_by_rule"].values())
        assert 0 < pool["network_share"] <= 0.9
    times = {line["name"]: line["value"] for line in pools["lines"] if line["unit"] == "ms"}
    assert times["TTFT"] == pytest.approx(pools["ttft_ms"])
    assert times["TPOT"] == pytest.approx(pools["tpot_ms"])


def test_where_no_single_pool_meets_the_targets(catalog: Catalog, site: Site) -> None:
    case = case_of(Workload.model_validate(LONG), site, catalog)
    found = disaggregation(case, request_rates(case.workload.traffic), None)
    (table,) = disaggregation_tables(found)
    assert table.title.endswith(f"meet the targets and no single pool does; {NOT_DEPLOYED}")


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def site() -> Site:
    zones = ["use1-az1", "use1-az2", "use1-az4"]
    return Site.model_validate({"region": "us-east-1", "zones": zones, "environment": "dev"})
