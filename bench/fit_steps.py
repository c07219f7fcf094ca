"""Fit the step-time model: `python bench/fit_steps.py` writes coefficients.json of the catalog.

Coefficients come from all rows but the screened ones. Bands come from the errors of each row while
its model is left out; for datasheet bands, its model and its GPU generation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"
RUNS = DATA / "serving_steps.csv"
TARGET = ROOT / "sizing" / "catalog" / "data" / "coefficients.json"

from leave_out import Left, generation, leave_out, model, replay_rows  # noqa: E402
from screen import screened  # noqa: E402
from steps_fit import ENGINES, Parameters, Row, fit, measured, measured_formats  # noqa: E402

from sizing.catalog.coefficients import Band, Bands, CoefficientSet  # noqa: E402


def band(ratios: Sequence[float]) -> Band:
    """P10 and P90 of measured over predicted, widened to include 1."""
    ordered = sorted(ratios)
    low, high = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
    return Band(low=round(min(low, 1.0), 3), high=round(max(high, 1.0), 3))


FEWEST_MODELS = 3
"""Measured models below which an engine's own errors do not represent its next model."""


def bands(left: Sequence[Left]) -> dict[str, Bands]:
    """Bands of TPOT and TTFT by engine, from the errors of its own rows.

    For an engine with few models: the wider of its own bands and those of all engines together.
    """
    errors = defaultdict[str, list[Left]](list)
    for x in left:
        errors[x.row.model.engine].append(x)
    own = {engine: pooled(errors[engine]) for engine in sorted(errors)}
    few = {e for e, mine in errors.items() if len({model(x.row) for x in mine}) < FEWEST_MODELS}
    both = wider(own, dict.fromkeys(own, pooled(left)))
    return {engine: (both if engine in few else own)[engine] for engine in own}


def pooled(left: Sequence[Left]) -> Bands:
    """Bands of TPOT and TTFT of these rows together."""
    return Bands(tpot=band([x.tpot_ratio for x in left]), ttft=band([x.ttft_ratio for x in left]))


def unseen_hardware(left: Sequence[Left], usual: Mapping[str, Bands]) -> dict[str, Bands]:
    """Bands of each engine on a generation without its measurements.

    They are the widest of its usual bands, its own errors there, and those of all engines. Two
    generations were measured; the rows of all engines together estimate how a third differs.
    """
    everyone = dict.fromkeys(usual, pooled(left))
    return wider(usual, wider(bands(left), everyone))


def wider(one: Mapping[str, Bands], other: Mapping[str, Bands]) -> dict[str, Bands]:
    """The wider of two bands on each side: less knowledge never narrows a band."""

    def around(a: Band, b: Band) -> Band:
        return Band(low=min(a.low, b.low), high=max(a.high, b.high))

    return {
        engine: Bands(
            tpot=around(one[engine].tpot, other[engine].tpot),
            ttft=around(one[engine].ttft, other[engine].ttft),
        )
        for engine in one
    }


def fitted_set(day: str, rows: Sequence[Row], say: Callable[[str], None]) -> CoefficientSet:
    """Coefficients and bands of these rows."""
    reasons = screened(rows)
    kept = [row for row in rows if row.run.id not in reasons]
    parameters = Parameters(rows[0].model.coefficients)
    vector = fit(kept, parameters, say=say)
    say("leaving out one model at a time")
    models = leave_out(rows, kept, parameters, vector, model)
    say("leaving out one model and one GPU generation at a time")
    cards = leave_out(rows, kept, parameters, vector, model, generation)
    inside = {row.run.id for row in kept}
    usual = bands([x for x in models if x.row.run.id in inside])
    coefficients = parameters.coefficients(vector)
    return CoefficientSet(
        fitted=day,
        source="bench/fit_steps.py on bench/data/serving_steps.csv (see SOURCES.md)",
        rows=len(kept),
        excluded=dict(sorted(Counter(reasons.values()).items())),
        measured=measured(kept),
        measured_formats=measured_formats(kept),
        engines={e: coefficients.engines[e] for e in sorted(ENGINES)},
        bands=usual,
        datasheet_bands=unseen_hardware([x for x in cards if x.row.run.id in inside], usual),
        roofline_power=coefficients.roofline_power,
    )


def as_text(fitted: CoefficientSet) -> str:
    """Text of the file, rounded to four digits, in the declared order."""
    plain = json.loads(fitted.model_dump_json(exclude={"corrections"}))
    for engine in plain["engines"].values():
        for name, value in engine.items():
            engine[name] = float(f"{value:.4g}")
    return json.dumps(plain, indent=2) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True, help="day of the fit, written into the file")
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    rows = replay_rows(RUNS, DATA / "configs")
    fitted = fitted_set(given.date, rows, lambda text: print(text, file=sys.stderr))
    given.out.write_text(as_text(fitted), encoding="utf-8")
    print(f"{given.out}: {fitted.rows} of {len(rows)} rows")


if __name__ == "__main__":
    main()
