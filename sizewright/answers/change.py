"""One leaf that differs."""

from typing import Any

from sizing.strict import Strict


class Leaf(Strict):
    """A value before and after; null where it was or is absent."""

    path: str
    """Dotted path of the value; its last word ends in the unit, where it has one."""
    old: Any
    """Before."""
    new: Any
    """After."""
