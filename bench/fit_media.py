"""Fits the time of images and clips to a table of public measurements, and prints its errors.

`python bench/fit_media.py TABLE.csv [--date DAY]` reads the image and video rows of a table of
throughputs, which is not part of this project. With a date, it writes
`sizing/catalog/data/media_coefficients.json`. Each group of a denoiser, GPU, runtime and precision
counts once. The errors are those of rows whose denoiser was left out of the fit.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from error_bands import Error, around, band  # noqa: E402
from leave_out import folds  # noqa: E402
from steps_fit import solved  # noqa: E402

from sizewright.measured.media import MediaCase, media_case  # noqa: E402
from sizewright.measured.media_table import NEEDED, media_of  # noqa: E402
from sizewright.measured.prediction import Unanswerable  # noqa: E402
from sizewright.measured.run import Unread, table_cells  # noqa: E402
from sizing.catalog import DATA, load_catalog  # noqa: E402
from sizing.catalog.bands import Band  # noqa: E402
from sizing.catalog.media_coefficients import (  # noqa: E402
    MediaCoefficients,
    MediaCoefficientSet,
)

TARGET = DATA / "media_coefficients.json"
EXCLUDED = ROOT / "bench" / "data" / "media_excluded.csv"
SPREAD = 0.12
"""Log errors up to this count squared, larger ones linearly."""
NUDGE = 1e-3
ROUNDS = 20
PRIORS: dict[str, tuple[float, float]] = {
    "linear": (1.5, 0.4),
    "convolution": (2.5, 0.4),
    "attention": (1.8, 0.4),
    "softmax_dim": (32.0, 0.5),
    "hopper_attention": (0.7, 0.2),
    "image_decode": (2.5, 0.5),
    "video_decode": (2.5, 0.5),
    "eager_hidden": (130.0, 0.7),
    "compiled_hidden": (20.0, 0.8),
    "block_us": (700.0, 0.6),
    "eager_exchange_us": (300.0, 0.9),
    "compiled_exchange_us": (100.0, 0.9),
    "split_loss": (0.05, 0.8),
    "power": (0.5, 0.4),
    "item_s": (0.1, 0.8),
}
"""Expected value and log spread of each coefficient before any row is read. Basis: assumed; matrix
products reach two thirds of a datasheet, attention kernels a third to a half of it, and eager
PyTorch launches some tens of kernels a block."""


@dataclass(frozen=True)
class Row:
    """A measured run, prepared for many predictions."""

    case: MediaCase
    weight: float
    """1 / rows of its group."""

    @property
    def denoiser(self) -> str:
        return self.case.model.denoiser.name.replace("consisid", "cogvideox-5b")

    @property
    def generation(self) -> str:
        return self.case.model.card.family

    def predicted(self, coefficients: MediaCoefficientSet) -> float:
        """Seconds of an item with these coefficients."""
        model = replace(self.case.model, coefficients=coefficients)
        return replace(self.case, model=model).time().seconds_per_item

    @property
    def measured(self) -> float:
        return self.case.run.seconds_per_item


@dataclass(frozen=True)
class Left:
    """A row, and its prediction by a fit without rows like it."""

    row: Row
    predicted: float

    @property
    def ratio(self) -> float:
        """Measured over predicted."""
        return self.row.measured / self.predicted

    @property
    def error(self) -> float:
        """|predicted / measured - 1| in percent."""
        return 100 * abs(1 / self.ratio - 1)


def rows_of(cases: Sequence[MediaCase]) -> list[Row]:
    """Return the cases as rows with their weights."""
    sizes = Counter(case.group for case in cases)
    return [Row(case, 1 / sizes[case.group]) for case in cases]


def coefficients_of(vector: Sequence[float], like: MediaCoefficientSet) -> MediaCoefficientSet:
    """Return the set with the coefficients of a vector of logarithms."""
    values = {name: math.exp(v) for name, v in zip(PRIORS, vector, strict=True)}
    values["hopper_attention"] = min(values["hopper_attention"], 1.0)
    values["power"] = min(values["power"], 1.0)
    made = MediaCoefficients.model_construct(**values)
    return like.model_copy(update={"coefficients": made})


def fit(rows: Sequence[Row], like: MediaCoefficientSet) -> list[float]:
    """Return the logarithms of the coefficients that fit rows and priors best: damped
    Gauss-Newton."""
    centre = [math.log(value) for value, _ in PRIORS.values()]
    spreads = [spread for _, spread in PRIORS.values()]
    vector, damping = list(centre), 1e-3
    cost = _cost(rows, like, vector, centre, spreads)
    for _ in range(ROUNDS):
        matrix, gradient = _equations(rows, like, vector, centre, spreads)
        for _ in range(8):
            damped = [
                [value * (1 + damping if i == j else 1) for j, value in enumerate(line)]
                for i, line in enumerate(matrix)
            ]
            step = solved(damped, [-g for g in gradient])
            trial = [v + max(-1.0, min(1.0, s)) for v, s in zip(vector, step, strict=True)]
            trial_cost = _cost(rows, like, trial, centre, spreads)
            if trial_cost < cost:
                break
            damping *= 4
        else:
            break
        gained = cost - trial_cost
        vector, cost, damping = trial, trial_cost, max(damping / 4, 1e-6)
        if gained < 1e-4 * cost:
            break
    return vector


def _errors(rows: Sequence[Row], like: MediaCoefficientSet, vector: Sequence[float]) -> list[float]:
    coefficients = coefficients_of(vector, like)
    return [math.log(row.predicted(coefficients) / row.measured) / SPREAD for row in rows]


def _cost(
    rows: Sequence[Row],
    like: MediaCoefficientSet,
    vector: Sequence[float],
    centre: Sequence[float],
    spreads: Sequence[float],
) -> float:
    """Squares of the priors, and robust losses of the rows by their weights."""
    cost = sum(((v - c) / s) ** 2 for v, c, s in zip(vector, centre, spreads, strict=True))
    for row, error in zip(rows, _errors(rows, like, vector), strict=True):
        cost += row.weight * 2 * (math.sqrt(1 + error * error) - 1)
    return cost


def _equations(
    rows: Sequence[Row],
    like: MediaCoefficientSet,
    vector: Sequence[float],
    centre: Sequence[float],
    spreads: Sequence[float],
) -> tuple[list[list[float]], list[float]]:
    """Matrix and gradient of the squared problem; rows with large errors weigh less."""
    size = len(vector)
    here = _errors(rows, like, vector)
    columns = []
    for i in range(size):
        nudged = list(vector)
        nudged[i] += NUDGE
        moved = _errors(rows, like, nudged)
        columns.append([(m - h) / NUDGE for m, h in zip(moved, here, strict=True)])
    weights = [r.weight / math.sqrt(1 + e * e) for r, e in zip(rows, here, strict=True)]
    matrix = [
        [sum(w * a * b for w, a, b in zip(weights, one, other, strict=True)) for other in columns]
        for one in columns
    ]
    gradient = [
        sum(w * e * a for w, e, a in zip(weights, here, one, strict=True)) for one in columns
    ]
    for i in range(size):
        matrix[i][i] += spreads[i] ** -2
        gradient[i] += (vector[i] - centre[i]) * spreads[i] ** -2
    return matrix, gradient


def leave_out(
    rows: Sequence[Row], like: MediaCoefficientSet, *kinds: Callable[[Row], str]
) -> list[Left]:
    """Return predictions of every row by a fit on the rows that differ from it in each kind."""
    left = []
    for mine, others in folds(rows, rows, *kinds):
        coefficients = coefficients_of(fit(others, like), like)
        left += [Left(row, row.predicted(coefficients)) for row in mine]
    return left


def band_of(left: Sequence[Left]) -> Band:
    """Return P10 and P90 of measured over predicted, each group counted once."""
    return band([Error(x.ratio, x.row.case.group, x.row.denoiser, "") for x in left])


def measured_cases(table: Path) -> tuple[list[MediaCase], Counter[str]]:
    """Return the rows that can be predicted, and the number of others by reason."""
    catalog, cases, reasons = load_catalog(), list[MediaCase](), Counter[str]()
    with EXCLUDED.open(encoding="utf-8", newline="") as lines:
        excluded = {row["id"]: row["reason"] for row in csv.DictReader(lines)}
    read = media_of(table_cells(table, NEEDED))
    runs = [run for run in read if not isinstance(run, Unread)]
    for run in runs:
        if run.id in excluded:
            reasons[excluded[run.id]] += 1
            continue
        try:
            cases.append(media_case(run, catalog))
        except Unanswerable as reason:
            reasons[str(reason)] += 1
    return cases, reasons


def show(left: Sequence[Left]) -> None:
    """Print errors of all rows, and by generation, denoiser, runtime and cards."""
    print(f"{'denoiser left out':<28}{'rows':>5}{'groups':>7}{'mean of rows':>14}{'of groups':>11}")
    kinds: dict[str, Callable[[Row], str]] = {
        "all": lambda row: "",
        "generation": lambda row: row.generation,
        "denoiser": lambda row: row.denoiser,
        "runtime": lambda row: row.case.model.runtime.value,
        "cards": lambda row: f"{row.case.cards.count}",
    }
    for name, kind in kinds.items():
        parts = defaultdict[str, list[Left]](list)
        for each in left:
            parts[kind(each.row)].append(each)
        for value, part in sorted(parts.items()):
            groups = {each.row.case.group for each in part}
            weights = sum(each.row.weight for each in part)
            by_group = sum(each.row.weight * each.error for each in part) / weights
            rows = mean(each.error for each in part)
            title = f"{name} {value}"
            print(f"{title:<28}{len(part):5}{len(groups):7}{rows:12.1f} %{by_group:9.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--date", help="day of the fit; with it, the file is written")
    parser.add_argument("--rows", action="store_true", help="print each row")
    given = parser.parse_args()
    cases, reasons = measured_cases(given.table)
    like, rows = load_catalog().media_coefficients, rows_of(cases)
    left = leave_out(rows, like, lambda row: row.denoiser)
    show(left)
    for reason, count in reasons.most_common():
        print(f"not used: {count:3} x {reason}")
    if given.rows:
        for each in left:
            run = each.row.case.run
            print(run.id, run.model, run.gpu, each.row.case.cards, f"{1 / each.ratio:.2f}")
    if given.date is None:
        return
    unseen = leave_out(rows, like, lambda row: row.denoiser, lambda row: row.generation)
    usual = band_of(left)
    fitted = coefficients_of(fit(rows, like), like)
    made = MediaCoefficientSet(
        fitted=given.date,
        source="bench/fit_media.py on a table of public measurements (see SOURCES.md)",
        rows=len(rows),
        groups=len({case.group for case in cases}),
        excluded=dict(sorted(reasons.items())),
        measured=tuple(sorted({row.generation for row in rows})),
        coefficients=fitted.coefficients,
        band=usual,
        datasheet_band=around(usual, band_of(unseen)),
    )
    plain = json.loads(made.model_dump_json())
    plain["coefficients"] = {n: float(f"{v:.4g}") for n, v in plain["coefficients"].items()}
    TARGET.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {made.rows} rows, band {usual.low} to {usual.high}")


if __name__ == "__main__":
    main()
