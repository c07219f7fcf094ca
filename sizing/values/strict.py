"""The form of every input: frozen, and without unknown keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A frozen value that refuses unknown keys; its attribute docstrings describe its fields."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
