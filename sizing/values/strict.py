"""Base of every input: frozen, and without unknown keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen value that refuses unknown keys. Its attribute docstrings describe its fields."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


def absent(value: object) -> bool:
    """True where an optional section is left out. Every answer then omits it too."""
    return value is None
