"""Are the fleets that sizing would buy large enough, and how much too expensive are they?

`python bench/fleets.py TABLE.csv [RUNS.csv] [--configs DIR]`. The table is not part of this
project, and the fit used none of its rows; `bench/capacity_table.py` names its columns. RUNS.csv
has the columns of bench/data/serving_steps.csv, which is the default. For closed loops the fit is
repeated on this project's runs without the model in question, then without the GPU. Every group of
source, model, GPU, engine and format counts once. Rows and groups without an answer are listed.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"

import cliffs  # noqa: E402
from capacity_table import CLOSED, OFFLINE, Cells, closed_runs, read_table  # noqa: E402
from fleet_answers import (  # noqa: E402
    Coefficients,
    Rate,
    answered,
    as_sized,
    margin_only,
    steps_only,
)
from fleet_choice import Chosen, choices  # noqa: E402
from fleet_curves import curves  # noqa: E402
from fleet_questions import (  # noqa: E402
    POISSON,
    Question,
    closed_questions,
    offline_questions,
    poisson_questions,
)
from fleet_runs import Taught, as_rows, runs_of, unscreened  # noqa: E402
from fleet_score import Found, grouped, summary  # noqa: E402
from leave_out import gpu, model, replay_rows  # noqa: E402
from steps_fit import Row  # noqa: E402
from table_command import CONFIGS, exit_code, replay_of, table_parser  # noqa: E402
from tally import Tally  # noqa: E402
from throughput import capacity  # noqa: E402

from sizewright.measured.prediction import Predictor, Unanswerable  # noqa: E402
from sizing.catalog import load_catalog  # noqa: E402
from sizing.catalog.bands import EDGE, MEDIAN  # noqa: E402
from sizing.catalog.coefficients import CoefficientSet  # noqa: E402

RUNS = DATA / "serving_steps.csv"
HEAD = f"{'':<44}{'count':>6}{'groups':>7}{'undersized':>12}{'(n)':>6}{'refused':>8}"
HEAD += f"{'regret':>8}{'P90':>7}"
ESTIMATES = {MEDIAN: "P50 estimate", EDGE: "P90 estimate"}
NOTHING = "no question, because no row was answered"
MOST = 5.0
"""Percent of undersized fleets at the P90 estimate above which the output names a group."""


def line(name: str, found: Sequence[Found]) -> str:
    """Share of undersized fleets, refusals, regret (median of groups and P90), in %."""
    s = summary(found)
    share = "unknown" if s.undersized_percent is None else f"{s.undersized_percent:.1f}"
    regrets = f"{s.median_regret_percent:8.0f}{s.p90_regret_percent:7.0f}"
    return f"{name:<44}{s.questions:6}{s.groups:7}{share:>12}{s.undersized:6}{s.refused:8}{regrets}"


def show(title: str, found: Sequence[Found], by: Callable[[Found], str] | None = None) -> None:
    """Print the summary of all, then by engine, then by the given key."""
    if not found:
        print(f"\n{title}: {NOTHING}")
        return
    print(f"\n{title}\n{HEAD}\n{line('all', found)}")
    for engine, mine in grouped(found, lambda x: x.engine).items():
        print(line(f"  {engine}", mine))
        for name, members in (grouped(mine, by) if by else {}).items():
            print(line(f"    {name}", members))


def show_all(title: str, questions: Sequence[Question], taught: Coefficients, *rates: Rate) -> None:
    """Print the rates at both estimates, the P90 estimate by GPU, and the undersized groups."""
    names = {as_sized: "as sized", steps_only: "steps only"}
    for rate in rates:
        for quantile, name in ESTIMATES.items():
            found = answered(questions, taught, rate, quantile)
            is_sizing = rate is as_sized and quantile == EDGE
            show(f"{title}; {name}, {names[rate]}", found, by_gpu if is_sizing else None)
            if is_sizing:
                show_undersized(found)


def show_undersized(found: Sequence[Found]) -> None:
    """Print the groups with more than MOST percent."""
    for name, members in grouped(found, lambda x: x.group).items():
        share = summary(members).undersized_percent or 0.0
        if share > MOST:
            print(f"    undersized {share:5.1f} % of {len(members):3}: {name}")


def by_gpu(found: Found) -> str:
    return found.gpu


def table_questions(table: Sequence[Cells], predictor: Predictor, tally: Tally) -> list[Question]:
    """Poisson and offline questions; other kinds of load are refused by name."""
    for row in table:
        if row["load_type"] not in (POISSON, OFFLINE, *CLOSED):
            tally.refuse(row, f"load {row['load_type'] or 'without name'}")
    return poisson_questions(table, predictor, tally) + offline_questions(table, predictor, tally)


def open_loops(questions: Sequence[Question], taught: Coefficients) -> None:
    """Print the table's questions with the shipped coefficients."""
    both = [q for q in questions if q.what != "measured TPOT and TTFT"]
    show_all(
        "the whole table: Poisson arrivals (limits, TPOT), unlimited supply", both, taught, as_sized
    )
    for what in ("published limit", "measured TPOT", "measured TPOT and TTFT"):
        part = [q for q in questions if q.what == what]
        show_all(f"Poisson arrivals, target: {what}", part, taught, as_sized)
    part = [q for q in questions if q.what == "unlimited supply"]
    show_all("unlimited supply", part, taught, as_sized, steps_only)
    for split, mine in grouped(part, lambda q: q.split).items():
        found = answered(mine, taught, as_sized, EDGE)
        show(f"unlimited supply, rows for {split or 'no stated use'}; P90 estimate", found)


def closed_loops(name: str, rows: Sequence[Row], project: Taught) -> None:
    """Print the rates of closed loops; each fit leaves out the model of the question."""
    found = curves(rows)
    questions = closed_questions(found)
    sets = project.without(model, rows)
    strict = {key: project.without_its_errors(key, each) for key, each in sets.items()}

    def taught(question: Question) -> CoefficientSet:
        return sets[question.model_key]

    def strictly(question: Question) -> CoefficientSet:
        return strict[question.model_key]

    title = f"{name}, model left out, target: TPOT"
    show_all(title, questions, taught, as_sized, steps_only)
    safe = EDGE
    show(
        f"{title}; model out of the band too, P90 estimate",
        answered(questions, strictly, as_sized, safe),
    )
    show(f"{title}; exact forecast with this band", answered(questions, taught, margin_only, safe))
    print(f"\n{title}; P90 estimate as sized, and exact forecast, by place on the curve\n{HEAD}")
    for place in ("low load", "half load", "high load"):
        part = [q for q in questions if q.what == place]
        if not part:
            print(f"{place:<44}{0:6}")
            continue
        print(line(place, answered(part, taught, as_sized, safe)))
        print(line("  exact forecast", answered(part, taught, margin_only, safe)))
    both = closed_questions(found, ttft=True)
    show_all(f"{name}, model left out, target: TPOT and TTFT", both, taught, as_sized)
    for quantile, side in ESTIMATES.items():

        def predicted(question: Question, quantile: float = quantile) -> float:
            return answered([question], taught, as_sized, quantile)[0].predicted_per_s

        picked = choices(found, load_catalog(), predicted)
        show_choices(f"{name}, several types of GPU measured, model left out; {side}", picked)


def show_choices(title: str, picked: Sequence[Chosen]) -> None:
    """Print the regret in dollars of the chosen type and count."""
    if not picked:
        print(f"\n{title}: no question with two types of GPU")
        return
    print(f"\n{title}")
    for engine, mine in ({"": picked} | grouped(picked, lambda x: x.engine)).items():
        groups = grouped(mine, lambda x: x.group)
        members = groups.values()
        regrets = sorted(100 * median(x.regret for x in g) for g in members)
        under = 100 * sum(sum(x.undersized for x in g) / len(g) for g in members) / len(groups)
        same = 100 * sum(sum(x.same_type for x in g) / len(g) for g in members) / len(groups)
        print(
            f"  {engine or 'all':<14}{sum(map(len, members)):5} questions {len(groups):3} groups;"
            f" undersized {under:.1f} %, cheapest GPU taken {same:.0f} %,"
            f" regret median {median(regrets):.0f} %, P90 {regrets[len(regrets) * 9 // 10]:.0f} %"
        )


def left_out_gpus(rows: Sequence[Row], project: Taught, table: Sequence[Question]) -> None:
    """Print all questions again, each with a fit that has seen no row of its GPU."""
    sets = project.without(gpu, project.rows)

    def taught(question: Question) -> CoefficientSet:
        return sets.get(question.gpu, project.shipped)

    poisson = ("published limit", "measured TPOT")
    part = [q for q in table if q.what in poisson]
    show_all("GPU left out: Poisson arrivals, limits and TPOT", part, taught, as_sized)
    part = [q for q in table if q.what == "unlimited supply"]
    show_all("GPU left out: unlimited supply", part, taught, as_sized)
    show_all("GPU left out: closed loops", closed_questions(curves(rows)), taught, as_sized)


def show_cliffs(table: Sequence[Cells], predictor: Predictor) -> None:
    """Print right and wrong predictions, for flagged rows and for their neighbours."""

    def predicted(row: Cells) -> float | None:
        try:
            return capacity(row, predictor).ratio
        except Unanswerable:
            return None

    found = cliffs.steps(table, predicted)
    print("\nmemory cliffs: throughput per GPU of a replica against the next larger one")
    for name, flagged in (("flagged rows", True), ("their neighbours", False)):
        part = [x for x in found if x.flagged is flagged]
        clear = [x for x in part if x.is_clear]
        right = sum(x.right for x in clear)
        print(
            f"  {name:<18}{right:4} predicted right, {len(clear) - right} wrong,"
            f" {len(part) - len(clear)} within the noise of the measurement"
        )


def main(given: Namespace) -> Tally:
    predictor, tally = replay_of(given), Tally()
    table = read_table(given.table, tally)
    questions = table_questions(table, predictor, tally)
    loops = closed_runs(table, predictor, tally)
    print("\n".join(["the table:", *tally.lines()]))
    project = Taught(
        unscreened("this project's runs", replay_rows(RUNS, CONFIGS)),
        predictor.catalog.coefficients,
    )
    runs = project.rows
    if given.runs is not None:
        of_file = Tally()
        answerable = runs_of(given.runs, predictor, of_file)
        print("\n".join([f"\n{given.runs}:", *of_file.lines()]))
        runs = unscreened(str(given.runs), as_rows(answerable, predictor))
    open_loops(questions, lambda question: project.shipped)
    of_table = unscreened("closed loops of the table", as_rows(loops, predictor))
    closed_loops("closed loops of the table", of_table, project)
    closed_loops("closed loops", runs, project)
    left_out_gpus(runs, project, questions)
    show_cliffs(table, predictor)
    print("\nno predicted step was shorter than the datasheet allows: each answer is checked")
    return tally


def arguments() -> ArgumentParser:
    parser = table_parser(__doc__)
    parser.add_argument(
        "runs", type=Path, nargs="?", help=f"closed loops as in {RUNS.name}, the default"
    )
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main, arguments()))
