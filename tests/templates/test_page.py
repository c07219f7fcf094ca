"""Documents of a chat page: its pods, its settings and who may reach whom."""

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from templates.applications.application import APPLICATION_PORT, DATABASE_PORT
from templates.applications.page import OFF, PAGE_PORT, PAGE_WIRES, SETTINGS, balancer_keys
from templates.engine import ENGINE_PORT
from templates.programs import PAGE, programs
from templates.render import render
from tests.components.plans import applied_plan, paged_plan

PLAN = paged_plan()
TEXTS = render(PLAN)
PODS = ("page-deployment", "page-setup-job", "page-expiry")


def document(name: str) -> Any:
    return YAML(typ="safe").load(TEXTS[f"kubernetes/applied/{name}.yaml"])


def pod(name: str) -> Any:
    spec = document(name)["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]


def environment(name: str) -> dict[str, str]:
    (container,) = pod(name)["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def test_an_application_without_a_page_is_what_it_was() -> None:
    without = render(applied_plan(application={"api": "ogx"}))
    assert not [path for path in without if "page" in path]
    assert not [path for path, text in without.items() if "page_" in text and "script" not in path]
    same = {p: t for p, t in TEXTS.items() if p in without and "user-data" not in p}
    changed = {path.rpartition("/")[2] for path, text in same.items() if without[path] != text}
    assert changed == {
        "application-service.yaml",
        "network-policy-application.yaml",
        "resource-quota.yaml",
        "target-group-binding.yaml",
    }


@pytest.mark.parametrize("name", PODS)
def test_pods_run_without_rights_and_with_their_programs(name: str) -> None:
    spec = pod(name)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    for container in (*spec["containers"], *spec["initContainers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        script = container["command"][1].removeprefix("/programs/")
        assert script in document("script-page")["data"]
        assert container["resources"]["limits"]["memory"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["programs"]["configMap"]["name"] == programs(PAGE).name
    assert volumes["secret"]["emptyDir"]["medium"] == "Memory"
    assert "DATABASE_PASSWORD" not in environment(name)


def test_each_program_runs_in_an_image_that_has_what_it_imports() -> None:
    """Guard: only OGX's image has asyncpg, and only the page's has Open WebUI."""
    images = {
        container["command"][1]: container["image"].partition("/")[0]
        for name in PODS
        for kind in ("initContainers", "containers")
        for container in pod(name)["spec"][kind]
        if container["command"][1] != "/programs/application_secret.py"
    }
    assert images == {
        "/programs/page_start.py": "ghcr.io",
        "/programs/page_setup.py": "docker.io",
        "/programs/page_rows.py": "docker.io",
    }


def test_the_setup_verifies_the_database_in_both_containers() -> None:
    spec = pod(PODS[1])["spec"]
    for container in (*spec["containers"], *spec["initContainers"]):
        assert {"config", "secret"} <= {mount["name"] for mount in container["volumeMounts"]}
    assert environment(PODS[1])["PGSSLROOTCERT"] == "/config/database-authorities.pem"
    master = "${wire:page_master_secret_arn}"
    assert [name for name in PODS if master in environment(name).values()] == [PODS[1]]


def test_the_page_knows_one_model_of_one_application_and_has_no_key() -> None:
    stated = environment(PODS[0])
    address = f"http://applied-application.applied.svc:{APPLICATION_PORT}/v1"
    assert stated["OPENAI_API_BASE_URLS"] == stated["APPLICATION_URL"] == address
    (connection,) = json.loads(stated["OPENAI_API_CONFIGS"]).values()
    assert connection["auth_type"] == "none" and len(connection["model_ids"]) == 1
    assert not [name for name in stated if name.endswith("API_KEYS") and stated[name] != "false"]
    assert {stated[name] for name in OFF} == {"false"}
    assert SETTINGS.items() <= stated.items()
    assert stated["WEBUI_URL"] == "https://applied-page.chat.example.com"
    assert not [name for name in stated if "WEBUI_NAME" in name or "LOGO" in name], "the branding"


def test_who_reaches_whom() -> None:
    """The graph of all policies of the namespace."""
    paths = [path for path in TEXTS if "/network-policy-" in path]
    policies = [YAML(typ="safe").load(TEXTS[path]) for path in paths]
    receives = {
        policy["metadata"]["name"]: [
            (source, port["port"])
            for rule in policy["spec"].get("ingress", ())
            for source in rule["from"]
            for port in rule["ports"]
        ]
        for policy in policies
    }
    page = receives.pop("page")
    assert [source["ipBlock"]["cidr"] for source, _ in page] == [*PLAN.network.private_cidrs]
    assert {port for _, port in page} == {PAGE_PORT}
    labels = pod(PODS[0])["metadata"]["labels"]
    inside = [s for s, port in receives.pop("application") if "podSelector" in s]
    assert [s["podSelector"]["matchLabels"].items() <= labels.items() for s in inside] == [True]
    (engine,) = receives.pop("engine")
    assert not engine[0]["podSelector"]["matchLabels"].items() <= labels.items()
    assert not any(receives.values()), "nothing else receives"
    sends = {
        policy["metadata"]["name"]: {
            port["port"] for rule in policy["spec"].get("egress", ()) for port in rule["ports"]
        }
        for policy in policies
    }
    databases = {name for name, ports in sends.items() if DATABASE_PORT in ports}
    kinds = ("", "-setup", "-expiry")
    assert databases == {f"{of}{kind}" for of in ("application", "page") for kind in kinds}
    assert {name for name, ports in sends.items() if APPLICATION_PORT in ports} == {"page"}
    assert {name for name, ports in sends.items() if ENGINE_PORT in ports} == {"application"}
    assert sends["page"] == {53, 80, 443, DATABASE_PORT, APPLICATION_PORT}


def test_the_page_reaches_the_application_by_the_port_of_its_pods() -> None:
    """Guard: the policies of the VPC CNI see the port of the pod behind a Service."""
    (port,) = document("application-service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (APPLICATION_PORT, APPLICATION_PORT)
    bound = document("target-group-binding")["spec"]["serviceRef"]
    assert bound == {"name": "applied-application", "port": APPLICATION_PORT}
    bound = document("page-target-group-binding")["spec"]["serviceRef"]
    assert bound == {"name": "applied-page", "port": PAGE_PORT}
    selector = document("page-service")["spec"]["selector"]
    assert selector.items() <= pod(PODS[0])["metadata"]["labels"].items()


def test_the_numbers_of_the_plan_reach_the_pods() -> None:
    page = PLAN.services[0].page
    assert page is not None and page.pods is not None
    assert document(PODS[0])["spec"]["replicas"] == page.pods_total
    assert environment(PODS[0])["DATABASE_POOL_SIZE"] == str(page.connections_per_pod)
    assert environment(PODS[2])["RETENTION_DAYS"] == "365"
    assert document(PODS[2])["spec"]["concurrencyPolicy"] == "Forbid"


def test_every_wire_is_known() -> None:
    texts = "".join(TEXTS.values())
    assert {name for name in PAGE_WIRES if f"${{wire:{name}}}" in texts} == PAGE_WIRES


def test_the_public_keys_are_those_of_the_region_s_load_balancers() -> None:
    commercial = "https://public-keys.auth.elb.eu-west-1.amazonaws.com"
    government = "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1"
    assert balancer_keys("eu-west-1") == commercial
    assert balancer_keys("us-gov-west-1") == government
    assert environment(PODS[0])["BALANCER_KEYS_URL"] == balancer_keys(PLAN.site.region)
