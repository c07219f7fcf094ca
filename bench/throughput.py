"""How exact is predicted capacity against a table of published throughputs?

`python bench/throughput.py TABLE.csv [--configs DIR]`. The table is not part of this project, and
the fit used none of its rows. `bench/capacity_table.py` names its columns. Each group counts once:
the median error of its rows. Rows and groups without an answer are listed with the reason.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from capacity_table import BATCH, CLOSED, CORE, OFFLINE, Setting, read_table, setting_of  # noqa: E402
from table_command import exit_code, replay_of, table_parser  # noqa: E402
from tally import Tally  # noqa: E402

from sizewright.measured.prediction import Predictor, Unanswerable  # noqa: E402


@dataclass(frozen=True)
class Capacity:
    """An answered row."""

    group: str
    engine: str
    gpu: str
    split: str
    ratio: float
    """Predicted over measured output tokens per second."""


def capacity(row: Mapping[str, str], predictor: Predictor) -> Capacity:
    """Return the row's prediction. Raises Unanswerable with the reason."""
    if row["core"] not in CORE:
        raise Unanswerable(f"core is {row['core']}")
    if not row["out_tok_s"]:
        raise Unanswerable("out_tok_s is empty")
    setting = setting_of(row, predictor)
    ratio = tokens_per_s(row, setting) * setting.replicas / float(row["out_tok_s"])
    return Capacity(row["group"], setting.steps.engine, row["gpu"], row["split"], ratio)


def tokens_per_s(row: Mapping[str, str], setting: Setting) -> float:
    """Output tokens per second of one replica, by the kind of load.

    Unlimited supply is a closed loop that fills the memory. A static batch runs from start to end.
    """
    run, steps, most = setting.run, setting.steps, setting.most
    prompt, answer = run.input_tokens, run.output_tokens
    if row["load_type"] == OFFLINE:
        return steps.closed_loop(prompt, answer, most).requests_per_s * answer
    flight = run.concurrency
    if row["load_type"] in CLOSED:
        return steps.closed_loop(prompt, answer, flight, most).requests_per_s * answer
    if row["load_type"] not in BATCH:
        raise Unanswerable(f"load {row['load_type'] or 'without name'}")
    load = steps.load(prompt, answer, min(flight, most), None)
    step = sum(steps.terms(min(flight, most), load)[:-1])
    waves = flight / min(flight, most)
    whole = flight * load.prompt_ms / steps.work.ranks + waves * (load.answer * step)
    return 1000 * flight * answer / whole


def line(name: str, found: Sequence[Capacity]) -> str:
    """Median error of each group, then the median, mean and P90 over groups, and the bias."""
    groups = defaultdict[str, list[float]](list)
    for x in found:
        groups[x.group].append(x.ratio)
    errors = sorted(100 * median(abs(r - 1) for r in ratios) for ratios in groups.values())
    bias = median(median(ratios) for ratios in groups.values())
    tail = errors[min(len(errors) - 1, len(errors) * 9 // 10)]
    figures = f"{median(errors):8.1f}{mean(errors):7.1f}{tail:7.1f}{bias:7.2f}"
    return f"{name:<36}{len(found):5}{len(groups):7}{figures}"


def show(title: str, found: Sequence[Capacity], key: Callable[[Capacity], str]) -> None:
    print(f"\n{title:<36}{'rows':>5}{'groups':>7}{'median':>8}{'mean':>7}{'P90':>7}{'bias':>7}")
    print(line("all", found))
    for name in sorted({key(x) for x in found}):
        print(line(f"  {name}", [x for x in found if key(x) == name]))


def main(given: Namespace) -> Tally:
    predictor, tally = replay_of(given), Tally()
    found = []
    for row in read_table(given.table, tally):
        try:
            found.append(capacity(row, predictor))
            tally.answer(row)
        except Unanswerable as reason:
            tally.refuse(row, str(reason))
    print("\n".join(tally.lines()))
    for split in sorted({x.split for x in found}, reverse=True):
        part = [x for x in found if x.split == split]
        show(split or "no split stated", part, lambda x: f"{x.engine} {x.gpu}")
    return tally


if __name__ == "__main__":
    sys.exit(exit_code(main, table_parser(__doc__)))
