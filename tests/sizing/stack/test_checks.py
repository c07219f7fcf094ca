"""What is refused before anything is sized, with the input that has the field."""

from collections.abc import Callable
from typing import Any

import pytest

from sizing.catalog import Catalog
from sizing.site import Site
from sizing.size import size
from sizing.stack.network import subnet_ranges
from sizing.values.field_error import FieldError, FieldPath, StackFieldError
from sizing.workload import Workload

Build = Callable[..., Workload]
RESERVED = {"use1-az6": "cr-0123456789abcdef0"}
NAMED_GPU = {
    "hardware": {"instance_type": "auto", "families": ["g6"]},
    "capacity": {"method": "textbook", "load": "mean", "gpu": "H100"},
}


@pytest.mark.parametrize(
    "stated",
    [
        {"engine_image_repository": "registry.example/vllm"},
        {"engine_image_digest": "sha256:" + "0123456789abcdef" * 4},
    ],
)
def test_a_copy_of_one_engine_s_image_is_refused_where_a_stack_has_two(
    stated: dict[str, str], workload: Build, site: Site, catalog: Catalog
) -> None:
    near = Site.model_validate(site.model_dump() | stated)
    other = workload(name="b", engine={"name": "sglang"}, model="llama-3.1-8b")
    assert size([workload(), workload(name="b")], near, catalog)
    fault = refused([workload(), other], near, catalog)
    assert (fault.workload_index, fault.field) == (None, tuple(stated))
    assert fault.message == "it is of one engine, and this stack has sglang and vllm"


def refused(workloads: list[Workload], site: Site, catalog: Catalog) -> StackFieldError:
    with pytest.raises(StackFieldError) as fault:
        size(workloads, site, catalog)
    return fault.value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "chat"}, ("name",)),
        ({"access": {"token_required": True}}, ("access", "token_required")),
        (
            {"hardware": {"instance_type": "g6.xlarge", "capacity": {"reservations": RESERVED}}},
            ("hardware", "capacity", "reservations", "use1-az6"),
        ),
        ({"hardware": {"instance_type": "g6.tiny"}}, ("hardware", "instance_type")),
        ({"model": "llama-9-1b"}, ("model", "name")),
        (NAMED_GPU, ("capacity", "gpu")),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_fault_of_the_second_workload_names_it(
    changes: dict[str, Any], field: FieldPath, workload: Build, site: Site, catalog: Catalog
) -> None:
    fault = refused([workload(), workload(**{"name": "b", **changes})], site, catalog)
    assert (fault.workload_index, fault.field) == (1, field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zones": ["use1-az1", "use1-az9"]}, ("zones", 1)),
        ({"ami_release": "1.34.0-20261101"}, ("ami_release",)),
        (
            {"mirrors": {"docker.example.com": "copy.example.com"}},
            ("mirrors", "docker.example.com"),
        ),
        ({"kubernetes_version": "1.10"}, ("kubernetes_version",)),
        ({"vpc_cidr": "10.0.0.1/16"}, ("vpc_cidr",)),
    ],
)
def test_a_fault_of_the_site_names_no_workload(
    changes: dict[str, Any], field: FieldPath, workload: Build, site: Site, catalog: Catalog
) -> None:
    wrong = Site.model_validate(site.model_dump() | changes)
    fault = refused([workload()], wrong, catalog)
    assert (fault.workload_index, fault.field) == (None, field)


def test_zones_of_an_existing_network_need_no_range_of_a_created_one() -> None:
    """A created network has seven ranges of zones; an existing one brings its own."""
    zones = ("use1-az1", "use1-az9")
    subnets = {zone: f"subnet-0000000{zone[-1]}" for zone in zones}
    used = {"vpc_id": "vpc-00000001", "vpc_cidr": "10.20.0.0/16", "private_subnet_ids": subnets}
    place = {"region": "us-east-1", "zones": zones, "environment": "dev"}
    assert subnet_ranges(Site.model_validate({**place, "network": {"use": used}})) == {}
    with pytest.raises(FieldError, match="use1-az9 has no place in the network"):
        subnet_ranges(Site.model_validate(place))
