"""The whole sizing: infeasible services, remedies, and the resulting plan."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError, FieldPath
from sizing.workload import Workload
from tests.sizing.refusals import refusals

Sized = Callable[..., ServicePlan]


def on(instance_type: str, **more: object) -> dict[str, object]:
    return {"instance_type": instance_type, **more}


def all_refusals(plan: ServicePlan) -> list[tuple[str, Reason, str]]:
    return [(refused.option, refused.reason, refused.numbers) for refused in plan.rejected]


def test_a_model_too_large_for_its_card(sized: Sized) -> None:
    plan = sized(model="llama-3.1-70b")
    assert all_refusals(plan) == [
        (
            "g6.xlarge, tensor parallel 1",
            Reason.memory,
            # 70,553,706,496 x 2 bytes; and 500 tokens of 327,680 bytes; see test_memory for 19.1
            "weights 141 GB, with the longest sequence 141 GB; 1 x NVIDIA L4 leave 19.1 GB",
        ),
        (
            "a replica over several nodes",
            Reason.interconnect,
            "g6.xlarge has no EFA interface between its nodes",
        ),
        (
            "another instance type",
            Reason.nearest,
            # no g6 has room for it: 8 L4 in a group leave 137.4 GB
            "g6e.12xlarge (3 nodes, 22,979 USD a month), p4d.24xlarge (2 nodes, 32,058 USD a month)"
            " or g6e.24xlarge (3 nodes, 32,994 USD a month) would do",
        ),
    ]


def test_the_types_that_would_do_really_do(sized: Sized) -> None:
    for name in ("g6e.12xlarge", "p4d.24xlarge", "g6e.24xlarge"):
        assert sized(model="llama-3.1-70b", hardware=on(name)).pool is not None
    in_one_node = on("g6.48xlarge") | {"nodes_per_replica": 1}
    assert sized(model="llama-3.1-70b", hardware=in_one_node).pool is None


def test_an_infeasible_service_is_an_answer(sized: Sized) -> None:
    plan = sized(model="llama-3.1-70b", request={"tokens": 500, "request_bytes": 10})
    assert plan.pool is None and plan.volumes is None
    assert plan.serving is None and plan.gateway is None
    assert plan.storage.weights_bytes == 2 * 70_553_706_496
    assert plan.memory.weights_bytes == 2 * 70_553_706_496
    assert plan.memory.max_sequences is None
    assert plan.capacity is not None and plan.capacity.gpus_at_mean == 12
    assert plan.network.ingress_mbit_per_s is not None


def test_smaller_groups_that_do_not_hold_the_model_are_reported(sized: Sized) -> None:
    plan = sized(model="llama-3.1-70b", hardware=on("p4d.24xlarge"))
    assert plan.pool is not None and plan.pool.tensor_parallel == 8
    assert [refused.option for refused in refusals(plan)] == [
        *(f"p4d.24xlarge, tensor parallel {size}" for size in (1, 2, 4)),
        # 141 GB at the 500 MiB/s of one client take 269 s, and 67 s more to read
        "load in 300 s",
    ]


def test_the_textbook_rule_knows_no_rate_of_32_bits(sized: Sized) -> None:
    model = {"name": "llama-3.2-1b", "precision": "fp32"}
    plan = sized(model=model, capacity={"method": "textbook", "load": "mean"})
    assert plan.pool is None and plan.capacity is None
    assert all_refusals(plan)[-1] == (
        "method textbook",
        Reason.unknown_fact,
        "the catalog has no dense fp32 rate of NVIDIA L4",
    )


def test_images_of_a_model_that_no_engine_lists_keep_their_size(sized: Sized) -> None:
    plan = sized(kind="image", model="stable-diffusion-1.5", request={"iterations": 28})
    assert plan.pool is not None and plan.volumes is not None and plan.serving is None
    assert plan.rejected[-1].reason is Reason.not_in_this_version


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": "llama-9-1b"}, ("model", "name")),
        ({"model": "deepseek-v4-pro"}, ("model", "parameters")),
        (
            {"model": "llama-2-7b", "request": {"tokens": 500, "context_tokens": 4_097}},
            ("request", "context_tokens"),
        ),
        ({"hardware": {"instance_type": "g6.tiny"}}, ("hardware", "instance_type")),
        ({"capacity": {"method": "textbook", "load": "mean", "gpu": "H100"}}, ("capacity", "gpu")),
        ({"capacity": {"method": "textbook", "load": "mean", "gpu": "X1"}}, ("capacity", "gpu")),
    ],
)
def test_names_that_the_catalog_lacks(
    sized: Sized, changes: dict[str, Any], field: FieldPath
) -> None:
    with pytest.raises(FieldError) as fault:
        sized(**changes)
    assert fault.value.field == field


@pytest.mark.parametrize("zone", ["use1-az9", "usw2-az1"])
def test_zones_that_the_region_lacks(site: Site, catalog: Catalog, zone: str) -> None:
    other = Site.model_validate(site.model_dump() | {"zones": ["use1-az1", zone]})
    with pytest.raises(FieldError) as fault:
        size([], other, catalog)
    assert fault.value.field == ("zones", 1)


def test_two_services_of_one_name(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    with pytest.raises(FieldError, match="already has a service named chat"):
        size([workload(), workload()], site, catalog)


def test_services_are_found_by_name(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    plan: Plan = size([workload(), workload(name="b")], site, catalog)
    assert plan.service("b").name == "b"
    with pytest.raises(KeyError):
        plan.service("c")


CONTRACT = {
    "traffic": "requests_per_s_mean requests_per_s_peak users_online_peak requests_in_flight_peak",
    "capacity": "method load request_s requests_per_gpu_per_s users_per_gpu_per_day",
    "memory": "weights_bytes kv_bytes_per_token max_sequences",
    "pool": "instance_type gpu gpus_needed gpus_total nodes_needed nodes_spare nodes_total"
    " nodes_by_zone survives binding utilisation_at_peak",
    "storage": "weights_bytes profile_bytes interaction_bytes_per_day indexed_bytes_per_day"
    " indexed_bytes_per_month",
    "network": "ingress_mbit_per_s egress_mbit_per_s ingress_mbit_per_s_peak"
    " egress_mbit_per_s_peak",
}
"""Names of `size --json` that scripts rely on."""


def test_the_names_that_scripts_rely_on(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    plan = size([workload()], site, catalog).as_json()
    (service,) = plan["services"]
    assert plan["schema_version"] == "1"
    for part, names in CONTRACT.items():
        assert set(names.split()) <= set(service[part]), part
    assert set(service["pool"]["survives"]) == {"nodes", "zones"}
    assert {"name", "kind", "rejected", "cost"} <= set(service)


ONCE = """
from pathlib import Path
from sizewright.reading.read import read_model
from sizing.catalog import load_catalog
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
zones = ("use1-az1", "use1-az2", "use1-az4")
site = Site(region="us-east-1", zones=zones, environment="dev", tags={"b": "1", "a": "2"})
names = ("chat", "text-to-text", "text-to-image", "text-to-video")
files = [Path("workloads/golden", f"{name}.yaml") for name in names]
print(size([read_model(f, Workload) for f in files], site, load_catalog()).model_dump_json())
"""


def test_hash_seed_locale_and_time_zone_change_nothing() -> None:
    plans = set()
    for seed, locale, zone in [("0", "C", "UTC"), ("1", "de_DE.UTF-8", "Asia/Tokyo")]:
        settings = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone, "PYTHONPATH": "."}
        root = Path(__file__).parents[2]
        command = [sys.executable, "-c", ONCE]
        run = subprocess.run(
            command, cwd=root, env={**os.environ, **settings}, capture_output=True, check=True
        )
        plans.add(run.stdout)
    assert len(plans) == 1 and len(plans.pop()) > 1_000
