"""Number of examples that a property is tried on."""

import os

SHARE = 5
"""A short run tries one in so many of the examples that `make prove` tries."""
FEWEST = 5


def examples(count: int) -> int:
    """Number of examples in this run: `count` in `make prove`, else a share of it."""
    if os.environ.get("SIZEWRIGHT_PROVE"):
        return count
    return max(FEWEST, count // SHARE)
