"""Bytes of images and clips: from their pixels, or stated and compared with them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import Catalog, load_catalog
from sizing.explain import explain
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.plan.service.whole import ServicePlan
from sizing.replica.case import case_of
from sizing.service.stores.artefact import artefact_plan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import StackFieldError
from sizing.workload import Workload

Sized = Callable[..., ServicePlan]
STUDIO: dict[str, Any] = {
    "kind": "image",
    "model": "flux.2-klein-4b",
    "request": {"width": 1024, "height": 768, "request_bytes": 2_000},
    "data": {"client": "own", "retention_days": 7},
}
CLIPS: dict[str, Any] = {
    "kind": "video",
    "model": "wan2.2-ti2v-5b",
    "request": {},
    "data": {"client": "own", "retention_days": 7},
}
CATALOG = load_catalog()
SITE = Site.model_validate({"region": "us-east-1", "zones": ["use1-az1"], "environment": "dev"})


def artefact(plan: ServicePlan) -> ArtefactPlan:
    assert plan.artefact is not None
    return plan.artefact


def test_an_image_is_as_large_as_the_engine_writes_it(sized: Sized) -> None:
    plan = sized(**STUDIO)
    file = artefact(plan)
    # Without compression, a pixel has 3 bytes: 1024 x 768 x 3
    assert (file.format, file.bits_per_pixel, file.file_bytes) == ("png", 24, 2_359_296)
    assert file.answer_bytes == 2_359_296 * 4 // 3, "the answer has it in base64"
    assert (file.frames_per_s, file.clip_s) == (None, None)
    # 10^6 images a day for 7 days
    assert plan.storage.interaction_bytes_per_day == 2_359_296 * 10**6
    assert plan.storage.indexed_bytes_per_year == 365 * 2_359_296 * 10**6
    assert plan.buckets[1].stored_bytes == 7 * 2_359_296 * 10**6
    # 10^6 / 86,400 a second x 3,145,728 bytes x 8
    assert plan.network.egress_mbit_per_s == pytest.approx(291.27, abs=0.01)
    assert plan.gateway is not None and plan.gateway.capacity_units is not None


def test_a_clip_is_as_large_as_its_codec_writes_it(sized: Sized) -> None:
    plan = sized(**CLIPS)
    file = artefact(plan)
    # The model makes 121 frames of 1280 x 704, 24 a second: x 0.1808 bits / 8
    assert (file.width, file.height, file.frames, file.format) == (1280, 704, 121, "h264")
    assert file.file_bytes == file.answer_bytes == 2_464_203
    assert file.clip_s == pytest.approx(121 / 24)
    assert file.low_file_bytes is not None and file.high_file_bytes is not None
    assert file.low_file_bytes < file.file_bytes < file.high_file_bytes


def test_without_profiles_there_is_no_database(sized: Sized) -> None:
    for service in (STUDIO, CLIPS):
        plan = sized(**service)
        assert plan.database is None
        assert plan.storage.profile_bytes is None
        assert [bucket.role for bucket in plan.buckets] == ["weights", "artefacts"]


def test_text_has_no_file(sized: Sized) -> None:
    plan = sized()
    assert plan.artefact is None
    assert "artefact" not in plan.model_dump(mode="json")
    assert "indexed_bytes_per_year" not in plan.model_dump(mode="json")["storage"]


def test_stated_bytes_win_and_are_compared(sized: Sized) -> None:
    request = {**STUDIO["request"], "response_bytes": 1_000_000}
    data = {"client": "own", "retention_days": 1, "interaction_bytes": 1_179_648}
    plan = sized(**(STUDIO | {"request": request, "data": data}))
    assert plan.storage.interaction_bytes_per_day == 1_179_648 * 10**6
    assert plan.network.egress_mbit_per_s == pytest.approx(8e12 / 86_400 / 1e6)
    assert artefact(plan).stated_file_ratio == 0.5
    assert artefact(plan).stated_answer_ratio == pytest.approx(1e6 / 3_145_728)


@pytest.mark.parametrize(
    ("request_fields", "format_name", "file_bytes"),
    [
        ({"bits_per_pixel": 12}, "png", 1_179_648),
        ({"format": "jpeg"}, "jpeg", 488_571),
        ({"format": "webp", "bits_per_pixel": 2}, "webp", 196_608),
    ],
)
def test_formats_and_measured_bits(
    sized: Sized, request_fields: dict[str, Any], format_name: str, file_bytes: int
) -> None:
    request = {**STUDIO["request"], **request_fields}
    file = artefact(sized(**(STUDIO | {"request": request})))
    assert (file.format, file.file_bytes) == (format_name, file_bytes)


def test_an_item_without_known_pixels_needs_its_bytes(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    unknown = catalog.model_copy(update={"media_models": ()})
    chat = workload(name="chat")
    with pytest.raises(StackFieldError) as refused:
        size([chat, workload(**(CLIPS | {"name": "clips"}))], site, unknown)
    assert refused.value.field == ("data", "interaction_bytes")
    assert refused.value.workload_index == 1
    stated = {"width": 640, "height": 360, "frames": 48}
    clips = workload(**(CLIPS | {"request": stated}))
    plan = size([clips], site, unknown).services[0]
    assert artefact(plan).file_bytes == 249_938
    assert artefact(plan).model is None


STEP = 8
"""Step between two widths or heights of a clip."""


@given(
    st.integers(8, 512).map(lambda steps: steps * STEP),
    st.integers(8, 512).map(lambda steps: steps * STEP),
    st.integers(1, 500),
    st.decimals("0.01", 64, places=4),
)
def test_bytes_grow_with_pixels(width: int, height: int, frames: int, bits: Decimal) -> None:
    def bytes_of(width: int, height: int, frames: int) -> int:
        item = {"width": width, "height": height, "frames": frames, "bits_per_pixel": bits}
        clips = CLIPS | {"name": "clips", "traffic": TRAFFIC, "request": item}
        found = artefact_plan(case_of(Workload.model_validate(clips), SITE, CATALOG))
        assert found is not None
        return found.file_bytes

    one = bytes_of(width, height, frames)
    assert one > 0
    assert bytes_of(width + STEP, height, frames) >= one
    assert bytes_of(width, height, frames + 1) >= one
    assert abs(bytes_of(width, 2 * height, frames) - 2 * one) <= 1, "proportional, rounded up"


TRAFFIC = {"daily_users": 1_000, "requests_per_user_per_day": 1}


def remarks(plan: ServicePlan, site: Site, leaf: str) -> str:
    whole = size([plan.inputs], site, load_catalog())
    return "\n".join(explain(whole, f"/services/0/{leaf}").remarks)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (2_359_296, "explained"),
        (1_200_000, "explained"),
        (1_000_000, "less than the format's range"),
        (2_400_000, "more than the format's range"),
    ],
)
def test_an_explanation_judges_stated_bytes(
    sized: Sized, site: Site, stated: int, said: str
) -> None:
    data = {"client": "own", "retention_days": 1, "interaction_bytes": stated}
    plan = sized(**(STUDIO | {"data": data}))
    assert said in remarks(plan, site, "artefact/file_bytes")
    assert said in remarks(plan, site, "storage/interaction_bytes_per_day")
