"""A user's own runs correct the fitted times."""

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

from sizewright.measured.accuracy import Compared
from sizewright.measured.replay import Replay
from sizewright.measured.run import MeasuredRun
from sizing.catalog.bands import Band, Bands
from sizing.catalog.correction import Correction, Corrections
from sizing.steps.model import StepTime

P90 = 1.2816
"""Standard deviations from the median to P10 and P90. Basis: arithmetic (normal distribution)."""
LEAST_SCATTER = 0.05
"""Least scatter: runs that agree better repeat one another. Basis: measured, repeats of one setting
spread by 1 to 6 % in public runs."""


def corrections(rows: Sequence[Compared], replay: Replay) -> Corrections:
    """Return one correction for each model, GPU and engine that has a predicted run."""
    groups: dict[tuple[int, int, str, str], list[tuple[Compared, MeasuredRun]]] = {}
    for row in rows:
        if isinstance(row.run, MeasuredRun) and row.answer is not None:
            shape, _ = replay.shape(row.run.model)
            model, _ = replay.model(row.run)
            key = (shape.parameters, shape.layers, model.card.name, model.engine)
            groups.setdefault(key, []).append((row, row.run))
    made = []
    for (parameters, layers, gpu, engine), group in sorted(groups.items()):
        first = group[0][0].answer
        if not isinstance(first, StepTime):
            continue
        members = [row for row, _ in group]
        tpot_ratio, tpot = corrected(_logs(members, "tpot_ms"), first.tpot_band)
        ttft_ratio, ttft = corrected(_logs(members, "ttft_ms"), first.ttft_band)
        made.append(
            Correction(
                model=group[0][1].model,
                parameters=parameters,
                layers=layers,
                gpu=gpu,
                engine=engine,
                runs=len(group),
                tpot_ratio=tpot_ratio,
                ttft_ratio=ttft_ratio,
                bands=Bands(tpot=tpot, ttft=ttft),
            )
        )
    return Corrections(fitted=replay.catalog.coefficients.fitted, corrections=tuple(made))


def corrected(logs: Sequence[float], before: Band) -> tuple[float, Band]:
    """The factor and its band, from the logarithms of measured over predicted.

    factor = exp(mean x n / (n + 1)): one run moves half way, ten almost all of it
    spread^2 = scatter^2 + (spread before)^2 / (n + 1), band = exp(-+ 1.28 spread)

    Basis: arithmetic; runs and the fit are weighed as if the fit were one run more.
    """
    count = len(logs)
    if not count:
        return 1.0, before
    known = math.log(before.high / before.low) / (2 * P90)
    scatter = max(pstdev(logs), LEAST_SCATTER)
    spread = math.sqrt(scatter**2 + known**2 / (count + 1))
    ratio = math.exp(fmean(logs) * count / (count + 1))
    edge = math.exp(P90 * spread)
    return round(min(max(ratio, 0.05), 20.0), 4), Band(low=round(1 / edge, 4), high=round(edge, 4))


def _logs(rows: Sequence[Compared], quantity: str) -> list[float]:
    return [
        math.log(measured / predicted)
        for row in rows
        if (measured := row.measured(quantity)) and (predicted := row.predicted(quantity))
    ]
