"""Write the files of `sizewright/project` that the catalog decides: its workload and both locks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

from sizewright.reading.stack.site_file import DEFAULT_SITE, SiteFile, read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.reading.stack_lock_file import stack_lock_text
from sizewright.review.stack_update import stack_update
from sizing.catalog import load_catalog
from sizing.locks.stack_lock import ZoneTemplates
from sizing.stack.unverified import image_repositories

PROJECT = Path(__file__).parents[1] / "sizewright" / "project"
WORKLOAD = Path("workloads/chat.yaml")


def texts() -> dict[str, str]:
    """Text by path of each file of a new repository that the catalog decides."""
    with TemporaryDirectory() as folder, chdir(folder):
        copy(PROJECT / DEFAULT_SITE, folder)
        subprocess.run(
            [sys.executable, "-m", "sizewright", "init", WORKLOAD.stem],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT.parents[1])},
        )
        return dict(_written(read_site(DEFAULT_SITE)))


def _written(site: SiteFile) -> Iterator[tuple[str, str]]:
    for path in (WORKLOAD, WORKLOAD.with_suffix(".lock")):
        yield path.as_posix(), path.read_text(encoding="utf-8")
    yield site.lock_path.name, _stack_lock(site)


def _stack_lock(site: SiteFile) -> str:
    """Return the text of the stack's lock: only versions, as no cluster, node or pod exists yet."""
    catalog = load_catalog()
    found = stack_update([read_workload(WORKLOAD, catalog)], site, catalog)
    nothing = {"cluster": None, "templates_by_zone": ZoneTemplates()}
    versions = found.after.model_copy(update=nothing)
    return stack_lock_text(versions, site.site.region, image_repositories(found.new.services))


if __name__ == "__main__":
    for name, text in texts().items():
        path = PROJECT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(PROJECT.parents[1]))
