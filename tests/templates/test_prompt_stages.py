"""Stages of prompts as pods have them: their programs, settings, Services and network policies."""

import json
from typing import Any

import yaml

from sizing.plan.whole import Plan
from templates.engine import ENGINE_PORT
from templates.programs import program
from templates.render import render
from tests.components.plans import PROMPTED, QUEUED, STUDIO, plan_of, queued_plan
from tests.templates.rendered import FLOOR

PLAN = plan_of(PROMPTED)
STAGES = ("studio-moderate", "studio-enhance")


def document(service: str, name: str, plan: Plan = PLAN) -> Any:
    return yaml.safe_load(render(plan)[f"kubernetes/{service}/{name}.yaml"])


def engine(plan: Plan = PLAN) -> Any:
    (container,) = document("studio", FLOOR, plan)["spec"]["template"]["spec"]["containers"]
    return container


def environment(plan: Plan = PLAN) -> dict[str, str]:
    return {each["name"]: each["value"] for each in engine(plan)["env"]}


def test_the_engine_loads_the_stages_behind_the_check_that_counts() -> None:
    """Guard: vLLM adds each middleware in front of those before it."""
    words = engine()["args"]
    loaded = [words[i + 1] for i, word in enumerate(words) if word == "--middleware"]
    assert loaded == ["prompt_check.Prompts", "admission.Admission"]


def test_the_engine_has_the_programs_in_one_folder_of_its_path() -> None:
    script = document("studio", "script-admission")
    files = ("admission.py", "prompt_check.py", "prompt_stages.py")
    assert {*script["data"]} == {*files}
    assert all(script["data"][f] == program(f.removesuffix(".py")).text for f in files)
    volumes = document("studio", FLOOR)["spec"]["template"]["spec"]["volumes"]
    (volume,) = (v for v in volumes if v["name"] == "admission")
    assert volume["configMap"]["name"] == script["metadata"]["name"]
    (mount,) = (m for m in engine()["volumeMounts"] if m["name"] == "admission")
    assert environment()["PYTHONPATH"] == mount["mountPath"]


def test_the_stages_have_the_settings_of_the_plan() -> None:
    settings = json.loads(environment()["PROMPT_STAGES"].replace("$$", "$"))
    assert settings["max_characters"] == 2_000
    for name, model in (("moderate", "llama-3.2-1b"), ("enhance", "qwen3-1.7b")):
        host = f"studio-{name}.studio-{name}.svc"
        assert settings[name]["url"] == f"http://{host}:{ENGINE_PORT}/v1/chat/completions"
        assert settings[name]["model"] == model
    assert (settings["enhance"]["budget_s"], settings["moderate"]["budget_s"]) == (2.5, 1.5)
    assert settings["enhance"]["on_failure"] == "allow"
    assert settings["moderate"]["on_failure"] == "refuse"


def test_the_address_of_a_stage_is_that_of_its_service() -> None:
    """The agent of network policies needs one port for the Service and its pods."""
    for name in STAGES:
        service = document(name, "service")
        assert (service["metadata"]["name"], service["metadata"]["namespace"]) == (name, name)
        (port,) = service["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (ENGINE_PORT, ENGINE_PORT)
        assert service["spec"]["type"] == "ClusterIP"
        labels = document(name, FLOOR)["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
    arguments = document(STAGES[1], FLOOR)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "qwen3-1.7b" in arguments[arguments.index("--served-model-name") + 1]


def peer(name: str) -> dict[str, Any]:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
    }


def test_only_the_parent_reaches_a_stage_and_it_reaches_only_its_stages() -> None:
    port = [{"protocol": "TCP", "port": ENGINE_PORT}]
    for name in STAGES:
        spec = document(name, "network-policy-engine")["spec"]
        assert spec["ingress"] == [{"from": [peer("studio")], "ports": port}]
        assert not [r for r in spec["egress"] if r["ports"] == port]
    egress = document("studio", "network-policy-engine")["spec"]["egress"]
    inside = [rule for rule in egress if rule["ports"] == port]
    assert inside == [{"to": [peer(name)], "ports": port} for name in STAGES]


def test_a_stage_has_no_load_balancer_and_waits_for_none() -> None:
    names = {path.split("/")[2] for path in render(PLAN) if f"/{STAGES[0]}/" in path}
    assert not [name for name in names if name.startswith("target-group-binding")]
    labels = document(STAGES[0], "namespace")["metadata"]["labels"]
    assert "elbv2.k8s.aws/pod-readiness-gate-inject" not in labels
    pod = document(STAGES[0], FLOOR)["spec"]["template"]["spec"]
    drain_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain_s + 20 <= pod["terminationGracePeriodSeconds"], "the longest budget still ends"


def test_the_worker_of_a_queued_service_runs_the_stages_and_reaches_them() -> None:
    plan = queued_plan(workload=QUEUED | {"name": "studio", "prompt": PROMPTED["prompt"]})
    pod = document("studio", FLOOR, plan)["spec"]["template"]["spec"]
    image, worker = pod["containers"]
    assert "prompt_check.Prompts" not in image["args"]
    values = {each["name"]: each["value"] for each in worker["env"]}
    assert json.loads(values["PROMPT_STAGES"]) == json.loads(environment()["PROMPT_STAGES"])
    assert "prompt_stages.py" in document("studio", "script-worker", plan)["data"]
    egress = document("studio", "network-policy-engine", plan)["spec"]["egress"]
    reached = [rule["to"] for rule in egress if rule["ports"][0]["port"] == ENGINE_PORT]
    assert reached == [[peer(name)] for name in STAGES]
    (waited,) = (
        {each["name"]: each["value"] for each in container["env"]}
        for container in document("queued", FLOOR, queued_plan())["spec"]["template"]["spec"][
            "containers"
        ]
        if container["name"] == "worker"
    )
    assert "PROMPT_STAGES" not in waited


def test_a_worker_gets_its_history_and_reaches_the_review() -> None:
    prompt = PROMPTED["prompt"] | {
        "history": 3,
        "review": {"model": "gemma-3-4b", "hardware": "g6e.xlarge", "budget_ms": 3_000},
    }
    plan = queued_plan(workload=QUEUED | {"name": "studio", "prompt": prompt})
    _, worker = document("studio", FLOOR, plan)["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each["value"] for each in worker["env"]}
    assert values["OWNER_INDEX"] == "by-owner"
    settings = json.loads(values["PROMPT_STAGES"].replace("$$", "$"))
    assert (settings["history"], settings["review"]["budget_s"]) == (3, 3)
    assert settings["review"]["url"].startswith("http://studio-review.studio-review.svc:")
    egress = document("studio", "network-policy-engine", plan)["spec"]["egress"]
    reached = [rule["to"] for rule in egress if rule["ports"][0]["port"] == ENGINE_PORT]
    assert reached == [[peer(name)] for name in (*STAGES, "studio-review")]
    (rule,) = document("studio-review", "network-policy-engine", plan)["spec"]["ingress"]
    assert rule["from"] == [peer("studio")]


def test_the_engine_of_a_review_takes_images() -> None:
    """Guard: vLLM reads images by default, and these flags would stop it."""
    review = {"model": "gemma-3-4b", "hardware": "g6e.xlarge", "budget_ms": 3_000}
    plan = plan_of(STUDIO | {"latency": {"response_s": 8}, "prompt": {"review": review}})
    pod = document("studio-review", FLOOR, plan)["spec"]["template"]["spec"]
    words = pod["containers"][0]["args"]
    assert not {"--language-model-only", "--limit-mm-per-prompt"} & {*words}


def test_a_service_without_a_section_has_none_of_it() -> None:
    """Guard: a changed program would restart the engines of every service."""
    plan = plan_of(STUDIO)
    assert "PROMPT_STAGES" not in environment(plan)
    script = document("studio", "script-admission", plan)
    assert {*script["data"]} == {"admission.py"}
    assert script["metadata"]["name"] == program("admission").name
