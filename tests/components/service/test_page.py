"""The chat page of a service: its sign-in, its database, its rights and its order."""

import json
from typing import Any

import pytest

from components.platform import build
from sizewright.gates.public_ingress import public_ingress
from sizewright.record import Recorded
from sizing.plan.reaches import RULE
from tests.components.plans import PAGED, paged_plan
from tests.components.recording import before, children, named, of_type, recorded
from tests.components.stacks import stack

NAME = "sw-applied-page"
PLAN = paged_plan()
PUBLIC = PAGED["access"] | {"public": True, "requests_per_key_per_min": 60}


@pytest.fixture
def recording(preview: bool) -> Recorded:
    return stack(PLAN, preview)


def test_children(recording: Recorded) -> None:
    kinds = [each.split()[0] for each in children(recording, NAME)]
    assert kinds == [
        "ConfigMap",
        "CronJob",
        "Deployment",
        "Identity",
        "Identity",
        "Identity",
        "Job",
        "PodDisruptionBudget",
        "PodIdentityAssociation",
        "PodIdentityAssociation",
        "PodIdentityAssociation",
        "Secret",
        "Service",
        "ServiceAccount",
        "ServiceAccount",
        "ServiceAccount",
    ]


def test_people_sign_in_before_they_reach_the_page(recording: Recorded) -> None:
    rule = named(recording, "sw-applied-gateway-page-rule", "listenerRule").inputs
    actions: Any = rule["actions"]
    first, second = actions
    assert (first["type"], first["order"], second["type"]) == ("authenticate-oidc", 1, "forward")
    client = first["authenticateOidc"]
    assert client["clientSecret"] == {"$secret": True}
    assert client["onUnauthenticatedRequest"] == "authenticate"
    assert client["authenticationRequestExtraParams"] == {"audience": "applied"}
    assert rule["conditions"] == [{"hostHeader": {"values": ["applied-page.chat.example.com"]}}]
    others = [r.inputs["priority"] for r in of_type(recording, "listenerRule")]
    assert len({*map(str, others)}) == len(others)
    assert "client-secret" not in json.dumps([r.inputs for r in recording.resources])


def test_the_page_has_a_database_and_a_browser_stays_with_its_pod(recording: Recorded) -> None:
    identifiers = [str(r.inputs["clusterIdentifier"]) for r in of_type(recording, "rds/cluster:")]
    assert len({*identifiers}) == 2
    targets: Any = named(recording, "sw-applied-gateway-page-targets", "targetGroup").inputs
    assert targets["stickiness"]["enabled"] is True and targets["port"] == 8080
    assert targets["healthCheck"]["path"] == "/health"
    rules = [r for r in of_type(recording, "SecurityGroupIngressRule") if "page" in r.name]
    opened = {r.inputs["fromPort"] for r in rules}
    assert opened == {5432, 8080}


def test_the_order_of_the_parts(recording: Recorded) -> None:
    (setup,) = [r for r in of_type(recording, "batch/v1:Job") if r.name.startswith(NAME)]
    instances = {r.key for r in of_type(recording, "clusterInstance") if "page" in r.name}
    assert instances and instances <= before(recording, setup)
    (pods,) = [r for r in of_type(recording, "apps/v1:Deployment") if r.name.startswith(NAME)]
    assert setup.key in before(recording, pods)


def test_only_the_setup_reads_the_master_s_secret() -> None:
    recording = stack(PLAN, False)
    policies = {
        r.name: json.loads(str(r.inputs["policy"]))["Statement"]
        for r in of_type(recording, "RolePolicy")
        if r.name.startswith(NAME) and "database" not in r.name
    }
    reads = {
        name: sum("secretsmanager:GetSecretValue" in s["Action"] for s in statements)
        for name, statements in policies.items()
    }
    assert sorted(reads.values()) == [1, 1, 2]
    assert next(name for name, count in reads.items() if count == 2).startswith(f"{NAME}-setup")
    assert "s3:" not in json.dumps([*policies.values()])


def test_a_public_page_is_guarded_by_its_sign_in() -> None:
    plan = paged_plan(access=PUBLIC)
    recording = stack(plan, False)
    assert public_ingress(recording, plan).passed
    rule = next(r for r in recording.resources if r.type == RULE and r.name.endswith("page-rule"))
    actions: Any = rule.inputs["actions"]
    actions[0]["authenticateOidc"]["onUnauthenticatedRequest"] = "allow"
    gate = public_ingress(recording, plan)
    actions[0]["authenticateOidc"]["onUnauthenticatedRequest"] = "authenticate"
    assert not gate.passed and "have not signed in" in gate.detail


def test_the_firewall_counts_the_keys_of_callers_and_hides_the_cookies_of_people() -> None:
    acl: Any = of_type(stack(paged_plan(access=PUBLIC), False), "webAcl:WebAcl")[0].inputs
    statement = acl["rules"][0]["statement"]["rateBasedStatement"]["scopeDownStatement"]
    elsewhere, api = statement["orStatement"]["statements"]
    host = elsewhere["notStatement"]["statement"]["byteMatchStatement"]
    assert host["searchString"] == "applied-page.chat.example.com"
    assert host["fieldToMatch"] == {"singleHeader": {"name": "host"}}
    path = api["byteMatchStatement"]
    assert (path["searchString"], path["positionalConstraint"]) == ("/v1/", "STARTS_WITH")
    assert path["fieldToMatch"] == {"uriPath": {}}
    assert "cookie" in json.dumps(acl["dataProtectionConfig"])


def test_a_stack_without_the_secret_of_the_client_is_refused() -> None:
    with pytest.raises(Exception, match="the secret of its client"):
        recorded(lambda: build(PLAN), False)
