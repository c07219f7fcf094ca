"""`--json` of `size`: the plan."""

from sizing.plan import Plan as Plan
