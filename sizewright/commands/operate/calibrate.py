"""`sizewright calibrate`: a user's own runs become a correction that `size` uses."""

from collections.abc import Sequence
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.files import CalibrateAnswer
from sizewright.commands.options import FILE, files_argument, json_option
from sizewright.layout.console import write_message
from sizewright.layout.progress import counted
from sizewright.measured.accuracy import Compared, compared
from sizewright.measured.calibration import correction_text, corrections
from sizewright.measured.load_test import Setting, read_measured
from sizewright.measured.prediction import Predictor, config_files
from sizewright.reading.input_error import InputError
from sizewright.write import write_files
from sizing.catalog import load_catalog
from sizing.catalog.correction import Corrections
from sizing.workload import Precision


@click.command(name="calibrate")
@files_argument
@click.option("--out", metavar="FILE", type=FILE, required=True, help="Correction file to write.")
@click.option("--configs", metavar="DIR", type=FILE, help="Folder of <org>--<model>.json.")
@click.option("--model", metavar="NAME", help="Model of JSON runs that do not name it.")
@click.option("--gpu", metavar="NAME", help="GPU of JSON runs.")
@click.option(
    "--engine", metavar="NAME", default="vllm", show_default=True, help="Engine of JSON runs."
)
@click.option(
    "--tp",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Tensor parallel of JSON runs.",
)
@click.option(
    "--dp", type=click.IntRange(1), default=1, show_default=True, help="Data parallel of JSON runs."
)
@click.option(
    "--weights",
    type=click.Choice([p.value for p in Precision]),
    help="Precision of JSON runs; the default is the model's own.",
)
@json_option
def command(
    files: tuple[Path, ...], out: Path, configs: Path | None, as_json: bool, **said: str | int
) -> None:
    """Correct the step times of method calibrated with your own runs.

    \b
    sizewright calibrate runs.csv --out workloads/chat.calibration.json
    sizewright calibrate result.json --gpu l40s --weights fp8 --out workloads/chat.calibration.json

    FILE is a CSV with the columns of bench/data/serving_steps.csv, the JSON that `vllm bench serve`
    saves with a --max-concurrency, a guidellm report, or the .log of the Job of `benchmark`. `size`
    reads <workload>.calibration.json next to the workload; rates of a lock stay until `update`. A
    run without a prediction is named and left out.
    """
    setting = Setting(
        model=_text(said["model"]),
        gpu=_text(said["gpu"]),
        engine=str(said["engine"]),
        tensor=int(said["tp"]),
        data=int(said["dp"]),
        weights=_text(said["weights"]) or "",
    )
    predictor = Predictor(load_catalog(), config_files(configs))
    measured = [run for path in files for run in read_measured(path, setting)]
    with counted(measured, "predicting runs") as runs:
        rows = compared(runs, predictor)
    for row in rows:
        if row.reason is not None:
            write_message(f"left out: {row.id}: {row.reason}")
    made = corrections(rows, predictor)
    if not made.corrections:
        raise InputError(
            str(files[0]),
            message="no run can be predicted",
            expected="a run of a known model and GPU",
        )
    write_files({out: correction_text(made)})
    if as_json:
        print_answer(
            CalibrateAnswer(written=str(out), fitted=made.fitted, corrections=made.corrections)
        )
        return
    _print(made, rows, out)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _print(made: Corrections, rows: Sequence[Compared], out: Path) -> None:
    from sizewright.layout.table import Table, print_tables

    lines = [
        (
            f"{c.model}, {c.gpu}, {c.engine}",
            str(c.runs),
            f"x {c.tpot_ratio:.2f}",
            f"{c.bands.tpot.low:.2f} to {c.bands.tpot.high:.2f}",
            f"x {c.ttft_ratio:.2f}",
            f"{c.bands.ttft.low:.2f} to {c.bands.ttft.high:.2f}",
        )
        for c in made.corrections
    ]
    title = (
        f"{out}: factors for predicted times; band: 8 of 10 runs take this multiple of the "
        "corrected prediction (P10 to P90)"
    )
    print_tables([Table(title, lines, ("", "runs", "TPOT", "band", "TTFT", "band"))])
