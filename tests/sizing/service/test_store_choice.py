"""The store of each role, and the limits that reject the others."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.service.stores.choice import ORDER, Records, Role, Store, StoreChoice, store_choice
from sizing.service.stores.prefixes import prefixes_needed
from tests.sizing.refusals import refusals

AURORA = 256 * 2**40
Sized = Callable[..., ServicePlan]
CLIPS: dict[str, Any] = {
    "kind": "video",
    "model": "wan2.2-ti2v-5b",
    "request": {},
    "data": {"client": "own", "retention_days": 7},
}


def records(role: Role, **changes: Any) -> Records:
    usual: dict[str, Any] = {
        "stored_bytes": 10**9,
        "record_bytes": 1_000,
        "writes_per_s": Fraction(10),
    }
    return Records(role=role, **(usual | changes))


def limits(choice: StoreChoice) -> dict[str, str]:
    assert all(rejected.reason is Reason.store_limit for rejected in choice.rejected)
    return {rejected.option: rejected.numbers for rejected in choice.rejected}


@pytest.mark.parametrize(
    ("role", "store"),
    [
        (Role.profiles, Store.aurora),
        (Role.jobs, Store.dynamodb),
        (Role.history, Store.aurora),
        (Role.files, Store.s3),
    ],
)
def test_the_preferred_store_of_a_role(role: Role, store: Store) -> None:
    assert store_choice(records(role)).store is store
    assert store_choice(records(role)).passed_over == ()


@pytest.mark.parametrize(
    ("role", "changes", "store", "rejected"),
    [
        (Role.profiles, {"stored_bytes": AURORA}, Store.aurora, "s3"),
        (Role.profiles, {"stored_bytes": AURORA + 1}, Store.dynamodb, "aurora s3"),
        (Role.history, {"stored_bytes": AURORA + 1}, Store.s3, "aurora"),
        (Role.jobs, {"record_bytes": 409_600, "writes_per_s": 1}, Store.dynamodb, "s3"),
        (Role.jobs, {"record_bytes": 409_601, "writes_per_s": 1}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"writes_per_s": Fraction(40_000)}, Store.dynamodb, "s3"),
        (Role.jobs, {"writes_per_s": Fraction(40_001)}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"record_bytes": 1_025, "writes_per_s": 20_001}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"reads_per_s": Fraction(40_001)}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"key_writes_per_s": Fraction(1_001)}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"key_reads_per_s": Fraction(3_001)}, Store.aurora, "dynamodb s3"),
        (Role.jobs, {"key_reads_per_s": Fraction(3_000)}, Store.dynamodb, "s3"),
        (Role.files, {"record_bytes": 1_250_000}, Store.s3, "dynamodb"),
    ],
)
def test_a_limit_rejects_a_store(
    role: Role, changes: dict[str, Any], store: Store, rejected: str
) -> None:
    choice = store_choice(records(role, **changes))
    assert choice.store is store
    assert sorted(limits(choice)) == rejected.split()


def test_all_stores_may_be_too_small() -> None:
    choice = store_choice(records(Role.profiles, stored_bytes=AURORA + 1, record_bytes=500_000))
    assert choice.store is None
    assert [rejected.option for rejected in choice.passed_over] == ["aurora", "dynamodb", "s3"]


@given(
    st.sampled_from(list(Role)),
    st.integers(0, 10**16),
    st.integers(1, 10**7),
    st.fractions(0, 10**6),
)
def test_the_choice_is_the_first_that_nothing_rejects(
    role: Role, stored: int, record: int, writes: Fraction
) -> None:
    choice = store_choice(
        records(role, stored_bytes=stored, record_bytes=record, writes_per_s=writes)
    )
    refused = limits(choice)
    free = [store for store in ORDER[role] if store.value not in refused]
    assert choice.store is (free[0] if free else None)
    assert {rejected.option for rejected in choice.passed_over} <= set(refused)


@pytest.mark.parametrize(
    ("writes", "reads", "needed"),
    [(0, 0, 0), (1, 1, 1), (3_500, 5_500, 1), (3_501, 1, 2), (1, 5_501, 2), (34_722, 11_574, 10)],
)
def test_prefixes_follow_the_larger_need(writes: int, reads: int, needed: int) -> None:
    assert prefixes_needed(Fraction(writes), Fraction(reads)) == needed


def test_clips_of_many_users_need_ten_of_256_prefixes(sized: Sized) -> None:
    many = {"daily_users": 100_000_000, "requests_per_user_per_day": 10}
    prefixes = sized(**CLIPS, traffic=many).buckets[1].prefixes
    assert prefixes is not None
    # 11,574 clips/s, each of three requests: start, one part, end
    assert prefixes.writes_per_s == pytest.approx(34_722.2, abs=0.1)
    assert (prefixes.needed, prefixes.available) == (10, 256)


def test_large_files_are_uploaded_in_more_parts(sized: Sized) -> None:
    data = {"client": "own", "retention_days": 1, "interaction_bytes": 8 * 2**20 + 1}
    prefixes = sized(**(CLIPS | {"data": data})).buckets[1].prefixes
    assert prefixes is not None
    assert prefixes.writes_per_s == pytest.approx(4 * 10**6 / 86_400)


def test_too_many_requests_for_the_keys_are_rejected(sized: Sized) -> None:
    crowd = {"daily_users": 10_000_000_000, "requests_per_user_per_day": 3}
    plan = sized(**CLIPS, traffic=crowd)
    refused = {each.option: each for each in refusals(plan)}["256 key prefixes"]
    assert refused.reason is Reason.store_limit
    assert "need 298 prefixes" in refused.numbers


def test_the_application_names_the_keys_of_images_that_users_wait_for(sized: Sized) -> None:
    plan = sized(
        kind="image",
        model="flux.2-klein-4b",
        request={},
        data={"client": "own", "retention_days": 7},
    )
    prefixes = plan.buckets[1].prefixes
    assert prefixes is not None and prefixes.available is None


def test_files_name_the_stores_that_cannot_hold_them(sized: Sized) -> None:
    assert [
        each.option for each in refusals(sized(**CLIPS)) if each.reason is Reason.store_limit
    ] == ["dynamodb"]
