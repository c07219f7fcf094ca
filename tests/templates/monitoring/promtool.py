"""Cases for `promtool test rules`: what the exporters of one service report over time."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sizing.plan.whole import Plan
from sizing.workload.engines import EngineName
from templates.monitoring.rules import rule_groups
from testbed.prometheus import program

LABELS = 'namespace="chat", component="floor"'


@dataclass(frozen=True, kw_only=True)
class Exported:
    """Series of an engine, written out here so that a wrong name in its row makes a case fail."""

    served: str
    """Counter of answers with a label of success; `failed` is the same with one of failure."""
    failed: str
    finished: str
    prompt_tokens: str
    answer_tokens: str
    tokens: str
    ttft: str
    ttft_slow_after: str
    """Bound of the bucket that ends at the target of the cases."""
    tpot: str
    running: str
    waiting: str


EXPORTED = {
    EngineName.vllm: Exported(
        served='http_requests_total{%s, method="POST", status="2xx"}',
        failed='http_requests_total{%s, method="POST", status="5xx"}',
        finished="vllm:request_success_total",
        prompt_tokens="vllm:request_prompt_tokens",
        answer_tokens="vllm:request_generation_tokens",
        tokens="vllm:generation_tokens_total",
        ttft="vllm:time_to_first_token_seconds",
        ttft_slow_after="0.5",
        tpot="vllm:request_time_per_output_token_seconds",
        running="vllm:num_requests_running",
        waiting="vllm:num_requests_waiting",
    ),
    EngineName.sglang: Exported(
        served='sglang:http_responses_total{%s, method="POST", status_code="200"}',
        failed='sglang:http_responses_total{%s, method="POST", status_code="503"}',
        finished="sglang:num_requests_total",
        prompt_tokens="sglang:prompt_tokens_histogram",
        answer_tokens="sglang:generation_tokens_histogram",
        tokens="sglang:generation_tokens_total",
        ttft="sglang:time_to_first_token_seconds",
        ttft_slow_after="0.6",
        tpot="sglang:inter_token_latency_seconds",
        running="sglang:num_running_reqs",
        waiting="sglang:num_queue_reqs",
    ),
}
"""Basis: vendor (templates/monitoring/data/metrics.csv)."""
TPOT_SLOW_AFTER = "0.05"
"""Bound of the bucket that ends at the target of TPOT of the cases."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Measurements of the service `chat`. Texts are samples in promtool's notation, one a minute,
    where `{n}` is the number of samples."""

    requests_per_s: float = 100
    prompt_tokens: float = 90
    answer_tokens: float = 390
    failed_share: float = 0
    ttft_mean_s: float = 0.2
    ttft_slow_share: float = 0.01
    tpot_mean_s: float = 0.03
    tpot_slow_share: float = 0.01
    tpot_within: Mapping[str, float] = field(default_factory=dict)
    """Shares of requests within further buckets, by their bounds in seconds."""
    engines: int = 15
    waiting: str = "0x{n}"
    ready: Mapping[str, str] = field(default_factory=dict)
    """Ready replicas of a zone, where they are not those planned."""
    node_ready: int = 1
    xids: Mapping[int, str] = field(default_factory=lambda: {0: "0x{n}"})
    """Samples of the last XID by its code. A code is a label of dcgm-exporter too, so that each has
    a series of its own. Basis: vendor (gpu_collector.go of dcgm-exporter 4.8.2)."""
    remapped: str = "0x{n}"
    double_bit: str = "0x{n}"
    remap_failure: str = "0x{n}"
    clock_reasons: int = 0
    copies_since_s: int | None = None
    """Start of a pod that copies weights, seconds; None where none does."""
    unseen: str = "none"
    """Start of the names of metrics that nothing reports."""


@dataclass(frozen=True)
class Case:
    """Measurements, and the alerts that fire after these minutes. No other fires."""

    name: str
    measured: Measured
    minutes: int
    fires: frozenset[str] = frozenset()
    before: Measured | None = None
    """Counters until the last four hours, where they differ."""
    summary: str = ""
    """Summary of the one alert that fires; empty where it is not compared."""


@dataclass(frozen=True)
class Cases:
    """Cases with the same rules and times."""

    plan: Plan
    cases: Sequence[Case]
    groups: tuple[str, ...]
    """Ends of the names of the groups of rules."""
    evaluated_min: int
    """Minutes between two evaluations."""
    scraped_min: int
    """Minutes between two samples."""


def run_cases(folder: Path, sets: Mapping[str, Cases]) -> subprocess.CompletedProcess[str]:
    """Run `promtool test rules` once for all cases."""
    for name, cases in sets.items():
        groups = [g for g in rule_groups(cases.plan) if g["name"].endswith(cases.groups)]
        (folder / f"{name}.rules").write_text(json.dumps({"groups": groups}), encoding="utf-8")
        written = {
            "rule_files": [f"{name}.rules"],
            "evaluation_interval": f"{cases.evaluated_min}m",
            # Without an order, promtool takes a new one at each start.
            "group_eval_order": [each["name"] for each in groups],
            "tests": [_test(cases, case) for case in cases.cases],
        }
        (folder / f"{name}.yaml").write_text(json.dumps(written, indent=1), encoding="utf-8")
    return run_tests(folder, sets)


def run_tests(folder: Path, names: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run `promtool test rules` on the files NAME.yaml of a folder."""
    return subprocess.run(
        [program("promtool"), "test", "rules", *(f"{name}.yaml" for name in names)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def _test(cases: Cases, case: Case) -> dict[str, Any]:
    serving = cases.plan.service("chat").serving
    assert serving is not None
    exported = EXPORTED[serving.engine]
    samples, per_sample_s = case.minutes // cases.scraped_min, cases.scraped_min * 60
    series = {
        **_counters(case, exported, samples, per_sample_s),
        **_gauges(case.measured, exported),
        **_replicas(cases.plan, case.measured),
    }
    texts = {"alert_rule_test": [_text(cases, case)]} if case.summary else {}
    return texts | {
        "interval": f"{cases.scraped_min}m",
        "input_series": [
            {"series": name, "values": values.replace("{n}", str(samples))}
            for name, values in series.items()
            if not name.startswith(case.measured.unseen)
        ],
        "promql_expr_test": [
            {
                # The name of the case is in the query, because promtool prints no other.
                "expr": f"label_replace(group by (alertname) ({FIRING}), 'case', '{case.name}', "
                "'', '')",
                "eval_time": f"{case.minutes}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}", case="{case.name}"}}', "value": 1}
                    for name in sorted(case.fires)
                ],
            }
        ],
    }


def _text(cases: Cases, case: Case) -> dict[str, Any]:
    """Labels and annotations of the alert, which promtool compares as a whole."""
    (name,) = case.fires
    rules = [rule for group in rule_groups(cases.plan) for rule in group["rules"]]
    (rule,) = [rule for rule in rules if rule.get("alert") == name]
    expected = {
        "exp_labels": rule["labels"] | {"namespace": "chat"},
        "exp_annotations": rule["annotations"] | {"summary": case.summary},
    }
    return {
        "eval_time": f"{case.minutes}m",
        "alertname": name,
        "exp_alerts": [expected],
    }


FIRING = 'ALERTS{alertstate="firing"}'


def _rates(m: Measured, exported: Exported) -> dict[str, float]:
    """Growth of each counter, per second."""
    rate, within = m.requests_per_s, {TPOT_SLOW_AFTER: 1 - m.tpot_slow_share, **m.tpot_within}
    return {
        exported.served: rate * (1 - m.failed_share),
        exported.failed: rate * m.failed_share,
        exported.served.replace("POST", "GET"): rate,
        exported.finished + "{%s}": rate,
        exported.tokens + "{%s}": rate * m.answer_tokens,
        **_histogram(exported.prompt_tokens, rate, m.prompt_tokens, {}),
        **_histogram(exported.answer_tokens, rate, m.answer_tokens, {}),
        **_histogram(
            exported.ttft, rate, m.ttft_mean_s, {exported.ttft_slow_after: 1 - m.ttft_slow_share}
        ),
        **_histogram(exported.tpot, rate, m.tpot_mean_s, within),
    }


def _histogram(
    name: str, rate: float, mean: float, within: Mapping[str, float]
) -> dict[str, float]:
    """Growth of a histogram whose buckets hold these shares, by their bounds."""
    return {
        name + "_sum{%s}": rate * mean,
        name + "_count{%s}": rate,
        **{
            name + '_bucket{%s, le="' + bound + '"}': rate * share
            for bound, share in {**within, "+Inf": 1}.items()
        },
    }


def _counters(case: Case, exported: Exported, samples: int, per_sample_s: int) -> dict[str, str]:
    """Samples of every counter. An engine without failures has no counter of them."""
    then = _rates(case.measured, exported)
    now = then if case.before is None else _rates(case.before, exported)
    last = 0 if case.before is None else 4 * 3600 // per_sample_s
    found = dict[str, str]()
    for name, rate in then.items():
        if not rate and not now[name] and name == exported.failed:
            continue
        first, second, until = now[name] * per_sample_s, rate * per_sample_s, samples - last
        values = f"0+{first:.9g}x{until}"
        if last:
            values += f" {first * until + second:.12g}+{second:.9g}x{last - 1}"
        found[name % f'{LABELS}, pod="a"'] = values
    return found


def _gauges(m: Measured, exported: Exported) -> dict[str, str]:
    """Samples of gauges of engines, nodes and GPUs."""
    gpu, xid = '{Hostname="n", gpu="0"}', '{Hostname="n", gpu="0", err_code="%d", err_msg="m%d"}'
    ready = 'condition="Ready", status="true"'
    return {
        **{
            f'{exported.running}{{{LABELS}, pod="p{engine}", ready="true"}}': "9x{n}"
            for engine in range(m.engines)
        },
        f'{exported.waiting}{{{LABELS}, pod="a"}}': m.waiting,
        f'kube_node_status_condition{{node="n", {ready}}}': f"{m.node_ready}x{{n}}",
        **{
            "DCGM_FI_DEV_XID_ERRORS" + xid % (code, code): samples
            for code, samples in m.xids.items()
        },
        f"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS{gpu}": m.remapped,
        f"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{gpu}": m.double_bit,
        f"DCGM_FI_DEV_ROW_REMAP_FAILURE{gpu}": m.remap_failure,
        f"DCGM_FI_DEV_CLOCKS_EVENT_REASONS{gpu}": f"{m.clock_reasons}x{{n}}",
    }


def _replicas(plan: Plan, m: Measured) -> dict[str, str]:
    """Samples of kube-state-metrics about the service's Deployments and a pod."""
    serving = plan.service("chat").serving
    assert serving is not None
    pod = 'namespace="chat", pod="a", uid="u"'
    copies = int(m.copies_since_s is not None)
    name = 'kube_deployment_status_replicas_available{namespace="chat", deployment="chat-floor-'
    return {
        **{
            f'{name}{zone}"}}': m.ready.get(zone, f"{planned}x{{n}}")
            for zone, planned in serving.replicas_by_zone.items()
        },
        f"kube_pod_start_time{{{pod}}}": f"{m.copies_since_s or 0}x{{n}}",
        f'kube_pod_init_container_status_running{{{pod}, container="weights"}}': f"{copies}x{{n}}",
    }
