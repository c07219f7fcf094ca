"""The weights on a node, and the Job that imports them."""

import json
import re
from typing import Any

import pytest

from sizing.plan.whole import Plan
from tests.components.plans import REVISION, SOURCES, changed_service, imported_plan
from tests.templates.rendered import (
    FLOOR,
    PLAN,
    VOLUME_PLAN,
    document,
    engine,
    expanded,
    fetch_words,
    pod,
    runs_script,
)


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
def test_the_import_gets_its_source(source: str) -> None:
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
