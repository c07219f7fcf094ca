"""Workloads drawn at random, and their plans."""

from collections.abc import Sequence
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.plan.service.pool import PoolPlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload

Values = dict[str, Any]

SERVED = (
    ("llama-3.1-8b", "g6.xlarge"),
    ("llama-3.2-3b", "g6e.xlarge"),
    ("mistral-7b-v0.3", "g5.48xlarge"),
    ("qwen3-32b", "g6.12xlarge"),
    ("llama-3.1-70b", "p4d.24xlarge"),
    ("llama-3.1-70b", "g6.xlarge"),
)
"""Models on types: over one card, four and eight; the last does not fit."""
RULES: dict[str, st.SearchStrategy[Any]] = {
    "spare_ratio": st.decimals(0, 1, places=2),
    "nodes": st.integers(0, 20),
    "zones": st.integers(0, 2),
    "availability": st.decimals("0.9", "0.999999", places=6),
}
ZONES = st.sampled_from(["12", "124", "1245", "12456"])


@st.composite
def workloads(draw: st.DrawFn, rules: Sequence[str] = tuple(RULES)) -> Values:
    """A language service sized for its mean or its peak, with any redundancy."""
    model, instance_type = draw(st.sampled_from(SERVED))
    method = draw(st.sampled_from(["given", "textbook"]))
    capacity: Values = {"method": method, "load": draw(st.sampled_from(["mean", "peak"]))}
    if method == "given":
        capacity["requests_per_gpu_per_s"] = draw(st.decimals("0.1", 50, places=3))
    return {
        "name": "chat",
        "kind": draw(st.sampled_from(["chat", "text"])),
        "model": model,
        "traffic": {
            "daily_users": draw(st.integers(1, 20_000_000)),
            "requests_per_user_per_day": draw(st.decimals("0.01", 50, places=2)),
            "peak_ratio": draw(st.decimals(1, 10, places=2)),
        },
        "request": {"tokens": draw(st.integers(1, 4_000)), "request_bytes": 2_000},
        "capacity": capacity,
        "redundancy": draw(st.fixed_dictionaries({}, optional={r: RULES[r] for r in rules})),
        "hardware": {"instance_type": instance_type},
        "data": {
            "profile_bytes_per_user": 10_000,
            "interaction_bytes": 2_000,
            "client": "own",
            "retention_days": 9,
        },
    }


def plan_of(values: Values, site: Site, catalog: Catalog, zones: Sequence[str] = "124") -> Plan:
    there = site.model_copy(update={"zones": tuple(f"use1-az{zone}" for zone in zones)})
    return size([Workload.model_validate(values)], there, catalog)


def pool_of(values: Values, site: Site, catalog: Catalog, zones: Sequence[str] = "124") -> PoolPlan:
    pool = plan_of(values, site, catalog, zones).services[0].pool
    assume(pool is not None)
    assert pool is not None
    return pool


def more(values: Values, part: str, **changes: Any) -> Values:
    return {**values, part: {**values[part], **changes}}
