"""A model with every form of field, and files that are read as it."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sizewright.reading.input_error import InputError
from sizewright.reading.read import read_model
from sizing.values.field_error import FieldError


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    chat = "chat"
    image = "image"


class Traffic(Strict):
    daily_users: int = Field(gt=0)
    """People who use the service on one day."""
    peak_ratio: Decimal = Decimal(2)
    """Busiest moment over the mean."""
    hourly: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Share of each hour."""

    @field_validator("hourly")
    @classmethod
    def _even(cls, hourly: tuple[int, ...]) -> tuple[int, ...]:
        if len(hourly) % 2:
            raise ValueError("an even number of hours is needed")
        return hourly

    @model_validator(mode="after")
    def _peak_above_mean(self) -> Self:
        if self.peak_ratio < 1:
            raise FieldError(("peak_ratio",), "a peak below the mean", "at least 1", "write 1")
        return self


class Histogram(Strict):
    bounds: list[int]
    shares: list[float]


class Mean(Strict):
    mean: float
    spread: float = 0

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.spread > self.mean:
            raise ValueError("wider than its mean")
        return self


class Given(Strict):
    method: Literal["given"]
    rate: float


class Textbook(Strict):
    method: Literal["textbook"]
    share: float = 1


class Service(Strict):
    name: str = Field(pattern="^[a-z]+$")
    """Lower-case letters."""
    kind: Kind = Kind.chat
    traffic: Traffic
    tokens: int | Mean | Histogram | None = None
    capacity: Annotated[Given | Textbook, Field(discriminator="method")] | None = None
    hardware: Literal["auto"] | Mean = "auto"
    public: bool = False
    tags: dict[Annotated[str, Field(max_length=5)], int] = {}
    others: list[Mean] = []
    latency: Mean | None = None
    pair: tuple[int, str] = (0, "")
    mixed: list[Mean] | dict[str, int] = []


BASE = "name: a\ntraffic: {daily_users: 1}\n"
BILLION = 'a: &a ["x"]\n' + "".join(
    f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abc", "bcd", strict=True)
)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "w.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(tmp_path: Path, content: str | bytes) -> InputError:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_model(path, Service)
    assert caught.value.file == str(path)
    return caught.value
