"""Fit the step-time model: `python bench/fit_steps.py` writes coefficients.json of the catalog.

Coefficients come from all rows but the screened ones. Bands come from the errors of each row while
its model is left out; for datasheet bands, its model and its GPU generation. A format or kernel
that nobody measured has at least the band of all engines together. The band at full load also uses
a table of runs at unlimited supply, which is not part of this project.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"
RUNS = DATA / "serving_steps.csv"
TARGET = ROOT / "sizing" / "catalog" / "data" / "coefficients.json"

from error_bands import band_levels, engines_with_own, errors_of  # noqa: E402
from full_load import full_load_errors  # noqa: E402
from leave_out import generation, leave_out, model, replay_rows  # noqa: E402
from screen import screened  # noqa: E402
from steps_fit import (  # noqa: E402
    ENGINES,
    Parameters,
    Row,
    fit,
    measured,
    measured_formats,
    measured_kernels,
)

from sizewright.measured.prediction import Predictor  # noqa: E402
from sizing.catalog import load_catalog  # noqa: E402
from sizing.catalog.coefficients import CoefficientSet  # noqa: E402


def fitted_set(
    day: str, rows: Sequence[Row], table: Path, say: Callable[[str], None]
) -> CoefficientSet:
    """Coefficients and bands of these rows, and of the table's runs at unlimited supply."""
    reasons = screened(rows)
    kept = [row for row in rows if row.run.id not in reasons]
    parameters = Parameters(rows[0].model.coefficients)
    vector = fit(kept, parameters, say=say)
    say("leaving out one model at a time")
    models = leave_out(rows, kept, parameters, vector, model)
    say("leaving out one model and one GPU generation at a time")
    cards = leave_out(rows, kept, parameters, vector, model, generation)
    inside = {row.run.id for row in kept}
    coefficients = parameters.coefficients(vector)
    full = full_load_errors(table, Predictor(load_catalog(), {}), coefficients)
    seen = errors_of([x for x in models if x.row.run.id in inside], full)
    unseen_cards = errors_of([x for x in cards if x.row.run.id in inside], full)
    levels = band_levels(seen, unseen_cards, engines_with_own(seen))
    return CoefficientSet(
        fitted=day,
        source="bench/fit_steps.py on bench/data/serving_steps.csv (see SOURCES.md)",
        rows=len(kept),
        excluded=dict(sorted(Counter(reasons.values()).items())),
        measured=measured(kept),
        measured_formats=measured_formats(kept),
        measured_kernels=measured_kernels(kept),
        engines={e: coefficients.engines[e] for e in sorted(ENGINES)},
        **levels,
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
    parser.add_argument("--table", type=Path, required=True, help="runs at unlimited supply")
    given = parser.parse_args()
    rows = replay_rows(RUNS, DATA / "configs")
    fitted = fitted_set(given.date, rows, given.table, lambda text: print(text, file=sys.stderr))
    given.out.write_text(as_text(fitted), encoding="utf-8")
    print(f"{given.out}: {fitted.rows} of {len(rows)} rows")


if __name__ == "__main__":
    main()
