"""The answer of `sizewright size --json`, which is the plan."""

from sizing.plan import Plan

__all__ = ["Plan"]
