import json
import re
import shutil
import subprocess
from email import message_from_string
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

import templates.render
from sizing.plan import Plan
from templates.engine import ENGINE_PORT, engine_arguments
from templates.render import WIRES, render, user_data_path
from tests.components.plans import (
    REVISION,
    SECRET,
    SOURCES,
    ZONES,
    changed_service,
    chat_plan,
    imported_plan,
    infeasible_plan,
    public_plan,
    two_services_plan,
    volume_plan,
)

FOLDER = Path(templates.render.__file__).parent
FLOOR = "deployment-use1-az1"
"""The floor's replicas of the first zone."""
DOCUMENTS = (
    *(f"deployment-{zone}" for zone in ZONES),
    "disruption-budget",
    "namespace",
    "network-policy-default",
    "network-policy-engine",
    "resource-quota",
    "script-admission",
    "script-fetch",
    "service-account",
    "service",
    "target-group-binding",
)
CUSTOM = json.loads((FOLDER / "schemas" / "target-group-binding.json").read_text())
"""Schema of a definition that no Kubernetes release has, written by this project."""
SCHEMA_VERSION = "1.35"
IMPORT_DOCUMENTS = (
    "import-job",
    "import-service-account",
    "network-policy-import",
    "script-import",
)
PLAN = chat_plan()
VOLUME_PLAN = volume_plan()


def document(plan: Plan, name: str) -> Any:
    return yaml.safe_load(render(plan)[f"kubernetes/chat/{name}.yaml"])


def pod(plan: Plan) -> Any:
    return document(plan, FLOOR)["spec"]["template"]["spec"]


def engine(plan: Plan) -> Any:
    (container,) = pod(plan)["containers"]
    return container


def with_serving(**values: object) -> Plan:
    return changed_service(PLAN, "serving", **values)


def test_paths() -> None:
    assert list(render(two_services_plan())) == [
        *(f"kubernetes/chat/{name}.yaml" for name in DOCUMENTS),
        *(f"kubernetes/search/{name}.yaml" for name in DOCUMENTS),
        "node/g6-xlarge/user-data.mime",
    ]
    assert render(infeasible_plan()) == {}


def test_same_plan_same_text() -> None:
    assert render(chat_plan()) == render(chat_plan())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_knows_every_field(name: str) -> None:
    validate(document(PLAN, name))


@pytest.mark.parametrize("name", IMPORT_DOCUMENTS)
@pytest.mark.parametrize("source", SOURCES)
def test_schema_knows_every_field_of_an_import(name: str, source: str) -> None:
    validate(document(imported_plan(source), name))


def validate(parsed: Any) -> None:
    if parsed["kind"] == "TargetGroupBinding":
        jsonschema.Draft7Validator(CUSTOM).validate(parsed)
    else:
        kubernetes_validate.validate(parsed, SCHEMA_VERSION, strict=True)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (FLOOR, "replicas"),
        ("disruption-budget", "maxUnavailable"),
        ("service", "ports"),
        ("target-group-binding", "targetType"),
        ("network-policy-engine", "egress"),
        ("resource-quota", "hard"),
    ],
)
def test_schema_refuses_a_misspelled_field(name: str, field: str) -> None:
    wrong = document(PLAN, name)
    wrong["spec"][field + "s"] = wrong["spec"].pop(field)
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)


def test_our_own_schema_is_strict_all_the_way_down() -> None:
    jsonschema.Draft7Validator.check_schema(CUSTOM)
    for place in ((), ("metadata",), ("spec",), ("spec", "serviceRef")):
        wrong = document(PLAN, "target-group-binding")
        inner = wrong
        for step in place:
            inner = inner[step]
        inner["extra"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            validate(wrong)


def test_the_binding_registers_the_service_s_pods() -> None:
    binding = document(PLAN, "target-group-binding")
    service = document(PLAN, "service")
    assert binding["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert binding["spec"]["serviceRef"]["name"] == service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    assert binding["spec"]["serviceRef"]["port"] == port["port"]
    assert binding["spec"]["targetType"] == "ip"
    assert binding["spec"]["targetGroupARN"] == "${wire:target_group_arn}"
    assert "networking" not in binding["spec"], "the gateway's own rule opens the port"
    labels = document(PLAN, FLOOR)["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (engine_port,) = engine(PLAN)["ports"]
    assert port["targetPort"] == engine_port["containerPort"] == ENGINE_PORT


def test_labels_on_everything() -> None:
    for name in DOCUMENTS:
        parsed = document(PLAN, name)
        labels = parsed["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "chat"
        assert labels["app.kubernetes.io/part-of"] == "sizewright"
        assert labels["app.kubernetes.io/managed-by"] == "sizewright"
        assert parsed["metadata"].get("namespace", "chat") == "chat"


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


def test_nothing_comes_in_or_goes_out_unasked() -> None:
    spec = document(PLAN, "network-policy-default")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_engine_hears_its_balancer_and_asks_for_names_roles_and_weights() -> None:
    spec = document(PLAN, "network-policy-engine")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (heard,) = spec["ingress"]
    ranges = [source["ipBlock"]["cidr"] for source in heard["from"]]
    assert ranges == [subnet.private_cidr for subnet in PLAN.network.subnets]
    assert heard["ports"] == [{"protocol": "TCP", "port": ENGINE_PORT}]
    asked = {
        json.dumps(target): [(port["protocol"], port["port"]) for port in rule["ports"]]
        for rule in spec["egress"]
        for target in rule["to"]
    }
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    assert asked == {
        json.dumps(dns): [("UDP", 53), ("TCP", 53)],
        json.dumps({"ipBlock": {"cidr": "169.254.170.23/32"}}): [("TCP", 80)],
        json.dumps({"ipBlock": {"cidr": "0.0.0.0/0"}}): [("TCP", 443)],
    }


def test_the_engine_s_rules_select_its_pods() -> None:
    selector = document(PLAN, "network-policy-engine")["spec"]["podSelector"]
    labels = document(PLAN, FLOOR)["spec"]["template"]["metadata"]["labels"]
    assert selector["matchLabels"].items() <= labels.items()
    (component,) = selector["matchExpressions"]
    assert (component["operator"], component["values"]) == ("In", ["floor", "burst"])
    assert labels[component["key"]] in component["values"]


def test_the_quota_has_room_for_a_rollout_and_no_more() -> None:
    plan = changed_service(PLAN, "quota", gpus=36, pods=19)
    assert document(plan, "resource-quota")["spec"] == {
        "hard": {"requests.nvidia.com/gpu": "36", "pods": "19"}
    }


def fetch_words(plan: Plan) -> list[str]:
    """Arguments of the program that copies weights to the node, without the program."""
    copy, *_ = pod(plan)["initContainers"]
    assert copy["command"] == ["python3", "/scripts/fetch_weights.py"]
    runs_script(document(plan, "script-fetch"), pod(plan), copy)
    return [expanded(argument) for argument in copy["args"]]


def runs_script(script: Any, spec: Any, container: Any) -> None:
    """Check that the container's volume and command name the program."""
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "scripts"]
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "scripts"]
    assert volume["configMap"]["name"] == script["metadata"]["name"]
    (file,) = script["data"]
    assert container["command"][1] == f"{mount['mountPath']}/{file}"


def test_engine_reads_what_was_copied() -> None:
    bucket, prefix, _, _, top, folder = fetch_words(PLAN)
    assert (bucket, prefix, folder) == ("${wire:weights_bucket}", "llama-2-7b", "llama-2-7b")
    assert engine(PLAN)["args"][0] == f"{top}/{folder}"
    copy, *_ = pod(PLAN)["initContainers"]
    (copied,) = [mount for mount in copy["volumeMounts"] if mount["name"] == "weights"]
    (read,) = [mount for mount in engine(PLAN)["volumeMounts"] if mount["name"] == "weights"]
    assert (copied["mountPath"], copied["subPath"]) == (read["mountPath"], read["subPath"])
    assert copied["mountPath"] == top
    assert copied["subPath"] == "weights/chat", "services share nodes, not files"
    (volume,) = [volume for volume in pod(PLAN)["volumes"] if volume["name"] == "weights"]
    assert volume["hostPath"] == {"path": "/mnt/k8s-disks/0", "type": "Directory"}
    (other,) = [volume for volume in pod(VOLUME_PLAN)["volumes"] if volume["name"] == "weights"]
    assert other["hostPath"] == {"path": "/mnt/weights", "type": "Directory"}


def test_nothing_starts_before_the_last_file_is_uploaded() -> None:
    assert fetch_words(PLAN)[2:4] == ["config.json", "3600"], "whoever copies it uploads it last"
    plan = imported_plan()
    assert fetch_words(plan)[2:4] == ["manifest.json", "300"], "its Job has ended before"
    waits = (document(p, FLOOR)["spec"]["progressDeadlineSeconds"] for p in (PLAN, plan))
    assert next(waits) - next(waits) == 3600 - 300


def test_each_version_of_a_model_has_its_own_place() -> None:
    plan = imported_plan()
    _, prefix, _, _, _, folder = fetch_words(plan)
    assert (prefix, folder) == (f"llama-2-7b/{REVISION}", f"llama-2-7b@{REVISION[:12]}")
    assert engine(plan)["args"][0] == f"/weights/{folder}"
    assert job_words(plan)[:2] == ["${wire:weights_bucket}", prefix]


def job(plan: Plan) -> Any:
    return document(plan, "import-job")


def job_words(plan: Plan) -> list[str]:
    (container,) = job(plan)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python3", "/scripts/import_weights.py"]
    runs_script(document(plan, "script-import"), job(plan)["spec"]["template"]["spec"], container)
    return [expanded(argument) for argument in container["args"]]


@pytest.mark.parametrize("source", SOURCES)
def test_the_import_is_told_its_source(source: str) -> None:
    plan = imported_plan(source)
    filled = plan.services[0].weights_import
    assert filled is not None
    given = json.loads(job_words(plan)[2])
    assert (given["kind"], given["max_bytes"]) == (source, filled.max_bytes)
    assert given.items() >= SOURCES[source].items()
    assert given.get("endpoint") == ("https://huggingface.co" if source == "hub" else None)


def test_an_import_ends_by_itself() -> None:
    plan = imported_plan()
    filled = plan.services[0].weights_import
    spec = job(plan)["spec"]
    assert filled is not None and spec["activeDeadlineSeconds"] == filled.deadline_s
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (3, 7 * 86_400)
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "the log of each attempt stays"
    assert job(plan)["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}


def test_another_import_is_another_job() -> None:
    """Guard: Kubernetes refuses a changed template of a Job."""
    plan = imported_plan()
    name = job(plan)["metadata"]["name"]
    assert name == job(imported_plan())["metadata"]["name"]
    assert re.fullmatch("import-[0-9a-f]{10}", name)
    others = [imported_plan("s3"), changed_service(plan, "weights_import", deadline_s=1)]
    others.append(changed_service(plan, "weights_import", image="other"))
    assert len({name, *(job(other)["metadata"]["name"] for other in others)}) == 4


def test_the_import_is_not_served() -> None:
    selector = document(PLAN, "service")["spec"]["selector"]
    labels = job(imported_plan())["spec"]["template"]["metadata"]["labels"]
    assert not selector.items() <= labels.items()
    rules = document(imported_plan(), "network-policy-import")["spec"]
    assert rules["podSelector"]["matchLabels"].items() <= labels.items()
    assert "ingress" not in rules and rules["policyTypes"] == ["Ingress", "Egress"]
    assert rules["egress"] == document(PLAN, "network-policy-engine")["spec"]["egress"]


@pytest.mark.parametrize("source", SOURCES)
def test_an_import_has_no_more_rights_than_it_needs(source: str) -> None:
    spec = job(imported_plan(source))["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "import"
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert all(v.keys() & {"emptyDir", "configMap"} for v in spec["volumes"]), "nothing of the node"


def test_files_of_an_image_are_copied_to_where_the_import_reads() -> None:
    plan = imported_plan("image")
    spec = job(plan)["spec"]["template"]["spec"]
    (copy,) = spec["initContainers"]
    assert copy["image"] == SOURCES["image"]["reference"]
    assert copy["command"] == ["cp", "-r", "/models/llama/.", "/source"]
    assert json.loads(job_words(plan)[2])["folder"] == "/source"
    filled = plan.services[0].weights_import
    assert filled is not None
    (volume,) = [v for v in spec["volumes"] if v["name"] == "source"]
    assert volume["emptyDir"] == {"sizeLimit": f"{filled.scratch_gib}Gi"}
    assert copy["resources"]["requests"]["ephemeral-storage"] == f"{filled.scratch_gib}Gi"
    assert "initContainers" not in job(imported_plan("hub"))["spec"]["template"]["spec"]


def test_no_secret_but_its_name_is_rendered() -> None:
    texts = "".join(render(imported_plan()).values())
    assert texts.count(SECRET) == 1


def test_a_public_load_balancer_calls_from_the_public_subnets() -> None:
    def callers(plan: Plan) -> list[str]:
        (rule,) = document(plan, "network-policy-engine")["spec"]["ingress"]
        return [source["ipBlock"]["cidr"] for source in rule["from"]]

    opened, closed = public_plan(), chat_plan()
    assert callers(opened) == [subnet.public_cidr for subnet in opened.network.subnets]
    assert callers(closed) == [subnet.private_cidr for subnet in closed.network.subnets]


def test_rollouts_wait_for_the_load_balancer() -> None:
    labels = document(chat_plan(), "namespace")["metadata"]["labels"]
    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def test_engine_asks_nobody_outside() -> None:
    env = {variable["name"]: variable["value"] for variable in engine(PLAN)["env"]}
    assert env["HF_HUB_OFFLINE"] == "1"
    assert env["VLLM_NO_USAGE_STATS"] == "1"
    mounts = [mount["mountPath"] for mount in engine(PLAN)["volumeMounts"]]
    assert env["HOME"] in mounts, "caches lie below it and must be writable"
    assert pod(PLAN)["enableServiceLinks"] is False, "a service named vllm would set VLLM_PORT"


def test_only_known_wires_are_rendered() -> None:
    names = {
        name
        for text in render(two_services_plan()).values()
        for name in re.findall(r"\$\{wire:([^}]*)\}", text)
    }
    assert names < WIRES, "the others are of a burst"


def test_a_value_that_looks_like_a_wire_is_refused() -> None:
    with pytest.raises(ValueError, match="chat"):
        render(with_serving(model="${wire:weights_bucket}"))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_hostile_values_stay_values(text: str) -> None:
    if "${wire:" in text:
        return
    plan = with_serving(model=text, image=text, weights_folder=text, weights_prefix=text)
    (container,) = pod(plan)["containers"]
    assert container["image"] == text
    assert expanded(container["args"][2]) == text
    assert expanded(container["args"][0]) == f"/weights/{text}"
    assert fetch_words(plan)[1::4] == [text, text]


@pytest.mark.parametrize(
    "text", ["$(HOME)", "$$(HOME)", "$", "$$", "a$b", "$(", "'\"\n- x: y #{{ 1 }}"]
)
def test_the_kubelet_gives_the_engine_the_very_text(text: str) -> None:
    serving = with_serving(model=text).services[0].serving
    assert serving is not None
    assert expanded(engine_arguments(serving)[2]) == text


def expanded(argument: str) -> str:
    """Argument as the kubelet expands it: $$ is $, and $(HOME) is /cache."""
    replace = {"$$": "$", "$(HOME)": "/cache"}
    return re.sub(r"\$\$|\$\(HOME\)", lambda found: replace[found[0]], argument)


def test_every_value_is_quoted() -> None:
    for path in sorted(FOLDER.glob("*/*.j2")):
        quote = "tojson" if path.name.endswith(".yaml.j2") else "shell"
        for value in re.findall(r"\{\{(.*?)\}\}", path.read_text()):
            assert re.search(rf"\|{quote} $", value), f"{path.name}: {value}"


def test_an_unknown_variable_raises() -> None:
    template = templates.render._environment().get_template("kubernetes/deployment.yaml.j2")
    service = PLAN.services[0]
    assert service.serving is not None
    values = templates.render._service_values(PLAN, service, service.serving)
    _, _, values = next(templates.render._zone_documents(service.serving, values))
    assert "vllm" in template.render(values)
    for name in ("arguments", "fetch_script", "name"):
        with pytest.raises(UndefinedError, match=name):
            template.render({key: values[key] for key in values.keys() - {name}})


def test_text_outside_the_basic_plane() -> None:
    assert engine(with_serving(image="a\U0001f600b"))["image"] == "a\U0001f600b"


def node_part(plan: Plan, content_type: str) -> str:
    """The only part of a node's user data."""
    message = message_from_string(render(plan)[user_data_path(plan.pools[0])])
    assert message.get_content_type() == "multipart/mixed"
    (part,) = message.get_payload()
    assert part.get_content_type() == content_type
    return str(part.get_payload())


def weights_script() -> str:
    return node_part(VOLUME_PLAN, "text/x-shellscript")


def test_local_disks_become_one_array_with_weights_and_images() -> None:
    assert yaml.safe_load(node_part(PLAN, "application/node.eks.aws")) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "instance": {
                "localStorage": {
                    "strategy": "RAID0",
                    "mountPath": "/mnt/k8s-disks",
                    "disabledMounts": ["PodLogs"],
                }
            }
        },
    }


def test_the_pods_read_below_the_array_that_the_node_mounts() -> None:
    config = yaml.safe_load(node_part(PLAN, "application/node.eks.aws"))
    mounted = config["spec"]["instance"]["localStorage"]["mountPath"]
    (volume,) = [volume for volume in pod(PLAN)["volumes"] if volume["name"] == "weights"]
    assert volume["hostPath"]["path"] == f"{mounted}/0", "nodeadm mounts an array on folder 0"


def test_the_pods_read_below_the_volume_that_the_node_mounts() -> None:
    (volume,) = [volume for volume in pod(VOLUME_PLAN)["volumes"] if volume["name"] == "weights"]
    assert f"mount_point={volume['hostPath']['path']}\n" in weights_script()


def test_node_script_is_one_part_that_bash_accepts() -> None:
    script = weights_script()
    assert script.startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_node_script_runs_twice_and_formats_once(tmp_path: Path) -> None:
    """The script runs with stand-ins of the tools, which log calls and remember file systems."""
    log, made = tmp_path / "log", tmp_path / "made"
    stand_ins = {
        "readlink": 'echo "$2"',
        "blkid": f'[[ -e {made} ]] || exit 2\n[[ "$*" == *TYPE* ]] && echo xfs || echo 12-34',
        "mkfs.xfs": f"touch {made}",
        "mountpoint": f"[[ -e {tmp_path}/mounted ]]",
        "mount": f"touch {tmp_path}/mounted",
        "chattr": "true",
    }
    for name, body in stand_ins.items():
        tool = tmp_path / name
        tool.write_text(f'#!/bin/bash\necho "{name} $*" >> {log}\n{body}\n')
        tool.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    script = (
        weights_script()
        .replace("/etc/fstab", f"{tmp_path}/fstab")
        .replace("/mnt/weights", f"{tmp_path}/weights")
        .replace("[[ -b ", "[[ -n ")
    )
    (tmp_path / "fstab").write_text("")
    for _ in range(2):
        path = f"{tmp_path}:/usr/bin:/bin"
        subprocess.run([bash], input=script, text=True, check=True, env={"PATH": path})
    calls = log.read_text().splitlines()
    assert calls.count("mkfs.xfs /dev/xvdb") == 1
    assert calls.count(f"mount {tmp_path}/weights") == 1
    assert (tmp_path / "fstab").read_text() == (
        f"UUID=12-34 {tmp_path}/weights xfs defaults,nofail 0 2\n"
    )


def test_values_are_json() -> None:
    """A rendered number is a number, a rendered text is a text."""
    assert json.dumps(engine(PLAN)["ports"]) == (
        '[{"name": "http", "containerPort": 8000, "protocol": "TCP"}]'
    )


def test_pods_answer_both_balancers_while_both_serve() -> None:
    """Guard: a policy that names the new balancer's subnets alone would cut off the old one."""
    plan = public_plan(both_balancers=True)
    policy = document(plan, "network-policy-engine")
    blocks = [
        source["ipBlock"]["cidr"]
        for rule in policy["spec"]["ingress"]
        for source in rule.get("from", ())
        if "ipBlock" in source
    ]
    assert {*plan.network.public_cidrs, *plan.network.private_cidrs} <= {*blocks}
