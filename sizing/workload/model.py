"""Which model does a service use?"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.written import Positive
from sizing.workload.kinds import EncoderPlacement, Precision
from sizing.workload.source import ModelSource


class Encoder(Strict):
    name: str = Field(min_length=1, max_length=100)
    """Name of the encoder of the prompt, e.g. t5-xxl."""
    parameters: Positive
    """Parameters of the encoder."""


ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class Model(Strict):
    name: ModelName | None = None
    """Model of the catalog, by short name or Hugging Face id, or the path of a config.json."""
    parameters: Positive | None = None
    """Number of parameters, which overrides the catalog's count."""
    precision: Precision | None = None
    """Precision of the weights. When left out, the catalog's native precision applies."""
    encoders: tuple[Encoder, ...] = ()
    """Encoders that the replica also loads, in the same precision. When left out, the catalog's
    apply."""
    encoder_placement: EncoderPlacement = Field(
        default=EncoderPlacement.resident,
        exclude_if=lambda placement: placement is EncoderPlacement.resident,
    )
    """Memory that holds the encoders of an image or video model."""
    source: ModelSource | None = None
    """Source of the model's files. When left out, you fill the bucket of weights yourself."""

    @model_validator(mode="after")
    def _is_known_somehow(self) -> Self:
        if self.name is None and self.parameters is None:
            raise FieldError((), "a model needs a name or parameters", "name: llama-3.1-8b")
        if self.name is None and self.precision is None:
            raise FieldError(("precision",), "missing", "one of " + ", ".join(Precision))
        return self


def named(value: Any) -> Any:
    """Return a model for a name alone."""
    return {"name": value} if isinstance(value, str) else value
