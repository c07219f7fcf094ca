"""`sizewright diff`: the effects of a change of workloads, cause first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sizewright.answers.answer import Leaf, print_answer
from sizewright.answers.diff import (
    CountsAnswer,
    DangerAnswer,
    DiffAnswer,
    PropertyAnswer,
    ResourceAnswer,
    ServiceAnswer,
    SurvivalAnswer,
    figures_of,
)
from sizewright.commands.options import FILE, finish, json_option, site_option
from sizewright.exit_code import ExitCode
from sizewright.layout.console import output_width, write
from sizewright.layout.progress import working
from sizewright.reading.deployed import deployed_files, notes_on, place, read_json
from sizewright.reading.input_error import InputError
from sizewright.report.answer.contradicted import before_and_after
from sizewright.report.change.comment import comment
from sizewright.report.change.difference import (
    cause_lines,
    danger_kinds,
    danger_lines,
    resource_lines,
    service_lines,
)
from sizewright.report.change.headline import headline_lines
from sizewright.review.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    counts,
    engine_switch,
    loses_data,
    service_changes,
)
from sizewright.review.dangers import Hazard
from sizewright.review.lost_fleets import flag_notes
from sizewright.review.review import PlannedStack, Review, read_planned_stack, review
from sizewright.review.revision import files_at
from sizing.plan.service.pool import Survives
from sizing.plan.service.whole import ServicePlan


@click.command("diff")
@click.argument("files", metavar="[OLD] NEW...", nargs=-1, required=True, type=FILE)
@site_option
@click.option(
    "--stack",
    metavar="FILE",
    help="Compare with a stack: output of pulumi stack output --json, - for stdin.",
)
@click.option("--rev", metavar="REVISION", help="Compare with the files of a git revision.")
@click.option(
    "--preview", metavar="FILE", help="Take resources from pulumi preview --json, - for stdin."
)
@json_option
@click.option("--markdown", is_flag=True, help="Print a comment for a pull request.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 when anything changes.")
def command(
    *,
    files: tuple[Path, ...],
    site: Path,
    stack: str | None,
    rev: str | None,
    preview: str | None,
    as_json: bool,
    markdown: bool,
    detailed_exitcode: bool,
) -> None:
    """Show the effects of a change, cause first.

    \b
    sizewright diff old.yaml new.yaml
    sizewright diff --rev main workloads/chat.yaml
    pulumi stack output --json | sizewright diff --stack - workloads/*.yaml
    pulumi preview --json | sizewright diff --preview - workloads/*.yaml

    The output begins with each service's cost, GPUs, nodes, latency, utilisation and survival
    before and after. Dangers, changed inputs, the new sizing, and resources with their changed
    properties follow. Both sides are recorded offline; with --preview the resources are those of
    the engine. --stack and --preview read stdin for -.
    """
    if sum(option is not None for option in (stack, rev, preview)) > 1:
        raise click.UsageError("--stack, --rev and --preview exclude each other")
    if as_json and markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    with TemporaryDirectory() as folder, working("recording both plans"):
        if stack is not None:
            reviewed, new = _with_stack(stack, files, site, Path(folder))
        elif preview is not None:
            reviewed, new = _with_preview(preview, files, site, Path(folder))
        elif rev is not None:
            reviewed, new = _with_revision(rev, files, site, Path(folder))
        else:
            reviewed, new = _with_file(files, site)
    if as_json:
        print_answer(_answer(reviewed))
    elif markdown:
        write(comment(reviewed, new.site.name))
    else:
        write("\n".join(_lines(reviewed)))
    finish(new.plan)
    if detailed_exitcode and not reviewed.is_empty:
        raise click.exceptions.Exit(ExitCode.changes)


def _with_file(files: Sequence[Path], site: Path) -> tuple[Review, PlannedStack]:
    if len(files) != 2:
        raise click.UsageError("name two files, OLD and NEW, or one file with --rev or --stack")
    old, new = (read_planned_stack([path], site) for path in files)
    return review(old, new), new


def _with_revision(
    revision: str, files: Sequence[Path], site: Path, folder: Path
) -> tuple[Review, PlannedStack]:
    new = read_planned_stack(files, site)
    old = read_planned_stack(*files_at(revision, files, site, folder))
    return review(old, new), new


def _with_stack(
    name: str, files: Sequence[Path], site: Path, folder: Path
) -> tuple[Review, PlannedStack]:
    new = read_planned_stack(files, site)
    outputs = read_json(name)
    deployed = deployed_files(outputs, name, folder)
    with _placed(name):
        old = read_planned_stack(deployed, site)
    return review(old, new, notes_on(outputs, old.plan.digest, "The stack")), new


def _with_preview(
    name: str, files: Sequence[Path], site: Path, folder: Path
) -> tuple[Review, PlannedStack]:
    # Guard: importing Pulumi takes a quarter of a second, and the other options do not need it.
    from sizewright.review.engine_preview import deployed_outputs, engine_changes

    new = read_planned_stack(files, site)
    said = read_json(name)
    outputs = deployed_outputs(said, name)
    deployed = deployed_files(outputs, name, folder) if outputs else []
    with _placed(name):
        old = read_planned_stack(deployed, site)
    resources, same = engine_changes(said, name)
    notes = notes_on(outputs, old.plan.digest, "The stack") if outputs else ()
    notes = (*notes, *flag_notes(resources))
    services = service_changes(old.plan, new.plan)
    compared = Review(services, resources, same, True, notes, old=old.plan, new=new.plan)
    return compared, new


@contextmanager
def _placed(name: str) -> Iterator[None]:
    """Report faults of a stack's recorded inputs at the place where they were read."""
    try:
        yield
    except InputError as fault:
        message = f"this version cannot read the deployed workload: {fault.message}"
        raise InputError(place(name), field=fault.field, message=message) from None


def _lines(reviewed: Review) -> Iterator[str]:
    width = output_width()
    for line in before_and_after(reviewed.old, reviewed.new):
        yield from (line, "")
    if reviewed.dangers:
        yield f"DANGER: {danger_kinds(reviewed.dangers, reviewed.stores_lost)}"
    for service in reviewed.services:
        yield from (f"{service.name}: before and after", *headline_lines(service), "")
    if reviewed.dangers:
        yield from (*danger_lines(reviewed.dangers, width), "")
    for note in reviewed.notes:
        yield f"note: {note}"
    if reviewed.site:
        yield from (*cause_lines("site", reviewed.site), "")
    for service in reviewed.services:
        yield from (*service_lines(service, width), "")
    if reviewed.is_empty:
        yield "nothing changes: no input, no sized number, no resource"
    if reviewed.is_compared:
        yield from resource_lines(reviewed.resources, reviewed.unchanged, width)
    else:
        yield "resources: not compared; the program refuses a service that is infeasible"


def _answer(reviewed: Review) -> DiffAnswer:
    return DiffAnswer(
        services=tuple(_service(service) for service in reviewed.services),
        dangers=tuple(_danger(found) for found in reviewed.dangers),
        notes=reviewed.notes,
        site=tuple(_leaf(change) for change in reviewed.site),
        counts=CountsAnswer(**counts(reviewed.resources), unchanged=reviewed.unchanged),
        resources=tuple(_resource(resource) for resource in reviewed.resources),
    )


def _danger(found: Hazard) -> DangerAnswer:
    return DangerAnswer(
        danger=found.danger,
        effect=found.effect,
        type=found.type or None,
        name=found.name,
        says=found.says,
    )


def _resource(resource: ResourceChange) -> ResourceAnswer:
    return ResourceAnswer(
        effect=resource.effect,
        type=resource.type,
        name=resource.name,
        loses_data=loses_data(resource),
        properties=tuple(
            PropertyAnswer(path=c.path, old=c.old, new=c.new, effect=c.effect)
            for c in resource.changes
        ),
    )


def _service(service: ServiceChange) -> ServiceAnswer:
    return ServiceAnswer(
        name=service.name,
        before=figures_of(service.old),
        after=figures_of(service.new),
        cause=tuple(_leaf(change) for change in service.causes),
        engine=tuple(_leaf(change) for change in engine_switch(service.old, service.new)),
        sizing=tuple(_leaf(change) for change in service.followed),
        survives=SurvivalAnswer(old=_survives(service.old), new=_survives(service.new)),
    )


def _leaf(change: Change) -> Leaf:
    return Leaf(path=change.path, old=change.old, new=change.new)


def _survives(service: ServicePlan | None) -> Survives | None:
    return service.pool.survives if service and service.pool else None
