"""A user's own runs correct the fitted times."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev

from sizewright.measured.accuracy import Compared
from sizewright.measured.prediction import Predictor
from sizewright.measured.run import MeasuredRun
from sizing.catalog.architecture import Architecture
from sizing.catalog.bands import Band, Bands
from sizing.catalog.coefficients import arithmetic_like
from sizing.catalog.correction import Correction, Corrections
from sizing.steps.model import StepModel, StepTime
from sizing.workload import Precision


@dataclass(frozen=True, order=True)
class _Key:
    """What a correction applies to."""

    parameters: int
    layers: int
    gpu: str
    engine: str
    weights: Precision
    experts: Precision


def corrections(rows: Sequence[Compared], predictor: Predictor) -> Corrections:
    """Return one correction for each model, GPU, engine and format that has a predicted run."""
    groups = defaultdict[_Key, list[Compared]](list)
    models = dict[_Key, tuple[str, StepModel]]()
    for row in rows:
        if isinstance(row.run, MeasuredRun) and isinstance(row.answer, StepTime):
            shape, _ = predictor.shape(row.run.model)
            model, _ = predictor.model(row.run)
            key = _key(shape, model)
            groups[key].append(row)
            models.setdefault(key, (row.run.model, model))
    made = []
    for key, members in sorted(groups.items()):
        name, model = models[key]
        times = Ratios(_logs(members, "tpot_ms"), _logs(members, "ttft_ms"))
        made.append(_correction(name, key, model, times, runs=len(members)))
    return Corrections(fitted=predictor.catalog.coefficients.fitted, corrections=tuple(made))


def correction_text(made: Corrections) -> str:
    """Text of a correction file."""
    return made.model_dump_json(indent=2) + "\n"


@dataclass(frozen=True)
class Ratios:
    """Logarithms of measured over predicted times, one for each run that has the time."""

    tpot: Sequence[float]
    ttft: Sequence[float]


def correction_of(
    name: str, shape: Architecture, model: StepModel, ratios: Ratios, *, runs: int
) -> Correction:
    """Return the correction of one model on one GPU and engine.

    `name` is the Hugging Face id, and `model` predicts without a correction.
    """
    return _correction(name, _key(shape, model), model, ratios, runs=runs)


def _key(shape: Architecture, model: StepModel) -> _Key:
    formats = (arithmetic_like(each) for each in model.formats.of_parameters)
    return _Key(shape.parameters, shape.layers, model.card.name, model.engine, *formats)


def _correction(name: str, key: _Key, model: StepModel, ratios: Ratios, *, runs: int) -> Correction:
    tpot_ratio, tpot_band = corrected(ratios.tpot, model.bands.tpot)
    ttft_ratio, ttft_band = corrected(ratios.ttft, model.bands.ttft)
    _, full_load = corrected(ratios.tpot, model.bands.full_load)
    return Correction(
        model=name,
        **asdict(key),
        runs=runs,
        tpot_ratio=tpot_ratio,
        ttft_ratio=ttft_ratio,
        bands=Bands(tpot=tpot_band, ttft=ttft_band, full_load=full_load),
    )


def corrected(logs: Sequence[float], before: Band) -> tuple[float, Band]:
    """The factor and its band, from the logarithms of measured over predicted.

    factor = exp(mean x n / (n + 1)): one run moves half way, ten almost all of it

    Basis: arithmetic; as `Band.after`.
    """
    count = len(logs)
    if not count:
        return 1.0, before
    ratio = math.exp(fmean(logs) * count / (count + 1))
    return round(min(max(ratio, 0.05), 20.0), 4), before.after(count, pstdev(logs))


def _logs(rows: Sequence[Compared], quantity: str) -> list[float]:
    return [
        math.log(measured / predicted)
        for row in rows
        if (measured := row.measured(quantity)) and (predicted := row.predicted(quantity))
    ]
