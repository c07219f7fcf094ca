"""A replica of round numbers, whose times are easy to add by hand."""

from dataclasses import replace
from typing import Any

from sizing.catalog import load_catalog
from sizing.catalog.bands import Band, Bands
from sizing.catalog.coefficients import CoefficientSet, EngineCoefficients
from sizing.catalog.correction import Correction
from sizing.model.rows import architecture_of
from sizing.replica.lengths import Lengths
from sizing.replica.rate import Targets
from sizing.steps.model import StepModel, step_model
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision

BANDS = Bands(
    tpot=Band(low=0.5, high=2), ttft=Band(low=0.25, high=3), full_load=Band(low=0.4, high=1.6)
)
OWN_BANDS = Bands(
    tpot=Band(low=0.8, high=1.2), ttft=Band(low=0.7, high=1.6), full_load=Band(low=0.8, high=1.2)
)
"""Bands of a user's own runs."""
NOTHING: dict[str, Any] = {
    "weights_ms": 0.0,
    "experts_ms": 0.0,
    "routed_share": 0.0,
    "kv_ms_per_token": (),
    "state_ms": 0.0,
    "flop_ms_per_token": 0.0,
    "expert_flop_ms_per_token": 0.0,
    "head_flop_ms": 0.0,
    "attention_ms_per_pair": (),
    "activation_ms_per_token": 0.0,
    "expert_activation_ms_per_token": 0.0,
    "all_reduce_ms_per_token": 0.0,
    "all_to_all_ms_per_token": 0.0,
    "layers": 1000,
    "expert_layers": 0,
    "latent_layers": 0,
    "four_bit": False,
    "eight_bit": False,
    "four_bit_dense": False,
    "four_bit_experts": False,
}
"""A thousand layers, so that a microsecond of each is a millisecond of the step."""

QUEUED = Targets(0.95, 1.0, None)
"""Targets of requests whose users wait, so that the band of the steps applies."""
LENGTHS = Lengths(
    prompt_tokens=100.0,
    cached_tokens=0.0,
    output_tokens=11.0,
    prompt_variation=3.0,
    output_variation=2.0,
    prompts=((100.0, 1.0),),
)
"""Lengths with ten steps after the first token."""


def coefficients(**given: float) -> CoefficientSet:
    """Multiples of 1 and costs of 0, except the given; reading and arithmetic add."""
    known = load_catalog().coefficients
    times = {
        name
        for name, field in EngineCoefficients.model_fields.items()
        if any(getattr(limit, "ge", None) == 1 for limit in field.metadata)
    }
    times.add("four_bit_read")
    plain = {name: float(name in times) for name in EngineCoefficients.model_fields}
    engine = EngineCoefficients.model_validate({**plain, **given})
    return known.model_copy(
        update={
            "engines": {"vllm": engine},
            "bands": {"vllm": BANDS},
            "datasheet_bands": {"vllm": BANDS},
            "unmeasured_bands": {"vllm": BANDS},
            "roofline_power": 1.0,
        }
    )


def replica(
    requested: dict[str, Any],
    *,
    ranks: int = 1,
    correction: Correction | None = None,
    **given: float,
) -> StepModel:
    """Replica whose step has only the given costs, with such coefficients."""
    catalog = load_catalog()
    shape = architecture_of(catalog.model("llama-3.1-8b"))
    assert shape is not None
    base = step_model(
        shape,
        catalog.gpu("h100"),
        catalog.coefficients,
        engine="vllm",
        parallel=Parallel(data=ranks),
        formats=Formats(Precision.bf16, Precision.bf16),
    )
    assert base is not None
    work = replace(base.work, **{**NOTHING, **requested})
    return replace(base, work=work, coefficients=coefficients(**given), correction=correction)


def corrected(tpot: float, ttft: float) -> Correction:
    """Correction of runs that took so many times the predicted time."""
    return Correction(
        model="",
        parameters=0,
        layers=0,
        gpu="",
        engine="vllm",
        weights=Precision.bf16,
        experts=Precision.bf16,
        runs=1,
        tpot_ratio=tpot,
        ttft_ratio=ttft,
        bands=OWN_BANDS,
    )
