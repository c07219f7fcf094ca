"""`sizewright replay`: the arrivals and lengths of a trace on the sized fleet."""

import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.fleets.replay import ReplayAnswer
from sizewright.commands.options import (
    FILE,
    FiniteRange,
    columns_option,
    finish,
    json_option,
    site_option,
)
from sizewright.exit_code import ExitCode
from sizewright.layout.console import write, write_message
from sizewright.layout.progress import counted
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import WorkloadFile, read_workload
from sizewright.reading.traces.formats import Format
from sizewright.reading.traces.trace_file import TraceFile, read_trace
from sizing.catalog import Catalog, load_catalog
from sizing.plan.whole import Plan
from sizing.replay.replayed import replayed
from sizing.replay.served import ServedFleet, UnknownStepsError, served_fleet
from sizing.replay.trace import Trace
from sizing.site import Site
from sizing.values.units import SECONDS_PER_HOUR


@click.command(name="replay")
@click.argument("trace", metavar="TRACE", type=FILE)
@click.argument("files", metavar="WORKLOAD...", nargs=-1, required=True, type=FILE)
@columns_option
@click.option(
    "--rate",
    type=FiniteRange(min=0.001, max=1000),
    default=1.0,
    show_default=True,
    help="Replay at this multiple of the trace's rate.",
)
@click.option(
    "--from",
    "from_hour",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="HOUR",
    show_default=True,
    help="Hour of the trace at which to begin.",
)
@click.option(
    "--hours",
    type=FiniteRange(min=0, min_open=True),
    metavar="N",
    help="Hours of the trace to replay; the default is all.",
)
@site_option
@json_option
@click.option("--verbose", "-v", is_flag=True, help="Also print each hour of the trace.")
def command(
    *,
    trace: Path,
    files: tuple[Path, ...],
    columns: Format | None,
    rate: float,
    from_hour: float,
    hours: float | None,
    site: Path,
    as_json: bool,
    verbose: bool,
) -> None:
    """Replay a trace of requests on the sized fleet: targets, load, burst, a lost zone.

    \b
    sizewright replay AzureLLMInferenceTrace_conv.csv workloads/chat.yaml
    sizewright replay BurstGPT_1.csv workloads/chat.yaml --from 48 --hours 24 --rate 20
    sizewright replay requests.jsonl workloads/chat.yaml --columns received_ms,prompt,answer

    TRACE is a trace of Azure LLM inference, of BurstGPT or of Mooncake, or an own log: CSV with a
    header or JSON lines, in columns time, input_tokens and output_tokens, or in those of --columns.
    A time is in seconds, or a date; in a column that ends in _ms it is in milliseconds. Each
    service gets all requests. The same input always gives the same answer.

    Exit code 5: a service is infeasible; 6: it cannot be replayed in this version.
    """
    catalog, site_file = load_catalog(), read_site(site)
    workloads = [read_workload(path, catalog) for path in files]
    for file in workloads:
        _refuse_other_kinds(file)
    plan = plan_of(workloads, site_file, catalog)
    finish(plan, built=True)
    fleets = _fleets(plan, workloads, site_file.site, catalog)
    read = read_trace(trace, columns, until_s=_until_s(from_hour, hours))
    requests = _window(read, from_hour, hours).faster(rate)
    with counted(fleets, "replaying the trace") as each:
        parts = [replayed(requests, fleet) for fleet in each if _fits(requests, fleet)]
    answer = ReplayAnswer(
        trace=str(trace),
        format=read.format.title,
        rate=rate,
        from_hour=from_hour,
        without_answer=read.without_answer,
        services=tuple(parts),
    )
    if as_json:
        print_answer(answer)
        return
    from sizewright.report.replay import replay_report

    write(replay_report(answer, by_hour=verbose))


def _refuse_other_kinds(file: WorkloadFile) -> None:
    """Raises InputError for a kind whose requests have no tokens of an answer."""
    traits = file.workload.kind.traits
    if traits.makes_media or not traits.generates:
        message = f"the requests of {file.workload.kind} are no prompts with answers of tokens"
        raise file.document.error(("kind",), message, "text or chat, which a trace describes")


def _fleets(
    plan: Plan, files: Sequence[WorkloadFile], site: Site, catalog: Catalog
) -> list[ServedFleet]:
    """Return the fleet of each file's service. Exits with 6 where one has no step times."""
    services, found = {service.name: service for service in plan.services}, list[ServedFleet]()
    for file in files:
        name = file.workload.name
        known = catalog.with_models([file.model] if file.model else [])
        known = known.with_corrections(file.corrections)
        try:
            found.append(served_fleet(services[name], site, known))
        except UnknownStepsError as reason:
            write_message(f"{name}: cannot be replayed: {reason}, so its step times are unknown")
            sys.exit(ExitCode.incomplete)
    return found


def _until_s(from_hour: float, hours: float | None) -> float | None:
    return None if hours is None else (from_hour + hours) * SECONDS_PER_HOUR


def _window(read: TraceFile, from_hour: float, hours: float | None) -> Trace:
    """Return the requests of the stated hours. Raises UsageError where there are none."""
    until_s = _until_s(from_hour, hours)
    found = read.trace.between(from_hour * SECONDS_PER_HOUR, inf if until_s is None else until_s)
    if not found.requests:
        covered = read.trace.seconds / SECONDS_PER_HOUR
        raise click.UsageError(
            f"--from {from_hour:g}: no request arrives in these hours; {read.file} covers "
            f"{covered:.3g} hours"
        )
    return found


def _fits(requests: Trace, fleet: ServedFleet) -> bool:
    """True where a request fits in the engine's context. Raises ClickException where none does."""
    most = fleet.most_tokens
    if not requests.within(most).requests:
        raise click.ClickException(
            f"TRACE: every request is longer than the context of {fleet.service.name}, "
            f"{most:,} tokens"
        )
    return True
