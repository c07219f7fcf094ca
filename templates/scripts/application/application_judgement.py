"""Body of `POST /v1/feedback`. It runs in OGX's image with pydantic, without any other library."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Feedback(BaseModel):
    """What a user says about one response: a rating, a label, a comment, or several of them."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "anyOf": [{"required": [name]} for name in ("rating", "label", "comment")]
        },
    )

    response_id: Annotated[str, Field(pattern=r"^resp_[A-Za-z0-9-]+$", max_length=128)]
    """Response that the user judges. It must be stored, and belong to the user."""
    rating: Annotated[float, Field(ge=0, le=1)] | None = None
    """From 0, the worst, to 1, the best."""
    label: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)] | None = None
    """Word that names a kind of answer, such as wrong or unsafe."""
    comment: Annotated[str, Field(min_length=1, max_length=4_000)] | None = None
    """Text of the user."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.rating is None and self.label is None and self.comment is None:
            raise ValueError("a rating, a label or a comment is missing")
        return self
