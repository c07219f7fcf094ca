"""The real API server accepts each rendered object and refuses a field that it does not know."""

import copy

import pytest
import yaml

from sizing.benchmark import benchmark
from sizing.plan.whole import Plan
from templates.benchmark import benchmark_files
from testbed.control_plane import ControlPlane
from testbed.kubernetes_api import ApiError
from tests.cluster.fleet import built_in
from tests.components.plans import (
    EVERYTHING,
    PROMPTED,
    QUEUED,
    STUDIO,
    applied_plan,
    chat_plan,
    paged_plan,
    plan_of,
    public_plan,
    queued_burst_plan,
    queued_plan,
    rendered_plan,
    spanning_plan,
)
from tests.sizing.workload.test_route import CODER, HOST, SMALL, sized
from tests.templates.test_other_engines import OTHERS, served

PLANS = {
    "burst and import": plan_of(EVERYTHING),
    "public": public_plan(),
    "routed": sized(HOST, CODER, SMALL),
    "groups": spanning_plan(),
    "images": plan_of(STUDIO | {"capacity": {"method": "calibrated", "burst_gpus": 4}}),
    "stages of prompts": plan_of(PROMPTED),
    "stages of the prompts of jobs": queued_plan(workload=QUEUED | {"prompt": PROMPTED["prompt"]}),
    "jobs": queued_plan(),
    "jobs above the floor": queued_burst_plan(),
    "renditions of clips": rendered_plan(),
    "application": applied_plan(),
    "page": paged_plan(),
    **{name.value: served(name) for name in OTHERS},
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_api_server_accepts_every_rendered_object(plane: ControlPlane, plan: Plan) -> None:
    """The server validates strictly and creates nothing; kinds of charts need their definitions."""
    documents = built_in(plan)
    namespaces = [d for d in documents if d["kind"] == "Namespace"]
    assert len(namespaces) == len(plan.services)
    for namespace in namespaces:
        plane.api.apply(namespace)
    for document in documents:
        plane.api.apply(document, dry_run=True)
        wrong = copy.deepcopy(document)
        wrong["metadata"]["lables"] = {}
        with pytest.raises(ApiError, match="lables"):
            plane.api.apply(wrong, dry_run=True)


def test_the_api_server_accepts_a_benchmark(plane: ControlPlane) -> None:
    plan = chat_plan()
    (service,) = plan.services
    files = benchmark_files(plan, service, benchmark(service, 86_400).runs, 86_400)
    plane.api.apply(next(d for d in built_in(plan) if d["kind"] == "Namespace"))
    documents = [d for text in files.values() for d in yaml.safe_load_all(text)]
    assert len(documents) == 5
    for document in documents:
        plane.api.apply(document, dry_run=True)
