"""What the engine itself says of a change: the output of `pulumi preview --json`."""

from collections.abc import Iterator, Mapping
from typing import Any

from sizewright.changes import STATEFUL, Effect
from sizewright.compare import Change, ResourceChange, leaf_changes, ordered
from sizewright.input_error import InputError
from sizewright.record.sdk import SECRET, SIGNATURE, UNKNOWN

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
AFTER = "(known after the update)"


def engine_changes(preview: Mapping[str, Any], name: str) -> tuple[tuple[ResourceChange, ...], int]:
    """The resources that the engine would change, and how many it leaves. Raises InputError."""
    steps = _steps(preview, name)
    changed = {step["urn"]: step for step in steps if step.get("op") in EFFECTS}
    found = [_change(step) for step in changed.values() if _type(step) != STACK]
    # The engine counts what stays, the stack among it, and lists of that the stack alone.
    summary = preview.get("changeSummary") or {}
    if not isinstance(summary, dict) or not isinstance(summary.get("same", 0), int):
        raise InputError(name, message="changeSummary counts nothing", expected=EXPECTED)
    stays = int(summary.get("same", 0))
    return ordered(found), stays - any(
        step.get("op") == "same" and _type(step) == STACK for step in steps
    )


def deployed_outputs(preview: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The stack's outputs before the change; empty where it does not exist yet.

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
    """Values as people read them: nothing secret, nothing that is not known."""
    match value:
        case str():
            return AFTER if value == UNKNOWN else value
        case list():
            return [_shown(item) for item in value]
        case dict() if value.get(SIGNATURE) == SECRET:
            return "[secret]"
        case dict():
            return {key: _shown(item) for key, item in value.items() if not key.startswith("__")}
    return value
