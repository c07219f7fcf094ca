"""A table of published throughputs: its rows of language models, and the replica of each row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tally import Tally

from sizewright.measured.prediction import Predictor, Unanswerable
from sizewright.measured.run import MeasuredRun, cards, needed_number, optional_number, table_cells
from sizing.steps.model import StepModel
from sizing.steps.replica import Parallel
from sizing.steps.room import most_running

NEEDED = (
    "workload",
    "engine",
    "model",
    "weight_prec",
    "gpu",
    "n_gpus",
    "tp",
    "input_tokens",
    "output_tokens",
    "load_type",
    "out_tok_s",
)
NAMES = (
    *("id", "group", "source_id", "core", "split", "engine_version"),
    *("concurrency", "latency_limits", "flags"),
)
NUMBERS = (
    *("dp", "pp", "ep", "request_rate"),
    *("ttft_ms_mean", "ttft_ms_p99", "tpot_ms_mean", "tpot_ms_p99"),
)
"""Other columns; a table without one of them is read as if its cells were empty."""
READ_AS_NUMBERS = ("n_gpus", "tp", "input_tokens", "output_tokens", "out_tok_s", *NUMBERS)
MOST_SEQUENCES = 2048
"""Most sequences that a replica of the table runs at once, whatever fits in its memory. Basis:
vendor (default maximum batch of TensorRT-LLM, which measured the rows at unlimited supply)."""
CORE = ("1", "")
"""Cells of `core` that take part; the table keeps its other rows for reference only."""
OFFLINE = "offline_max"
"""Kind of load with an unlimited supply of requests. It measures the capacity itself."""
CLOSED = ("closed_concurrency", "serial")
"""Kinds of load with a constant number of requests in flight."""
BATCH = ("static_batch",)
"""Kinds of load that run a fixed set of requests from start to end."""
UNLIMITED = "max"
"""Cell of `concurrency` for an unlimited supply."""
GROUP = ("source_id", "engine", "gpu", "model", "weight_prec")
"""Columns that make a group where the table does not name one."""

Cells = Mapping[str, str]


def read_table(path: Path, tally: Tally) -> list[dict[str, str]]:
    """Rows of language models whose cells can be read; the tally has the others.

    Raises InputError for a file that is not such a table.
    """
    rows = []
    for cells in table_cells(path, NEEDED):
        row = dict.fromkeys((*NAMES, *NUMBERS), "") | cells
        row["group"] = row["group"] or "|".join(row[name] for name in GROUP)
        if row["workload"] != "llm":
            tally.skip(f"workload {row['workload'] or 'without name'}")
            continue
        try:
            for name in READ_AS_NUMBERS:
                optional_number(row, name)
        except ValueError as fault:
            tally.refuse(row, str(fault))
            continue
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Setting:
    """The replica of a row, and the lengths of its requests."""

    run: MeasuredRun
    """The row as a run of one replica."""
    steps: StepModel
    most: float
    """Mean number of sequences that run at once."""
    slots: int
    """Number of sequences of the full length that fit at once."""
    replicas: float

    @property
    def gpus(self) -> int:
        """Number of GPUs of one replica."""
        return _parallel(self.run).gpus


def setting_of(row: Cells, predictor: Predictor) -> Setting:
    """Return the row's replicas and lengths. Raises Unanswerable with the reason."""
    try:
        run = _run(row)
    except ValueError as fault:
        raise Unanswerable(str(fault)) from None
    steps, most = predictor.model(run)
    shape, _ = predictor.shape(run.model)
    card = predictor.gpu(run.gpu)
    longest = Fraction(run.input_tokens + run.output_tokens)
    held = most_running(shape, card.memory_bytes, _parallel(run), steps.formats, longest)
    return Setting(
        run=run,
        steps=steps,
        most=min(most or 1.0, MOST_SEQUENCES),
        slots=max(1, int(min(held, MOST_SEQUENCES))),
        replicas=_replicas(row, _parallel(run)),
    )


def _run(row: Cells) -> MeasuredRun:
    """Return the row as a run of one replica. Its lengths are means. Raises ValueError."""
    if not row["tp"] and (optional_number(row, "n_gpus") or 1.0) > 1:
        raise ValueError("tp: is empty, with more than one GPU")
    parallel = Parallel(cards(row, "tp"), cards(row, "dp"), cards(row, "pp"))
    return MeasuredRun(
        id=row["id"],
        engine=row["engine"],
        engine_version=row["engine_version"],
        model=row["model"],
        gpu=row["gpu"],
        tensor=parallel.tensor,
        data=parallel.data,
        pipeline=parallel.pipeline,
        expert=cards(row, "ep"),
        weights=row["weight_prec"],
        experts="",
        input_tokens=needed_number(row, "input_tokens"),
        output_tokens=needed_number(row, "output_tokens"),
        concurrency=_in_flight(row) / _replicas(row, parallel),
        ttft_ms=optional_number(row, "ttft_ms_mean"),
        tpot_ms=optional_number(row, "tpot_ms_mean"),
        length_ratio=1.0,
    )


def _in_flight(row: Cells) -> float:
    """Requests in flight over all replicas; infinite where the supply is unlimited."""
    if row["load_type"] == "serial":
        return 1.0
    if row["concurrency"] == UNLIMITED or row["load_type"] not in (*CLOSED, *BATCH):
        return math.inf
    return needed_number(row, "concurrency")


def _parallel(run: MeasuredRun) -> Parallel:
    return Parallel(run.tensor, run.data, run.pipeline)


def _replicas(row: Cells, parallel: Parallel) -> float:
    """Number of replicas that share the row's GPUs and load."""
    return max(1.0, (optional_number(row, "n_gpus") or parallel.gpus) / parallel.gpus)


def closed_runs(table: Sequence[Cells], predictor: Predictor, tally: Tally) -> list[MeasuredRun]:
    """Closed loops of the table with mean TTFT and TPOT, as runs of one replica."""
    closed = [row for row in table if row["load_type"] in CLOSED]
    return tally.answers(closed, lambda row: closed_run(row, predictor), "closed loop")


def closed_run(row: Cells, predictor: Predictor) -> MeasuredRun:
    """Return the row as a run with its times. Raises Unanswerable with the reason."""
    if row["core"] not in CORE:
        raise Unanswerable(f"core is {row['core']}")
    run = setting_of(row, predictor).run
    if run.ttft_ms is None or run.tpot_ms is None:
        raise Unanswerable("no mean TTFT and mean TPOT")
    return run
