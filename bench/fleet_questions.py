"""Which rates do measured rows show for a replica? Each answer becomes a question to sizing."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from capacity_table import CORE, OFFLINE, Cells, Setting, setting_of
from fleet_curves import Curve
from tally import Tally

from sizewright.measured.prediction import Predictor, Unanswerable
from sizing.replica.fit import ENGINE_MAX_SEQUENCES
from sizing.replica.lengths import Lengths
from sizing.replica.rate import Targets
from sizing.steps.model import StepModel

POISSON = "poisson_qps"
"""Kind of load with random arrivals at an offered rate."""
LIMIT = re.compile(r"p99 TTFT<=(\d+) ms \((met|missed)\)")
"""The table's text of a latency limit that this program reads."""
CURVE_POINTS = (0.25, 0.5, 0.75)
"""Positions of the targets on a curve of measured points, as shares."""
MEAN = 0.5
"""Share of requests that represents a mean without waits: half of them are slower."""
MEAN_OF_WAITS = 0.632
"""Share of requests that represents a mean with waits. Basis: arithmetic; the mean of an
exponential is not exceeded by 1 - 1/e."""
COLUMNS = {0.99: "p99", MEAN_OF_WAITS: "mean"}
"""The table's columns by the share of requests that they compare with."""
UNIFORM_VARIATION = 0.0041
"""Squared coefficient of variation of lengths uniform in 0.8 to 1.0. Basis: arithmetic."""
SHORT = "short_burst"
"""The table's flag of runs that end before a queue could build up. They cannot show that a rate
holds, but can show that it does not."""


@dataclass(frozen=True)
class Question:
    """A replica, targets, and the measured rates; see `fleet_score.Found` for the rates."""

    what: str
    """Name of the chosen targets."""
    group: str
    engine: str
    gpu: str
    model_key: str
    steps: StepModel
    lengths: Lengths
    slots: int
    most: float
    """Mean number of sequences that run at once; `slots` leaves room for the longest."""
    targets: Targets
    holds_per_s: float
    fails_per_s: float
    exact: bool
    gpus: int
    """GPUs of one replica."""
    curve: Curve | None = None
    """Curve of the question."""
    split: str = ""
    """Part of the table: the calibration rows decide the band at full load, the others test it."""


def closed_questions(found: Iterable[Curve], ttft: bool = False) -> list[Question]:
    """Questions with a curve's own TPOT at a quarter, half and three quarters of its points as
    target.

    The highest rate is measured at these points, so no value between points is guessed. With
    `ttft`, the TTFT of the point is a target as well.
    """
    questions = []
    for curve in found:
        last = len(curve.points) - 1
        for place in sorted({round(share * last) for share in CURVE_POINTS}):
            point = curve.points[place]
            within = [p for p in curve.points if p.tpot_ms <= point.tpot_ms]
            within = [p for p in within if not ttft or p.ttft_ms <= point.ttft_ms]
            rate = max(p.rate_per_s for p in within)
            limit_s = point.ttft_ms / 1000 if ttft else None
            targets = Targets(MEAN, limit_s, point.tpot_ms / 1000)
            questions.append(closed_question(curve, targets, rate, _named(place, last)))
    return questions


def _named(place: int, last: int) -> str:
    """Name of a target's position on the curve."""
    share = place / last if last else 0.5
    return "low load" if share < 0.4 else "half load" if share < 0.6 else "high load"


def _lengths(prompt: float, answer: float, variation: float | None) -> Lengths:
    """Requests of one mean length without cached prompts."""
    return Lengths(prompt, 0.0, answer, variation, variation, ((prompt, 1.0),))


def closed_question(curve: Curve, targets: Targets, rate: float, what: str) -> Question:
    """Question: does the curve's replica meet the targets at that measured rate?"""
    row = curve.row
    run = row.run
    cap = max(curve.largest, ENGINE_MAX_SEQUENCES)
    most = min(row.most or math.inf, cap)
    group = "|".join((run.model, run.gpu, run.engine, run.weights, run.experts))
    variation = UNIFORM_VARIATION if run.length_ratio is None else None
    return Question(
        what=what,
        group=group,
        engine=row.model.engine,
        gpu=row.model.card.name,
        model_key=row.model_key,
        steps=row.model,
        lengths=_lengths(row.input_tokens, row.output_tokens, variation),
        slots=max(1, int(most)),
        most=most,
        targets=targets,
        holds_per_s=rate,
        fails_per_s=rate,
        exact=True,
        gpus=run.tensor * run.data * run.pipeline,
        curve=curve,
    )


def offline_questions(table: Sequence[Cells], predictor: Predictor, tally: Tally) -> list[Question]:
    """Questions of rows at unlimited supply, which measure the capacity itself."""
    offline = [row for row in table if row["load_type"] == OFFLINE]
    return tally.answers(offline, lambda row: _offline(row, predictor), "offline")


def _offline(row: Cells, predictor: Predictor) -> Question:
    if row["core"] not in CORE:
        raise Unanswerable(f"core is {row['core']}")
    if not row["out_tok_s"]:
        raise Unanswerable("out_tok_s is empty")
    setting = setting_of(row, predictor)
    rate = float(row["out_tok_s"]) / setting.run.output_tokens / setting.replicas
    targets = Targets(MEAN, None, None)
    return _open(row, setting, targets, rate)


def poisson_questions(table: Sequence[Cells], predictor: Predictor, tally: Tally) -> list[Question]:
    """Questions of rows with an offered rate: of their limit, of the measured TPOT, of TPOT and
    TTFT.

    A rate holds where a run long enough to show it met the targets. It fails from the lowest higher
    rate that was measured to miss the same targets.
    """
    settings = defaultdict[tuple[str, ...], list[Cells]](list)
    for row in table:
        if row["load_type"] == POISSON and row["request_rate"]:
            names = ("group", "engine_version", "tp", "n_gpus", "input_tokens", "output_tokens")
            settings[tuple(row[name] for name in names)].append(row)
        elif row["load_type"] == POISSON:
            tally.refuse(row, "poisson: request_rate is empty")
    questions = []
    for sweep in settings.values():
        sweep.sort(key=lambda row: float(row["request_rate"]))
        for row in sweep:
            try:
                questions += _sweep(row, sweep, predictor)
                tally.answer(row)
            except Unanswerable as reason:
                tally.refuse(row, f"poisson: {reason}")
    return questions


def _sweep(row: Cells, sweep: Sequence[Cells], predictor: Predictor) -> list[Question]:
    """Questions of one row. Raises Unanswerable with the reason where there is none."""
    if SHORT in row["flags"]:
        raise Unanswerable("too short to show that the rate holds")
    setting = setting_of(row, predictor)
    questions = []
    for what, targets in _met(row):
        rate = float(row["request_rate"]) / setting.replicas
        missed = [other for other in sweep if misses(other, targets)]
        higher = [float(other["request_rate"]) / setting.replicas for other in missed]
        fails = min((each for each in higher if each > rate), default=math.inf)
        questions.append(_open(row, setting, targets, rate, fails=fails, what=what))
    return questions


def _met(row: Cells) -> list[tuple[str, Targets]]:
    """Targets that the row met, with their names. Raises Unanswerable where there is none."""
    targets = list[tuple[str, Targets]]()
    limit = LIMIT.fullmatch(row["latency_limits"])
    if limit is not None and limit[2] == "missed":
        raise Unanswerable("missed its limit, and no lower rate was measured")
    if limit is not None:
        met = Targets(0.99, float(limit[1]) / 1000, None)
        targets.append(("published limit", met))
    for share, kind in COLUMNS.items():
        times = row[f"ttft_ms_{kind}"], row[f"tpot_ms_{kind}"]
        if all(times):
            ttft, tpot = (float(time) / 1000 for time in times)
            for what, first in (("measured TPOT", None), ("measured TPOT and TTFT", ttft)):
                targets.append((what, Targets(share, first, tpot)))
            break
    if not targets and row["latency_limits"]:
        raise Unanswerable(f"no times, and a limit in unknown words: {row['latency_limits']}")
    if not targets:
        raise Unanswerable("neither a limit nor times")
    return targets


def misses(row: Cells, targets: Targets) -> bool:
    """True where the row's measured times exceed the targets."""
    kind = COLUMNS[targets.share]
    pairs = ((targets.ttft_s, row[f"ttft_ms_{kind}"]), (targets.tpot_s, row[f"tpot_ms_{kind}"]))
    return any(
        target is not None and time and float(time) / 1000 > target + 1e-9 for target, time in pairs
    )


def _open(
    row: Cells,
    setting: Setting,
    targets: Targets,
    rate: float,
    *,
    fails: float | None = None,
    what: str = "unlimited supply",
) -> Question:
    """Question of the table; without `fails` the rate is the capacity, of lengths all alike."""
    run = setting.run
    variation = 0.0 if fails is None else None
    return Question(
        what=what,
        group=row["group"],
        engine=setting.steps.engine,
        gpu=setting.steps.card.name,
        model_key=run.model,
        steps=setting.steps,
        lengths=_lengths(run.input_tokens, run.output_tokens, variation),
        slots=setting.slots,
        most=setting.most,
        targets=targets,
        holds_per_s=rate,
        fails_per_s=rate if fails is None else fails,
        exact=fails is None,
        gpus=setting.gpus,
        split=row.get("split", ""),
    )
