"""Plans of the example, and their rendered documents as data."""

import re
from pathlib import Path
from typing import Any

import yaml

import templates.render
from sizing.plan.whole import Plan
from templates.render import render
from tests.components.plans import ZONES, changed_service, chat_plan, volume_plan

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


def expanded(argument: str) -> str:
    """Argument as the kubelet expands it: $$ is $, and $(HOME) is /cache."""
    replace = {"$$": "$", "$(HOME)": "/cache"}
    return re.sub(r"\$\$|\$\(HOME\)", lambda found: replace[found[0]], argument)
