"""The recording of a whole stack."""

from components.platform import build
from sizewright.record import Recorded, RecordedResource
from sizing.plan.whole import Plan
from tests.components.recording import recorded


def stack(plan: Plan, preview: bool = False) -> Recorded:
    return recorded(lambda: build(plan), preview)


def owned(recording: Recorded, prefix: str) -> list[RecordedResource]:
    return [r for r in recording.resources if r.type.startswith(prefix)]
