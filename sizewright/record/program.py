"""Run the project's own Pulumi program offline on a stack file and workload files."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sizewright import build_stack
from sizewright.feasibility import shortfalls, unserved
from sizewright.reading.stack.site_file import LOCK_KEY, PROJECT, WORKLOADS_KEY, SiteFile, read_site
from sizewright.reading.stack_lock_file import NO_LOCK
from sizewright.record import LOG, Recorded, record
from sizing.plan.whole import Plan


def record_program(
    site_path: Path,
    files: Sequence[Path],
    plan: Plan | None = None,
    *,
    preview: bool = False,
    lock_path: Path | None = None,
) -> Recorded:
    """Return what `__main__.py` registers for these workload files, instead of the stack's own.

    `lock_path` replaces the stack's own lock. Where `plan` is given, the command reports its
    shortfalls, and the program does not. Raises InputError for the stack file; the program's own
    refusal is a pulumi.RunError.
    """
    # Guard: Pulumi takes a second to import, see `record`.
    from components.foundation.other_stack import shape

    site = read_site(site_path)
    if lock_path is not None:
        site = replace(site, lock_path=lock_path)
    with _without_shortfalls(plan):
        return record(
            build_stack,
            config=program_config(site, files),
            project=PROJECT,
            stack=stack_name(site_path),
            preview=preview,
            referenced=shape(site.site.zones),
        )


@contextmanager
def _without_shortfalls(plan: Plan | None) -> Iterator[None]:
    """Suppress the program's log messages on services that lack something, while the block runs."""
    short = (*shortfalls(plan), *unserved(plan)) if plan is not None else ()
    texts = {shortfall.text for shortfall in short}
    log = logging.getLogger(LOG)

    def is_news(message: logging.LogRecord) -> bool:
        return message.getMessage() not in texts

    log.addFilter(is_news)
    try:
        yield
    finally:
        log.removeFilter(is_news)


def program_config(site: SiteFile, files: Sequence[Path]) -> dict[str, str]:
    """The stack's values as Pulumi passes them to a program: text, or JSON for lists and maps."""
    own: dict[str, object] = {
        WORKLOADS_KEY: [str(file.resolve()) for file in files],
        LOCK_KEY: str(site.lock_path.resolve() if site.lock_path.exists() else NO_LOCK),
    }
    values = {**site.config, **{f"{PROJECT}:{key}": value for key, value in own.items()}}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


def stack_name(site_path: Path) -> str:
    """Return `dev` for Pulumi.dev.yaml, and `preview` for a file with another form of name."""
    parts = site_path.name.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "Pulumi" else "preview"
