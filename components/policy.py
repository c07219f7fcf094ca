"""IAM policy documents as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

VERSION = "2012-10-17"


def allow(
    actions: str | list[str],
    resources: pulumi.Input[str] | Sequence[pulumi.Input[str]],
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A statement of a role's own policy."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if conditions is None else {**statement, "Condition": conditions}


def policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """Document of these statements; values that exist only after creation may be in them."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)})
