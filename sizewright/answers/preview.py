"""The answer of `sizewright preview --json`."""

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
    """Component that contains it, as type::name."""
    inputs: dict[str, Any]
    """Input properties; a value of another resource is {"$ref": "type::name", "property": ...}."""
    protect: bool
    """True where the engine refuses to delete it."""
    depends_on: tuple[str, ...]
    """Resources that it waits for, as type::name."""


class PreviewAnswer(Answer):
    """Resources that the program registers; empty where a service is infeasible."""

    resources: tuple[PreviewedResource, ...]
    """Resources in the order of their construction."""
    outputs: dict[str, Any]
    """Outputs of the stack."""
