"""`sizewright compare`: every hardware for a workload, or the plans of several side by side."""

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.compare import (
    EngineAnswer,
    OptionAnswer,
    RankingAnswer,
    SensitivityAnswer,
    SidesAnswer,
    SizedServiceAnswer,
)
from sizewright.answers.fleets.disaggregation import disaggregation_answer
from sizewright.answers.fleets.mix import mix_answer
from sizewright.commands.options import files_argument, finish, json_option, site_option
from sizewright.feasibility import refusal
from sizewright.layout.console import write, write_message
from sizewright.layout.progress import working
from sizewright.reading.stack.plan import plan_of, read_plan
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import catalog_of, read_workload
from sizewright.report.answer.contradicted import first_line
from sizewright.review.side_by_side import MEASURES, Sized, best
from sizing.catalog import load_catalog
from sizing.compare.comparison import Comparison, compare, frontier
from sizing.compare.engines import EngineRow
from sizing.compare.sensitivity import Sensitivity
from sizing.hardware.ranking import Option
from sizing.values.exact import plain, plain_or_none
from sizing.values.field_error import FieldError


@click.command(name="compare")
@files_argument
@click.option(
    "--all", "show_all", is_flag=True, help="Print every option and every reason against one."
)
@site_option
@json_option
def command(files: tuple[Path, ...], show_all: bool, site: Path, as_json: bool) -> None:
    """Rank hardware options for a workload by cost and latency, or compare several files.

    \b
    sizewright compare workloads/chat.yaml
    sizewright compare workloads/chat.yaml --all --json
    sizewright compare workloads/chat.yaml workloads/support.yaml

    One file: each type on sale in the site's zones, each tensor-parallel size and precision is
    sized in full. The first table has the cheapest option of each type, at most 8 types: first the
    Pareto-optimal ones, marked *; no other is as cheap and as fast. ~ marks unmeasured types. The
    next table has the other engines, each on the cheapest type for it. A further table shows
    whether two or three types, split by the length of the prompt, cost less than the cheapest.
    Another one appears where separate pools for prompts and answers cost less; this version does
    not deploy them. The last tables show what the others lack (with numbers by `--all`), and which
    input doubles the nodes soonest. Exit code 5: no hardware meets every target; 6: this version
    cannot rate any.

    Several files: each is sized by itself, as by `size`, with one column each. The better value is
    marked * where the comparison has a meaning. Exit codes 5 and 6 are those of `size`.
    """
    if len(files) == 1:
        _rank(files[0], site, show_all, as_json)
        return
    if show_all:
        raise click.UsageError("--all lists the options of one FILE and does not apply to several")
    plans = [read_plan([file], site) for file in files]
    sized = [Sized(file, plan.services[0]) for file, plan in zip(files, plans, strict=True)]
    if as_json:
        print_answer(_sides(sized))
    else:
        from sizewright.layout.table import print_tables
        from sizewright.report.change.side_by_side import side_by_side_tables

        for line in first_line(*plans, labels=tuple(f"{file}, " for file in files)):
            write(f"{line}\n")
        print_tables(side_by_side_tables(sized))
    finish(*plans)


def _sides(sized: Sequence[Sized]) -> SidesAnswer:
    """Return each service as `size` prints it, with its file, and the better ones of each leaf."""
    services = [each.service for each in sized]
    return SidesAnswer(
        services=tuple(
            SizedServiceAnswer(file=str(each.file), **dict(each.service)) for each in sized
        ),
        better={path: tuple(sorted(best(services, path))) for path in MEASURES},
    )


def _rank(file: Path, site: Path, show_all: bool, as_json: bool) -> None:
    catalog = load_catalog()
    read, where = read_workload(file, catalog), read_site(site)
    stated = plan_of([read], where, catalog)
    try:
        with working("sizing all hardware options"):
            found = compare(read.workload, where.site, catalog_of(read, catalog))
    except FieldError as fault:
        raise read.document.of_rule(fault) from fault
    options = found.ranked.options if show_all else _one_a_type(found.ranked.options)
    if as_json:
        print_answer(_answer(found, options))
    else:
        for line in first_line(stated):
            write(f"{line}\n")
        _show(found, options, show_all=show_all)
    if not found.ranked.options:
        code, why = refusal(found.rejected, auto=True)
        write_message(f"{read.workload.name}: {why}")
        raise click.exceptions.Exit(code)


def _one_a_type(options: list[Option]) -> list[Option]:
    """The first option of each type in the ranking."""
    first: dict[str, Option] = {}
    for option in options:
        first.setdefault(option.instance.name, option)
    return list(first.values())


def _show(found: Comparison, options: list[Option], *, show_all: bool) -> None:
    from sizewright.layout.table import print_tables
    from sizewright.report.answer.comparison import comparison_tables

    print_tables(comparison_tables(found, options, show_all=show_all))


def _answer(found: Comparison, options: list[Option]) -> RankingAnswer:
    best = frontier(options)
    return RankingAnswer(
        method=found.method,
        load=found.load,
        options=tuple(_option(option, option.name in best) for option in options),
        engines=tuple(_engines(found.engines)),
        mix=mix_answer(found.mix),
        disaggregation=disaggregation_answer(found.disaggregation),
        rejected=found.rejected,
        sensitivities=tuple(_sensitivity(each) for each in found.sensitivities),
    )


def _engines(rows: Sequence[EngineRow]) -> Iterator[EngineAnswer]:
    best = frontier([row.best for row in rows if row.best is not None])
    for row in rows:
        option = None if row.best is None else _option(row.best, row.best.name in best)
        yield EngineAnswer(
            engine=row.engine,
            is_requested=row.is_requested,
            option=option,
            refused=row.refused,
        )


def _option(option: Option, on_frontier: bool) -> OptionAnswer:
    pool, price = option.pool, option.price
    return OptionAnswer(
        instance_type=option.instance.name,
        engine=option.engine,
        gpu=option.instance.gpu,
        tensor_parallel=option.tensor_parallel,
        precision=option.precision.value,
        nodes_total=pool.nodes_total,
        gpus_total=pool.gpus_total,
        gpus_needed=pool.gpus_needed,
        usd_per_hour=None if price is None else plain(price.usd_per_hour),
        usd_per_month=plain_or_none(option.usd_per_month),
        price_source=None if price is None else price.source,
        price_checked=None if price is None else price.checked,
        ttft_ms=_ms(option.ttft_s),
        tpot_ms=_ms(option.tpot_s),
        item_s=option.item_s,
        response_s=_finite(option.response_s),
        utilisation_at_peak=pool.utilisation_at_peak,
        basis=option.basis,
        binding=pool.binding,
        survives=pool.survives,
        on_frontier=on_frontier,
    )


def _ms(seconds: float | None) -> float | None:
    finite = _finite(seconds)
    return None if finite is None else finite * 1000


def _finite(seconds: float | None) -> float | None:
    return None if seconds is None or not isfinite(seconds) else seconds


def _sensitivity(found: Sensitivity) -> SensitivityAnswer:
    return SensitivityAnswer(input=found.input, factor=found.factor, feasible=found.feasible)
