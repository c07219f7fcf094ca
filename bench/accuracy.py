"""How wrong is the step-time model on models and GPUs that it has not seen? Run `make accuracy`.

It refits without one model, then without one GPU, and predicts the rows that were left out. It
prints the error, with those of a published prototype and of the datasheet roofline.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"

from accuracy_plot import Point, accuracy_plot  # noqa: E402
from fit_steps import bands  # noqa: E402
from leave_out import Left, generation, gpu, leave_out, model, replay_rows  # noqa: E402
from screen import ideal_ms, screened  # noqa: E402
from steps_fit import Parameters, fit  # noqa: E402

from sizing.catalog.coefficients import Band, Bands  # noqa: E402

HEAD = f"{'':<44}{'rows':>5}{'median':>8}{'mean':>7}{'p90':>7}{'bias':>7}{'in band':>9}"


def line(name: str, ratios: Sequence[float], bands: Sequence[Band] = ()) -> str:
    """Errors |predicted / measured - 1| in %, the median ratio, the share within their bands."""
    errors = sorted(abs(1 / ratio - 1) * 100 for ratio in ratios)
    tail = errors[min(len(errors) - 1, len(errors) * 9 // 10)]
    bias = 1 / median(ratios)
    text = (
        f"{name:<44}{len(errors):5}{median(errors):8.1f}{mean(errors):7.1f}{tail:7.1f}{bias:7.2f}"
    )
    if not bands:
        return text
    pairs = zip(ratios, bands, strict=True)
    inside = sum(band.low <= ratio <= band.high for ratio, band in pairs) / len(ratios)
    return f"{text}{inside * 100:8.0f}%"


def show(title: str, left: Sequence[Left], inside: set[str]) -> None:
    """Print the figures of one way to leave rows out."""
    print(f"\n{title}\n{HEAD}")
    kept = [x for x in left if x.row.run.id in inside]
    for name, part in (("all rows", left), ("rows not screened", kept)):
        print(line(f"TPOT, {name}", *tpot(part)))
    for name, part in (("all rows", left), ("rows not screened", kept)):
        bands = [x.answer.ttft_band for x in part]
        print(line(f"TTFT, {name}", [x.ttft_ratio for x in part], bands))


def tpot(left: Sequence[Left]) -> tuple[list[float], list[Band]]:
    """Ratios of TPOT, and the band of each."""
    return [x.tpot_ratio for x in left], [x.answer.tpot_band for x in left]


def by(left: Sequence[Left], key: Callable[[Left], str]) -> None:
    """Print the errors of TPOT by group."""
    groups = defaultdict[str, list[Left]](list)
    for x in left:
        groups[key(x)].append(x)
    for name in sorted(groups):
        print(line(f"  {name}", *tpot(groups[name])))


def show_new_models(left: Sequence[Left], inside: set[str]) -> None:
    """Print the share of rows within a band that excludes the errors of their own model."""
    pairs = defaultdict[str, list[tuple[Left, Bands]]](list)
    for key in sorted({model(x.row) for x in left}):
        others = [x for x in left if model(x.row) != key and x.row.run.id in inside]
        made = bands(others)
        for x in left:
            if model(x.row) == key:
                engine = x.row.model.engine
                pairs["all"].append((x, made[engine]))
                pairs[engine].append((x, made[engine]))
    print("\nin a band that the model's own errors did not make")
    for name, found in pairs.items():
        print(line(f"TPOT, {name}", [x.tpot_ratio for x, _ in found], [b.tpot for _, b in found]))
        print(line(f"TTFT, {name}", [x.ttft_ratio for x, _ in found], [b.ttft for _, b in found]))


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
    roofline = [(x.run.tpot_ms or 1.0) / ideal_ms(x, x.running) for x in rows]
    print(f"\nfor comparison\n{HEAD}")
    print(line("TPOT, datasheet roofline", roofline))
    print(f"{'TPOT, prototype, model left out (published)':<49}{13.5:8.1f}{22.5:7.1f}{50.2:7.1f}")
    left = leave_out(rows, kept, parameters, start, model)
    if svg is not None:
        svg.write_text(accuracy_plot(points_of(left)), encoding="utf-8")
    show("one model left out (an architecture, under all its names)", left, inside)
    by(left, lambda x: x.row.run.model)
    by(left, lambda x: x.row.run.gpu)
    by(left, lambda x: x.row.run.engine)
    show_new_models(left, inside)
    left = leave_out(rows, kept, parameters, start, gpu)
    show("one GPU left out", left, inside)
    by(left, lambda x: x.row.run.gpu)
    left = leave_out(rows, kept, parameters, start, model, generation)
    show("model and GPU generation left out", left, inside)
    by(left, lambda x: f"{x.row.run.model} {x.row.run.gpu}")


if __name__ == "__main__":
    main()
