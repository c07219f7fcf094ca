"""Does the pinned EFA device plugin know the instance types of replicas over several nodes?"""

import re
from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizing.catalog import Catalog
from sizing.plan.whole import Plan

NAME = "EFA device plugin"
SOURCE = "data/interconnects.csv"


def interconnect_plugin(plan: Plan, catalog: Catalog) -> Iterator[Gate]:
    """Check the plugin where replicas span nodes. For an unknown type it offers no interface or
    wrong ones, and no pod starts there."""
    types = sorted({pool.instance_type for pool in plan.pools if pool.interconnect})
    plugin = plan.cluster_services.interconnect_plugin
    if not types:
        return
    if plugin is None:
        detail = f"the cluster's owner runs it; it must know {', '.join(types)}"
        yield Gate(NAME, None, detail, SOURCE)
        return
    faults = [fault for name in types if (fault := _unknown(name, plugin.version, catalog))]
    known = f"chart {plugin.version} knows {', '.join(types)}"
    yield Gate(NAME, not faults, "; ".join(faults) or known, SOURCE)


def _unknown(instance_type: str, chart: str, catalog: Catalog) -> str:
    """Reason why the chart does not serve the type; empty where it does."""
    need = catalog.interconnect(instance_type)
    if need is None:
        return f"no version of its chart is known to support {instance_type}"
    if _numbers(chart) < _numbers(need.plugin_chart):
        return (
            f"{instance_type} needs chart {need.plugin_chart} or later (image {need.plugin_image});"
            f" {chart} is pinned"
        )
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    """v0.5.30 as (0, 5, 30), because as text it would sort before v0.5.7."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))
