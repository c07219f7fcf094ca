"""Replicas over several nodes: arguments of the groups' pods, and the pod that answers."""

import json
from email import message_from_string
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import templates.render
from templates.render import render
from tests.components.plans import chat_plan, spanning_plan

SCHEMA = json.loads(
    (Path(templates.render.__file__).parent / "schemas" / "leader-worker-set.json").read_text()
)
TEXTS = render(spanning_plan())
ZONES = ("use1-az1", "use1-az2", "use1-az4")


def document(name: str) -> Any:
    return yaml.safe_load(TEXTS[f"kubernetes/spanning/{name}.yaml"])


def groups(zone: str = ZONES[0]) -> Any:
    return document(f"leader-worker-set-{zone}")


def pods(zone: str = ZONES[0]) -> dict[str, Any]:
    template = groups(zone)["spec"]["leaderWorkerTemplate"]
    return {role: template[f"{role}Template"] for role in ("leader", "worker")}


def engine(role: str) -> Any:
    (container,) = pods()[role]["spec"]["containers"]
    return container


def flag(role: str, name: str) -> str:
    arguments: list[str] = engine(role)["args"]
    return arguments[arguments.index(name) + 1]


def test_a_set_of_groups_in_each_zone_and_no_deployment() -> None:
    assert not [path for path in TEXTS if "/deployment" in path]
    for zone in ZONES:
        spec = groups(zone)["spec"]
        assert (spec["replicas"], spec["leaderWorkerTemplate"]["size"]) == (1, 2)
        assert spec["rolloutStrategy"]["rollingUpdateConfiguration"] == {
            "maxSurge": 0,
            "maxUnavailable": 1,
        }
        for pod in pods(zone).values():
            selector = pod["spec"]["nodeSelector"]
            assert selector["sizewright.dev/zone"] == zone, "a group stays in one zone"
            assert selector["sizewright.dev/pool"] == "p5-48xlarge-tp8-x2"


def test_tensor_parallel_in_a_node_and_the_pipeline_across() -> None:
    for role in ("leader", "worker"):
        assert flag(role, "--tensor-parallel-size") == "8"
        assert flag(role, "--pipeline-parallel-size") == "2"
        assert flag(role, "--nnodes") == "$(LWS_GROUP_SIZE)"
        assert flag(role, "--node-rank") == "$(LWS_WORKER_INDEX)"
        assert flag(role, "--master-addr") == "$(LWS_LEADER_ADDRESS)"
        limits = engine(role)["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == "8"
        assert limits["vpc.amazonaws.com/efa"] == "32"
    assert "--headless" in engine("worker")["args"]
    assert "--headless" not in engine("leader")["args"]


def test_the_leader_alone_answers() -> None:
    assert {"ports", "startupProbe", "readinessProbe", "livenessProbe"} <= set(engine("leader"))
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & set(engine("worker"))
    selector = document("service")["spec"]["selector"]
    assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"


def test_a_worker_stays_while_its_leader_drains() -> None:
    assert engine("worker")["lifecycle"] == engine("leader")["lifecycle"]
    stops = {pod["spec"]["terminationGracePeriodSeconds"] for pod in pods().values()}
    assert len(stops) == 1


def test_an_eviction_of_any_pod_counts_as_a_group() -> None:
    budget = document("disruption-budget")["spec"]
    assert budget["maxUnavailable"] == 1, "one spare group, whichever of its pods goes"
    labels = [pod["metadata"]["labels"].items() for pod in pods().values()]
    assert all(budget["selector"]["matchLabels"].items() <= of_pod for of_pod in labels)


def test_pods_of_a_group_reach_each_other() -> None:
    policy = document("network-policy-engine")["spec"]
    own = {"app.kubernetes.io/name": "spanning", "app.kubernetes.io/component": "floor"}
    peers = [{"podSelector": {"matchLabels": own}}]
    assert {"from": peers} in policy["ingress"]
    assert {"to": peers} in policy["egress"]


@pytest.mark.parametrize("zone", ZONES)
def test_schemas_know_every_field(zone: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(groups(zone))
    for role, pod in pods(zone).items():
        template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": role}}
        kubernetes_validate.validate({**template, "template": pod}, "1.35", strict=True)


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("metadata",),
        ("spec",),
        ("spec", "rolloutStrategy"),
        ("spec", "rolloutStrategy", "rollingUpdateConfiguration"),
        ("spec", "leaderWorkerTemplate"),
    ],
)
def test_the_schema_is_strict(place: tuple[str, ...]) -> None:
    wrong = inner = groups()
    for step in place:
        inner = inner[step]
    inner["extra"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(wrong)


def test_pods_that_speak_efa_may_lock_memory() -> None:
    """Guard: beyond 8 MiB the kernel refuses to register memory, and NCCL falls back to TCP.

    Basis: vendor (drivers/infiniband/core/umem.c: RLIMIT_MEMLOCK or CAP_IPC_LOCK) and measured
    (NVIDIA/nvidia-container-toolkit issue 2037: root with IPC_LOCK locks, another user does not).
    """
    for role in ("leader", "worker"):
        capabilities = engine(role)["securityContext"]["capabilities"]
        assert capabilities == {"drop": ["ALL"], "add": ["IPC_LOCK"]}


def test_nodes_of_groups_raise_the_limit_of_locked_memory() -> None:
    """Guard: the list replaces the image's own, which contains the limit of open files.

    Basis: vendor (amazon-eks-ami nodeadm/doc/examples.md, internal/containerd of 2026-07-23).
    """
    (text,) = (text for path, text in TEXTS.items() if path.endswith("user-data.mime"))
    parts = [part.get_payload() for part in message_from_string(text).get_payload()]
    configs = [yaml.safe_load(part)["spec"] for part in parts]
    (limits,) = (
        c["containerd"]["baseRuntimeSpec"]["process"] for c in configs if "containerd" in c
    )
    values = {limit["type"]: (limit["soft"], limit["hard"]) for limit in limits["rlimits"]}
    assert values["RLIMIT_NOFILE"] == (65_536, 1_048_576)
    soft, hard = values["RLIMIT_MEMLOCK"]
    assert soft == hard == int(float(soft)) > 2**50, "nodeadm reads it as a float"


def test_other_pods_and_nodes_lock_no_memory() -> None:
    texts = "".join(render(chat_plan()).values())
    assert "IPC_LOCK" not in texts and "MEMLOCK" not in texts
