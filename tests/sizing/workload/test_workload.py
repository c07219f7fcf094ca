"""Valid values of workload and site files, and the blamed field of invalid ones."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sizing.site import Site
from sizing.values.field_error import FieldError
from sizing.workload import Capacity, Kind, Load, Method, Queue, Workload
from sizing.workload.kinds import TRAITS, UNSUPPORTED

TRAFFIC = {"daily_users": 100_000, "requests_per_user_per_day": 10}
GIVEN = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"}
TEXTBOOK = {"method": "textbook", "load": "mean"}
CALIBRATED = {"method": "calibrated", "load": "mean"}
DATA = {"profile_bytes_per_user": 1, "interaction_bytes": 1, "client": "own", "retention_days": 7}
PEAK = {**TRAFFIC, "peak_ratio": 2}
ARN = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def blamed(error: ValidationError) -> list[str]:
    """Dotted paths of the refused fields."""
    paths = []
    for detail in error.errors():
        fault = detail.get("ctx", {}).get("error")
        own = fault.field if isinstance(fault, FieldError) else ()
        paths.append(".".join(str(step) for step in (*detail["loc"], *own)))
    return paths


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Chat"}, "name"),
        ({"name": "-chat"}, "name"),
        ({"name": "c" * 31}, "name"),
        ({"kind": "audio"}, "kind"),
        ({"queue": {}}, "queue"),
        ({"kind": "image", "queue": {}, "data": None}, "data"),
        ({"kind": "video", "capacity": {"load": "peak"}, "traffic": PEAK}, "capacity.load"),
        ({"kind": "video", "in_transit": "tls"}, "in_transit"),
        ({"kind": "video", "queue": {"attempts": 0}}, "queue.attempts"),
        ({"kind": "video", "queue": {"repeated_ratio": 1}}, "queue.repeated_ratio"),
        ({"kind": "video", "queue": {"peak_hours": 24}}, "queue.peak_hours"),
        ({"kind": "video", "latency": {"ttft_ms": 3000}}, "latency.ttft_ms"),
        ({"kind": "video", "request": {"tokens": 5}}, "request.tokens"),
        (
            {"kind": "video", "request": {}, "queue": {"peak_hours": 2}, "data": DATA},
            "queue.peak_hours",
        ),
        (
            {
                **{"kind": "video", "request": {}, "data": DATA},
                **{"queue": {"peak_hours": 7}, "traffic": {**TRAFFIC, "peak_ratio": 4}},
            },
            "queue.peak_hours",
        ),
        (
            {
                **{"kind": "video", "request": {}, "data": DATA},
                **{"queue": {"peak_hours": 3}, "traffic": {**TRAFFIC, "hourly": [1] * 24}},
            },
            "queue.peak_hours",
        ),
        ({"access": {"requests_per_key_per_min": 10}}, "access.requests_per_key_per_min"),
        (
            {
                "hardware": {
                    "instance_type": "g6.xlarge",
                    "capacity": {
                        "reservations": dict.fromkeys(
                            ("use1-az1", "use1-az2"), "cr-0123456789abcdef0"
                        )
                    },
                }
            },
            "hardware.capacity.reservations.use1-az1",
        ),
        ({"knid": "chat"}, "knid"),
        ({"model": {}}, "model"),
        ({"model": {"parameters": "8e9"}}, "model.precision"),
        ({"model": {"parameters": 0, "precision": "fp16"}}, "model.parameters"),
        ({"model": {"parameters": "1e1000000", "precision": "fp16"}}, "model.parameters"),
        ({"model": {"name": "x", "precision": "fp12"}}, "model.precision"),
        ({"traffic": {"daily_users": 0, "requests_per_user_per_day": 1}}, "traffic.daily_users"),
        (
            {"traffic": {"daily_users": 10**18, "requests_per_user_per_day": 1}},
            "traffic.daily_users",
        ),
        (
            {"traffic": {"daily_users": 1, "requests_per_user_per_day": "1e-1000000"}},
            "traffic.requests_per_user_per_day",
        ),
        (
            {"traffic": {"daily_users": 1, "requests_per_user_per_day": "nan"}},
            "traffic.requests_per_user_per_day",
        ),
        ({"traffic": {**TRAFFIC, "peak_ratio": "0.9"}}, "traffic.peak_ratio"),
        ({"traffic": {**TRAFFIC, "peak_users_share": "1.1"}}, "traffic.peak_users_share"),
        ({"traffic": {**TRAFFIC, "think_time_s": 60}}, "traffic.peak_users_share"),
        ({"traffic": {**TRAFFIC, "hourly": [1] * 23}}, "traffic.hourly"),
        ({"traffic": {**TRAFFIC, "hourly": [0] * 24}}, "traffic.hourly"),
        ({"traffic": {**TRAFFIC, "hourly": [-1] + [1] * 23}}, "traffic.hourly.0"),
        ({"traffic": {**TRAFFIC, "hourly": [1] * 24, "peak_ratio": 2}}, "traffic"),
        ({"request": {"tokens": 500, "input_tokens": 100}}, "request.tokens"),
        ({"request": {"input_tokens": 100}}, "request.output_tokens"),
        ({"request": {"output_tokens": 400}}, "request.input_tokens"),
        ({"request": {"tokens": 500, "context_tokens": 499}}, "request.context_tokens"),
        ({"latency": {"percentile": 100}}, "latency.percentile"),
        ({"latency": {"percentile": "0.95"}}, "latency.percentile"),
        ({"redundancy": {"spare_ratio": 20}}, "redundancy.spare_ratio"),
        ({"capacity": None}, "traffic"),
        ({"capacity": {}, "kind": "image"}, "traffic"),
        ({"capacity": {"load": "mean"}, "request": {"width": 512}}, "request.width"),
        ({"engine": {"runtime": "eager"}}, "engine.runtime"),
        ({"model": {"name": "m", "encoder_placement": "separate"}}, "model.encoder_placement"),
        ({"kind": "image", "request": {"frames": 2}}, "request.frames"),
        ({"kind": "image", "request": {"width": 8}}, "request.width"),
        ({"capacity": {"load": "mean"}, "request": {"tokens": 500}}, "request.tokens"),
        ({"capacity": {"method": "guessed"}}, "capacity.method"),
        ({"capacity": CALIBRATED, "request": {"tokens": 500}}, "request.tokens"),
        ({"capacity": {**TEXTBOOK, "max_utilisation": "0.5"}}, "capacity.max_utilisation"),
        ({"capacity": {**CALIBRATED, "max_utilisation": "0.96"}}, "capacity.max_utilisation"),
        ({"request": {"tokens": 500, "turns": 2}}, "request.turns"),
        (
            {"request": {"input_tokens": 9, "output_tokens": 9, "shared_prefix_tokens": 10}},
            "request.shared_prefix_tokens",
        ),
        ({"capacity": {"method": "given"}}, "capacity.requests_per_gpu_per_s"),
        (
            {"capacity": {**TEXTBOOK, "requests_per_gpu_per_s": 1}},
            "capacity.requests_per_gpu_per_s",
        ),
        ({"capacity": {**GIVEN, "gpu": "L4"}}, "capacity.gpu"),
        ({"capacity": {"method": "given", "requests_per_gpu_per_s": 1}}, "traffic"),
        ({"capacity": TEXTBOOK, "request": {}}, "request.tokens"),
        ({"capacity": TEXTBOOK, "kind": "video"}, "capacity.method"),
        ({"capacity": TEXTBOOK, "kind": "image"}, "request.iterations"),
        ({"hardware": None}, "hardware"),
        ({"hardware": "auto"}, "hardware"),
        ({"hardware": {"instance_type": "g6.xlarge", "families": ["g6"]}}, "hardware.families"),
        (
            {
                "capacity": TEXTBOOK,
                "model": {"name": "llama-3.1-8b", "precision": "fp8"},
                "hardware": {"instance_type": "auto", "precisions": ["fp8"]},
            },
            "hardware.precisions",
        ),
        ({"redundancy": {"spare_ratio": "-0.1"}}, "redundancy.spare_ratio"),
        ({"redundancy": {"nodes": -1}}, "redundancy.nodes"),
        ({"redundancy": {"nodes": 1.5}}, "redundancy.nodes"),
        ({"redundancy": {"availability": 1}}, "redundancy.availability"),
        ({"redundancy": {"mtbf_gpu_hours": "0.5"}}, "redundancy.mtbf_gpu_hours"),
        ({"redundancy": {"mttr_hours": 8_761}}, "redundancy.mttr_hours"),
        ({"data": {"profile_bytes_per_user": 1, "interaction_bytes": 1}}, "data.retention_days"),
        ({"engine": {"name": "mlc"}}, "engine.name"),
        ({"engine": {"kv_precision": "int4"}}, "engine.kv_precision"),
    ],
)
def test_the_field_to_blame(
    workload: Callable[..., Workload], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        workload(**changes)
    assert blamed(refused.value) == [field]


@pytest.mark.parametrize("traffic", [TRAFFIC, {**TRAFFIC, "hourly": [1] * 24}])
def test_a_queue_that_was_written_with_its_defaults_is_read_again(
    workload: Callable[..., Workload], traffic: dict[str, Any]
) -> None:
    """Guard: outputs of a stack have every default, and `diff` reads them."""
    written = workload(kind="video", queue={}, data=DATA, traffic=traffic, capacity=None)
    again = Workload.model_validate(written.model_dump(mode="json"))
    assert again.model_dump() == written.model_dump()


def test_a_peak_below_the_mean_is_a_contradiction(workload: Callable[..., Workload]) -> None:
    # 10 requests a day each are 11.57/s; 1 % of the users online, each every 86.4 s, also
    online = {**TRAFFIC, "peak_users_share": "0.01"}
    assert workload(traffic={**online, "think_time_s": "86.4"}).traffic.think_time_s is not None
    with pytest.raises(ValidationError) as refused:
        workload(traffic={**online, "think_time_s": "86.5"})
    assert blamed(refused.value) == ["traffic.think_time_s"]
    error = refused.value.errors()[0]["ctx"]["error"]
    assert (error.message, error.expected) == ("the peak is below the daily mean", "at most 86.4")


def test_a_measured_rate_does_not_choose_hardware_and_names_the_method_that_does(
    workload: Callable[..., Workload],
) -> None:
    with pytest.raises(ValidationError) as refused:
        workload(capacity=GIVEN, hardware="auto")
    error = refused.value.errors()[0]["ctx"]["error"]
    assert "hardware: auto chooses among all" in error.message
    assert "capacity.method: calibrated" in error.suggestion


def test_a_field_error_says_a_way_out(workload: Callable[..., Workload]) -> None:
    with pytest.raises(ValidationError) as refused:
        workload(capacity={"method": "given", "requests_per_gpu_per_s": 1})
    error = refused.value.errors()[0]["ctx"]["error"]
    assert str(error) == "capacity.load is peak, but no peak is given"
    assert error.suggestion == "or set capacity.load: mean"


def test_what_may_be_left_out(workload: Callable[..., Workload]) -> None:
    least = Workload.model_validate(
        {
            "name": "clips",
            "kind": "video",
            "model": {"parameters": "10e9", "precision": "fp32"},
            "traffic": TRAFFIC,
        }
    )
    assert least.kind is Kind.video and least.data is None
    assert least.capacity is not None and least.hardware is not None
    assert (least.capacity.method, least.capacity.load) == (Method.calibrated, Load.mean)
    assert least.hardware.is_auto
    peaked = least.model_dump() | {"traffic": {**TRAFFIC, "peak_ratio": 2}, "capacity": None}
    assert Workload.model_validate(peaked).capacity == Capacity(load=Load.mean), "a queue"
    image = {**peaked, "kind": "image", "engine": None}
    del image["engine"]
    assert Workload.model_validate(image).capacity == Capacity(), "while the user waits"
    assert Workload.model_validate({**image, "queue": {}, "data": DATA}).jobs == Queue()
    requested = {"input_tokens": 100, "output_tokens": 400}
    peak = {**TRAFFIC, "peak_ratio": 2}
    empty = dict[str, object]()
    for nothing in (None, empty):
        chat = workload(capacity=nothing, traffic=peak, request=requested)
        assert chat.capacity is not None and chat.capacity.method is Method.calibrated
    chat = workload()
    assert chat.model.name == "llama-3.1-8b", "a name alone is a model"
    assert chat.redundancy.mtbf_gpu_hours == 50_700 and chat.redundancy.mttr_hours == 24
    assert (chat.engine.name, chat.engine.kv_precision) == ("vllm", "fp16")
    assert chat.hardware is not None and chat.hardware.load_time_s == 300


def test_load_is_the_peak_unless_said(workload: Callable[..., Workload]) -> None:
    given = {"method": "given", "requests_per_gpu_per_s": 1}
    chat = workload(capacity=given, traffic={**TRAFFIC, "peak_ratio": 2})
    assert chat.capacity is not None and chat.capacity.load is Load.peak


def test_data_may_be_none_in_words(workload: Callable[..., Workload]) -> None:
    assert workload(data="none").data is None


def test_numbers_stay_exact(workload: Callable[..., Workload]) -> None:
    chat = workload(redundancy={"spare_ratio": 0.1})
    assert chat.redundancy.spare_ratio == Decimal("0.1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"region": "us east 1"}, "region"),
        ({"zones": []}, "zones"),
        ({"zones": ["use1-az1", "us-east-1b"]}, "zones.1"),
        ({"zones": ["use1-az1", "use1-az2", "use1-az1"]}, "zones.2"),
        ({"zones": [f"use1-az{n}" for n in range(1, 8)]}, "zones"),
        ({"environment": "test"}, "environment"),
        ({"account_ids": ["12345"]}, "account_ids.0"),
        ({"certificate_arn": "arn:aws:acm"}, "certificate_arn"),
        ({"vpc_cidr": "10.0.0.0/24"}, "vpc_cidr"),
        ({"kubernetes_version": "1.3"}, "kubernetes_version"),
        ({"ami_release": "latest"}, "ami_release"),
        ({"engine_image_digest": "sha256:abc"}, "engine_image_digest"),
        ({"engine_image_repository": "vllm/vllm-openai"}, "engine_image_repository"),
        ({"engine_image_repository": "ghcr.io/vllm/engine:v1"}, "engine_image_repository"),
        (
            {"permissions_boundary_arn": "arn:aws:iam::123456789012:role/a"},
            "permissions_boundary_arn",
        ),
        ({"role_path": "platform"}, "role_path"),
        ({"role_path": "/platform"}, "role_path"),
        ({"required_tags": ["team"]}, "tags"),
        ({"required_tags": ["team"], "tags": {"team": ""}}, "tags"),
        ({"zone": "use1-az1"}, "zone"),
    ],
)
def test_the_field_of_a_site_to_blame(site: Site, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Site.model_validate(site.model_dump() | changes)
    assert blamed(refused.value) == [field]


def test_values_are_frozen(workload: Callable[..., Workload], site: Site) -> None:
    values: list[tuple[BaseModel, str]] = [(workload(), "name"), (site, "region")]
    for value, field in values:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(value, field, "x")


def test_a_site_with_all_that_building_needs(site: Site) -> None:
    ready = {"account_ids": ["123456789012"], "certificate_arn": ARN, "tags": {"team": "x"}}
    assert Site.model_validate(site.model_dump() | ready).certificate_arn == ARN


def test_what_an_account_asks_of_roles_and_tags(site: Site) -> None:
    requested = {
        "required_tags": ["team", "cost-centre"],
        "tags": {"team": "x", "cost-centre": "1"},
        "role_path": "/platform/serving/",
        "permissions_boundary_arn": "arn:aws-cn:iam::123456789012:policy/path/bound+ary",
    }
    bound = Site.model_validate(site.model_dump() | requested)
    assert bound.role_path == "/platform/serving/"
    assert bound.required_tags == ("team", "cost-centre")
    assert (site.role_path, site.permissions_boundary_arn) == ("/", None)


def test_every_kind_has_its_traits_and_is_not_refused_as_unsupported() -> None:
    assert set(TRAITS) == set(Kind)
    assert not set(Kind) & {word for words in UNSUPPORTED.values() for word in words}
