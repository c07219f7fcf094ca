"""`--json` of `size`: the plan."""

from sizing.plan import Plan

__all__ = ["Plan"]
