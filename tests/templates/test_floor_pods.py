"""The pods of the floor: nodes, engine, probes and rights."""

import pytest

from templates.render import render
from tests.components.plans import ZONES, imported_plan
from tests.templates.rendered import FLOOR, PLAN, document, engine, pod, with_serving


def test_floor_fills_its_nodes_and_rolls_within_its_spares() -> None:
    budget = document(PLAN, "disruption-budget")["spec"]
    assert budget["maxUnavailable"] == 3
    for zone in ZONES:
        spec = document(PLAN, f"deployment-{zone}")["spec"]
        assert spec["replicas"] == 5
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert budget["selector"]["matchLabels"].items() <= labels.items()
        assert document(PLAN, "service")["spec"]["selector"].items() <= labels.items()


def test_the_selector_of_a_zone_s_replicas_takes_no_other_zone_s() -> None:
    specs = {zone: document(PLAN, f"deployment-{zone}")["spec"] for zone in ZONES}
    for zone, spec in specs.items():
        selector = spec["selector"]["matchLabels"].items()
        assert [
            other
            for other, spec in specs.items()
            if selector <= spec["template"]["metadata"]["labels"].items()
        ] == [zone]
        assert document(PLAN, f"deployment-{zone}")["metadata"]["name"] == f"chat-floor-{zone}"


def test_pods_go_to_the_pool_and_spread() -> None:
    spec = pod(PLAN)
    assert spec["nodeSelector"] == {
        "sizewright.dev/pool": "g6-xlarge",
        "sizewright.dev/zone": "use1-az1",
    }
    trouble = ("not-ready", "unreachable")
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        *(
            {"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute"}
            for why in trouble
        ),
    ], "an unreachable replica waits for its node: every other slot is taken"
    spread = spec["topologySpreadConstraints"]
    assert [(c["topologyKey"], c["maxSkew"], c["whenUnsatisfiable"]) for c in spread] == [
        ("kubernetes.io/hostname", 1, "ScheduleAnyway"),
    ]


def test_engine_runs_as_sized() -> None:
    plan = with_serving(
        model="meta/llama",
        weights_folder="meta/llama@1",
        gpus_per_replica=4,
        max_num_seqs=56,
        max_model_len=2048,
        gpu_memory_utilisation=0.9,
        compute_precision="bf16",
        kv_precision="fp8",
    )
    assert engine(plan)["command"] == ["vllm", "serve"]
    assert engine(plan)["args"] == [
        "/weights/meta/llama@1",
        *("--served-model-name", "meta/llama"),
        *("--port", "8000"),
        *("--tensor-parallel-size", "4"),
        *("--max-num-seqs", "56"),
        *("--max-model-len", "2048"),
        *("--gpu-memory-utilization", "0.9"),
        *("--dtype", "bfloat16"),
        *("--kv-cache-dtype", "fp8"),
        *("--middleware", "admission.Admission"),
    ]


def test_what_the_plan_leaves_open_is_left_out() -> None:
    plan = with_serving(max_model_len=None, compute_precision="fp16", kv_precision="fp16")
    arguments = engine(plan)["args"]
    assert not {"--max-model-len", "None", "null"} & set(arguments)
    assert arguments[arguments.index("--dtype") + 1] == "float16"
    assert arguments[arguments.index("--kv-cache-dtype") + 1] == "auto"


@pytest.mark.parametrize("field", ["compute_precision", "kv_precision"])
def test_a_precision_without_a_flag_raises(field: str) -> None:
    with pytest.raises(ValueError, match="int3"):
        render(with_serving(**{field: "int3"}))


def test_resources() -> None:
    plan = with_serving(
        gpus_per_replica=2, cpu_millicores=3420, memory_mib=12728, shared_memory_mib=2048
    )
    assert engine(plan)["resources"] == {
        "requests": {"cpu": "3420m", "memory": "12728Mi"},
        "limits": {"memory": "12728Mi", "nvidia.com/gpu": "2"},
    }
    volumes = {volume["name"]: volume for volume in pod(plan)["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "2048Mi"}
    mounts = {mount["name"]: mount["mountPath"] for mount in engine(plan)["volumeMounts"]}
    assert mounts["shared-memory"] == "/dev/shm"


@pytest.mark.parametrize(("start_s", "failures"), [(600, 60), (601, 61), (610, 61), (1, 1)])
def test_startup_probe_waits_for_the_planned_start(start_s: int, failures: int) -> None:
    plan = with_serving(start_s=start_s)
    probe = engine(plan)["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (10, failures)
    assert document(plan, FLOOR)["spec"]["progressDeadlineSeconds"] > start_s


HUNG = ("startupProbe", "livenessProbe")


def test_probes_ask_the_engine_s_health() -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert engine(PLAN)[probe]["httpGet"] == {"path": "/health", "port": 8000}
    hung = [engine(PLAN)[probe]["terminationGracePeriodSeconds"] for probe in HUNG]
    assert hung == [10, 10], "an engine that hangs has nothing to drain"


def test_the_update_waits_for_replicas_whose_weights_it_imports() -> None:
    notes = document(PLAN, FLOOR)["metadata"]["annotations"]
    assert notes == {"pulumi.com/skipAwait": "true"}, "somebody fills the bucket later"
    plan = imported_plan()
    deployment = document(plan, FLOOR)
    batches = deployment["spec"]["replicas"]  # one at once
    deadline = deployment["spec"]["progressDeadlineSeconds"]
    notes = deployment["metadata"]["annotations"]
    assert notes == {"pulumi.com/timeoutSeconds": str(batches * deadline)}


def test_pods_finish_their_answers_before_they_stop() -> None:
    service = PLAN.services[0]
    assert service.gateway is not None
    assert service.serving is not None
    sleep = engine(PLAN)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep == service.gateway.deregistration_delay_s
    assert pod(PLAN)["terminationGracePeriodSeconds"] == service.serving.stop_s > sleep


def test_pods_have_no_more_rights_than_they_need() -> None:
    spec = pod(PLAN)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    least = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    user = {"runAsNonRoot": True, "runAsUser": 2000, "runAsGroup": 0}
    assert engine(PLAN)["securityContext"] == least | user
    copy, *_ = spec["initContainers"]
    assert copy["securityContext"] == least | {"readOnlyRootFilesystem": True}
    mounts = {mount["name"]: mount for mount in engine(PLAN)["volumeMounts"]}
    assert mounts["weights"]["readOnly"] is True


def test_engine_asks_nobody_outside() -> None:
    env = {variable["name"]: variable["value"] for variable in engine(PLAN)["env"]}
    assert env["HF_HUB_OFFLINE"] == "1"
    assert env["VLLM_NO_USAGE_STATS"] == "1"
    mounts = [mount["mountPath"] for mount in engine(PLAN)["volumeMounts"]]
    assert env["HOME"] in mounts, "caches lie below it and must be writable"
    assert pod(PLAN)["enableServiceLinks"] is False, "a service named vllm would set VLLM_PORT"
