"""The contents of a recording, and the errors of a program that cannot be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class RecordError(Exception):
    """A program that cannot be recorded offline."""


class DuplicateResource(RecordError):  # noqa: N818
    """Two resources with the same URN: same type and name below the same chain of parent types."""


class InvokeRefused(RecordError):  # noqa: N818
    """A call of a provider function: a cloud's answer must not decide which resources exist."""


class UnrecordableRequest(RecordError):  # noqa: N818
    """A read of an existing resource, or a transform: an offline answer would be invented."""


@dataclass(frozen=True)
class RecordedResource:
    """One registration; other resources are named `type::name`.

    In `inputs` keys are sorted, and whole numbers are int. A value of another resource is `{"$ref":
    "type::name", "property": "arn"}`, inside a longer text `${type::name.arn}`. A secret is
    `{"$secret": true}` and an unknown `{"$unknown": true}`. Defaults apply where a program does not
    set an option.
    """

    type: str
    name: str
    parent: str | None
    inputs: dict[str, object]
    protect: bool = False
    depends_on: tuple[str, ...] = ()
    """Explicit dependencies and those of inputs, sorted; a component means its custom children."""
    provider: str | None = None
    """The provider given to this resource or inherited; None means the default provider."""
    custom: bool = True
    """False for components."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str | dict[str, object], ...] = ()
    ignore_changes: tuple[str, ...] = ()
    update_timeout: str | None = None
    """Time limit of an update; None where the program did not set it."""
    delete_before_replace: bool | None = None
    """Order of deletion; None where the program did not set it."""
    outputs_registered: int = 0
    """Number of calls of `register_outputs`: one for a component, zero for the rest."""

    @property
    def key(self) -> str:
        """Return `type::name`, by which other resources name it."""
        return f"{self.type}::{self.name}"


@dataclass(frozen=True)
class Recorded:
    """A recording of a whole program, without the stack itself."""

    resources: tuple[RecordedResource, ...]
    outputs: dict[str, object]

    def as_json(self) -> dict[str, object]:
        """Return the part of a recording that scripts may rely on, as plain JSON values."""
        return {
            "resources": [
                {
                    "type": resource.type,
                    "name": resource.name,
                    "parent": resource.parent,
                    "inputs": resource.inputs,
                    "protect": resource.protect,
                    "depends_on": list(resource.depends_on),
                }
                for resource in self.resources
            ],
            "outputs": self.outputs,
        }


def at(inputs: object, path: str) -> object:
    """Return the value at a dotted path of inputs; None when nothing is there."""
    value = inputs
    while path:
        if isinstance(value, dict):
            # Guard: a Kubernetes key may contain dots itself (nvidia.com/gpu).
            key = path if path in value else path.split(".", 1)[0]
            value, path = value.get(key), path[len(key) + 1 :]
        elif isinstance(value, list):
            index, _, path = path.partition(".")
            value = value[int(index)] if int(index) < len(value) else None
        else:
            return None
    return value


def short_type(token: str) -> str:
    """Return a Pulumi type for people: aws:eks/nodeGroup:NodeGroup -> eks.NodeGroup."""
    package, module, kind = token.split(":")
    if module == "providers":
        return f"provider.{kind}"
    if package == "sizewright":
        return kind
    return f"{module.split('/')[0]}.{kind}"
