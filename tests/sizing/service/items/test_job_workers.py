"""Workers of a queued service: their part of a replica, and services without a source of jobs."""

from collections.abc import Callable
from typing import Any

import pytest

from sizing.catalog import load_catalog
from sizing.plan.service.serving import LimitsBy
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.components.plans import ISSUER, QUEUED, STUDIO, site

CLIPS = QUEUED | {
    "kind": "video",
    "model": {"name": "wan2.2-ti2v-5b"},
    "traffic": {"daily_users": 500, "requests_per_user_per_day": 4},
    "request": {},
    "latency": None,
}


def planned(workload: dict[str, Any], on: Site) -> Plan:
    return size([Workload.model_validate(workload)], on, load_catalog())


def service(workload: dict[str, Any], on: Site | None = None) -> ServicePlan:
    return planned(workload, on or site("prod").model_copy(update=ISSUER)).services[0]


@pytest.mark.parametrize("workload", [QUEUED, CLIPS], ids=["images", "clips"])
def test_jobs_are_served_by_workers_behind_no_load_balancer(workload: dict[str, Any]) -> None:
    found = service(workload)
    assert found.unserved is None
    assert found.serving is not None
    assert found.serving.limits_by is LimitsBy.worker
    assert (found.serving.waiting, found.serving.in_flight) == (0, 1)
    assert found.serving.keep_alive_s is None
    assert found.serving.stop_s == 30, "no load balancer drains"


def test_the_worker_takes_its_part_of_the_replica() -> None:
    """256 MiB and four images of 1024 x 768 pixels of 3 bytes, 9 MiB."""
    queued, answering = service(QUEUED), service(STUDIO)
    assert queued.jobs is not None
    assert queued.jobs.worker is not None
    assert queued.serving is not None
    assert answering.serving is not None
    worker = queued.jobs.worker
    assert (worker.cpu_millicores, worker.memory_mib) == (250, 265)
    assert queued.serving.cpu_millicores + 250 == answering.serving.cpu_millicores
    assert queued.serving.memory_mib + 265 == answering.serving.memory_mib
    assert answering.jobs is None


def test_the_api_accepts_jobs_where_workers_do_them() -> None:
    served, idle = service(QUEUED).jobs, service(QUEUED | {"model": {"name": "sd3-medium"}}).jobs
    assert served is not None and served.api is not None
    assert idle is not None and idle.api is not None
    assert (served.worker is not None, served.api.accepts) == (True, True)
    assert (idle.worker, idle.api.accepts) == (None, False)


def test_the_scratch_of_the_worker_grows_with_the_item() -> None:
    def scratch_mib(**request: int) -> int:
        jobs = service(QUEUED | {"request": request}).jobs
        assert jobs is not None
        assert jobs.worker is not None
        return jobs.worker.scratch_mib

    assert scratch_mib(width=1024, height=1024) == 16 + 3 + 20
    assert scratch_mib(width=2048, height=1024) == 16 + 6 + 20


@pytest.mark.parametrize("workload", [QUEUED, CLIPS], ids=["images", "clips"])
def test_without_an_issuer_nothing_would_give_workers_a_job(workload: dict[str, Any]) -> None:
    plan = planned(workload, site("prod"))
    found = plan.services[0]
    assert found.unserved is not None
    assert found.unserved.startswith(
        "a job belongs to the subject of a token, and the stack file names no"
    )
    assert "add sizewright:token_issuer and sizewright:token_jwks_url" in found.unserved
    assert found.pool is not None, "its size is known"
    assert (found.serving, found.gateway, found.quota) == (None, None, None)
    assert found.jobs is not None
    assert (found.jobs.api, found.jobs.worker) == (None, None)
    assert plan.pools == (), "nodes without work would cost money"


def test_the_image_of_workers_is_in_use_only_with_them() -> None:
    name = "public.ecr.aws/lambda/python"
    queued = planned(QUEUED, site("prod").model_copy(update=ISSUER))
    assert [line for line in queued.unverified if line.startswith(f"{name} ")]
    answering = planned(STUDIO, site("prod"))
    assert not [line for line in answering.unverified if name in line]


def test_workers_that_a_user_measured_meet_the_same_limits(sized: Callable[..., Any]) -> None:
    """A given rate has no unbounded queue, and repeats, deadline and wait are of one queue."""
    images = {
        "kind": "image",
        "model": "flux.2-klein-4b",
        "request": {},
        "traffic": {"daily_users": 86_400, "requests_per_user_per_day": 1, "peak_ratio": 2},
        "capacity": {"method": "given", "requests_per_gpu_per_s": "0.1", "load": "mean"},
        "hardware": "g6e.xlarge",
        "data": {"client": "own", "retention_days": 7},
        "latency": {"response_s": 600},
    }
    once, repeated = (sized(**images, queue={"repeated_ratio": share}) for share in ("0", "0.3"))
    assert once.jobs is not None and repeated.jobs is not None
    assert once.jobs.utilisation < 1 and once.jobs.largest_backlog < 10_000
    assert repeated.jobs.job_s == pytest.approx(once.jobs.job_s / 0.7)
    assert repeated.pool.gpus_needed > once.pool.gpus_needed
    for plan in (once, repeated):
        made_s = plan.jobs.job_s * (1 - float(plan.inputs.queue.repeated_ratio))
        assert plan.latency.response_s == pytest.approx(plan.jobs.wait_s + made_s)
        assert plan.latency.response_s <= 600
