"""A choice stays while the lock is of the same model and machine."""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.locks.workload_lock import Lock, model_key
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.sizing.refusals import refusals

G6 = {"instance_type": "g6.12xlarge"}


def lock(**changes: object) -> Lock:
    kept = {
        "model": "llama-3.1-8b",
        "precision": "bf16",
        "instance_type": "g6.12xlarge",
        "tensor_parallel": 4,
        "catalog_digest": "0" * 12,
    }
    return Lock.model_validate(kept | changes)


@pytest.fixture
def locked(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> Callable[..., ServicePlan]:
    def build(kept: Lock, **changes: object) -> ServicePlan:
        chat = workload(**{"hardware": G6, **changes})
        return size([chat], site, catalog, {"chat": kept}).services[0]

    return build


def test_a_lock_pins_the_group(locked: Callable[..., ServicePlan]) -> None:
    # one L4 has room for the model; the lock was made when four were chosen
    plan = locked(lock())
    assert plan.pool is not None and plan.pool.tensor_parallel == 4
    assert refusals(plan) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "llama-3.1-70b"},
        {"precision": "fp8"},
        {"instance_type": "g6.48xlarge"},
        {"engine": "sglang"},
    ],
)
def test_a_stale_lock_is_reported_and_not_followed(
    locked: Callable[..., ServicePlan], changes: dict[str, str]
) -> None:
    plan = locked(lock(**changes))
    assert plan.pool is not None and plan.pool.tensor_parallel == 1
    (stale,) = refusals(plan)
    assert (stale.option, stale.reason) == ("lock: tensor parallel 4", Reason.stale_lock)
    assert all(value in stale.numbers for value in changes.values())


def test_the_precision_of_the_catalog_and_a_written_one_are_the_same(
    locked: Callable[..., ServicePlan],
) -> None:
    written = locked(lock(), model={"name": "llama-3.1-8b", "precision": "bf16"})
    assert written.pool is not None and written.pool.tensor_parallel == 4


def test_a_lock_of_another_service_is_not_read(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    plan = size([workload(hardware=G6)], site, catalog, {"other": lock()}).services[0]
    assert plan.pool is not None and plan.pool.tensor_parallel == 1


def test_what_the_workload_says_wins_over_the_lock(locked: Callable[..., ServicePlan]) -> None:
    plan = locked(lock(), hardware={**G6, "tensor_parallel": 2})
    assert plan.pool is not None and plan.pool.tensor_parallel == 2


@pytest.mark.parametrize("parameters", ["7.0e9", 7.0e9, 7_000_000_000, "7000000000.0"])
def test_one_number_has_one_key(workload: Callable[..., Workload], parameters: str | float) -> None:
    chat = workload(model={"name": "llama-2-7b", "parameters": parameters, "precision": "nf4"})
    assert model_key(chat) == "llama-2-7b 7000000000"


def test_a_lock_that_no_longer_fits_is_refused_with_its_numbers(
    locked: Callable[..., ServicePlan],
) -> None:
    small = lock(tensor_parallel=1, model="llama-3.1-70b")
    plan = locked(small, model="llama-3.1-70b")
    assert plan.pool is None
    assert plan.rejected[0].reason is Reason.memory
