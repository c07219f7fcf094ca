"""Copy of files in another region: its bytes, its transfer, its price, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from sizing.catalog import load_catalog
from sizing.plan.service.stores import BucketPlan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import StackFieldError
from sizing.workload import Workload
from tests.components.plans import CHAT, QUEUED, STUDIO, site

VIRGINIA = site("prod")
ELSEWHERE = Site(region="eu-west-1", zones=("euw1-az1", "euw1-az2"), environment="dev")


def copied(
    region: str | None, workload: dict[str, Any] = QUEUED, place: Site = VIRGINIA
) -> BucketPlan:
    data = workload["data"] | ({} if region is None else {"copy_region": region})
    sized = Workload.model_validate(workload | {"data": data})
    plan = size([sized], place, load_catalog())
    return plan.services[0].buckets[1]


def test_the_copy_has_the_bytes_of_the_bucket() -> None:
    """20,000 users x 8 images of 1.5 MB are 240 GB a day and 7,200 GB a month."""
    bucket = copied("us-west-2")
    copy = bucket.region_copy
    assert copy is not None
    assert copy.region == "us-west-2"
    assert copy.stored_bytes == bucket.stored_bytes == 30 * 240 * 10**9
    assert copy.transfer_gb_per_month == 7_200


def test_a_longer_retention_stores_more_and_moves_the_same() -> None:
    longer = QUEUED | {"data": QUEUED["data"] | {"client": "own", "retention_days": 90}}
    copy = copied("us-west-2", longer).region_copy
    assert copy is not None
    assert copy.stored_bytes == 90 * 240 * 10**9
    assert copy.transfer_gb_per_month == 7_200


def test_each_region_keeps_a_file_over_three_zones() -> None:
    assert copied("us-west-2").zones == 6
    assert copied(None).zones == 3
    assert copied(None).region_copy is None


@pytest.mark.parametrize(("region", "usd"), [("us-east-2", 72), ("eu-west-1", 144)])
def test_transfer_has_the_price_between_the_two_regions(region: str, usd: int) -> None:
    copy = copied(region).region_copy
    assert copy is not None
    assert copy.transfer_usd_per_month == usd


def test_an_unknown_price_is_null() -> None:
    """Guard: no source states the price from a region other than us-east-1, so it is not zero."""
    copy = copied("us-east-1", place=ELSEWHERE).region_copy
    assert copy is not None
    assert copy.transfer_gb_per_month == 7_200
    assert copy.transfer_usd_per_month is None


def test_images_that_users_wait_for_may_have_a_copy() -> None:
    bucket = copied("us-west-2", STUDIO | {"data": {"client": "own", "retention_days": 10}})
    assert bucket.region_copy is not None
    assert bucket.prefixes is not None
    assert bucket.prefixes.available is None


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("us-east-1", "the stack is in us-east-1 already"),
        ("us-wset-2", "the catalog knows no region 'us-wset-2'"),
    ],
)
def test_another_known_region_is_required(region: str, message: str) -> None:
    with pytest.raises(StackFieldError, match=message) as refused:
        copied(region)
    assert refused.value.field == ("data", "copy_region")


def test_text_has_no_files_to_copy() -> None:
    data = CHAT["data"] | {"copy_region": "us-west-2"}
    with pytest.raises(ValidationError, match="chat stores no files"):
        Workload.model_validate(CHAT | {"data": data})


def test_a_region_has_the_form_of_one() -> None:
    data = QUEUED["data"] | {"copy_region": "Oregon"}
    with pytest.raises(ValidationError, match="copy_region"):
        Workload.model_validate(QUEUED | {"data": data})
