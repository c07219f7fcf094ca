"""The answer of `sizewright size --json`, which is the plan."""

from sizing.plan.whole import Plan

__all__ = ["Plan"]
