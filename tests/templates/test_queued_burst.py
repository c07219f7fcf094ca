"""The burst of a queued service: waiting jobs start its replicas, perhaps on spot instances."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from sizing.plan.service.burst import JobBurstPlan
from sizing.plan.whole import Plan
from templates.burst import wanted_jobs
from templates.render import render
from tests.components.plans import BURSTING, QUEUED_BURST, STUDIO, queued_burst_plan, queued_plan
from tests.templates.test_burst import OURS, POD_LABELS, SCHEMAS, leaves, places, validate

DEFINITIONS = OURS | {"TriggerAuthentication": "trigger-authentication"}
OBJECTS = ("scaled-object", "trigger-authentication")


@cache
def plan() -> Plan:
    return queued_burst_plan()


@cache
def texts() -> dict[str, str]:
    return render(plan())


def service(name: str) -> Any:
    return yaml.safe_load(texts()[f"kubernetes/queued/{name}.yaml"])


def burst() -> JobBurstPlan:
    found = plan().services[0].burst
    assert isinstance(found, JobBurstPlan)
    return found


def defined(parsed: Any) -> None:
    schema = json.loads((SCHEMAS / f"{DEFINITIONS[parsed['kind']]}.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(parsed)


@pytest.mark.parametrize("name", OBJECTS)
def test_definitions_know_every_field(name: str) -> None:
    defined(service(name))


@pytest.mark.parametrize("name", OBJECTS)
def test_our_own_schemas_are_strict_all_the_way_down(name: str) -> None:
    right = service(name)
    for place in places(right):
        if place and place[-1] == "labels":
            continue
        wrong = json.loads(json.dumps(right))
        inner = wrong
        for step in place:
            inner = inner[step]
        inner["extra"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            defined(wrong)


@pytest.mark.parametrize("name", ["burst-deployment", "burst-disruption-budget"])
def test_kubernetes_knows_every_field_of_the_replicas(name: str) -> None:
    validate(service(name))


def test_prometheus_has_no_part_in_it() -> None:
    found = {path.rpartition("/")[2] for path in texts() if path.startswith("kubernetes/queued")}
    assert not [name for name in found if "metrics" in name]
    assert "prometheus" not in json.dumps(service("scaled-object"))


def test_the_queue_is_read_by_length_and_by_age() -> None:
    length, age = service("scaled-object")["spec"]["triggers"]
    assert (length["type"], age["type"]) == ("aws-sqs-queue", "aws-cloudwatch")
    assert length["metadata"]["queueURL"] == "${wire:queue_url}"
    assert length["metadata"]["scaleOnInFlight"] == "false", "a worker has those"
    assert age["metadata"]["metricName"] == "ApproximateAgeOfOldestMessage"
    assert age["metadata"]["dimensionValue"] == "${wire:queue_name}"
    for trigger in (length, age):
        assert (
            trigger["authenticationRef"]["name"]
            == service("trigger-authentication")["metadata"]["name"]
        )
        assert trigger["metadata"]["awsRegion"] == "us-east-1"


def test_keda_calls_aws_with_its_own_role() -> None:
    """No key, and no role of the workers."""
    assert service("trigger-authentication")["spec"] == {"podIdentity": {"provider": "aws"}}


def answer(formula: str, waiting: float, oldest: float) -> float:
    """Result of the formula: its `a ? b : c` is `b if a else c` in Python."""
    inner = formula.removeprefix("max(waiting - (").removesuffix("), 0)")
    condition, _, rest = inner.partition(" ? ")
    then, _, other = rest.partition(" : ")
    python = f"max(waiting - ({then} if {condition} else {other}), 0)"
    value: float = eval(python, {"max": max, "waiting": waiting, "oldest": oldest})
    return value


@pytest.mark.parametrize(
    ("waiting", "oldest", "wanted"),
    [(0, 0, 0), (40, 100, 0), (41, 100, 1), (100, 500, 60), (41, 501, 41), (0, 501, 0)],
)
def test_the_floor_makes_its_share_while_it_keeps_up(
    waiting: float, oldest: float, wanted: float
) -> None:
    """An old job shows a floor that does not keep up: then every waiting job counts."""
    changed = burst().model_copy(update={"floor_jobs": 40, "oldest_s": 500})
    assert answer(wanted_jobs(changed), waiting, oldest) == wanted


def test_names_of_the_formula_are_those_of_the_triggers() -> None:
    spec = service("scaled-object")["spec"]
    modifiers = spec["advanced"]["scalingModifiers"]
    assert modifiers["formula"] == wanted_jobs(burst())
    assert [trigger["name"] for trigger in spec["triggers"]] == ["waiting", "oldest"]
    assert modifiers["target"] == str(burst().jobs_per_replica)
    assert modifiers["target"].isdigit(), "the fallback of KEDA needs a whole number"
    assert modifiers["metricType"] == "AverageValue"


def test_it_scales_from_none_to_the_ceiling_and_keeps_what_runs_without_an_answer() -> None:
    spec = service("scaled-object")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, burst().replicas)
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    window = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert window["stabilizationWindowSeconds"] == spec["cooldownPeriod"] == burst().cooldown_s


def test_burst_pods_have_the_same_worker() -> None:
    floor, above = (
        leaves(service(name)["spec"]["template"]["spec"]["containers"][1])
        for name in ("deployment-use1-az1", "burst-deployment")
    )
    assert floor == above
    assert POD_LABELS


def requirements(whole: Plan) -> dict[str, list[str]]:
    (text,) = [text for path, text in render(whole).items() if path.endswith("node-pool.yaml")]
    found = yaml.safe_load(text)["spec"]["template"]["spec"]["requirements"]
    return {each["key"]: each["values"] for each in found}


CAPACITY_TYPE = "karpenter.sh/capacity-type"


def test_nodes_may_be_spot_instances_where_jobs_are_repeated() -> None:
    assert requirements(plan())[CAPACITY_TYPE] == ["spot", "on-demand"]
    certain = QUEUED_BURST | {"queue": {"drain_s": 900}}
    assert requirements(queued_plan(certain | {"name": "certain"}))[CAPACITY_TYPE] == ["on-demand"]


def test_a_shared_pool_stays_on_demand_and_says_so() -> None:
    answering = STUDIO | {"capacity": {"method": "calibrated", "burst_gpus": 2}}
    shared = queued_plan(QUEUED_BURST | {"name": "spotty"}, answering)
    assert requirements(shared)[CAPACITY_TYPE] == ["on-demand"]
    (refused,) = [r for r in shared.services[1].rejected if r.option == "spot instances"]
    assert "studio" in refused.numbers
    assert not [r for r in plan().services[0].rejected if r.option == "spot instances"]


def test_other_bursts_are_measured_by_prometheus_as_before() -> None:
    whole = queued_plan(QUEUED_BURST | {"name": "spotty"}, BURSTING)
    metrics = whole.cluster_services.burst and whole.cluster_services.burst.metrics
    assert metrics is not None
    assert metrics.services == ("chat",)
    alone = plan().cluster_services.burst
    assert alone is not None
    assert alone.metrics is None
    assert alone.pod_autoscaler is not None
    assert alone.pod_autoscaler.reads_queues is True
