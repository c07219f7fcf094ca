"""Panels of a dashboard, in the JSON that Grafana imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 12, 8
"""Size of a panel in Grafana's grid, which has 24 columns."""
COLUMNS = 24
SCHEMA = 39
"""Version of the format. Basis: vendor (Grafana 11; later versions convert it as they import)."""
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Line:
    """Series of a panel."""

    legend: str
    """Name; `{{label}}` is the value of a label."""
    expr: str
    planned: bool = False
    """True for a number of the plan, which is drawn dashed."""


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    """Unit in Grafana's terms, such as `s`, `reqps`, `percentunit` or `short`."""
    lines: Sequence[Line]
    text: str = ""
    """Description of the panel."""
    least: int | None = 0
    """Lower end of the axis; None where values may be negative."""


def planned(name: str, value: float, digits: int = 6) -> Line:
    """Number of the plan as a horizontal line."""
    return Line(name, f"vector({float(value):.{digits}g})", planned=True)


def dashboard(uid: str, title: str, panels: Sequence[Panel], note: str = "") -> dict[str, Any]:
    """Dashboard with its panels in rows of two, and a text above them where there is a note."""
    placed = [] if not note else [_note(note)]
    top = 3 if note else 0
    for index, panel in enumerate(panels):
        row, column = divmod(index, COLUMNS // WIDTH)
        at = {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": top + row * HEIGHT}
        placed.append(_panel(index + 2, panel, at))
    return {
        "uid": uid,
        "title": title,
        "tags": ["sizewright"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {
            "list": [
                {"name": "source", "label": "Data source", "type": "datasource"}
                | {"query": "prometheus"}
            ]
        },
        "panels": placed,
    }


def _note(text: str) -> dict[str, Any]:
    return {
        "id": 1,
        "type": "text",
        "title": "",
        "gridPos": {"h": 3, "w": COLUMNS, "x": 0, "y": 0},
        "options": {"mode": "markdown", "content": text},
    }


def _panel(number: int, panel: Panel, at: dict[str, int]) -> dict[str, Any]:
    dashed = [
        {
            "matcher": {"id": "byName", "options": line.legend},
            "properties": [
                {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
                {"id": "custom.fillOpacity", "value": 0},
            ],
        }
        for line in panel.lines
        if line.planned
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "gridPos": at,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": panel.least, "custom": {"fillOpacity": 10}},
            "overrides": dashed,
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        },
        "targets": [
            {"refId": f"Q{index}", "expr": line.expr, "legendFormat": line.legend}
            | {"datasource": SOURCE}
            for index, line in enumerate(panel.lines)
        ],
    }
