"""Text of the rules and dashboards, for a Prometheus and a Grafana of your own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sizing.plan.whole import Plan
from templates.monitoring.dashboards import dashboards
from templates.monitoring.metrics import needs_settings
from templates.monitoring.rules import rule_groups
from templates.scheduling import POOL_LABEL, ZONE_LABEL

RULES = "monitoring/rules.yaml"
"""Path of the rules, which `promtool check rules` accepts."""


def monitoring_files(plan: Plan) -> dict[str, str]:
    """Return text by path, sorted: `monitoring/rules.yaml` and `monitoring/dashboards/NAME.json`.

    A plan without nodes has none.
    """
    groups = rule_groups(plan)
    if not groups:
        return {}
    boards = {
        f"monitoring/dashboards/{name}.json": json.dumps(board, indent=2) + "\n"
        for name, board in dashboards(plan).items()
    }
    rules = "\n".join([*_needs(plan), "groups:", *_groups(groups)]) + "\n"
    return dict(sorted({**boards, RULES: rules}.items()))


def _needs(plan: Plan) -> Iterator[str]:
    """Yield comments: settings of the exporters, and alerts that services lack."""
    counters = " and ".join(needs_settings("dcgm-exporter"))
    yield "# Engines: label each series with namespace, pod, component and ready of its pod."
    yield f"# kube-state-metrics: --metric-labels-allowlist=nodes=[{POOL_LABEL},{ZONE_LABEL}]"
    yield f"# dcgm-exporter: its default list lacks {counters}."
    yield "# Keep the labels namespace, pod and node of both exporters: honor_labels: true."
    for service in plan.services:
        if service.serving is not None and service.serving.unwatched is not None:
            yield f"# {service.name}: {service.serving.unwatched}."


def _groups(groups: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the groups."""
    for group in groups:
        yield f"  - name: {_quoted(group['name'])}"
        yield "    rules:"
        for rule in group["rules"]:
            first, *rest = _lines(rule)
            yield f"      - {first}"
            yield from (f"        {line}" for line in rest)


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{key}: {_quoted(value)}"


def _quoted(text: str) -> str:
    """Text of one line in YAML's single quotes, in which a query needs no escapes."""
    return "'" + text.replace("'", "''") + "'"
