"""Pods of a queued service: an engine that only its worker reaches, and a worker of jobs."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sizing.plan.whole import Plan
from templates.programs import JOB_WORKER, program, programs
from templates.render import QUEUE_WIRES, render
from tests.components.plans import QUEUED, STUDIO, changed_service, plan_of, queued_plan

VERSION = "1.35"
CLIPS = QUEUED | {
    "kind": "video",
    "model": {"name": "wan2.2-ti2v-5b"},
    "traffic": {"daily_users": 500, "requests_per_user_per_day": 4},
    "request": {},
    "latency": None,
}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@cache
def clips_plan() -> Plan:
    """Plan of clips, which always wait in a queue; the images of the queued plan are second."""
    plan = queued_plan(CLIPS | {"name": "clips"})
    return plan.model_copy(update={"services": plan.services[1:]})


def documents(plan: Plan) -> dict[str, Any]:
    """Documents of the plan's first service, by name."""
    folder = f"kubernetes/{plan.services[0].name}/"
    return {
        path.removeprefix(folder).removesuffix(".yaml"): yaml.safe_load(text)
        for path, text in render(plan).items()
        if path.startswith(folder)
    }


def pod(plan: Plan) -> Any:
    return documents(plan)["deployment-use1-az1"]["spec"]["template"]["spec"]


def containers(plan: Plan) -> tuple[Any, Any]:
    engine, worker = pod(plan)["containers"]
    return engine, worker


def environment(container: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def flag(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


@pytest.mark.parametrize("plan", [queued_plan(), clips_plan()], ids=["images", "clips"])
def test_kubernetes_knows_every_field(plan: Plan) -> None:
    for document in documents(plan).values():
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_engine_listens_inside_the_pod_alone() -> None:
    engine, _ = containers(queued_plan())
    assert flag(engine["args"], "--host") == "127.0.0.1"
    assert "ports" not in engine
    answering, *_ = pod(plan_of(STUDIO))["containers"]
    assert flag(answering["args"], "--host") is None, "the load balancer must reach it"


def test_nothing_leads_to_the_pods() -> None:
    found = documents(queued_plan())
    assert not [name for name in found if name == "service" or "binding" in name]
    policy = found["network-policy-engine"]["spec"]
    assert "ingress" not in policy
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    reached = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert sorted(set(reached)) == [53, 80, 443]
    labels = found["namespace"]["metadata"]["labels"]
    assert not [label for label in labels if label.startswith("elbv2")]


class Health(BaseHTTPRequestHandler):
    """Engine whose health is its server's `status`."""

    def do_GET(self) -> None:
        assert self.path == "/health"
        self.send_response(getattr(self.server, "status", 500))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_probes_run_in_the_pod_and_fail_with_the_engine(status: int, code: int) -> None:
    """The kubelet cannot reach a loopback address, so that the probe is a program."""
    engine, _ = containers(queued_plan())
    checks = [engine[probe]["exec"]["command"] for probe in PROBES]
    assert checks == [checks[0]] * 3
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        server.status = status  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (python, option, program) = checks[0]
        assert python == "python3"
        here = program.replace(":8000/", f":{server.server_port}/")
        done = subprocess.run([sys.executable, option, here], capture_output=True, check=False)
        server.shutdown()
    assert done.returncode == code, done.stderr


def test_an_engine_that_does_not_answer_fails_within_the_time_of_the_probe() -> None:
    engine, _ = containers(queued_plan())
    probe = engine["readinessProbe"]
    waits = re.search(r"timeout=(\d+)", probe["exec"]["command"][-1])
    assert waits is not None
    assert int(waits[1]) < probe["timeoutSeconds"]


def test_probes_have_the_periods_of_an_engine_behind_a_load_balancer() -> None:
    engine, _ = containers(queued_plan())
    answering, *_ = pod(plan_of(STUDIO))["containers"]

    def times(container: Any) -> list[dict[str, int]]:
        probes = [container[probe] for probe in PROBES]
        return [{k: v for k, v in each.items() if k not in ("exec", "httpGet")} for each in probes]

    assert times(engine) == times(answering)


def test_the_worker_gets_the_contract_of_its_program() -> None:
    """Guard: each variable that the program reads is set, and no other of the contract is."""
    plan = queued_plan()
    jobs = plan.services[0].jobs
    assert jobs is not None
    assert jobs.worker is not None
    _, worker = containers(plan)
    given = environment(worker)
    source = "".join(each.text for each in programs(JOB_WORKER).files)
    read = set(re.findall(r'given\["([A-Z_]+)"\]', source))
    extra = {"HOME", "AWS_EC2_METADATA_DISABLED", "PYTHONPATH"}
    assert read - {"OWNER_INDEX"} == given.keys() - extra, "only a history has an index"
    assert given["ENGINE_URL"] == "http://127.0.0.1:8000"
    assert (given["KIND"], given["MODEL"]) == ("image", "flux.2-klein-4b")
    assert given["ITEM_TIMEOUT_S"] == str(jobs.worker.item_timeout_s)
    assert given["RECEIVES"] == str(jobs.receives)
    assert jobs.api is not None
    assert given["ROW_DAYS"] == str(jobs.api.row_days)
    assert given["AWS_REGION"] == "us-east-1"
    wires = {given[name] for name in ("QUEUE_URL", "DEAD_LETTERS_URL", "TABLE", "BUCKET")}
    names = QUEUE_WIRES - {"queue_name"}
    assert wires == {f"${{wire:{name}}}" for name in names}


def test_both_programs_have_the_same_keys_of_uploads() -> None:
    """Guard: with another key the worker would find no uploaded image."""
    found = []
    for name in ("job_api", "job_store"):
        source = program(name).text
        (made,) = [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name == "upload_key"
        ]
        names: dict[str, Any] = {"hashlib": hashlib}
        exec(compile(ast.Module([made], []), name, "exec"), names)
        found.append(names["upload_key"]("alice", "0123"))
    owner = hashlib.sha256(b"alice").hexdigest()[:16]
    assert found == [f"uploads/{owner}/0123"] * 2


def test_the_worker_runs_its_program_by_its_content() -> None:
    plan = queued_plan()
    _, worker = containers(plan)
    script = documents(plan)["script-worker"]
    assert script["metadata"]["name"] == programs(JOB_WORKER).name
    assert set(script["data"]) == {f"{name}.py" for name in JOB_WORKER}
    (mount,) = [m for m in worker["volumeMounts"] if m["mountPath"] == "/programs"]
    (volume,) = [v for v in pod(plan)["volumes"] if v["name"] == mount["name"]]
    assert volume["configMap"]["name"] == script["metadata"]["name"]
    assert worker["command"] == ["python3", "/programs/job_worker.py"]
    assert environment(worker)["PYTHONPATH"] == "/var/runtime", "boto3 of the image"


def test_the_worker_may_do_little() -> None:
    _, worker = containers(queued_plan())
    context = worker["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert "nvidia.com/gpu" not in worker["resources"]["limits"]


def test_the_worker_takes_its_part_of_the_replica_s_share() -> None:
    """Guard: both containers must fit where one engine did, or no pod is scheduled."""
    plan = queued_plan()
    serving = plan_of(STUDIO).services[0].serving
    assert serving is not None
    engine, worker = (each["resources"]["requests"] for each in containers(plan))
    cpu = sum(int(each["cpu"].removesuffix("m")) for each in (engine, worker))
    memory = sum(int(each["memory"].removesuffix("Mi")) for each in (engine, worker))
    assert (cpu, memory) == (serving.cpu_millicores, serving.memory_mib)


def test_the_disk_of_the_worker_holds_one_item() -> None:
    sizes = {}
    for kind, plan in {"images": queued_plan(), "clips": clips_plan()}.items():
        (items,) = [v for v in pod(plan)["volumes"] if v["name"] == "items"]
        sizes[kind] = int(items["emptyDir"]["sizeLimit"].removesuffix("Mi"))
        _, worker = containers(plan)
        assert {"name": "items", "mountPath": "/tmp"} in worker["volumeMounts"]
    assert sizes["images"] == 16 + 23, "1024 x 768 pixels of 3 bytes, and an upload of 20 MiB"
    assert sizes["clips"] == 16 + 332, "121 frames of 1280 x 704 pixels, and the upload"


def test_a_pod_ends_once_its_job_is_given_back() -> None:
    """The worker stops at once. Its engine outlives the call that gives the job back."""
    plan = queued_plan()
    engine, worker = containers(plan)
    grace = pod(plan)["terminationGracePeriodSeconds"]
    assert engine["lifecycle"]["preStop"]["sleep"]["seconds"] == 10 < grace == 30
    assert "lifecycle" not in worker
    assert grace < 120, "a spot instance ends two minutes after its notice"


def test_nothing_keeps_the_node_of_a_job() -> None:
    for name, document in documents(queued_plan()).items():
        assert "do-not-disrupt" not in json.dumps(document), name


def test_a_clip_has_the_sized_frames_and_no_limit_of_images() -> None:
    words = containers(clips_plan())[0]["args"]
    sampling = flag(words, "--default-sampling-params")
    assert sampling is not None
    assert json.loads(sampling)["0"] == {
        "height": 704,
        "num_frames": 121,
        "num_inference_steps": 50,
        "width": 1280,
    }
    assert flag(words, "--max-generated-image-size") is None, "it limits images alone"
    image = containers(queued_plan())[0]["args"]
    assert flag(image, "--max-generated-image-size") == str(1024 * 768)
    assert "num_frames" not in (flag(image, "--default-sampling-params") or "")


def test_a_value_of_the_worker_that_looks_like_a_wire_is_refused() -> None:
    jobs = queued_plan().services[0].jobs
    assert jobs is not None
    assert jobs.worker is not None
    wrong = jobs.worker.model_copy(update={"image": "${wire:queue_url}"})
    with pytest.raises(ValueError, match="queued"):
        render(changed_service(queued_plan(), "jobs", worker=wrong))
