"""Storage classes of older files: which are accepted, and what they hold and cost in bytes."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.plan.service.whole import ServicePlan
from sizing.service.stores.tiers import tier_plans
from sizing.values.field_error import StackFieldError
from sizing.workload import Data

Sized = Callable[..., ServicePlan]
TIERS = [
    {"after_days": 30, "storage_class": "standard_ia"},
    {"after_days": 60, "storage_class": "glacier_ir"},
]
CLIPS: dict[str, Any] = {"kind": "video", "model": "wan2.2-ti2v-5b", "request": {}}


def test_a_year_of_clips_in_three_classes(sized: Sized) -> None:
    data = {"client": "own", "retention_days": 100, "interaction_bytes": 1_000_000, "tiers": TIERS}
    bucket = sized(**CLIPS, data=data).buckets[1]
    a_day = 10**12
    # 30 + 30 + 40 days; the archive charges 90 days for each file
    assert bucket.standard_bytes == 30 * a_day
    tiers = [(t.storage_class, t.days, t.stored_bytes, t.charged_bytes) for t in bucket.tiers]
    assert tiers == [
        ("standard_ia", 30, 30 * a_day, 30 * a_day),
        ("glacier_ir", 40, 40 * a_day, 90 * a_day),
    ]


def test_without_tiers_a_bucket_says_nothing_of_them(sized: Sized) -> None:
    bucket = (
        sized(**CLIPS, data={"client": "own", "retention_days": 100})
        .buckets[1]
        .model_dump(mode="json")
    )
    assert "tiers" not in bucket and "standard_bytes" not in bucket


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=3),
    st.integers(1, 500),
    st.fractions(min_value=1, max_value=10**15),
)
def test_tiers_add_up_to_the_retained_bytes(gaps: list[int], last: int, a_day: Fraction) -> None:
    ages, classes = [], ("standard_ia", "intelligent_tiering", "glacier_ir")
    for gap in gaps:
        ages.append((ages[-1] if ages else 0) + 30 + gap)
    tiers = [
        {"after_days": age, "storage_class": name} for age, name in zip(ages, classes, strict=False)
    ]
    data = Data.model_validate({"client": "own", "retention_days": ages[-1] + last, "tiers": tiers})
    plans = tier_plans(data, a_day)
    before = -(-a_day * ages[0] // 1)
    retained = -(-a_day * data.retention_days // 1)
    assert before + sum(plan.stored_bytes for plan in plans) == retained
    assert ages[0] + sum(plan.days for plan in plans) == data.retention_days
    assert all(plan.charged_bytes >= plan.stored_bytes - 1 for plan in plans)


@pytest.mark.parametrize(
    ("tiers", "field", "expected"),
    [
        ([("standard_ia", 29)], (0, "after_days"), "at least 30"),
        ([("glacier_ir", 365)], (0, "after_days"), "less than retention_days"),
        ([("standard_ia", 30), ("glacier_ir", 59)], (1, "after_days"), "at least 60"),
        ([("intelligent_tiering", 9), ("glacier_ir", 9)], (1, "after_days"), "at least 10"),
        (
            [("glacier_ir", 30), ("standard_ia", 90)],
            (1, "storage_class"),
            "in order: standard_ia, intelligent_tiering, glacier_ir",
        ),
        (
            [("glacier_ir", 30), ("glacier_ir", 90)],
            (1, "storage_class"),
            "in order: standard_ia, intelligent_tiering, glacier_ir",
        ),
    ],
)
def test_what_s3_would_not_do_is_refused(
    tiers: list[tuple[str, int]], field: tuple[object, ...], expected: str
) -> None:
    rows = [{"storage_class": name, "after_days": days} for name, days in tiers]
    with pytest.raises(ValidationError) as refused:
        Data.model_validate({"client": "own", "retention_days": 365, "tiers": rows})
    error = refused.value.errors()[0]["ctx"]["error"]
    assert (error.field, error.expected) == (("tiers", *field), expected)


def test_the_earliest_accepted_ages() -> None:
    tiers = [
        {"storage_class": "standard_ia", "after_days": 30},
        {"storage_class": "glacier_ir", "after_days": 60},
    ]
    assert (
        len(Data.model_validate({"client": "own", "retention_days": 61, "tiers": tiers}).tiers) == 2
    )
    at_once = [{"storage_class": "glacier_ir", "after_days": 1}]
    assert (
        len(Data.model_validate({"client": "own", "retention_days": 2, "tiers": at_once}).tiers)
        == 1
    )


def test_files_that_s3_never_moves_are_refused(sized: Sized) -> None:
    data = {"client": "own", "retention_days": 100, "tiers": TIERS}
    moved = sized(**CLIPS, data=data | {"interaction_bytes": 131_072})
    assert moved.buckets[1].tiers
    with pytest.raises(StackFieldError) as refused:
        sized(**CLIPS, data=data | {"interaction_bytes": 131_071})
    assert refused.value.field == ("data", "tiers")
    assert "131,072" in refused.value.message and "131,071" in refused.value.message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": {"client": "own", "retention_days": 1}}, ("data", "interaction_bytes")),
        (
            {
                "data": {
                    "client": "own",
                    "retention_days": 99,
                    "interaction_bytes": 10**6,
                    "tiers": TIERS,
                }
            },
            ("data", "tiers"),
        ),
        ({"kind": "image", "request": {"format": "h264"}}, ("request", "format")),
        ({"kind": "video", "request": {"format": "png"}}, ("request", "format")),
        ({"kind": "image", "request": {"frames_per_s": 24}}, ("request", "frames_per_s")),
        ({"request": {"format": "png"}}, ("request", "format")),
        ({"request": {"bits_per_pixel": 8}}, ("request", "bits_per_pixel")),
    ],
)
def test_only_files_have_formats_and_tiers(
    workload: Callable[..., object], changes: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        workload(**changes)
    assert refused.value.errors()[0]["ctx"]["error"].field == field
