"""One ordinary service, and changes of it for tests."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from sizing.catalog import Catalog, load_catalog
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.examples import examples

settings.register_profile("sizing", derandomize=True, deadline=None, max_examples=examples(500))
settings.load_profile("sizing")

CHAT: dict[str, Any] = {
    "name": "chat",
    "kind": "chat",
    "model": "llama-3.1-8b",
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10},
    "request": {"input_tokens": 100, "output_tokens": 400},
    "capacity": {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"},
    "hardware": {"instance_type": "g6.xlarge"},
}
"""10^6 requests a day are 11.57 a second: 12 GPUs of 1 request/s each."""


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def site() -> Site:
    return Site.model_validate(
        {
            "region": "us-east-1",
            "zones": ["use1-az1", "use1-az2", "use1-az4"],
            "environment": "dev",
        }
    )


@pytest.fixture(scope="session")
def workload() -> Callable[..., Workload]:
    """Chat service with other top-level keys; None leaves a key out. Items have no tokens."""

    def build(**changes: object) -> Workload:
        if changes.get("kind") in ("image", "video"):
            changes = {"request": {}, **changes}
        data = {key: value for key, value in {**CHAT, **changes}.items() if value is not None}
        return Workload.model_validate(data)

    return build


@pytest.fixture(scope="session")
def sized(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> Callable[..., ServicePlan]:
    """Plan of the changed chat service, `zones` by the digits of their ids: 124."""

    def build(zones: str = "124", **changes: object) -> ServicePlan:
        there = site.model_copy(update={"zones": tuple(f"use1-az{digit}" for digit in zones)})
        return size([workload(**changes)], there, catalog).services[0]

    return build
