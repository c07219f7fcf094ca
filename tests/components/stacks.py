"""The recording of a whole stack."""

import copy

from components.platform import build
from sizewright.record import Recorded, RecordedResource
from sizing.plan.whole import Plan
from tests.components.recording import recorded

_RECORDINGS = dict[tuple[str, bool], Recorded]()


def stack(plan: Plan, preview: bool = False) -> Recorded:
    """Recording of the plan's stack, made once for equal plans. Each caller has its own copy."""
    key = plan.model_dump_json(), preview
    if key not in _RECORDINGS:
        _RECORDINGS[key] = recorded(lambda: build(plan, "client-secret"), preview)
    return copy.deepcopy(_RECORDINGS[key])


def owned(recording: Recorded, prefix: str) -> list[RecordedResource]:
    return [r for r in recording.resources if r.type.startswith(prefix)]
