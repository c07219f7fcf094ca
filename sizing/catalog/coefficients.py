"""Which coefficients were fitted to measured engines, and how certain are predictions with them?"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, assert_never

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sizing.catalog.architecture import Architecture, Kernel
from sizing.catalog.bands import Band, Bands
from sizing.catalog.correction import Correction, Corrections
from sizing.workload import Precision

__all__ = ["Band", "Bands", "CoefficientSet", "EngineCoefficients"]

Times = Annotated[float, Field(ge=1)]
"""Multiple of the datasheet time, at least 1."""
Cost = Annotated[float, Field(ge=0)]
EngineName = str


def arithmetic_like(precision: Precision) -> Precision:
    """Return the format whose measurements apply: both 16-bit formats are equally fast."""
    return Precision.bf16 if precision is Precision.fp16 else precision


class Evidence(StrEnum):
    """What is known of an engine's speed with a model on a GPU, best first."""

    own_runs = "own runs"
    """The user measured this model on this GPU."""
    measured = "measured"
    """The fit includes this generation of GPU, these formats and these kernels."""
    generation = "generation not measured"
    """The formats and kernels were measured on other generations of GPU only."""
    unmeasured = "not measured"
    """A format or a kernel was never measured with this engine."""

    @property
    def is_measured(self) -> bool:
        """True where nothing of the case is known from its datasheet only."""
        return self in (Evidence.own_runs, Evidence.measured)


class EngineCoefficients(BaseModel):
    """Coefficients of one engine family.

    Basis: fitted by `bench/fit_steps.py`, see `CoefficientSet.source`.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    weights_read: Times
    expert_weights_read: Times
    four_bit_read: Annotated[float, Field(gt=0, le=1.5)]
    """Further multiple for reading FP4 weights; the product is at least the datasheet time."""
    kv_read: Times
    decode_flop: Times
    prefill_flop: Times
    expert_prefill_flop: Times
    attention_flop: Times
    eight_bit_prefill: Times
    """Further multiple for 8-bit prefill arithmetic, whose datasheet rate is harder to reach."""
    four_bit_prefill: Times
    activation: Cost
    """Writes and reads of the hidden state in each layer, in multiples of one write."""
    expert_activation: Cost
    all_reduce: Times
    all_to_all: Times
    layer_us: Cost
    latent_layer_us: Cost
    expert_layer_us: Cost
    eight_bit_layer_us: Cost
    """Microseconds a layer to convert activations to 8 bits; the next field is for 4 bits."""
    four_bit_layer_us: Cost
    data_parallel_layer_us: Cost
    sequence_us: Cost
    step_ms: Cost
    prefill_layer_us: Cost
    """Microseconds a layer of a step with a prompt, which does not run as a recorded graph."""
    first_token_ms: Cost
    first_token_prefills: Cost
    first_token_queue: Annotated[float, Field(ge=0, le=1)]
    """Share of other sequences' prompts that a prompt waits for: arrivals come in bursts."""
    first_token_steps: Cost


class CoefficientSet(BaseModel):
    """Coefficients of all engines from one fit.

    Basis: fitted; rows, exclusions and their reasons are named in the file.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    fitted: Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]
    source: str
    rows: int
    excluded: Mapping[str, int]
    """Rows left out of the fit, by reason."""
    measured: Mapping[EngineName, tuple[str, ...]]
    """GPU generations for which each engine was measured."""
    measured_formats: Mapping[EngineName, tuple[Precision, ...]]
    """Weight formats for which each engine was measured; bf16 represents 16 bits."""
    measured_kernels: Mapping[EngineName, tuple[Kernel, ...]]
    """Kernels with which each engine was measured."""
    engines: Mapping[EngineName, EngineCoefficients]
    bands: Mapping[EngineName, Bands]
    """Bands of an engine on a measured generation, in measured formats and with measured kernels.
    An engine has its own bands where enough of its groups were measured, else those of all."""
    datasheet_bands: Mapping[EngineName, Bands]
    """Bands of a generation of GPU that is known from its datasheet only."""
    unmeasured_bands: Mapping[EngineName, Bands]
    """Bands of a format or kernel that was never measured with the engine."""
    roofline_power: Times
    """Reading and arithmetic overlap: (read^p + arithmetic^p)^(1/p), between sum and maximum."""

    corrections: tuple[Correction, ...] = ()
    """Corrections from the user's own runs; no file of the catalog contains any."""

    @model_validator(mode="after")
    def _bands_of_all(self) -> "CoefficientSet":
        for bands in (self.bands, self.datasheet_bands, self.unmeasured_bands):
            if set(bands) != set(self.engines):
                raise ValueError("every engine has its bands, and no other name has any")
        return self

    def corrected(self, own: Corrections) -> "CoefficientSet":
        """Return the same set with a user's corrections, which precede earlier ones.

        Raises ValueError where they were made for other coefficients.
        """
        if own.fitted != self.fitted:
            raise ValueError(
                f"made for the coefficients of {own.fitted}, these are of {self.fitted}; "
                "run calibrate again"
            )
        return self.model_copy(update={"corrections": (*own.corrections, *self.corrections)})

    def correction(
        self, engine: str, gpu: str, shape: Architecture, formats: Iterable[Precision]
    ) -> Correction | None:
        """Return the first correction of this model on this GPU, engine and formats."""
        alike = tuple(arithmetic_like(each) for each in formats)
        wanted = (engine, gpu, shape.parameters, shape.layers, *alike)
        for each in self.corrections:
            of = (each.engine, each.gpu, each.parameters, each.layers, each.weights, each.experts)
            if of == wanted:
                return each
        return None

    def unmeasured(
        self, engine: str, formats: Iterable[Precision], kernels: Iterable[Kernel]
    ) -> tuple[str, ...]:
        """Return the formats and kernels that were never measured with this engine, sorted."""
        known = self.measured_formats.get(engine, ())
        new = {each.value for each in formats if arithmetic_like(each) not in known}
        return (*sorted(new), *sorted(set(kernels) - set(self.measured_kernels.get(engine, ()))))

    def bands_of(self, engine: str, evidence: Evidence) -> Bands:
        """Return an engine's bands where no own runs correct it."""
        match evidence:
            case Evidence.own_runs | Evidence.measured:
                return self.bands[engine]
            case Evidence.generation:
                return self.datasheet_bands[engine]
            case Evidence.unmeasured:
                return self.unmeasured_bands[engine]
            case _:
                assert_never(evidence)
