"""Keys, policies and protections of a whole stack."""

import json
from typing import Any

import pytest

from sizing.plan.whole import Plan
from tests.components.plans import CHAT, chat_plan, plan_of, public_plan, two_services_plan
from tests.components.recording import named, of_type
from tests.components.stacks import stack

SSE = ("rules", "0", "applyServerSideEncryptionByDefault", "kmsMasterKeyId")
EBS = ("blockDeviceMappings", "0", "ebs", "kmsKeyId")
IMAGES = CHAT | {
    "name": "images",
    "kind": "image",
    "model": {"name": "sdxl-1.0-base", "precision": "fp16"},
    "request": {"iterations": 30},
}


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        (
            "prod",
            [
                "sw-access-logs-bucket",
                "sw-chat-database-cluster",
                "sw-chat-gateway-balancer",
                "sw-chat-weights-bucket",
                "sw-cluster-control-plane",
                *(f"sw-keys-{role}" for role in ("cluster", "data", "logs", "volumes", "weights")),
            ],
        ),
        ("dev", []),
    ],
)
def test_stores_and_keys_are_protected_in_prod(
    preview: bool, environment: str, kept: list[str]
) -> None:
    recording = stack(chat_plan(environment), preview)
    assert sorted(r.name for r in recording.resources if r.protect) == kept


def test_each_class_of_data_has_its_key() -> None:
    recording = stack(plan_of(CHAT, IMAGES))

    def key_of(name: str, *path: str) -> str:
        value: Any = named(recording, name).inputs
        for step in path:
            value = value[int(step)] if step.isdecimal() else value[step]
        assert value["property"] == "arn"
        return str(value["$ref"].split("::")[1])

    expected = {
        ("sw-cluster-control-plane", "encryptionConfig", "provider", "keyArn"): "cluster",
        ("sw-cluster-logs", "kmsKeyId"): "logs",
        ("sw-network-flow-logs-group", "kmsKeyId"): "logs",
        ("sw-chat-database-cluster", "kmsKeyId"): "data",
        ("sw-chat-weights-encryption", *SSE): "weights",
        ("sw-images-artefacts-encryption", *SSE): "data",
        ("sw-g6-xlarge-template", *EBS): "volumes",
        ("sw-system-template", *EBS): "volumes",
    }
    assert {path: key_of(*path) for path in expected} == {
        path: f"sw-keys-{role}" for path, role in expected.items()
    }


def test_the_key_of_logs_names_the_groups_that_are_made() -> None:
    recording = stack(chat_plan())
    policy = str(named(recording, "sw-keys-logs", "kms/key").inputs["policy"])
    cluster = named(recording, "sw-cluster-logs").inputs["name"]
    assert f":log-group:{cluster}" in policy
    assert f":log-group:{named(recording, 'sw-network-flow-logs-group').name}-*" in policy


INLINE_POLICY_LIMIT = 10_240
"""Characters of all inline policies of a role, spaces not counted. Basis: vendor (IAM quotas)."""


def test_the_controller_s_policies_fit_however_many_services_there_are() -> None:
    """Guard: with a grant for each service the 39th was refused by IAM."""
    sizes = [policy_characters(plan) for plan in (chat_plan(), two_services_plan())]
    assert sizes[0] == sizes[1] < INLINE_POLICY_LIMIT / 8


def policy_characters(plan: Plan) -> int:
    recording = stack(plan)
    (controller,) = (
        r.inputs["role"]
        for r in of_type(recording, "rolePolicy:RolePolicy")
        if r.name == "sw-targets-grant"
    )
    policies = [
        str(r.inputs["policy"])
        for r in of_type(recording, "rolePolicy:RolePolicy")
        if r.inputs["role"] == controller
    ]
    assert len(policies) == 2, "its reads, and one grant"
    return sum(len("".join(policy.split())) for policy in policies)


def test_the_controller_writes_to_groups_of_its_cluster_only() -> None:
    recording = stack(two_services_plan())
    grant = json.loads(str(named(recording, "sw-targets-grant").inputs["policy"]))
    (statement,) = grant["Statement"]
    (condition,) = statement["Condition"]["StringEquals"].items()
    for service in ("chat", "search"):
        tags: Any = named(recording, f"sw-{service}-gateway-targets").inputs["tags"]
        assert condition == ("aws:ResourceTag/sizewright-cluster", tags["sizewright-cluster"])


def test_the_firewall_s_log_is_among_what_the_key_of_logs_is_for() -> None:
    recording = stack(public_plan())
    group = named(recording, "sw-chat-public-firewall-group").inputs
    assert group["kmsKeyId"]["$ref"] == "aws:kms/key:Key::sw-keys-logs"
    assert group["namePrefix"].startswith("aws-waf-logs-sw-chat-")
    assert ":log-group:aws-waf-logs-sw-chat-*" in str(
        named(recording, "sw-keys-logs", "key:").inputs
    )
    assert "aws-waf-logs" not in str(named(stack(chat_plan()), "sw-keys-logs", "key:").inputs)


def test_a_service_reads_its_weights_and_not_its_conversations() -> None:
    """A text service whose data outgrow the database has a second bucket."""
    data = CHAT["data"] | {"interaction_bytes": 2_000_000_000}
    recording = stack(plan_of(CHAT | {"data": data}))
    assert named(recording, "sw-chat-conversations-bucket")
    policy = named(recording, "sw-chat-serving-identity-policy").inputs["policy"]
    assert "sw-chat-weights-bucket" in policy
    assert "conversations" not in policy
