"""Names of a plan's leaves for people: which leaves does a name or a JSON pointer mean?"""

from collections.abc import Iterator
from dataclasses import dataclass

from sizewright.reading.input_error import ALIKE_OF_MANY, did_you_mean, found, joined
from sizing.plan.whole import Plan
from sizing.values.exact import Number

NAMING_KEYS = ("name", "role", "state", "method")
"""Keys that name a list's item; the first one that it has applies, else its index."""


class UnknownLeafError(LookupError):
    """A name that means no number of the plan, or more than one."""


@dataclass(frozen=True)
class NamedLeaf:
    """One leaf: name `chat.pool.gpus_total`, pointer `/services/0/pool/gpus_total` and value."""

    name: str
    pointer: str
    value: object

    @property
    def number(self) -> Number | None:
        """The value if it is a number."""
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return self.value if number else None  # type: ignore[return-value]


def named_leaves(plan: Plan) -> tuple[NamedLeaf, ...]:
    """Every leaf in the plan's order, including text; the name of a service is the first part."""
    return tuple(_leaves(plan.as_json(), (), ()))


def _leaves(value: object, name: tuple[str, ...], pointer: tuple[str, ...]) -> Iterator[NamedLeaf]:
    if isinstance(value, dict):
        for key, child in value.items():
            below = () if (key, pointer) == ("services", ()) else (*name, key)
            yield from _leaves(child, below, (*pointer, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, (*name, _item_name(child, index)), (*pointer, str(index)))
    else:
        yield NamedLeaf(".".join(name), "/" + "/".join(pointer), value)


def _item_name(item: object, index: int) -> str:
    if isinstance(item, dict):
        for key in NAMING_KEYS:
            if isinstance(item.get(key), str):
                return str(item[key]).replace(", ", "-")
    return str(index)


def resolve_leaf_name(leaves: tuple[NamedLeaf, ...], name: str) -> tuple[NamedLeaf, ...]:
    """The numbers that a JSON pointer, a name, the end of a name, or a whole part means.

    Raises UnknownLeafError for an unknown name, and for one of no number or of several.
    """
    whole = [leaf for leaf in leaves if name in (leaf.name, leaf.pointer)]
    if not whole:
        part = tuple(leaf for leaf in leaves if _is_below(leaf, name) and leaf.number is not None)
        if part:
            return part
        whole = [leaf for leaf in leaves if leaf.name.endswith(f".{name}")]
    numbers = [leaf for leaf in whole if leaf.number is not None]
    if not numbers and (part := _part_ending(leaves, name)):
        return part
    if len(numbers) > 1:
        numbers = _shallowest(numbers)
    if len(numbers) == 1:
        return tuple(numbers)
    if numbers:
        names = joined((leaf.name for leaf in numbers), len(numbers))
        raise UnknownLeafError(f"{name} matches the end of {len(numbers)} names: {names}")
    if whole:
        raise UnknownLeafError(f"{whole[0].name} {_no_number(whole[0].value)}")
    hint = _hint(leaves, name)
    raise UnknownLeafError(f"the plan has no number {name!r}" + (f"; {hint}" if hint else ""))


def _shallowest(numbers: list[NamedLeaf]) -> list[NamedLeaf]:
    """The number that belongs to the service itself, and not to one of its methods or states.

    All numbers are returned where they belong to several services or parts.
    """
    least = min(_depth(leaf.name) for leaf in numbers)
    owners = {leaf.name.partition(".")[0] for leaf in numbers}
    own = [leaf for leaf in numbers if _depth(leaf.name) == least]
    return own if len(owners) == 1 and len(own) == 1 else numbers


def _part_ending(leaves: tuple[NamedLeaf, ...], name: str) -> tuple[NamedLeaf, ...]:
    """Numbers of the outermost part whose name ends so; empty where several parts do."""
    numbers = [leaf for leaf in leaves if leaf.number is not None and f".{name}." in leaf.name]
    parts = {leaf.name.partition(f".{name}.")[0] for leaf in numbers}
    outermost = [part for part in parts if _depth(part) == min(map(_depth, parts))]
    if len(outermost) != 1:
        return ()
    return tuple(leaf for leaf in numbers if leaf.name.startswith(f"{outermost[0]}.{name}."))


def _depth(name: str) -> int:
    return name.count(".")


def _is_below(leaf: NamedLeaf, name: str) -> bool:
    return leaf.name.startswith(f"{name}.") or leaf.pointer.startswith(f"{name.rstrip('/')}/")


def _no_number(value: object) -> str:
    if value is None:
        return "is unknown for this workload, or not requested"
    return f"is not a number: {found(value)}"


def _hint(leaves: tuple[NamedLeaf, ...], name: str) -> str:
    numbers = [leaf for leaf in leaves if leaf.number is not None]
    if name.startswith("/"):
        return did_you_mean(name, [leaf.pointer for leaf in numbers], ALIKE_OF_MANY)
    steps = name.count(".") + 1
    ends = [".".join(leaf.name.split(".")[-steps:]) for leaf in numbers]
    whole = [leaf.name for leaf in numbers]
    return did_you_mean(name, ends, ALIKE_OF_MANY) or did_you_mean(name, whole, ALIKE_OF_MANY)
