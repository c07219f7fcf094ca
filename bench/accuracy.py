"""How wrong is the step-time model on models and GPUs that it has not seen? Run `make accuracy`.

It refits without one model, then without one GPU, and predicts the rows that were left out. It
prints the error by group (a model, GPU, engine and format), then by row, with those of a published
prototype and of the datasheet roofline.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"

from accuracy_plot import Point, accuracy_plot  # noqa: E402
from error_bands import bands, engines_with_own, errors_of  # noqa: E402
from fleet_score import grouped  # noqa: E402
from given_back import given_back  # noqa: E402
from leave_out import Left, generation, gpu, leave_out, model, replay_rows  # noqa: E402
from screen import ideal_ms, screened, waits_for_a_slot  # noqa: E402
from steps_fit import Parameters, fit  # noqa: E402

from sizing.catalog.bands import Band, Bands  # noqa: E402

HEAD = (
    f"{'':<40}{'groups':>7}{'median':>8}{'mean':>7}{'in band':>9}"
    f"{'rows':>7}{'median':>8}{'mean':>7}{'P90':>7}{'bias':>6}{'in band':>9}"
)
Ratio = Callable[[Left], float]


def line(name: str, left: Sequence[Left], ratio: Ratio, banded: Callable[[Left], Band]) -> str:
    """Errors |predicted / measured - 1| in %, by group and by row.

    A group is a model, GPU, engine and format. Its error is the median of its rows, and its share
    in the band is that of its rows.
    """
    groups = grouped(left, lambda x: x.row.group)

    def inside(rows: Sequence[Left]) -> float:
        return mean(banded(x).low <= ratio(x) <= banded(x).high for x in rows) * 100

    each = [median(abs(1 / ratio(x) - 1) * 100 for x in rows) for rows in groups.values()]
    held = mean(inside(rows) for rows in groups.values())
    by_group = f"{len(groups):7}{median(each):8.1f}{mean(each):7.1f}{held:8.0f}%"
    errors = sorted(abs(1 / ratio(x) - 1) * 100 for x in left)
    tail = errors[min(len(errors) - 1, len(errors) * 9 // 10)]
    bias = 1 / median(ratio(x) for x in left)
    by_row = f"{len(left):7}{median(errors):8.1f}{mean(errors):7.1f}{tail:7.1f}{bias:6.2f}"
    return f"{name:<40}{by_group}{by_row}{inside(left):8.0f}%"


def tpot_line(name: str, left: Sequence[Left]) -> str:
    """Errors of TPOT within the bands of the answers."""
    return line(f"TPOT, {name}", left, lambda x: x.tpot_ratio, lambda x: x.answer.tpot_band)


def ttft_line(name: str, left: Sequence[Left]) -> str:
    """Errors of TTFT within the bands of the answers."""
    return line(f"TTFT, {name}", left, lambda x: x.ttft_ratio, lambda x: x.answer.ttft_band)


def show(title: str, left: Sequence[Left], inside: set[str]) -> None:
    """Print the figures of one way to leave rows out."""
    print(f"\n{title}\n{HEAD}")
    kept = [x for x in left if x.row.run.id in inside]
    for print_of in (tpot_line, ttft_line):
        for name, part in (("all rows", left), ("rows not screened", kept)):
            print(print_of(name, part))


def by(left: Sequence[Left], key: Callable[[Left], str]) -> None:
    """Print the errors of TPOT by a key."""
    for name, part in grouped(left, key).items():
        print(tpot_line(name, part))


def show_new_models(left: Sequence[Left], inside: set[str]) -> None:
    """Print the share of rows within a band that excludes the errors of their own model."""
    found = errors_of([x for x in left if x.row.run.id in inside])
    own = engines_with_own(found)
    models = sorted({model(x.row) for x in left})
    made = {key: bands(found.without(key), own) for key in models}

    def of(x: Left) -> Bands:
        return made[model(x.row)][x.row.model.engine]

    print(f"\nin a band that the model's own errors did not make; rows not screened\n{HEAD}")
    kept = [x for x in left if x.row.run.id in inside]
    for engine in ("", *sorted({x.row.model.engine for x in kept})):
        part = [x for x in kept if engine in ("", x.row.model.engine)]
        name = engine or "all"
        print(line(f"TPOT, {name}", part, lambda x: x.tpot_ratio, lambda x: of(x).tpot))
        print(line(f"TTFT, {name}", part, lambda x: x.ttft_ratio, lambda x: of(x).ttft))


def show_own_runs(left: Sequence[Left], inside: set[str]) -> None:
    """Print the errors after some rows of each group are given back, as a user's own runs."""
    kept = [x for x in left if x.row.run.id in inside]
    found = errors_of(kept)
    own = engines_with_own(found)
    made = {key: bands(found.without(key), own) for key in {model(x.row) for x in kept}}

    def of(x: Left) -> Bands:
        return made[model(x.row)][x.row.model.engine]

    title = "own runs: rows of each group given back, errors of its other rows, by group"
    print(f"\n{title}\n{'':<14}{'groups':>7}{'median':>8}{'mean':>7}{'in band':>9}")
    timely = [x for x in kept if not waits_for_a_slot(x.row)]
    for runs in (1, 2, 4):
        for name, each in (
            ("TPOT", given_back(kept, runs, lambda x: x.tpot_ratio, lambda x: of(x).tpot)),
            ("TTFT", given_back(timely, runs, lambda x: x.ttft_ratio, lambda x: of(x).ttft)),
        ):
            figures = f"{each.groups:7}{each.median_percent:8.1f}{each.mean_percent:7.1f}"
            print(f"{name}, {runs} rows{'':<3}{figures}{each.held_percent:8.0f}%")


def points_of(left: Sequence[Left]) -> list[Point]:
    """Points with the predicted and measured time per output token of each row."""
    return [
        Point(x.row.model.engine, x.row.run.tpot_ms, x.answer.tpot_ms)
        for x in left
        if x.row.run.tpot_ms is not None
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path, help="also draw predicted against measured TPOT")
    svg = parser.parse_args().svg
    rows = replay_rows(DATA / "serving_steps.csv", DATA / "configs")
    reasons = screened(rows)
    kept = [row for row in rows if row.run.id not in reasons]
    inside = {row.run.id for row in kept}
    parameters = Parameters(rows[0].model.coefficients)
    start = fit(kept, parameters)
    print(f"{len(rows)} rows, {len(rows)} answered; {len(reasons)} screened out of the fit")
    ideal = [abs(ideal_ms(x, x.running) / (x.run.tpot_ms or 1.0) - 1) * 100 for x in rows]
    print("\nfor comparison, TPOT by row: median and mean")
    print(f"  datasheet roofline{median(ideal):28.1f}{mean(ideal):7.1f}")
    print(f"  prototype, model left out (published){13.5:9.1f}{22.5:7.1f}")
    left = leave_out(rows, kept, parameters, start, model)
    if svg is not None:
        svg.write_text(accuracy_plot(points_of(left)), encoding="utf-8")
    show("one model left out (an architecture, under all its names)", left, inside)
    by(left, lambda x: x.row.run.model)
    by(left, lambda x: x.row.run.gpu)
    by(left, lambda x: x.row.run.engine)
    show_new_models(left, inside)
    show_own_runs(left, inside)
    left = leave_out(rows, kept, parameters, start, gpu)
    show("one GPU left out", left, inside)
    by(left, lambda x: x.row.run.gpu)
    left = leave_out(rows, kept, parameters, start, model, generation)
    show("model and GPU generation left out", left, inside)
    by(left, lambda x: f"{x.row.run.model} {x.row.run.gpu}")


if __name__ == "__main__":
    main()
