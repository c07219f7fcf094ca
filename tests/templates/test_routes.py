"""Documents of an application with several models: who may reach whom, and what its pods know."""

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from sizing.plan.whole import Plan
from templates.engine import ENGINE_PORT
from templates.render import render
from tests.sizing.workload.test_route import CODER, EASY, HOST, SMALL, host, sized

PLAN = sized(HOST, CODER, SMALL)


def document(plan: Plan, service: str, name: str) -> Any:
    return YAML(typ="safe").load(render(plan)[f"kubernetes/{service}/{name}.yaml"])


def environment(plan: Plan) -> dict[str, str]:
    spec = document(plan, "host", "application-deployment")["spec"]["template"]["spec"]
    return {each["name"]: each["value"] for each in spec["containers"][0]["env"]}


def labels(service: str, name: str) -> dict[str, str]:
    found = document(PLAN, service, name)["spec"]["template"]["metadata"]["labels"]
    return {str(key): str(value) for key, value in found.items()}


def matches(peer: dict[str, Any], namespace: str, of_pod: dict[str, str], own: str) -> bool:
    """True where a peer of a policy in namespace `own` is this pod."""
    if "ipBlock" in peer:
        return False
    where = peer.get("namespaceSelector", {}).get("matchLabels", {})
    if where.get("kubernetes.io/metadata.name", own) != namespace:
        return False
    selector = peer["podSelector"]
    expressions = selector.get("matchExpressions", ())
    return selector.get("matchLabels", {}).items() <= of_pod.items() and all(
        of_pod.get(each["key"]) in each["values"] for each in expressions
    )


def pods() -> dict[tuple[str, str], dict[str, str]]:
    """Labels of the pods of all services: engines and those of the application."""
    zone = next(iter(PLAN.services[0].serving.replicas_by_zone)) if PLAN.services[0].serving else ""
    found = {(s.name, "engine"): labels(s.name, f"deployment-{zone}") for s in PLAN.services}
    found["host", "application"] = labels("host", "application-deployment")
    return found


@pytest.mark.parametrize("target", ["host", "coder", "small"])
def test_only_the_application_reaches_each_engine(target: str) -> None:
    """Both policies of a path allow it, and no other pod has a path."""
    policy = document(PLAN, target, "network-policy-engine")["spec"]
    (rule,) = policy["ingress"]
    assert [port["port"] for port in rule["ports"]] == [ENGINE_PORT]
    everyone = pods()
    receives = {
        place
        for place, of_pod in everyone.items()
        for peer in rule["from"]
        if matches(peer, place[0], of_pod, target)
    }
    assert receives == {("host", "application")}
    sends = set()
    for service, kind in everyone:
        own = document(PLAN, service, f"network-policy-{kind}")["spec"]["egress"]
        peers = [
            peer
            for rule in own
            if ENGINE_PORT in [port["port"] for port in rule["ports"]]
            for peer in rule["to"]
        ]
        if any(matches(peer, target, everyone[target, "engine"], service) for peer in peers):
            sends.add((service, kind))
    assert sends == {("host", "application")}


def test_the_setup_and_the_deletion_reach_no_engine() -> None:
    for component in ("application-setup", "application-expiry"):
        policy = document(PLAN, "host", f"network-policy-{component}")["spec"]
        assert ENGINE_PORT not in [p["port"] for rule in policy["egress"] for p in rule["ports"]]


def test_a_routed_service_has_no_balancer_and_no_application() -> None:
    for name in ("coder", "small"):
        paths = [path for path in render(PLAN) if path.startswith(f"kubernetes/{name}/")]
        assert paths and not [p for p in paths if "target-group" in p or "application" in p]
        (port,) = document(PLAN, name, "service")["spec"]["ports"]
        assert port["port"] == port["targetPort"] == ENGINE_PORT
        assert PLAN.dns is None or name not in PLAN.dns.hosts


def test_the_configuration_has_a_provider_and_a_model_of_each_service() -> None:
    for file, address in (("config.yaml", "http://small.small.svc"), ("setup.yaml", "http://127")):
        text = document(PLAN, "host", "application-config")["data"][file]
        found = YAML(typ="safe").load(text)
        providers = {p["provider_id"]: p for p in found["providers"]["inference"]}
        assert [*providers] == ["engine", "coder", "small"]
        assert providers["small"]["config"]["base_url"].startswith(address)
        assert len({str(sorted(p["config"])) for p in providers.values()}) == 1
        models = {m["provider_id"]: m["model_id"] for m in found["registered_resources"]["models"]}
        served = {s.name: s.serving.model for s in PLAN.services if s.serving}
        assert models == {
            "engine": served["host"],
            "coder": served["coder"],
            "small": served["small"],
        }


def test_the_pods_know_each_context_and_the_rule() -> None:
    found = environment(PLAN)
    served = {s.name: s.serving for s in PLAN.services if s.serving}
    small = f"small/{served['small'].model}"
    contexts = {f"coder/{served['coder'].model}": 8_192, small: 2_048}
    assert json.loads(found["ROUTED_MODELS"]) == contexts
    assert json.loads(found["EASY"]) == {"model": small, "prompt_bytes": 600}
    rule = {"service": "small", "share": 0.4, "header": {"name": "x-easy", "value": "yes"}}
    by_header = environment(sized(host(route={"easy": rule}), SMALL))
    assert json.loads(by_header["EASY"]) == {"model": small, "header": ["x-easy", "yes"]}
    by_name = environment(sized(host(route={"services": ["coder"]}), CODER))
    assert "EASY" not in by_name and "ROUTED_MODELS" in by_name
    without = environment(sized(host(route=None)))
    assert not {"EASY", "ROUTED_MODELS"} & without.keys()
    assert EASY["prompt_tokens"] * 3 == 600


def test_a_routed_engine_still_answers_while_it_leaves_the_service() -> None:
    zone = next(path for path in render(PLAN) if path.startswith("kubernetes/small/deployment-"))
    spec = YAML(typ="safe").load(render(PLAN)[zone])["spec"]["template"]["spec"]
    (engine,) = [each for each in spec["containers"] if "lifecycle" in each]
    serving = PLAN.services[2].serving
    assert serving is not None
    assert engine["lifecycle"]["preStop"]["sleep"]["seconds"] == serving.stop_s - 30
    assert spec["terminationGracePeriodSeconds"] == serving.stop_s
