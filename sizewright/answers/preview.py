"""`sizewright preview --json`."""

from typing import Any

from sizewright.answers.answer import Answer
from sizing.values.strict import Strict


class PreviewedResource(Strict):
    """One resource that the program registers."""

    type: str
    """Pulumi type."""
    name: str
    """Logical name."""
    parent: str | None
    """The component that it is a part of, as type::name."""
    inputs: dict[str, Any]
    """Input properties; of another resource, {"$ref": "type::name", "property": ...}."""
    protect: bool
    """Whether the engine refuses to delete it."""
    depends_on: tuple[str, ...]
    """Resources that it waits for, as type::name."""


class PreviewAnswer(Answer):
    """What the program registers; nothing where a service is infeasible."""

    resources: tuple[PreviewedResource, ...]
    """In the order of their construction."""
    outputs: dict[str, Any]
    """What the stack exports."""
