"""What the pods of controllers ask of their nodes, and where two of one kind stand."""

from collections.abc import Mapping
from typing import Any

SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def resources(cpu: str, memory: str, limit: str | None = None) -> dict[str, Any]:
    """Requests, and a limit of memory: the same unless `limit` says more.

    CPU has no limit: it would slow a controller down while its node is idle.
    """
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"memory": limit or memory},
    }


def spread(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Over zones, then over nodes; a zone that is lost keeps no pod from starting elsewhere."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key in SPREAD_OVER
    ]


def apart(labels: Mapping[str, str]) -> dict[str, Any]:
    """The same as affinity, for charts without topology spread constraints."""
    terms = [
        {
            "weight": weight,
            "podAffinityTerm": {
                "topologyKey": key,
                "labelSelector": {"matchLabels": dict(labels)},
            },
        }
        for weight, key in zip((100, 50), SPREAD_OVER, strict=True)
    ]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
