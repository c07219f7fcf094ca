"""Changes that the engine reports in the output of `pulumi preview --json`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sizewright.reading.input_error import InputError
from sizewright.record.references import archive_digest
from sizewright.record.sdk import ARCHIVE, SECRET, SIGNATURE, UNKNOWN
from sizewright.review.changes import STATEFUL, Effect
from sizewright.review.compare import AFTER, Change, ResourceChange, leaf_changes, ordered

STACK = "pulumi:pulumi:Stack"
EFFECTS = {
    "create": Effect.create,
    "import": Effect.create,
    "update": Effect.update,
    "delete": Effect.delete,
    "replace": Effect.replace,
    "create-replacement": Effect.replace,
    "delete-replaced": Effect.replace,
}
EXPECTED = "the output of pulumi preview --json"


def engine_changes(preview: Mapping[str, Any], name: str) -> tuple[tuple[ResourceChange, ...], int]:
    """Resources that the engine would change, and how many stay. Raises InputError."""
    steps = _steps(preview, name)
    changed = {step["urn"]: step for step in steps if step.get("op") in EFFECTS}
    going = _going(steps)
    found = [
        replace(_change(step), deletes_first=urn in going, goes_with=going.get(urn, ()))
        for urn, step in changed.items()
        if _type(step) != STACK
    ]
    # The engine counts unchanged resources including the stack, and lists only the stack.
    summary = preview.get("changeSummary") or {}
    if not isinstance(summary, dict) or not isinstance(summary.get("same", 0), int):
        raise InputError(name, message="changeSummary counts nothing", expected=EXPECTED)
    stays = int(summary.get("same", 0))
    return ordered(found), stays - any(
        step.get("op") == "same" and _type(step) == STACK for step in steps
    )


def deployed_outputs(preview: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Outputs of the stack before the change; empty where it does not exist yet.

    Raises InputError.
    """
    for step in _steps(preview, name):
        if _type(step) == STACK:
            return dict((step.get("oldState") or {}).get("outputs") or {})
    return {}


def _steps(preview: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    steps = preview.get("steps")
    if not isinstance(steps, list):
        raise InputError(name, message="has no steps", expected=EXPECTED)
    for number, step in enumerate(steps):
        if not isinstance(step, dict) or str(step.get("urn")).count("::") < 3:
            raise InputError(name, message=f"steps[{number}] has no urn", expected=EXPECTED)
    return steps


def _going(steps: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Resources that the engine deletes and creates again, and those deleted with each, by URN.

    The steps are in order: such a deletion is the first step of its resource. A resource that
    depends on another deleted one is listed with that one, and has no list of its own.
    """
    first = dict[str, dict[str, Any]]()
    for step in steps:
        first.setdefault(step["urn"], step)
    old = {u: s.get("oldState") or {} for u, s in first.items() if s.get("op") == "delete-replaced"}
    needs = {urn: _needs(state) & old.keys() - {urn} for urn, state in old.items()}
    going: dict[str, tuple[str, ...]] = dict.fromkeys(old, ())
    for root in (urn for urn, needed in needs.items() if not needed):
        within = {root}
        while more := {urn for urn, needed in needs.items() if needed & within} - within:
            within |= more
        going[root] = tuple(_key(urn) for urn in old if urn in within - {root})
    return going


def _needs(state: Mapping[str, Any]) -> set[str]:
    """URNs of the resources that the resource refers to, and of its provider."""
    named = {urn for urns in (state.get("propertyDependencies") or {}).values() for urn in urns}
    return named | {str(state.get("provider", "")).rpartition("::")[0]}


def _key(urn: str) -> str:
    kind, name = urn.split("::", 3)[2:]
    return f"{kind.split('$')[-1]}::{name}"


def _type(step: Mapping[str, Any]) -> str:
    return str(step["urn"].split("::")[2].split("$")[-1])


def _change(step: Mapping[str, Any]) -> ResourceChange:
    type_, name = _type(step), str(step["urn"].split("::", 3)[3])
    effect = EFFECTS[step["op"]]
    changes = tuple(_leaves(step)) if effect in (Effect.update, Effect.replace) else ()
    before, after = (_inputs(step, side) for side in ("oldState", "newState"))
    if effect is Effect.delete:
        after = None
    return ResourceChange(effect, type_, name, type_ in STATEFUL, changes, before, after)


def _inputs(step: Mapping[str, Any], side: str) -> dict[str, Any] | None:
    state = step.get(side)
    return _shown(state.get("inputs") or {}) if isinstance(state, dict) else None


def _leaves(step: Mapping[str, Any]) -> Iterator[Change]:
    detailed = step.get("detailedDiff") or {}
    forcing = {path for path, diff in detailed.items() if str(diff.get("kind")).endswith("replace")}
    forcing |= set(step.get("replaceReasons") or ())
    before, after = (_inputs(step, side) or {} for side in ("oldState", "newState"))
    for leaf in leaf_changes(before, after):
        forced = any(_within(leaf.path, path) for path in forcing)
        effect = Effect.replace if forced else Effect.update
        yield Change(leaf.path, leaf.old, leaf.new, effect)


def _within(path: str, other: str) -> bool:
    return path == other or path.startswith((f"{other}.", f"{other}["))


def _shown(value: Any) -> Any:
    """Values as people read them, without secrets, unknown values and the content of archives."""
    match value:
        case str():
            return AFTER if value == UNKNOWN else value
        case list():
            return [_shown(item) for item in value]
        case dict() if value.get(SIGNATURE) == SECRET:
            return "[secret]"
        case dict() if value.get(SIGNATURE) == ARCHIVE:
            return {"$archive": archive_digest(value) or f"sha256:{value.get('hash')}"}
        case dict():
            return {key: _shown(item) for key, item in value.items() if not key.startswith("__")}
    return value
