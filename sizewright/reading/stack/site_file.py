"""The site of a stack file, the workload files that it names, and its lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sizewright.reading.input_error import found, nearest
from sizewright.reading.plain_yaml import Plain, Position
from sizewright.reading.read import Document, read_mapping
from sizewright.reading.stack_lock_file import NO_LOCK, read_stack_lock
from sizing.locks.stack_lock import StackLock
from sizing.site import Site
from sizing.values.field_error import FieldPath

PROJECT = "sizewright"
WORKLOADS_KEY = "workloads"
LOCK_KEY = "lock"
PAGE_SECRET_KEY = "page_client_secret"
"""Secret of the client of chat pages, which Pulumi encrypts. Only the Pulumi program reads it."""
OWN_KEYS = (WORKLOADS_KEY, LOCK_KEY, PAGE_SECRET_KEY)
"""Keys of a stack file that name files or are secret, and are not part of its site."""
STRUCTURED = frozenset(
    {
        "access",
        "account_ids",
        "alerts",
        "allowed_cidrs",
        "allowed_prefix_list_ids",
        "cluster",
        "dns",
        "image_pull_secrets",
        "keys",
        "metrics",
        "mirrors",
        "network",
        "page_client",
        "public_cidrs",
        "required_tags",
        "signing_key",
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
    _check_secret(document, config)
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


def _check_secret(document: Document, config: Mapping[str, Plain]) -> None:
    """Raises InputError where the secret of a client is not encrypted, without showing it."""
    key = f"{PROJECT}:{PAGE_SECRET_KEY}"
    value = config.get(key)
    if value is not None and (not isinstance(value, dict) or [*value] != ["secure"]):
        hint = f"`pulumi config set --secret {key}` encrypts it"
        raise document.error(("config", key), "is not encrypted", "a secret of Pulumi", hint)


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


def _workload_names(document: Document, value: object) -> tuple[str, ...] | None:
    field = ("config", f"{PROJECT}:{WORKLOADS_KEY}")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise document.error(field, "is not a list of files", "[workloads/chat.yaml]")
    return tuple(str(name) for name in value)


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
