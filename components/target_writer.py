"""Who registers the targets of a target group: a load balancer controller, whoever runs it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class TargetWriter:
    role_name: pulumi.Input[str] | None
    """Role to be granted each target group; null where it may write to all."""
    ready: Sequence[pulumi.Resource]
    """What must outlive the bindings."""
