"""`sizewright update` of a stack file: the versions that the stack runs."""

from pathlib import Path

from sizewright.answers.answer import Leaf, print_answer
from sizewright.answers.files import ResourceMoveAnswer, StackUpdateAnswer, UnknownAnswer
from sizewright.commands.options import finish, stack_files
from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code
from sizewright.layout.console import write
from sizewright.layout.progress import working
from sizewright.reading.read import read_mapping
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.report.change.stack_update import stack_update_lines
from sizewright.review.review import Review
from sizewright.review.stack_update import StackUpdate, followed, stack_update
from sizewright.write import write_files
from sizing.catalog import load_catalog


def is_stack_file(path: Path) -> bool:
    """True where a file is a Pulumi stack file, which has its values under config."""
    return "config" in read_mapping(path).data


def update_stack(path: Path, *, why: bool, dry_run: bool, as_json: bool) -> None:
    """Update the stack's lock to today's versions; write nothing where a service is infeasible."""
    catalog, site = load_catalog(), read_site(path, writes_lock=True)
    files = stack_files((), site)
    found = stack_update([read_workload(file, catalog) for file in files], site, catalog)
    written = found.moves and not dry_run and exit_code(found.new) is not ExitCode.infeasible
    follows = None
    if found.moves and (why or as_json):
        with working("recording both locks"):
            follows = followed(found, files, catalog)
    if written:
        write_files({site.lock_path: found.text})
    if as_json:
        print_answer(_answer(found, follows, written=written))
    else:
        write("\n".join(stack_update_lines(found, follows, why=why, dry_run=not written)))
    finish(found.new)


def _answer(found: StackUpdate, follows: Review | None, *, written: bool) -> StackUpdateAnswer:
    return StackUpdateAnswer(
        lock=str(found.site.lock_path),
        written=written,
        versions=tuple(Leaf(path=c.path, old=c.old, new=c.new) for c in found.changes),
        unknown=tuple(UnknownAnswer(path=path, command=command) for path, command in found.unknown),
        resources=None
        if follows is None
        else tuple(
            ResourceMoveAnswer(effect=r.effect.value, type=r.type, name=r.name)
            for r in follows.resources
        ),
    )
