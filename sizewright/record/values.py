"""What a recording holds, and why a program could not be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class RecordError(Exception):
    """A program that cannot be recorded offline."""


class DuplicateResource(RecordError):  # noqa: N818
    """Two resources with the same URN: same type and name below the same chain of parent types."""


class InvokeRefused(RecordError):  # noqa: N818
    """A call of a provider function: no answer of a cloud may decide what exists."""


class UnrecordableRequest(RecordError):  # noqa: N818
    """A read of an existing resource, or a transform: an offline answer would be invented."""


@dataclass(frozen=True)
class RecordedResource:
    """One registration; other resources are named `type::name`.

    In `inputs` (keys sorted, whole numbers as int) a value of another resource is
    `{"$ref": "type::name", "property": "arn"}`, inside a longer text `${type::name.arn}`;
    a secret is `{"$secret": true}` and an unknown `{"$unknown": true}`. Defaults are what a
    program that says nothing of an option asks for.
    """

    type: str
    name: str
    parent: str | None
    inputs: dict[str, object]
    protect: bool = False
    depends_on: tuple[str, ...] = ()
    """Explicit and implied by inputs, sorted; a component stands for its custom children."""
    provider: str | None = None
    """The provider given to this resource or inherited; None means the default provider."""
    custom: bool = True
    """False for components."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str | dict[str, object], ...] = ()
    ignore_changes: tuple[str, ...] = ()
    update_timeout: str | None = None
    """How long the engine lets an update take; None where the program did not say."""
    delete_before_replace: bool | None = None
    """None where the program did not say."""
    outputs_registered: int = 0
    """How often `register_outputs` was called: once for a component, never for the rest."""

    @property
    def key(self) -> str:
        """`type::name`, by which other resources name it."""
        return f"{self.type}::{self.name}"


@dataclass(frozen=True)
class Recorded:
    """A whole program; the stack itself is left out."""

    resources: tuple[RecordedResource, ...]
    outputs: dict[str, object]

    def as_json(self) -> dict[str, object]:
        """The part of a recording that scripts may rely on, as plain JSON values."""
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
    """The value at a dotted path of inputs; None when nothing is there."""
    value = inputs
    while path:
        if isinstance(value, dict):
            # Guard: a Kubernetes key may hold dots itself (nvidia.com/gpu).
            key = path if path in value else path.split(".", 1)[0]
            value, path = value.get(key), path[len(key) + 1 :]
        elif isinstance(value, list):
            index, _, path = path.partition(".")
            value = value[int(index)] if int(index) < len(value) else None
        else:
            return None
    return value


def short_type(token: str) -> str:
    """A Pulumi type for people: aws:eks/nodeGroup:NodeGroup -> eks.NodeGroup."""
    package, module, kind = token.split(":")
    if module == "providers":
        return f"provider.{kind}"
    if package == "sizewright":
        return kind
    return f"{module.split('/')[0]}.{kind}"
