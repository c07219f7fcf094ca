"""Resource requests and placement rules of the controllers' pods."""

from collections.abc import Mapping
from typing import Any

SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def resources(cpu: str, memory: str, limit: str | None = None) -> dict[str, Any]:
    """Requests, and a memory limit: the requested memory unless `limit` is larger.

    CPU has no limit, which would slow a controller down while its node is idle.
    """
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"memory": limit or memory},
    }


def spread(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Spread over zones, then over nodes; after the loss of a zone pods still start elsewhere."""
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
    """The same spread as affinity, for charts without topology spread constraints."""
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
