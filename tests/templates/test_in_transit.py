"""Requests from load balancer to engine are encrypted where the workload requires it."""

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from sizing.plan.whole import Plan
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from templates.programs import program
from templates.render import render
from tests.components.plans import BURSTING, CHAT, SPANNING, chat_plan, plan_of
from tests.templates.test_engine import engine, flag, pods

TLS = {"in_transit": "tls"}
PLANS = {
    "floor": plan_of(CHAT | TLS),
    "burst": plan_of(BURSTING | TLS),
    "groups": plan_of(SPANNING | TLS),
}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def inits(pod: Any) -> dict[str, Any]:
    return {container["name"]: container for container in pod["initContainers"]}


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_the_engine_serves_https_with_a_certificate_of_its_pod(plan: Plan) -> None:
    texts = render(plan)
    (path,) = [p for p in texts if p.endswith("/script-certificate.yaml")]
    script = yaml.safe_load(texts[path])
    for pod in pods(plan).values():
        maker = inits(pod)["certificate"]
        (tls,) = [v for v in pod["volumes"] if v["name"] == "tls"]
        assert tls["emptyDir"]["medium"] == "Memory", "the key is on no disk"
        (scripts,) = [v for v in pod["volumes"] if v["name"] == "certificate"]
        assert scripts["configMap"]["name"] == script["metadata"]["name"]
        (file,) = script["data"]
        folder = maker["command"][-1]
        assert maker["command"] == ["python3", f"/scripts/{file}", folder]
        assert maker["image"] == engine(pod)["image"], "it has the library, and is there anyway"
        assert flag(pod, "--ssl-keyfile") == f"{folder}/tls.key"
        assert flag(pod, "--ssl-certfile") == f"{folder}/tls.crt"
        mounts = {m["name"]: m["mountPath"] for m in engine(pod)["volumeMounts"]}
        assert mounts["tls"] == folder
        assert {engine(pod)[probe]["httpGet"]["scheme"] for probe in PROBES} == {"HTTPS"}
        user = engine(pod)["securityContext"].get("runAsUser")
        assert maker["securityContext"].get("runAsUser") == user, "whoever made the key reads it"


def test_nothing_is_encrypted_without_a_request() -> None:
    plan = chat_plan()
    pod, *_ = pods(plan).values()
    assert "certificate" not in inits(pod)
    assert flag(pod, "--ssl-keyfile") is None
    assert all("scheme" not in engine(pod)[probe]["httpGet"] for probe in PROBES)
    assert "in_transit" not in plan.services[0].inputs.model_dump()


def test_members_of_a_group_need_no_certificate() -> None:
    (text, *_) = [t for p, t in render(PLANS["groups"]).items() if "leader-worker-set" in p]
    pod = yaml.safe_load(text)["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    assert "certificate" not in inits(pod)
    assert flag(pod, "--ssl-keyfile") is None


def test_what_its_worker_sends_inside_the_pod_is_refused() -> None:
    clips = {
        "name": "clips",
        "kind": "video",
        "model": {"parameters": 1e9, "precision": "fp16"},
        "traffic": {"daily_users": 1, "requests_per_user_per_day": 1},
    }
    with pytest.raises((FieldError, ValidationError), match="the worker sends jobs"):
        Workload.model_validate(clips | TLS)


def test_a_pod_makes_a_key_and_a_certificate_that_a_server_loads(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="the engine's image has it")
    script = program("make_certificate").text
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    key = tmp_path / "tls.key"
    assert key.stat().st_mode & 0o077 == 0
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls.crt", key)
