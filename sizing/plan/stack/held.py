"""Pods in a stack's lock."""

import json
from hashlib import sha256
from typing import Any

from pydantic import Field

from sizing.plan.part import Part


class PodRevision(Part):
    """Pods of a service's floor, and the programs that they mount."""

    pod: dict[str, Any]
    """Pod's part of the Deployment or of the set of groups. `${zone}` is replaced by its zone."""
    scripts: dict[str, str] = Field(default_factory=dict)
    """Text of each program's document, by name."""

    @property
    def digest(self) -> str:
        """First 10 hex digits of the SHA-256 of its canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return sha256(text.encode()).hexdigest()[:10]
