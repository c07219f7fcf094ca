"""Are the fleets that sizing would buy large enough, and how much too expensive are they?

`python bench/fleets.py TABLE.csv [serving_steps.csv]`. The table is not part of this project. It
has the columns that `bench/throughput.py` names, with request_rate, latency_limits, TTFT and TPOT.
The fit used none of its rows. For closed-loop rows the fit is repeated without the model in
question, then without the GPU. Every group of source, model, GPU, engine and format counts once.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "bench" / "data"

import cliffs  # noqa: E402
from error_bands import bands, engines_with_own, errors_of  # noqa: E402
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
    Question,
    closed_questions,
    offline_questions,
    poisson_questions,
    table_rows,
)
from fleet_score import Found, grouped, summary  # noqa: E402
from leave_out import gpu, leave_out, model, replay_rows, taught_by  # noqa: E402
from screen import screened  # noqa: E402
from steps_fit import Parameters, Row, fit  # noqa: E402
from throughput import capacity  # noqa: E402

from sizewright.measured.replay import Replay, Unanswerable  # noqa: E402
from sizing.catalog import load_catalog  # noqa: E402
from sizing.catalog.bands import EDGE  # noqa: E402
from sizing.catalog.coefficients import CoefficientSet  # noqa: E402
from sizing.replica.rate import MEDIAN  # noqa: E402

ENGINES = ("vllm", "sglang", "tensorrt-llm")
HEAD = f"{'':<44}{'count':>6}{'groups':>7}{'undersized':>12}{'(n)':>6}{'refused':>8}"
HEAD += f"{'regret':>8}{'P90':>7}"
ESTIMATES = {MEDIAN: "P50 estimate", EDGE: "P90 estimate"}
MOST = 5.0
"""Percent of undersized fleets at the P90 estimate above which the output names a group."""


def line(name: str, found: Sequence[Found]) -> str:
    """Share of undersized fleets, refusals, regret (median of groups and P90), in %."""
    s = summary(found)
    share = "unknown" if s.undersized_percent is None else f"{s.undersized_percent:.1f}"
    regrets = f"{s.median_regret_percent:8.0f}{s.p90_regret_percent:7.0f}"
    return f"{name:<44}{s.questions:6}{s.groups:7}{share:>12}{s.undersized:6}{s.refused:8}{regrets}"


def show(title: str, found: Sequence[Found], by: Callable[[Found], str] | None = None) -> None:
    """Print the summary of all, then by engine (vLLM first), then by the given key."""
    print(f"\n{title}\n{HEAD}\n{line('all', found)}")
    engines = grouped(found, lambda x: x.engine)
    for engine in [each for each in ENGINES if each in engines]:
        print(line(f"  {engine}", engines[engine]))
        for name, members in (grouped(engines[engine], by) if by else {}).items():
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


def without(
    kind: Callable[[Row], str], rows: Sequence[Row], parameters: Parameters, start: list[float]
) -> dict[str, CoefficientSet]:
    """Coefficients by name of a model or GPU, each fitted without the rows of that one."""
    return {
        name: taught_by([row for row in rows if kind(row) != name], parameters, start)
        for name in sorted({kind(row) for row in rows})
    }


def table_questions(table: Sequence[dict[str, str]], replay: Replay) -> list[Question]:
    """Poisson and offline questions; prints the reasons for the skipped rows."""
    reasons = Counter[str]()
    questions = poisson_questions(table, replay, reasons) + offline_questions(
        table, replay, reasons
    )
    others = Counter(
        f"load {row['load_type']}"
        for row in table
        if row["load_type"] not in ("poisson_qps", "offline_max")
    )
    print("rows of the table that are not used, by reason:")
    for reason, count in (reasons + others).most_common():
        print(f"  {count:5} {reason}")
    return questions


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


def closed_loops(rows: Sequence[Row], parameters: Parameters, start: list[float]) -> None:
    """Print the rates of closed loops; each fit leaves out the model of the question."""
    found = curves(rows)
    questions = closed_questions(found)
    sets = without(model, rows, parameters, start)
    left = leave_out(rows, rows, parameters, start, model)
    errors = errors_of(left)
    own = engines_with_own(errors)
    strict = {
        name: each.model_copy(update={"bands": bands(errors.without(name), own)})
        for name, each in sets.items()
    }

    def taught(question: Question) -> CoefficientSet:
        return sets[question.model_key]

    def strictly(question: Question) -> CoefficientSet:
        return strict[question.model_key]

    title = "closed loops, model left out, target: TPOT"
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
        print(line(place, answered(part, taught, as_sized, safe)))
        print(line("  exact forecast", answered(part, taught, margin_only, safe)))
    both = closed_questions(found, ttft=True)
    show_all("closed loops, model left out, target: TPOT and TTFT", both, taught, as_sized)
    for quantile, name in ESTIMATES.items():

        def predicted(question: Question, quantile: float = quantile) -> float:
            return answered([question], taught, as_sized, quantile)[0].predicted_per_s

        picked = choices(found, load_catalog(), predicted)
        show_choices(f"several types of GPU measured, model left out; {name}", picked)


def show_choices(title: str, picked: Sequence[Chosen]) -> None:
    """Print the regret in dollars of the chosen type and count."""
    print(f"\n{title}")
    for engine in ("", *ENGINES):
        groups = defaultdict[str, list[Chosen]](list)
        for x in picked:
            if engine in ("", x.engine):
                groups[x.group].append(x)
        if not groups:
            continue
        members = groups.values()
        regrets = sorted(100 * median(x.regret for x in g) for g in members)
        under = 100 * sum(sum(x.undersized for x in g) / len(g) for g in members) / len(groups)
        same = 100 * sum(sum(x.same_type for x in g) / len(g) for g in members) / len(groups)
        print(
            f"  {engine or 'all':<14}{sum(map(len, members)):5} questions {len(groups):3} groups;"
            f" undersized {under:.1f} %, cheapest GPU taken {same:.0f} %,"
            f" regret median {median(regrets):.0f} %, P90 {regrets[len(regrets) * 9 // 10]:.0f} %"
        )


def left_out_gpus(
    rows: Sequence[Row],
    parameters: Parameters,
    start: list[float],
    table: Sequence[Question],
    shipped: CoefficientSet,
) -> None:
    """Print all questions again, each with a fit that has seen no row of its GPU."""
    sets = without(gpu, rows, parameters, start)

    def taught(question: Question) -> CoefficientSet:
        return sets.get(question.gpu, shipped)

    poisson = ("published limit", "measured TPOT")
    part = [q for q in table if q.what in poisson]
    show_all("GPU left out: Poisson arrivals, limits and TPOT", part, taught, as_sized)
    part = [q for q in table if q.what == "unlimited supply"]
    show_all("GPU left out: unlimited supply", part, taught, as_sized)
    show_all("GPU left out: closed loops", closed_questions(curves(rows)), taught, as_sized)


def show_cliffs(table: Sequence[dict[str, str]], replay: Replay) -> None:
    """Print right and wrong predictions, for flagged rows and for their neighbours."""

    def predicted(row: dict[str, str]) -> float | None:
        try:
            return capacity(row, replay).ratio
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


def main() -> None:
    replay = Replay(load_catalog(), {})
    table = table_rows(Path(sys.argv[1]))
    own = Path(sys.argv[2]) if len(sys.argv) > 2 else DATA / "serving_steps.csv"
    questions = table_questions(table, replay)
    read = replay_rows(own, DATA / "configs")
    screen = screened(read)
    rows = [row for row in read if row.run.id not in screen]
    print(f"closed-loop rows that are not used: {dict(Counter(screen.values()))}")
    shipped = replay.catalog.coefficients
    open_loops(questions, lambda question: shipped)
    parameters = Parameters(shipped)
    start = fit(rows, parameters)
    closed_loops(rows, parameters, start)
    left_out_gpus(rows, parameters, start, questions, shipped)
    show_cliffs(table, replay)
    print("\nno predicted step was shorter than the datasheet allows: each answer is checked")


if __name__ == "__main__":
    main()
