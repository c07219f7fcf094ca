"""An alert, a recorded series, and how they are written for Prometheus."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

RUNBOOK = "docs/alerts.md"
"""Page with a section for each alert, named as the alert."""
START = "sizewright:"
"""Start of the name of every recorded series."""
DIGITS = 6
"""Significant digits of a number in a query."""
VALUE = '{{ printf "%.4g" $value }}'
"""Value of the query in a text of an alert, with four significant digits."""


class Severity(StrEnum):
    """How soon must a person act?"""

    critical = "critical"
    """Now: users notice it."""
    warning = "warning"
    """Today: a promise of the plan does not hold, or a target is missed for some requests."""
    info = "info"
    """With the next sizing: the fleet differs from its prediction."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    name: str
    expr: str
    """Query in PromQL; the alert fires for each series of its result."""
    hold_s: int
    """Seconds for which the query must have a result."""
    severity: Severity
    summary: str
    """What happens, in a clause with the plan's numbers."""
    meaning: str
    """What follows from it, in sentences."""
    plan: tuple[str, ...] = ()
    """Numbers of the plan that it watches, as `sizewright explain` names them; empty where it
    watches none."""

    def rule(self, service: str | None) -> dict[str, Any]:
        """Rule of Prometheus, labelled by its service; None for the whole stack."""
        labels = {"severity": self.severity.value}
        annotations = {
            "summary": self.summary,
            "description": self.meaning,
            "runbook": f"{RUNBOOK}#{self.name.lower()}",
        }
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{self.hold_s}s",
            "labels": labels if service is None else labels | {"service": service},
            "annotations": annotations | ({"plan": ", ".join(self.plan)} if self.plan else {}),
        }


@dataclass(frozen=True)
class Recorded:
    """Series that Prometheus computes from others at each evaluation."""

    name: str
    """Name without `START`."""
    expr: str

    def rule(self, service: str | None) -> dict[str, Any]:
        """Rule of Prometheus.

        Guard: `promtool check rules` counts rules of the same name without labels as duplicates.
        """
        rule = {"record": START + self.name, "expr": self.expr}
        return rule if service is None else rule | {"labels": {"namespace": service}}


Rule = Alert | Recorded


def group(name: str, service: str | None, rules: Iterable[Rule]) -> dict[str, Any]:
    """Group of rules, which Prometheus evaluates in this order."""
    return {"name": f"sizewright-{name}", "rules": [rule.rule(service) for rule in rules]}


def number(value: float) -> str:
    """Number of the plan as a query has it: six significant digits."""
    return f"{float(value):.{DIGITS}g}"


def recorded(name: str, namespace: str) -> str:
    """Recorded series of one service."""
    return f'{START}{name}{{namespace="{namespace}"}}'
