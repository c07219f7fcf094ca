import json
from typing import Any

from components.foundation.keys import Keys, KeysArgs
from components.naming import Tags
from sizewright.record import Recorded
from sizing.plan.stack.cluster import KeysPlan
from tests.components.plans import site
from tests.components.recording import children, named, of_type, recorded

ROOT = "arn:aws:iam::123456789012:root"
CLASSES = ("cluster", "data", "logs", "volumes", "weights")
PLAN = KeysPlan(used=None, made=CLASSES, deletion_days=30, protected=True)


def keys(preview: bool = False, plan: KeysPlan = PLAN, region: str = "us-east-1") -> Recorded:
    args = KeysArgs(
        plan=plan,
        account_id="123456789012",
        region=region,
        log_groups=["/aws/eks/c/cluster", "flow-*"],
        tags=Tags.of_site(site("prod")),
    )
    return recorded(lambda: Keys("k", args), preview)


def statements(role: str, region: str = "us-east-1") -> dict[str, Any]:
    policy = json.loads(str(named(keys(region=region), f"k-{role}", "kms/key").inputs["policy"]))
    return {statement.pop("Sid"): statement for statement in policy["Statement"]}


def test_one_key_a_class_of_data(preview: bool) -> None:
    assert children(keys(preview), "k") == [
        *(f"Alias k-{role}" for role in CLASSES),
        *(f"Key k-{role}" for role in CLASSES),
    ]


def test_keys_rotate_and_their_deletion_waits(preview: bool) -> None:
    for protected, days in ((True, 30), (False, 7)):
        plan = PLAN.model_copy(update={"deletion_days": days, "protected": protected})
        for key in of_type(keys(preview, plan), "kms/key"):
            assert key.inputs["enableKeyRotation"] is True
            assert key.inputs["deletionWindowInDays"] == days
            assert key.protect is protected


def test_nobody_outside_and_nothing_at_will() -> None:
    for role in CLASSES:
        for statement in statements(role).values():
            assert statement["Effect"] == "Allow"
            assert "*" not in statement["Principal"].values()
            assert not any("*" in action for action in statement["Action"])


def test_administrators_keep_their_hold_on_a_key_and_cannot_read_with_it() -> None:
    for role in CLASSES:
        administration = statements(role)["Administration"]
        assert administration["Principal"] == {"AWS": ROOT}
        actions = set(administration["Action"])
        assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:EnableKeyRotation"} <= actions
        assert not actions & {"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"}


def test_node_groups_start_from_encrypted_volumes() -> None:
    found = statements("volumes")
    role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    principal = {"AWS": f"arn:aws:iam::123456789012:role/{role}"}
    assert found["NodeGroups"]["Principal"] == found["NodeGroupVolumes"]["Principal"] == principal
    assert "kms:GenerateDataKeyWithoutPlaintext" in found["NodeGroups"]["Action"]
    assert found["NodeGroupVolumes"]["Action"] == ["kms:CreateGrant"]
    assert found["NodeGroupVolumes"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    through = found["Use"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert through == ["ec2.us-east-1.amazonaws.com"]


def test_data_is_reached_through_its_services() -> None:
    for role, services in (("data", ("rds", "s3", "secretsmanager")), ("weights", ("s3",))):
        use = statements(role)["Use"]
        assert use["Principal"] == {"AWS": ROOT}
        assert use["Condition"]["StringEquals"]["kms:ViaService"] == [
            f"{service}.us-east-1.amazonaws.com" for service in services
        ]
    assert "Grants" not in statements("weights")


def test_more_services_use_the_key_of_data_alone() -> None:
    args = KeysArgs(
        plan=PLAN,
        account_id="123456789012",
        region="us-east-1",
        log_groups=[],
        data_services=("sqs", "dynamodb"),
        tags=Tags.of_site(site("prod")),
    )
    recording = recorded(lambda: Keys("k", args))

    def hosts(role: str) -> list[str]:
        policy = json.loads(str(named(recording, f"k-{role}", "kms/key").inputs["policy"]))
        through = (s.get("Condition", {}).get("StringEquals", {}) for s in policy["Statement"])
        return [host.split(".")[0] for each in through for host in each.get("kms:ViaService", [])]

    data = ["dynamodb", "rds", "s3", "secretsmanager", "sqs"]
    assert hosts("data") == data + data, "its use, and grants for it"
    assert hosts("weights") == ["s3"]


def test_logs_of_these_groups_only() -> None:
    logs = statements("logs")["Logs"]
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    groups = "arn:aws:logs:us-east-1:123456789012:log-group:"
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": [
                f"{groups}/aws/eks/c/cluster",
                f"{groups}flow-*",
            ]
        }
    }


def test_other_partitions() -> None:
    china = statements("logs", "cn-north-1")
    assert china["Logs"]["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    assert china["Administration"]["Principal"] == {"AWS": ROOT.replace("aws", "aws-cn", 1)}
