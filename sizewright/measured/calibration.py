"""A user's own runs correct the fitted times."""

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

from sizewright.measured.accuracy import Compared
from sizewright.measured.replay import Replay
from sizewright.measured.run import MeasuredRun
from sizing.catalog.bands import Band, Bands
from sizing.catalog.correction import Correction, Corrections


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
        if first is None:
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
                bands=Bands(tpot=tpot, ttft=ttft, full_load=tpot),
            )
        )
    return Corrections(fitted=replay.catalog.coefficients.fitted, corrections=tuple(made))


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
