"""The plan of workload files on a site, with the rules that concern both."""

from collections.abc import Sequence
from pathlib import Path

from sizewright.reading.stack.site_file import SiteFile, read_site
from sizewright.reading.stack.workload_file import WorkloadFile, read_workload
from sizing.catalog import Catalog, ModelFacts, load_catalog
from sizing.locks.cluster_lock import as_made
from sizing.locks.stack_lock import StackLock
from sizing.plan.whole import Plan
from sizing.size import size
from sizing.values.field_error import StackFieldError


def read_plan(files: Sequence[Path], site_path: Path) -> Plan:
    """Return the plan of workload files on a site. Raises InputError."""
    catalog = load_catalog()
    site = read_site(site_path)
    return plan_of([read_workload(path, catalog) for path in files], site, catalog)


def plan_of(files: Sequence[WorkloadFile], site: SiteFile, catalog: Catalog) -> Plan:
    """Return the plan of a stack. Raises InputError at the field that sizing refuses."""
    locks = {file.workload.name: file.lock for file in files if file.lock is not None}
    corrections = {f.workload.name: f.corrections for f in files if f.corrections is not None}
    known = _with_own_models(catalog, files)
    if site.lock is not None:
        known = known.with_lock(dict(site.lock.versions()))
    try:
        plan = size([file.workload for file in files], site.site, known, locks, corrections)
    except StackFieldError as fault:
        index = fault.workload_index
        document = site.keys if index is None else files[index].document
        raise document.of_rule(fault) from fault
    plan = as_made(plan, None if site.lock is None else site.lock.cluster)
    return plan if site.lock is None else _with_held_pods(plan, site.lock)


def _with_own_models(catalog: Catalog, files: Sequence[WorkloadFile]) -> Catalog:
    """Return the catalog with the models of the files. Raises InputError where two share a name."""
    own: dict[str, ModelFacts] = {}
    for file in files:
        if file.model is not None and own.setdefault(file.model.name, file.model) != file.model:
            message = f"another file names a different model {file.model.name}"
            raise file.document.error(("model", "name"), message, "a unique file name")
    return catalog.with_models(list(own.values()))


def _with_held_pods(plan: Plan, lock: StackLock) -> Plan:
    """Return the plan with the recorded pods of services whose zones take turns."""
    held = lock.templates_by_zone.held_pods()
    turning = {s.name for s in plan.services if s.serving and s.serving.zones_take_turns}
    kept = {name: zones for name, zones in held.items() if name in turning}
    return plan.model_copy(update={"held_pods": kept}) if kept else plan
