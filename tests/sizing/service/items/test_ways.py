"""The way of serving images that was not taken, with its GPUs."""

from collections.abc import Callable
from typing import Any

import pytest

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.whole import ServicePlan

Sized = Callable[..., ServicePlan]
IMAGES: dict[str, Any] = {
    "kind": "image",
    "model": "sdxl-1.0-base",
    "request": {},
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 4},
    "capacity": {},
    "hardware": "g6e.xlarge",
    "data": {
        "profile_bytes_per_user": 1,
        "interaction_bytes": 1,
        "client": "own",
        "retention_days": 7,
    },
}


def way(plan: ServicePlan) -> Rejected:
    (found,) = (r for r in plan.rejected if r.option in ("queue", "answers while the user waits"))
    return found


def test_each_way_names_the_gpus_of_the_other(sized: Sized) -> None:
    """Without targets, each way needs what the other one says of it."""
    at_once, queued = sized(**IMAGES), sized(**IMAGES, queue={})
    assert at_once.pool is not None and queued.pool is not None
    waits, queue = way(queued), way(at_once)
    assert waits.reason is Reason.more_expensive and queue.reason is Reason.nearest
    assert f"{at_once.pool.gpus_needed:,} GPUs at the peak" in waits.numbers
    assert f"at least {queued.pool.gpus_needed:,} GPUs, which work off the mean" in queue.numbers
    assert queued.pool.gpus_needed < at_once.pool.gpus_needed / 3


def test_a_clip_has_one_way(sized: Sized) -> None:
    clips = {**IMAGES, "kind": "video", "model": "wan2.1-t2v-1.3b"}
    assert way(sized(**clips)).reason is Reason.gateway_limit


@pytest.mark.parametrize("kind", ["text", "chat"])
def test_text_has_no_other_way(sized: Sized, kind: str) -> None:
    plan = sized(kind=kind)
    assert not [r for r in plan.rejected if r.option == "queue"]
