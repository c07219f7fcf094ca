"""Which rules does Prometheus evaluate for a plan?"""

from collections.abc import Iterator
from typing import Any

from sizing.plan.whole import Plan
from templates.monitoring.alert import Rule, group
from templates.monitoring.arrivals import request_rules
from templates.monitoring.latency import latency_rules
from templates.monitoring.nodes import node_rules
from templates.monitoring.replicas import replica_rules
from templates.monitoring.usual import unusual_rules
from templates.monitoring.watched import Watched, watched


def rule_groups(plan: Plan) -> list[dict[str, Any]]:
    """Return the groups of recording and alerting rules: one of nodes, and those of each service.

    A service whose engine exports no metrics of requests has rules on its replicas only. A plan
    without nodes has no rules.
    """
    built = [each for service in plan.services if (each := watched(service)) is not None]
    groups = [group("nodes", None, node_rules())] if built else []
    for service in built:
        for name, rules in _by_group(service):
            groups.append(group(f"{service.name}-{name}", service.name, rules))
    return [each for each in groups if each["rules"]]


def _by_group(service: Watched) -> Iterator[tuple[str, Iterator[Rule]]]:
    yield "replicas", replica_rules(service)
    metrics = service.requests
    if metrics is not None:
        yield "requests", request_rules(service, metrics)
        yield "latency", latency_rules(service, metrics)
        yield "unusual", unusual_rules(service, metrics)
