"""`sizewright observe`: how does a running service compare with its plan?"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import click

from sizewright.answers.answer import Leaf, print_answer
from sizewright.answers.diff import figures_of
from sizewright.answers.running.observe import FigureAnswer, ObserveAnswer, ProposalAnswer
from sizewright.commands.options import FILE, finish, json_option, site_option, verbose_option
from sizewright.exit_code import ExitCode
from sizewright.layout.console import write, write_message
from sizewright.layout.numbers import exact_number
from sizewright.layout.progress import working
from sizewright.measured.calibration import correction_text
from sizewright.measured.observed.figure import Figure
from sizewright.measured.observed.queries import ServiceReader
from sizewright.measured.observed.service import (
    Found,
    Proposed,
    compared,
    floor_of,
    planned_service,
    proposed,
    series_names,
)
from sizewright.measured.observed.window import Window, moment, shown_moment, window_seconds
from sizewright.reading.input_error import InputError, dotted, quoted
from sizewright.reading.plain_yaml import Plain
from sizewright.reading.prometheus import Prometheus
from sizewright.reading.read import file_content
from sizewright.report.change.headline import headline_lines
from sizewright.report.observed import observed_lines, row
from sizewright.write import write_files
from sizing.values.field_error import FieldPath


@click.command(name="observe")
@click.argument("file", metavar="WORKLOAD", type=FILE)
@site_option
@click.option("--prometheus", "url", metavar="URL", required=True, help="Address of a Prometheus.")
@click.option("--window", default="7d", show_default=True, help="Length of the window: 24h, 7d.")
@click.option("--until", metavar="TIME", help="End of the window, ISO 8601; the default is now.")
@click.option("--token-file", metavar="FILE", type=FILE, help="File with a bearer token.")
@click.option("--token-env", metavar="NAME", help="Environment variable with a bearer token.")
@click.option("--out", metavar="FILE", type=FILE, help="Correction file to write.")
@click.option("--propose", metavar="FILE", type=FILE, help="Changed workload file to write.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 when a number is not as sized.")
@verbose_option
@json_option
def command(
    *,
    file: Path,
    site: Path,
    url: str,
    window: str,
    until: str | None,
    token_file: Path | None,
    token_env: str | None,
    out: Path | None,
    propose: Path | None,
    detailed_exitcode: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Compare a running service with its plan, from a Prometheus.

    \b
    sizewright observe workloads/chat.yaml --prometheus http://localhost:9090
    sizewright observe workloads/chat.yaml --prometheus URL --out workloads/chat.calibration.json
    sizewright observe workloads/chat.yaml --prometheus URL --propose workloads/chat.yaml

    Every number has a verdict: met, above, below, or unknown with a reason. --out writes the
    measured time per output token as `calibrate` does. --propose writes the workload with the
    numbers that the measurements contradict, and a calibration next to it where the time per output
    token is one of them. It then shows the effects. Nothing is written where all numbers are as
    sized. A running stack is never changed.
    """
    source = Prometheus(url, _token(token_file, token_env))
    times = _window(window, until)
    stack = planned_service(file, site)
    names = series_names(stack)
    with working("reading measurements"):
        reader = ServiceReader(source, stack.service.name, names, times, floor_of(stack))
        found = compared(stack, reader.read())
    changed = None if propose is None else proposed(found, propose, out)
    texts = {} if changed is None else changed.texts
    if out is not None:
        texts = {out: _correction_text(found, out), **texts}
    if texts:
        write_files(texts)
    if propose is not None and changed is None:
        write_message(f"{propose}: not written, because no number of the workload is contradicted")
    if as_json:
        print_answer(_answer(found, changed, texts))
    else:
        write("\n".join(_lines(found, changed, texts, verbose=verbose)))
    if changed is not None:
        finish(changed.plan)
    if detailed_exitcode and any(figure.is_contradicted for figure in found.figures):
        raise click.exceptions.Exit(ExitCode.changes)


def _token(file: Path | None, name: str | None) -> str | None:
    """Return the token of a file or of the environment. Raises UsageError and InputError."""
    if file is not None and name is not None:
        raise click.UsageError("--token-file and --token-env exclude each other")
    if file is not None:
        token, where = file_content(file, "a file with a token").decode(errors="replace"), str(file)
    elif name is not None:
        token, where = os.environ.get(name, ""), f"--token-env {name}"
    else:
        return None
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(where, message="holds no token", expected="one line with a bearer token")
    return token


def _window(length: str, until: str | None) -> Window:
    """Return the window. Raises InputError."""
    try:
        seconds = window_seconds(length)
    except ValueError as fault:
        message = f"found {quoted(length)}"
        raise InputError("--window", message=message, expected=str(fault)) from None
    try:
        return Window(time.time() if until is None else moment(until), seconds)
    except ValueError as fault:
        message = f"found {quoted(until or '')}"
        raise InputError("--until", message=message, expected=str(fault)) from None


def _correction_text(found: Found, out: Path) -> str:
    """Text of the correction file. Raises InputError where nothing was measured for it."""
    if isinstance(found.corrections, str):
        raise InputError(str(out), message=f"not written: {found.corrections}")
    return correction_text(found.corrections)


def _lines(
    found: Found, changed: Proposed | None, texts: dict[Path, str], *, verbose: bool
) -> Iterator[str]:
    stack, made = found.stack, found.proposal
    yield from observed_lines(stack.service.name, found.measured, found.figures, verbose=verbose)
    changes = [f"{leaf.path} {_value(leaf.old)} -> {_value(leaf.new)}" for leaf in _leaves(found)]
    if made.is_calibrated:
        changes.append("a calibration of the step times")
    if changes:
        yield row("proposal", "; ".join(changes))
    for note in made.notes:
        yield row("decide", note)
    for path in texts:
        yield f"{'written':<11}{path}"
    if changed is not None:
        path = next(iter(changed.texts))
        for change in changed.changes:
            yield from (f"{change.name}: before and after", *headline_lines(change))
        lock = f"`sizewright update {path}` moves the lock; `sizewright diff` shows the resources"
        yield row("next", lock)
    elif changes:
        yield row("next", "`--propose FILE` writes it and shows its cost, size and survival")


def _value(value: Plain) -> str:
    return exact_number(value)


def _leaves(found: Found) -> tuple[Leaf, ...]:
    """Numbers of the workload that the proposal changes."""
    data = found.stack.file.document.data
    return tuple(
        Leaf(path=dotted(path), old=_at(data, path), new=_plain(number))
        for path, number in found.proposal.numbers.items()
    )


def _at(data: Plain, path: FieldPath) -> Plain:
    for step in path:
        data = data[step]  # type: ignore[index]
    return data


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _answer(found: Found, changed: Proposed | None, texts: dict[Path, str]) -> ObserveAnswer:
    stack, measured = found.stack, found.measured
    pool, window = stack.service.pool, measured.window
    after = None
    if changed is not None:
        after = next(s for s in changed.plan.services if s.name == stack.service.name)
    return ObserveAnswer(
        service=stack.service.name,
        start=shown_moment(window.until - window.length_s),
        until=shown_moment(window.until),
        covered_ratio=measured.covered_ratio,
        replicas_up=measured.replicas,
        replicas_planned=None if pool is None else pool.replicas_total,
        figures=tuple(_figure(figure) for figure in found.figures),
        restarts=measured.restarts,
        nodes_not_ready=measured.not_ready,
        corrections=() if isinstance(found.corrections, str) else found.corrections.corrections,
        proposal=ProposalAnswer(
            changes=_leaves(found),
            notes=tuple(found.proposal.notes),
            calibration=found.proposal.is_calibrated,
            before=None if changed is None else figures_of(stack.service),
            after=figures_of(after),
        ),
        written=tuple(map(str, texts)),
    )


def _figure(figure: Figure) -> FigureAnswer:
    return FigureAnswer(
        name=figure.name,
        unit=figure.unit,
        sized=figure.sized,
        low=figure.low,
        high=figure.high,
        measured=figure.measured,
        verdict=figure.verdict,
        reason=figure.reason or None,
    )
