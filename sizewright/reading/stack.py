"""This module reads workloads with their locks and the site of a stack file, and sizes the plan."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from sizewright.reading.input_error import InputError, did_you_mean, dotted, found, nearest, quoted
from sizewright.reading.model_file import is_model_file, read_model_file
from sizewright.reading.plain_yaml import Plain, Position
from sizewright.reading.read import Document, file_content, is_taken, read_mapping
from sizewright.reading.stack_lock_file import NO_LOCK, read_stack_lock
from sizing.catalog import Catalog, ModelFacts, load_catalog
from sizing.catalog.correction import Corrections
from sizing.catalog.lookup import check_site, facts_of
from sizing.fleet.capacity_source import check_capacity
from sizing.locks.cluster_lock import as_made, replacing
from sizing.locks.stack_lock import StackLock
from sizing.locks.workload_lock import Lock
from sizing.plan import Plan
from sizing.service.access import check_access
from sizing.site import Site
from sizing.site.certificate import check_certificate
from sizing.size import size
from sizing.stack.addresses import enough_addresses
from sizing.stack.mirror_check import check_mirrors
from sizing.stack.network import subnet_ranges
from sizing.stack.shared import check_ami_release
from sizing.values.field_error import FieldError, FieldPath
from sizing.workload import Workload

PROJECT = "sizewright"
WORKLOADS_KEY = "workloads"
LOCK_KEY = "lock"
OWN_KEYS = (WORKLOADS_KEY, LOCK_KEY)
"""Keys of a stack file that name files and are not part of its site."""
SCHEMA_KEY = "$schema"
STRUCTURED = frozenset(
    {
        "access",
        "account_ids",
        "allowed_cidrs",
        "allowed_prefix_list_ids",
        "cluster",
        "dns",
        "image_pull_secrets",
        "keys",
        "mirrors",
        "network",
        "public_cidrs",
        "required_tags",
        "tags",
        "zones",
    }
)
"""Keys of a site that are lists or mappings; Pulumi passes them to the program as JSON."""
DEFAULT_SITE = Path("Pulumi.dev.yaml")


@dataclass(frozen=True)
class SiteFile:
    """A stack file: its site, and the workload files that the stack builds."""

    keys: Document
    """The project's keys, without the prefix."""
    site: Site
    workloads: tuple[str, ...] | None
    """Workload files; null where the stack file names none. A stack may name an empty list."""
    config: Mapping[str, object]
    """The stack's values by full key, as the Pulumi program reads them."""
    lock_path: Path
    """Path of the stack's lock, which may not exist."""
    lock: StackLock | None
    """Versions that the stack runs; null without a lock."""


@dataclass(frozen=True)
class WorkloadFile:
    """A workload file, and the lock next to it."""

    path: Path
    document: Document
    workload: Workload
    lock: Lock | None
    model: ModelFacts | None = None
    """Model of a workload that names a config.json."""
    corrections: Corrections | None = None
    """Corrections in the `<workload>.calibration.json` next to it."""


def read_site(path: Path, *, writes_lock: bool = False) -> SiteFile:
    """Return the site of a `Pulumi.<stack>.yaml`.

    `writes_lock` is true for the command that creates the lock which the file names.

    Raises InputError.
    """
    return site_in(read_mapping(path), path, writes_lock=writes_lock)


def site_in(document: Document, path: Path, *, writes_lock: bool = False) -> SiteFile:
    """Return the site of a stack file that is, or will be, at `path`. Raises InputError."""
    config = document.data.get("config")
    if not isinstance(config, dict):
        expected = f"a Pulumi stack file with {PROJECT}: keys under config"
        raise document.error((), "has no config", expected)
    keys = _own_keys(document)
    lock_path = _lock_path(document, config, path)
    if not writes_lock:
        _check_named_lock(document, config, lock_path)
    return SiteFile(
        keys=keys,
        site=keys.validate(Site),
        workloads=_workload_names(document, config.get(f"{PROJECT}:{WORKLOADS_KEY}")),
        config=config,
        lock_path=lock_path,
        lock=read_stack_lock(lock_path),
    )


def _lock_path(document: Document, config: Mapping[str, Plain], path: Path) -> Path:
    """Path of the lock in the stack file, from the project's folder; else next to the file."""
    named = config.get(f"{PROJECT}:{LOCK_KEY}")
    if named is None or named == "":
        return path.with_suffix(".lock")
    if not isinstance(named, str):
        field = ("config", f"{PROJECT}:{LOCK_KEY}")
        raise document.error(field, f"found {found(named)}", "the path of a lock")
    return Path(named)


def _check_named_lock(document: Document, config: Mapping[str, Plain], path: Path) -> None:
    """Raises InputError where the stack file names a lock that does not exist.

    Guard: reading it as no lock would change every version of a running stack.
    """
    if config.get(f"{PROJECT}:{LOCK_KEY}") and path != NO_LOCK and not path.exists():
        field = ("config", f"{PROJECT}:{LOCK_KEY}")
        hint = f"`sizewright update {document.file}` writes it"
        raise document.error(field, f"{path} does not exist", "a lock of the stack", hint)


def site_of(values: dict[str, Plain], path: Path, lock_path: Path | None = None) -> SiteFile:
    """Return the site of values that Pulumi read; faults point into the stack file where possible.

    The lock is next to the stack file unless `lock_path` names another place.

    Raises InputError.
    """
    if path.is_file():
        places = _own_keys(read_mapping(path))
        keys = Document(str(path), values, places.key_positions, places.value_positions)
    else:
        keys = Document(str(path), values, {}, {(): (1, 1)})
    where = lock_path or path.with_suffix(".lock")
    if lock_path is not None and lock_path != NO_LOCK and not lock_path.exists():
        expected = "a lock of the stack, from the project's folder"
        raise keys.error((LOCK_KEY,), f"{lock_path} does not exist", expected)
    return SiteFile(
        keys=keys,
        site=keys.validate(Site),
        workloads=None,
        config={},
        lock_path=where,
        lock=read_stack_lock(where),
    )


def _own_keys(document: Document) -> Document:
    """The project's keys of a stack file without the prefix, with their positions in the file.

    Empty text counts as absent, as in the program: the engine fills undeclared keys with it.
    """
    prefix = f"{PROJECT}:"

    def short(path: FieldPath) -> FieldPath | None:
        if path == ("config",):
            return ()
        if len(path) < 2 or path[0] != "config" or not str(path[1]).startswith(prefix):
            return None
        return (str(path[1]).removeprefix(prefix), *path[2:])

    def shortened(positions: dict[FieldPath, Position]) -> dict[FieldPath, Position]:
        return {new: at for old, at in positions.items() if (new := short(old)) is not None}

    config = document.data.get("config")
    if isinstance(config, dict):
        _check_prefixes(document, config)
    data = {
        key.removeprefix(prefix): value
        for key, value in (config.items() if isinstance(config, dict) else ())
        if key.startswith(prefix) and key.removeprefix(prefix) not in OWN_KEYS and value != ""
    }
    return Document(
        document.file,
        data,
        shortened(document.key_positions),
        shortened(document.value_positions),
    )


def _check_prefixes(document: Document, config: Mapping[str, Plain]) -> None:
    """Raises InputError for a key of a site whose prefix is nearly the project's."""
    for key in config:
        prefix, _, name = key.partition(":")
        known = name in OWN_KEYS or name in Site.model_fields
        if prefix != PROJECT and known and nearest(prefix, [PROJECT]):
            hint = f"did you mean '{PROJECT}:{name}'?"
            message = f"unknown prefix '{prefix}'"
            raise document.error(("config", key), message, suggestion=hint, at_key=True)


def _workload_names(document: Document, value: object) -> tuple[str, ...] | None:
    field = ("config", f"{PROJECT}:{WORKLOADS_KEY}")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise document.error(field, "is not a list of files", "[workloads/chat.yaml]")
    return tuple(str(name) for name in value)


def read_workload(path: Path, catalog: Catalog) -> WorkloadFile:
    """Return a workload file whose names the catalog knows, and its lock if it has one.

    Raises InputError.
    """
    document = _without_schema(read_mapping(path))
    _refuse_stack_file(document)
    workload = document.validate(Workload)
    model, name = None, workload.model.name
    if name is not None and is_model_file(name):
        model = _own_model(path.parent / name, name, document)
    try:
        facts_of(workload, catalog.with_models([model] if model else []))
    except FieldError as fault:
        raise _located(document, fault) from fault
    lock_path = path.with_suffix(".lock")
    lock = read_mapping(lock_path).validate(Lock) if is_taken(lock_path) else None
    own = read_corrections(path.with_suffix(".calibration.json"), catalog)
    return WorkloadFile(path, document, workload, lock, model, own)


def _refuse_stack_file(document: Document) -> None:
    """Raises InputError where a stack file was given as a workload file."""
    config = document.data.get("config")
    if isinstance(config, dict) and any(key.startswith(f"{PROJECT}:") for key in config):
        hint = f"give it with --site {document.file}"
        message = "this is a stack file"
        raise document.error(("config",), message, "a workload file", hint, at_key=True)


def _own_model(path: Path, name: str, document: Document) -> ModelFacts:
    """Return the model of a file that a workload names; faults say where the workload names it."""
    try:
        return read_model_file(path, name)
    except InputError as fault:
        at = document.error(("model", "name"), "")
        named = f"{document.file}:{at.line}:{at.column} names this file"
        raise InputError(
            fault.file,
            fault.line,
            fault.column,
            field=fault.field,
            message=fault.message,
            expected=fault.expected,
            suggestion="; ".join(filter(None, (fault.suggestion, named))),
        ) from None


def _without_schema(document: Document) -> Document:
    """Return the document without the path of its own schema, which only editors read."""
    said = document.data.get(SCHEMA_KEY, "")
    if not isinstance(said, str):
        raise document.error((SCHEMA_KEY,), f"found {found(said)}", "the path of a schema")
    data = {key: value for key, value in document.data.items() if key != SCHEMA_KEY}
    return replace(document, data=data)


def read_corrections(path: Path, catalog: Catalog) -> Corrections | None:
    """Return the corrections that `calibrate` wrote, where the file exists. Raises InputError."""
    if not is_taken(path):
        return None
    try:
        own = Corrections.model_validate_json(file_content(path, "a correction file"))
        catalog.with_corrections(own)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise InputError(
            str(path), field=field, message=first["msg"], expected="what `calibrate` writes"
        ) from None
    except ValueError as fault:
        raise InputError(str(path), field="fitted", message=str(fault)) from None
    for index, each in enumerate(own.corrections):
        engines = catalog.coefficients.engines
        if each.engine not in engines:
            raise InputError(
                str(path),
                field=f"corrections[{index}].engine",
                message=f"unknown engine {quoted(each.engine)}",
                expected=f"one of {', '.join(sorted(engines))}",
                suggestion=did_you_mean(each.engine, engines),
            )
    return own.model_copy(update={"source": path.name})


def plan_of(files: Sequence[WorkloadFile], site: SiteFile, catalog: Catalog) -> Plan:
    """Return the plan of a stack. Raises InputError for a fault of the site, or for equal names."""
    workloads = [file.workload for file in files]
    for index, file in enumerate(files):
        if any(file.workload.name == other.name for other in workloads[:index]):
            message = f"another file already has a service named {file.workload.name}"
            raise file.document.error(("name",), message, "a name of its own")
        try:
            check_access(file.workload, site.site)
        except FieldError as fault:
            raise _located(file.document, fault) from fault
    try:
        check_site(site.site, catalog)
        check_ami_release(site.site)
        subnet_ranges(site.site)
        check_mirrors(workloads, site.site, catalog)
    except FieldError as fault:
        raise _located(site.keys, fault) from fault
    for file in files:
        try:
            check_capacity(file.workload, site.site, catalog)
        except FieldError as fault:
            raise _located(file.document, fault) from fault
    locks = {file.workload.name: file.lock for file in files if file.lock is not None}
    corrections = {f.workload.name: f.corrections for f in files if f.corrections is not None}
    known = _with_own_models(catalog, files)
    if site.lock is not None:
        known = known.with_lock(dict(site.lock.versions()))
    plan = size(workloads, site.site, known, locks, corrections)
    plan = as_made(plan, None if site.lock is None else site.lock.cluster)
    return plan if site.lock is None else _with_held_pods(plan, site.lock)


def _with_held_pods(plan: Plan, lock: StackLock) -> Plan:
    """Return the plan with the recorded pods of services whose zones take turns."""
    held = lock.templates_by_zone.held_pods()
    turning = {s.name for s in plan.services if s.serving and s.serving.zones_take_turns}
    kept = {name: zones for name, zones in held.items() if name in turning}
    return plan.model_copy(update={"held_pods": kept}) if kept else plan


def catalog_of(file: WorkloadFile, catalog: Catalog) -> Catalog:
    """Return the catalog with the model and the corrections of one workload file."""
    known = catalog.with_models([file.model] if file.model else [])
    return known.with_corrections(file.corrections)


def _with_own_models(catalog: Catalog, files: Sequence[WorkloadFile]) -> Catalog:
    """Return the catalog with the models of the files. Raises InputError where two share a name."""
    own: dict[str, ModelFacts] = {}
    for file in files:
        if file.model is not None and own.setdefault(file.model.name, file.model) != file.model:
            message = f"another file names a different model {file.model.name}"
            raise file.document.error(("model", "name"), message, "a file name of its own")
    return catalog.with_models(list(own.values()))


def read_plan(files: Sequence[Path], site_path: Path) -> Plan:
    """Return the plan of workload files on a site. Raises InputError."""
    catalog = load_catalog()
    site = read_site(site_path)
    return plan_of([read_workload(path, catalog) for path in files], site, catalog)


def buildable(site: SiteFile, plan: Plan, catalog: Catalog) -> None:
    """Check what only building requires. Raises InputError that names what the site lacks."""
    keys = site.keys
    if len(site.site.zones) < 2:
        expected = "two or more: the control plane, load balancers and databases each need two"
        raise keys.error(("zones",), "a single zone", expected)
    for index, zone in enumerate(site.site.zones):
        if not catalog.has_control_plane(zone):
            message = f"EKS puts no control plane into {zone}"
            raise keys.error(("zones", index), message, "another zone of the region")
    if not site.site.account_ids:
        hint = "add sizewright:account_ids to the stack file"
        raise keys.error((), "account_ids: missing", 'an AWS account, e.g. ["111122223333"]', hint)
    if len(site.site.account_ids) > 1:
        expected = "one: keys and roles are of the account that the stack stands in"
        raise keys.error(("account_ids",), "more than one account", expected)
    try:
        check_certificate(site.site)
    except FieldError as fault:
        raise _located(keys, fault) from fault
    for replaced in cluster_faults(site):
        raise replaced
    gateways = any(service.gateway is not None for service in plan.services)
    if gateways and site.site.certificate_arn is None and site.site.dns is None:
        expected = "an ACM certificate for HTTPS, or dns to make one in"
        hint = "add sizewright:certificate_arn or sizewright:dns to the stack file"
        raise keys.error((), "certificate_arn: missing", expected, hint)


def cluster_faults(site: SiteFile) -> Iterator[InputError]:
    """Faults of requests in the stack file that only another cluster could meet."""
    if site.lock is not None and site.lock.cluster is not None:
        for fault in replacing(site.site, site.lock.cluster):
            yield _located(site.keys, fault)


def addressable(site: SiteFile, plan: Plan) -> None:
    """Check that the network has room for what the plan puts in it. Raises InputError."""
    try:
        enough_addresses(plan.network)
    except FieldError as fault:
        if fault.field[0] in site.keys.data:
            raise _located(site.keys, fault) from fault
        raise InputError(
            site.keys.file,
            field=dotted(fault.field),
            message=f"the default {fault.message}: {_most_nodes(plan)}",
            expected=fault.expected,
            suggestion=fault.suggestion,
        ) from fault


def _most_nodes(plan: Plan) -> str:
    """Name the service with most of the nodes."""
    pools = {service.name: service.pool for service in plan.services if service.pool is not None}
    name, pool = max(pools.items(), key=lambda of: of[1].nodes_total)
    return f"{name} has {pool.nodes_total:,} nodes"


def _located(document: Document, fault: FieldError) -> InputError:
    return document.error(fault.field, fault.message, fault.expected, fault.suggestion)
