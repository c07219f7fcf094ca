"""Which resources are replaced because they refer to a replaced resource?"""

from collections.abc import Collection, Iterator, Mapping

from sizewright.record import Recorded, RecordedResource
from sizewright.review.changes import Effect, Rules

PROVIDER = "(provider)"
"""Name for the provider of a resource among its properties."""
Followers = dict[str, tuple[tuple[str, Effect], ...]]
"""Forcing properties of each following resource, by its key."""


def followers(recorded: Recorded, replaced: Mapping[str, Effect], rules: Rules) -> Followers:
    """Resources that new values of replaced ones also replace; each may pass the replacement on.

    A property that is updated in place passes nothing on. Order and parents pass nothing on either.
    Basis: vendor (pulumi pkg/resource/deploy/step_generator.go: providers request a replacement
    when a property that refers to a replaced resource is not known yet).
    """
    effects, found = dict(replaced), Followers()
    for resource in recorded.resources:
        if resource.custom and resource.key not in effects:
            forcing = tuple(_forcing(resource, effects, rules))
            if forcing:
                found[resource.key] = forcing
                surely = any(effect is Effect.replace for _, effect in forcing)
                effects[resource.key] = Effect.replace if surely else Effect.may_replace
    return found


def deleted_with(recorded: Recorded, key: str, rules: Rules) -> tuple[str, ...]:
    """Keys of what the engine deletes before the resource `key`, in the order registered.

    Basis: vendor (step_generator.go, calculateDependentReplacements: a property that depends on a
    deleted resource counts as unknown as a whole. Resources that their provider would then replace
    are deleted too).
    """
    gone = {key}
    for resource in recorded.resources:
        dependent = [
            name for name, keys in resource.property_dependencies.items() if gone & {*keys}
        ]
        replaced = any(rules.effect(resource.type, name) is not Effect.update for name in dependent)
        if resource.custom and (resource.provider in gone or replaced):
            gone.add(resource.key)
    return tuple(r.key for r in recorded.resources if r.key in gone and r.key != key)


def _forcing(
    resource: RecordedResource, effects: Mapping[str, Effect], rules: Rules
) -> Iterator[tuple[str, Effect]]:
    if (provider := resource.provider) is not None and provider in effects:
        yield PROVIDER, effects[provider]
    for path, keys in _references(resource.inputs, effects):
        effect = rules.effect(resource.type, path)
        if effect is not Effect.update:
            sure = effect is Effect.replace and any(effects[k] is Effect.replace for k in keys)
            yield path, Effect.replace if sure else Effect.may_replace


def _references(
    value: object, keys: Collection[str], path: str = ""
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each leaf that refers to some of the keys."""
    match value:
        case {"$ref": str(key), "property": _}:
            found: tuple[str, ...] = (key,) if key in keys else ()
        case dict():
            found = ()
            for name, item in value.items():
                yield from _references(item, keys, f"{path}.{name}" if path else name)
        case list():
            found = ()
            for index, item in enumerate(value):
                yield from _references(item, keys, f"{path}[{index}]")
        case str():
            found = tuple(key for key in keys if f"${{{key}." in value)
        case _:
            found = ()
    if found:
        yield path, found
