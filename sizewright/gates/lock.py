"""Gates over the stack's lock: does it exist, does it match the stack file, and is it complete?"""

from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizewright.layout.numbers import plural
from sizewright.reading.stack.buildable import cluster_faults
from sizewright.reading.stack.site_file import SiteFile
from sizewright.reading.stack_lock_file import unknown
from sizing.catalog import Catalog
from sizing.locks.stack_lock import StackLock
from sizing.plan.whole import Plan
from sizing.stack.pins import differing_requests, not_locked, stack_lock
from sizing.stack.unverified import image_repositories

NAME = "stack lock"


def lock_gates(site: SiteFile, plan: Plan, catalog: Catalog) -> Iterator[Gate]:
    """One verdict on the lock, and one on each version that nobody has read yet.

    In dev such a version is printed; in prod it fails. `catalog` is the one without any lock.
    """
    unpinned = False if site.site.protected else None
    if site.lock is None:
        yield Gate(NAME, unpinned, nothing_pinned(site))
        return
    move = f"`sizewright update {site.keys.file}` moves it"
    wanted = stack_lock(plan, catalog, site.lock)
    if moved := list(differing_requests(site.lock, wanted, site.site)):
        yield Gate(NAME, False, f"the stack file asks for {', '.join(moved)}; {move}")
    elif new := list(not_locked(site.lock, wanted)):
        yield Gate(NAME, unpinned, f"{site.lock_path} lacks {', '.join(new)}; {move}")
    else:
        yield Gate(NAME, True, _held(site.lock))
    if site.lock.cluster is not None:
        faults = [str(fault) for fault in cluster_faults(site)]
        kept = f"role path {site.lock.cluster.role_path}, network {site.lock.cluster.vpc}"
        yield Gate("cluster stays", not faults, "; ".join(faults) or kept, str(site.lock_path))
    for path, command in unknown(site.lock, site.site.region, image_repositories(plan.services)):
        yield Gate(f"pin {path}", unpinned, f"unknown; put into {site.lock_path}: {command}")


def nothing_pinned(site: SiteFile) -> str:
    """Notice for a stack without a lock, with the command that writes one."""
    return (
        f"nothing is pinned yet: a new release of this program may move versions; "
        f"`sizewright update {site.keys.file}` writes {site.lock_path}"
    )


def _held(lock: StackLock) -> str:
    counts = [
        plural(len(lock.charts), "chart"),
        plural(len(lock.images), "image"),
        plural(len(lock.addons), "add-on"),
        plural(len(lock.ami_releases), "image type"),
    ]
    return f"Kubernetes {lock.kubernetes}, {', '.join(counts)}"
