"""Delivery of results: bytes to viewers, load of the bucket, quotas and price."""

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.catalog import load_catalog
from sizing.plan.service.whole import ServicePlan
from sizing.service.stores.cdn import price
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import StackFieldError
from sizing.values.units import GB, TB
from sizing.workload import Workload
from tests.components.plans import CHAT, QUEUED, SIGNING_KEY, STUDIO, queued_plan, site

CLIPS: dict[str, Any] = {
    "name": "clips",
    "kind": "video",
    "model": {"name": "wan2.1-t2v-1.3b"},
    "traffic": {"daily_users": 1_000, "requests_per_user_per_day": 1},
    "data": {"client": "own", "retention_days": 30},
}
PUBLISHED: dict[str, Any] = QUEUED | {
    "traffic": {"daily_users": 100_000_000, "requests_per_user_per_day": 10},
    "latency": None,
    "data": {"interaction_bytes": 1_000_000, "client": "own", "retention_days": 30},
}
"""Published design of text to image: 11,574 images a second of 1 MB."""


def delivered(workload: dict[str, Any], **cdn: object) -> ServicePlan:
    section = {"views_per_item": 1, "hit_ratio": "0.8"} | cdn
    return queued_plan(workload=workload | {"cdn": section}, signing_key=True).services[0]


def test_the_published_egress_is_one_view_of_each_image() -> None:
    plan = delivered(PUBLISHED).cdn
    assert plan is not None
    assert round(plan.views_per_s_mean) == 11_574
    assert round(plan.egress_mbit_per_s / 1_000, 1) == 92.6
    assert plan.egress_mbit_per_s_peak is None


def test_the_bucket_answers_what_no_cache_does() -> None:
    service = delivered(QUEUED, views_per_item=3, hit_ratio="0.75")
    assert service.cdn is not None
    peak = 20_000 * 8 / 86_400 * 3
    assert service.cdn.views_per_s_peak == pytest.approx(3 * peak)
    assert service.cdn.origin_requests_per_s == pytest.approx(0.75 * peak)
    assert service.cdn.origin_mbit_per_s == pytest.approx(0.75 * peak * 1.5 * 8)
    prefixes = service.buckets[1].prefixes
    assert prefixes is not None
    assert prefixes.reads_per_s == service.cdn.origin_requests_per_s


def test_the_reads_of_the_bucket_are_held_against_its_key_prefixes() -> None:
    """1,408,000 reads a second are 256 prefixes of 5,500."""
    views = Fraction(256 * 5_500 * 86_400, 100_000_000 * 10)
    fits = delivered(PUBLISHED, views_per_item=str(float(views) - 0.01), hit_ratio=0)
    over = delivered(PUBLISHED, views_per_item=str(float(views) + 0.01), hit_ratio=0)
    assert [r.option for r in over.rejected if "prefixes" in r.option] == ["256 key prefixes"]
    assert not [r for r in fits.rejected if "prefixes" in r.option]


@pytest.mark.parametrize(
    ("changes", "views", "limits"),
    [
        ({}, "1.619", ()),
        ({}, "1.621", ("150,093 Mbit/s exceed 150,000",)),
        ({"interaction_bytes": 10}, "21.59", ()),
        ({"interaction_bytes": 10}, "21.61", ("250,116 requests/s exceed 250,000",)),
        ({}, "30", ("2,777,778 Mbit/s exceed 150,000", "347,222 requests/s exceed 250,000")),
    ],
)
def test_a_distribution_has_quotas(
    changes: dict[str, object], views: str, limits: tuple[str, ...]
) -> None:
    workload = PUBLISHED | {"data": PUBLISHED["data"] | changes}
    rejected = {r.option: r.numbers for r in delivered(workload, views_per_item=views).rejected}
    numbers = rejected.get("CDN within the default quota", "")
    assert all(limit in numbers for limit in limits), numbers
    assert bool(numbers) is bool(limits)


def test_signing_counts_against_the_functions_of_an_account() -> None:
    """Each view may ask for its address, which takes 0.1 s of a function."""
    few = QUEUED | {"traffic": {"daily_users": 1_000_000, "requests_per_user_per_day": 1}}
    option = "signed addresses within the default quota"
    most = delivered(few, views_per_item=900)
    assert most.cdn is not None
    assert most.cdn.link is not None
    assert most.cdn.link.at_once == pytest.approx(1_000_000 / 86_400 * 900 / 10)
    assert option in [r.option for r in most.rejected]
    assert option not in [r.option for r in delivered(few, views_per_item=800).rejected]


def test_views_count_against_the_load_balancer() -> None:
    """100 views a job at 5.56 jobs/s are 556 requests/s, and a unit takes 25 new connections."""
    plain = queued_plan().services[0].gateway
    viewed = delivered(QUEUED, views_per_item=100).gateway
    assert plain is not None
    assert viewed is not None
    assert plain.capacity_units is not None
    assert viewed.capacity_units is not None
    peak = 3 * 20_000 * 8 / 86_400
    more = viewed.capacity_units - plain.capacity_units
    assert more == pytest.approx(100 * peak / 25, abs=1)


@pytest.mark.parametrize(
    ("size_bytes", "usd"),
    [
        (0, 0),
        (GB, 0.085),
        (10 * TB, 850),
        (50 * TB, 850 + 3_200),
        (5_001 * TB, 850 + 3_200 + 6_000 + 14_000 + 15_000 + 100_000 + 20),
    ],
)
def test_each_tier_has_its_price(size_bytes: int, usd: float) -> None:
    assert float(price(Fraction(size_bytes))) == pytest.approx(usd)


def test_a_month_has_a_price_only_where_all_locations_have_one() -> None:
    """Guard: an unknown price is null, never zero."""
    known = delivered(QUEUED, price_class="PriceClass_100").cdn
    assert known is not None
    assert known.egress_gb_per_month == 20_000 * 8 * 30 * 1.5 / 1_000
    assert known.egress_usd_per_month == pytest.approx(7_200 * 0.085)
    for where in ("PriceClass_200", "PriceClass_All"):
        unknown = delivered(QUEUED, price_class=where).cdn
        assert unknown is not None
        assert unknown.egress_usd_per_month is None


def test_without_the_section_nothing_changes() -> None:
    with_key, without = queued_plan(signing_key=True), queued_plan()
    assert with_key.services == without.services
    assert "cdn" not in without.as_json()["services"][0]
    assert "signing_key" not in without.as_json()["site"]


def test_without_an_issuer_nothing_signs() -> None:
    closed = site("prod").model_copy(update={"signing_key": SIGNING_KEY})
    workload = QUEUED | {"cdn": {"views_per_item": 1, "hit_ratio": 0}}
    plan = size([Workload.model_validate(workload)], closed, load_catalog()).services[0]
    assert plan.cdn is not None
    assert plan.cdn.link is None


def test_a_site_without_a_key_is_refused() -> None:
    with pytest.raises(StackFieldError) as refused:
        queued_plan(workload=QUEUED | {"cdn": {"views_per_item": 1, "hit_ratio": 0}})
    assert refused.value.workload_index is None
    assert refused.value.field == ("signing_key",)


@pytest.mark.parametrize(
    ("workload", "field"),
    [
        (STUDIO | {"data": QUEUED["data"]}, ("cdn",)),
        (CHAT, ("cdn",)),
        (CLIPS | {"data": "none"}, ("data",)),
    ],
)
def test_only_results_in_a_bucket_are_delivered(
    workload: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(workload | {"cdn": {"views_per_item": 1, "hit_ratio": 0}})
    (fault,) = refused.value.errors()
    assert fault["ctx"]["error"].field == field


def test_clips_are_delivered_without_a_section_for_their_queue() -> None:
    Workload.model_validate(CLIPS | {"cdn": {"views_per_item": 1, "hit_ratio": 0}})


def test_a_key_pair_is_public_and_near() -> None:
    good = SIGNING_KEY.model_dump()
    far = good["secret_arn"].replace("us-east-1", "eu-west-1")
    private = good["public_key"].replace("PUBLIC", "PRIVATE")
    for changed in ({"secret_arn": far}, {"public_key": private}, {"public_key": "text"}):
        with pytest.raises(ValueError, match=r"signing_key|public key|secret"):
            Site.model_validate(site("prod").model_dump() | {"signing_key": good | changed})
    shown = good | {"public_key": good["public_key"].strip().replace("\n", "\r\n")}
    made = Site.model_validate(site("prod").model_dump() | {"signing_key": shown})
    assert made.signing_key == SIGNING_KEY
