"""Stored data, their stores, and the speed at which a node reads its weights."""

from collections.abc import Callable
from typing import Any

import pytest

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.sizing.refusals import refusals

GIB, TB = 2**30, 10**12
MANY = {"daily_users": 100_000_000, "requests_per_user_per_day": 10}
"""10^9 requests a day, 11,574 a second."""


def data(retention_days: int, **changes: object) -> dict[str, Any]:
    kept = {"profile_bytes_per_user": 10_000, "interaction_bytes": 2_000, "index_ratio": 0.25}
    return {**kept, "client": "own", "retention_days": retention_days, **changes}


def roles(plan: ServicePlan) -> list[tuple[str, int, int | None]]:
    return [(bucket.role, bucket.stored_bytes, bucket.expire_days) for bucket in plan.buckets]


def test_bytes_that_are_kept(sized: Callable[..., ServicePlan]) -> None:
    kept = sized(traffic=MANY, data=data(90)).storage
    assert kept.profile_bytes == 1 * TB
    assert kept.interaction_bytes_per_day == 2 * TB
    assert kept.indexed_bytes_per_day == 2 * TB * 5 // 4
    assert kept.indexed_bytes_per_month == 75 * TB
    assert kept.retained_bytes == 225 * TB
    assert kept.writes_per_s_mean == pytest.approx(11_574.074, abs=1e-3)
    assert kept.writes_per_s_peak is None


def test_without_data_there_is_only_the_bucket_of_weights(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized()
    assert plan.storage.profile_bytes is None and plan.storage.retained_bytes is None
    assert plan.database is None
    assert roles(plan) == [("weights", 2 * 8_030_261_248, None)]


def test_conversations_without_profiles_have_the_database_alone(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized(
        traffic=MANY, data={"interaction_bytes": 2_000, "client": "own", "retention_days": 90}
    )
    assert plan.storage.profile_bytes is None
    assert plan.database is not None and plan.database.stored_bytes == 180 * TB


def test_conversations_stay_in_the_database_while_they_fit(
    sized: Callable[..., ServicePlan],
) -> None:
    # 256 TiB are 281.47 TB: 112 days of 2.5 TB and 1 TB of profiles make 281, 113 days 283.5
    fits, outgrown = sized(traffic=MANY, data=data(112)), sized(traffic=MANY, data=data(113))
    assert fits.database is not None and fits.database.stored_bytes == 281 * TB
    assert len(fits.buckets) == 1 and not refusals(fits)
    assert outgrown.database is not None and outgrown.database.stored_bytes == 1 * TB
    assert roles(outgrown)[1] == ("conversations", 282_500_000_000_000, 113)
    assert [r.option for r in refusals(outgrown)] == ["aurora"]


def test_aurora_refuses_a_year_of_conversations(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(traffic=MANY, data=data(365))
    (refused,) = refusals(plan)
    assert (refused.option, refused.reason) == ("aurora", Reason.store_limit)
    # 365 x 2.5 TB = 912.5 TB
    assert refused.numbers == "912 TB exceeds 256 TiB (281 TB)"


def test_profiles_alone_may_outgrow_the_database(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(traffic=MANY, data=data(30, profile_bytes_per_user=3_000_000))
    assert plan.database is None
    # 3 MB a profile are no item of a table either, and objects do not change under a condition
    assert [(refused.option, refused.numbers) for refused in refusals(plan)] == [
        ("aurora", "300 TB exceeds 256 TiB (281 TB)"),
        ("dynamodb", "3,000,000 bytes exceed an item of 400 KiB (409,600 bytes)"),
        ("s3", "S3 has no transactions, and profiles change under a condition"),
    ]


def test_small_profiles_of_many_users_would_fit_a_table(
    sized: Callable[..., ServicePlan],
) -> None:
    users = {"daily_users": 10_000_000_000, "requests_per_user_per_day": "0.01"}
    plan = sized(traffic=users, data=data(30, profile_bytes_per_user=30_000))
    assert plan.database is None
    rejected = [(refused.option, refused.reason) for refused in refusals(plan)]
    assert rejected == [
        ("aurora", Reason.store_limit),
        ("dynamodb", Reason.not_in_this_version),
    ]


def test_images_go_to_a_bucket(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(kind="image", model="sdxl-1.0-base", request={"iterations": 28}, data=data(7))
    # 10^6 images a day x 2,500 bytes x 7 days
    assert roles(plan)[1] == ("artefacts", 17_500_000_000, 7)
    assert plan.database is not None and plan.database.stored_bytes == 10**9


@pytest.mark.parametrize(
    ("environment", "redundancy", "acu", "instances", "backup_days"),
    [
        ("dev", {}, (0.5, 1), 1, 1),
        ("dev", {"zones": 1}, (0.5, 1), 2, 1),
        ("prod", {}, (2, 2), 2, 30),
    ],
)
def test_the_database_of_an_environment(
    *,
    workload: Callable[..., Workload],
    site: Site,
    catalog: Catalog,
    environment: str,
    redundancy: dict[str, int],
    acu: tuple[float, float],
    instances: int,
    backup_days: int,
) -> None:
    there = Site.model_validate(site.model_dump() | {"environment": environment})
    plan = size([workload(redundancy=redundancy, data=data(30))], there, catalog).services[0]
    base = plan.database
    assert base is not None
    # 11.57 writes/s require 2 x 0.12 units: the least there is
    assert (base.min_acu, base.max_acu) == acu
    assert (base.instances, base.backup_days) == (instances, backup_days)
    assert base.protected is (environment == "prod")
    assert all(bucket.protected is base.protected for bucket in plan.buckets)


def test_database_capacity_follows_the_busiest_writes(sized: Callable[..., ServicePlan]) -> None:
    mean = sized(traffic=MANY, data=data(30)).database
    # 2 x 11,574 / 100 = 231.48, in halves
    assert mean is not None and mean.max_acu == 231.5
    plan = sized(traffic={**MANY, "peak_ratio": 3}, data=data(30))
    assert plan.database is not None and plan.database.max_acu == 256, "no larger one is sold"
    (short,) = refusals(plan)
    assert (short.option, short.reason) == ("more than 256 ACU", Reason.store_limit)
    assert short.numbers == "twice 34,722 writes/s exceed what 256 ACU commit"


def test_what_retention_deletes_is_gone_a_day_later(sized: Callable[..., ServicePlan]) -> None:
    """Guard: in a versioned bucket an expired object stays until its old version expires too."""
    weights, artefacts = sized(
        kind="image", model="sdxl-1.0-base", request={"iterations": 28}, data=data(7)
    ).buckets
    assert (weights.expire_days, weights.noncurrent_days) == (None, 30)
    assert (artefacts.expire_days, artefacts.noncurrent_days) == (7, 1)


def test_a_service_that_retires_loses_its_protection_and_leaves_a_snapshot(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    prod = Site.model_validate(site.model_dump() | {"environment": "prod"})
    stays, goes = (
        size([workload(data=data(30), retire=retire)], prod, catalog).services[0]
        for retire in (False, True)
    )
    for plan, protected in ((stays, True), (goes, False)):
        assert plan.database is not None and plan.gateway is not None
        assert plan.database.protected is plan.gateway.protected is protected
        assert {bucket.protected for bucket in plan.buckets} == {protected}
        assert plan.database.last_snapshot is True
        assert stays.database is not None
        assert plan.database.backup_days == stays.database.backup_days
