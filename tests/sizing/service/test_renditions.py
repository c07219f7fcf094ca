"""Renditions of clips: their bytes, their CPU time, their workers, and what is refused."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.catalog import load_catalog
from sizing.plan.whole import Plan
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from tests.components.plans import ISSUER, QUEUED, RENDERED, renditions_of, site

CATALOG = load_catalog()


def planned(**changes: Any) -> Plan:
    workload = Workload.model_validate(RENDERED | changes)
    return size([workload], site("prod").model_copy(update=ISSUER), CATALOG)


def field_error(workload: dict[str, Any]) -> FieldError:
    """The error of a workload's field."""
    with pytest.raises(ValidationError) as caught:
        Workload.model_validate(workload)
    (found,) = caught.value.errors()
    fault = found["ctx"]["error"]
    assert isinstance(fault, FieldError)
    return FieldError((*found["loc"], *fault.field), fault.message, fault.expected)  # type: ignore[arg-type]


def test_the_formula_by_hand() -> None:
    """832 x 480 x 81 = 32.34816 Mpixel, 624 x 360 x 81 and 416 x 240 x 81 of renditions."""
    found = renditions_of(planned())
    work = {name: CATALOG.rendition(name) for name in ("decode", "h264", "av1")}
    megapixels = {"decode": "32.34816", "h264": "18.19584", "av1": "8.08704"}
    for column, value in (
        ("high_cpu_s_per_megapixel", found.cpu_s_per_clip),
        ("cpu_s_per_megapixel", found.usual_cpu_s_per_clip),
    ):
        seconds = sum(Decimal(megapixels[name]) * getattr(work[name], column) for name in work)
        assert value == pytest.approx(float(1 + seconds))
    assert [(v.width, v.height) for v in found.variants] == [(624, 360), (416, 240)]
    bits = CATALOG.rendition("h264").bits_per_pixel
    assert bits is not None
    assert found.variants[0].file_bytes == ceil(624 * 360 * 81 * Fraction(bits) / 8)
    assert found.bytes_per_clip == sum(v.file_bytes for v in found.variants)
    clip_s = Fraction(81, 16)
    assert found.cpu_s_per_clip_s == pytest.approx(found.cpu_s_per_clip / float(clip_s))


def test_clips_come_no_faster_than_they_arrive_and_than_they_are_made() -> None:
    slow = planned(traffic={"daily_users": 5_000, "requests_per_user_per_day": 4, "peak_ratio": 20})
    service, item = slow.services[0], slow.services[0].item
    assert service.pool is not None and item is not None
    made = renditions_of(slow).clips_per_s
    assert made == pytest.approx(service.pool.replicas_total / item.low_s)
    assert made > service.pool.replicas_total / item.seconds, "a fast fleet bounds the rate"
    assert made < service.traffic.requests_per_s_peak
    steady = planned()
    assert renditions_of(steady).clips_per_s == pytest.approx(2_000 / 86_400)


def test_every_worker_has_a_node_and_every_second_node_group_counts() -> None:
    plan = planned()
    assert plan.rendition_nodes is not None
    assert plan.rendition_nodes.nodes_total == renditions_of(plan).workers_total == 2
    without = size(
        [Workload.model_validate({k: v for k, v in RENDERED.items() if k != "renditions"})],
        site("prod").model_copy(update=ISSUER),
        CATALOG,
    )
    assert without.rendition_nodes is None and without.services[0].renditions is None
    assert plan.cluster.node_groups == without.cluster.node_groups + 1
    more, fewer = (p.network.subnets[0].addresses.system_nodes for p in (plan, without))
    assert more - fewer == 1 * 3 * 10, "one node of three in each zone"
    quotas = [p.services[0].quota for p in (plan, without)]
    assert quotas[0] is not None and quotas[1] is not None
    assert quotas[0].pods - quotas[1].pods == 3


def test_bytes_are_stored_and_small_files_stay_in_the_standard_class() -> None:
    tiers = [{"after_days": 30, "storage_class": "standard_ia"}]
    plan = planned(data={"client": "own", "retention_days": 90, "tiers": tiers})
    service, made = plan.services[0], renditions_of(plan)
    assert service.artefact is not None
    clip = service.artefact.file_bytes
    assert service.storage.interaction_bytes_per_day == 2_000 * (clip + made.bytes_per_clip)
    small = [v.file_bytes for v in made.variants if v.file_bytes < 128 * 1024]
    assert len(small) == 1
    (tier,) = service.buckets[1].tiers
    assert tier.stored_bytes == 60 * 2_000 * (clip + made.bytes_per_clip - small[0])


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"renditions": {}}, ("renditions",), "videos, thumbnail_height or both"),
        (
            {"renditions": {"videos": [{"height": 720}]}},
            ("renditions", "videos", 0, "height"),
            "at most 480",
        ),
        (
            {"renditions": {"thumbnail_height": 482}},
            ("renditions", "thumbnail_height"),
            "at most 480",
        ),
        (
            {"renditions": {"videos": [{"height": 240}, {"height": 240, "codec": "h264"}]}},
            ("renditions", "videos", 1),
            "each once",
        ),
        ({"data": None}, ("data",), "retention_days"),
    ],
)
def test_what_cannot_be_made_is_refused(
    changes: dict[str, Any], field: tuple[str | int, ...], words: str
) -> None:
    fault = field_error(RENDERED | changes)
    assert fault.field == field
    assert words in fault.expected


def test_images_have_no_renditions() -> None:
    wrong = QUEUED | {"renditions": {"thumbnail_height": 180}}
    assert field_error(wrong).field == ("renditions",)


def test_a_clip_of_the_model_s_own_height_bounds_its_renditions() -> None:
    wrong = {"request": {}, "renditions": {"videos": [{"height": 4_000}]}}
    with pytest.raises(FieldError, match="480"):
        planned(**wrong)


def test_without_a_source_of_tokens_nothing_is_built() -> None:
    plan = size([Workload.model_validate(RENDERED)], site("prod"), CATALOG)
    assert renditions_of(plan).worker is None
    assert plan.rendition_nodes is None


@given(height=st.sampled_from([96, 144, 240, 360, 480]), more=st.sampled_from([96, 144, 240]))
def test_more_renditions_never_take_less(height: int, more: int) -> None:
    one = renditions_of(planned(renditions={"videos": [{"height": height}]}))
    both = [{"height": height}, {"height": more, "codec": "h265"}]
    two = renditions_of(planned(renditions={"videos": both}))
    assert two.cpu_s_per_clip > one.cpu_s_per_clip
    assert two.bytes_per_clip > one.bytes_per_clip
    assert two.workers_total >= one.workers_total
