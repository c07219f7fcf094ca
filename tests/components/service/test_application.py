"""The application of a service: its rights, its order and its way from the load balancer."""

import json
from typing import Any

import pulumi
import pytest

from components.service.application.answer_cache import cache_name
from sizewright.record import Recorded, RecordedResource
from tests.components.plans import applied_plan, chat_plan, searching_plan
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

NAME = "sw-applied-application"
CACHE = "sw-applied-answers"
PLAN = applied_plan()


@pytest.fixture
def recording(preview: bool) -> Recorded:
    return stack(PLAN, preview)


def statements(recording: Recorded, name: str) -> list[dict[str, Any]]:
    """Statements of the policy of a role, whose documents are JSON where their values are known."""
    (policy,) = [r for r in of_type(recording, "RolePolicy") if r.name.startswith(name)]
    text = policy.inputs["policy"]
    assert isinstance(text, str)
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def test_children(recording: Recorded) -> None:
    kinds = [each.split()[0] for each in children(recording, NAME)]
    assert kinds == [
        "ConfigMap",
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


def test_without_an_application_there_is_none_and_no_nodes_for_one() -> None:
    names = [r.name for r in stack(chat_plan()).resources]
    assert not [name for name in names if "application" in name]


def test_pulumi_never_has_the_password(recording: Recorded) -> None:
    assert not of_type(recording, "secretsmanager/secretVersion")
    assert not of_type(recording, "random")


def test_the_database_admits_the_nodes_of_applications_and_no_others(recording: Recorded) -> None:
    rules = [
        rule
        for rule in of_type(recording, "SecurityGroupIngressRule")
        if rule.inputs["fromPort"] == 5432
    ]
    sources = sorted(rule.name.rpartition("-from-")[2] for rule in rules)
    assert sources == ["applications", "clients"]
    template = named(recording, "sw-applications-template")
    groups = template.inputs["vpcSecurityGroupIds"]
    assert isinstance(groups, list) and len(groups) == 2, "the cluster's group and its own"


def test_pods_wait_for_the_setup_and_the_setup_for_the_database(recording: Recorded) -> None:
    setup = _setup(recording)
    assert {r.key for r in of_type(recording, "rds/clusterInstance")} <= before(recording, setup)
    for kind in ("apps/v1:Deployment", "batch/v1:CronJob"):
        (waiting,) = [r for r in of_type(recording, kind) if r.name.startswith(NAME)]
        assert setup.key in before(recording, waiting)


def _setup(recording: Recorded) -> RecordedResource:
    (found,) = [r for r in of_type(recording, "batch/v1:Job") if r.name.startswith(NAME)]
    return found


def test_the_balancer_checks_the_application(recording: Recorded) -> None:
    (targets,) = of_type(recording, "aws:lb/targetGroup")
    check = targets.inputs["healthCheck"]
    assert isinstance(check, dict)
    assert (targets.inputs["port"], check["path"]) == (8321, "/v1/health")
    (binding,) = of_type(recording, "TargetGroupBinding")
    spec = binding.inputs["spec"]
    assert isinstance(spec, dict)
    assert spec["serviceRef"] == {"name": "applied-application", "port": 80}


def test_a_protected_secret_can_be_restored() -> None:
    kept = {env: _secret(stack(applied_plan(env))) for env in ("dev", "prod")}
    assert (kept["dev"].inputs["recoveryWindowInDays"], kept["dev"].protect) == (0, False)
    assert (kept["prod"].inputs["recoveryWindowInDays"], kept["prod"].protect) == (30, True)


def _secret(recording: Recorded) -> RecordedResource:
    (found,) = of_type(recording, "secretsmanager/secret:Secret")
    return found


def test_only_the_setup_reads_the_master_s_secret() -> None:
    recording = stack(PLAN, False)
    own = statements(recording, f"{NAME}-identity")
    setup = statements(recording, f"{NAME}-setup-identity")
    reading = "secretsmanager:GetSecretValue"
    secrets = [
        {str(s["Resource"]) for s in each if reading in s["Action"]} for each in (own, setup)
    ]
    assert len(secrets[0]) == 1 and len(secrets[1]) == 2 and secrets[0] < secrets[1]
    (master,) = secrets[1] - secrets[0]
    assert "application" not in master
    assert not [s for s in own if "secretsmanager:PutSecretValue" in s["Action"]]
    files = [s for s in own if "s3:PutObject" in s["Action"]]
    assert len(files) == 1 and str(files[0]["Resource"]).endswith("/*")
    assert not [s for s in setup if "s3:" in str(s["Action"]) or "firehose" in str(s["Action"])]


def test_pods_that_answer_add_feedback_and_those_that_delete_read_it() -> None:
    recording = stack(PLAN, False)
    own = [s for s in statements(recording, f"{NAME}-identity") if "feedback" in str(s)]
    assert [s["Action"] for s in own] == ["firehose:PutRecord"]
    deleting = statements(recording, f"{NAME}-expiry-identity")
    objects = [s for s in deleting if "feedback" in str(s) and "s3:GetObject" in s["Action"]]
    assert len(objects) == 1 and not [s for s in deleting if "firehose" in str(s["Action"])]
    expiry = named(recording, f"{NAME}-expiry", "CronJob")
    assert "application-expiry" in str(expiry.inputs["spec"])


def test_feedback_goes_through_an_encrypted_stream_to_a_bucket_of_its_own() -> None:
    recording = stack(PLAN, False)
    (stream,) = of_type(recording, "FirehoseDeliveryStream")
    bucket = named(recording, "sw-applied-feedback-bucket")
    key = named(recording, "sw-keys-data", "kms/key").inputs
    written = stream.inputs["extendedS3Configuration"]
    encrypted = stream.inputs["serverSideEncryption"]
    assert isinstance(written, dict) and isinstance(encrypted, dict)
    assert bucket.name in str(written["bucketArn"])
    assert written["compressionFormat"] == "GZIP"
    assert str(written["prefix"]).startswith("feedback/date=!{timestamp:yyyy-MM-dd}/")
    assert written["kmsKeyArn"] == encrypted["keyArn"] and encrypted["enabled"] is True
    assert "firehose.us-east-1.amazonaws.com" in str(key["policy"])
    rights = statements(recording, "sw-applied-feedback")
    assert {
        str(s["Resource"]).count("applied-feedback") > 0 for s in rights if "s3:" in str(s)
    } == {True}
    own = statements(recording, f"{NAME}-identity")
    (put,) = [s for s in own if "firehose" in str(s["Action"])]
    assert put["Action"] == "firehose:PutRecord" and "stream" in str(put["Resource"])


def test_without_feedback_there_is_no_stream() -> None:
    recording = stack(applied_plan(application={"api": "ogx"}))
    assert not of_type(recording, "FirehoseDeliveryStream")
    assert not [r.name for r in recording.resources if "feedback" in r.name]


def test_documents_have_a_queue_that_their_bucket_alone_fills(preview: bool) -> None:
    recording = stack(searching_plan(), preview)
    (notification,) = of_type(recording, "BucketNotification")
    (queue,) = notification.inputs["queues"]
    assert set(queue["events"]) == {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
    names = [each.name for each in of_type(recording, "sqs/queue:")]
    assert names == [
        "sw-applied-documents-queue-dead-letters",
        "sw-applied-documents-queue-waiting",
    ]
    (waiting,) = [each for each in of_type(recording, "sqs/queue:") if "waiting" in each.name]
    assert waiting.inputs["visibilityTimeoutSeconds"] == 900
    assert "-queue-waiting-access" in " ".join(before(recording, notification))


def test_workers_of_documents_have_their_own_rights_and_the_others_none_of_them() -> None:
    recording = stack(searching_plan())
    text = {
        account: json.dumps(statements(recording, f"{NAME}-{account}"))
        for account in ("ingestion", "expiry", "setup")
    }
    assert "sqs:ReceiveMessage" in text["ingestion"]
    assert "s3:PutObject" not in text["ingestion"] and "s3:DeleteObject" not in text["ingestion"]
    assert "sqs:" not in text["expiry"] + text["setup"]


def test_without_documents_there_is_no_queue() -> None:
    recording = stack(PLAN)
    assert not of_type(recording, "BucketNotification") and not of_type(recording, "sqs/queue:")


def test_the_cache_admits_the_nodes_of_applications_and_no_others(recording: Recorded) -> None:
    """The nodes of engines, of the cluster and of renditions are in other groups."""
    group = named(recording, "sw-applied-answers-group")
    rules = [r for r in of_type(recording, "SecurityGroupIngressRule") if CACHE in r.name]
    assert [rule.inputs["fromPort"] for rule in rules] == [6379]
    assert [rule.inputs["toPort"] for rule in rules] == [6379]
    named(recording, "sw-applications-group")
    cached = of_type(recording, "serverlessCache")[0]
    assert group.key in cached.depends_on
    assert {*rules[0].depends_on} == {group.key, named(recording, "sw-applications-group").key}


def test_the_cache_is_encrypted_without_passwords_snapshots_or_protection() -> None:
    recording = stack(PLAN, False)
    (cache,) = of_type(recording, "serverlessCache")
    (user,) = of_type(recording, "elasticache/user:User")
    (users,) = of_type(recording, "elasticache/userGroup")
    plan = PLAN.services[0].answer_cache
    assert plan is not None
    inputs = cache.inputs
    assert (inputs["engine"], inputs["majorEngineVersion"]) == ("valkey", "8")
    assert inputs["cacheUsageLimits"] == {
        "dataStorage": {"maximum": plan.storage_gb, "unit": "GB"},
        "ecpuPerSeconds": [{"maximum": plan.ecpu_per_s_allowed}],
    }
    assert inputs["snapshotRetentionLimit"] == 0 and not cache.protect
    assert "keys-data" in str(inputs["kmsKeyId"])
    assert "elasticache.us-east-1.amazonaws.com" in str(
        named(recording, "sw-keys-data", "kms/key").inputs["policy"]
    )
    assert user.inputs["authenticationMode"] == {"type": "iam"}
    assert not {"passwords", "passwordsWo", "noPasswordRequired"} & user.inputs.keys()
    assert user.inputs["userId"] == user.inputs["userName"]
    assert users.inputs["userIds"] == [user.inputs["userId"]]
    assert inputs["userGroupId"] == users.inputs["userGroupId"]
    rights = str(user.inputs["accessString"]).split()
    assert rights[:3] == ["on", "~answers:*", "-@all"]


def test_only_the_pods_that_answer_or_erase_may_connect_to_the_cache() -> None:
    recording = stack(PLAN, False)
    connect = "elasticache:Connect"
    for account in ("identity", "expiry-identity"):
        (allowed,) = [
            s for s in statements(recording, f"{NAME}-{account}") if s["Action"] == connect
        ]
        cache, user = map(str, allowed["Resource"])
        assert "answers-cache" in cache and "answers-user" in user
    setup = statements(recording, f"{NAME}-setup-identity")
    assert not [s for s in setup if s["Action"] == connect]


def test_pods_wait_for_the_cache_and_are_deleted_before_it(recording: Recorded) -> None:
    for kind in ("apps/v1:Deployment", "batch/v1:CronJob"):
        (waiting,) = [r for r in of_type(recording, kind) if r.name.startswith(NAME)]
        assert {r.key for r in of_type(recording, "serverlessCache")} <= before(recording, waiting)
    assert not {r.key for r in of_type(recording, "serverlessCache")} & before(
        recording, _setup(recording)
    )


def test_without_a_cache_there_is_none() -> None:
    recording = stack(applied_plan(application={"api": "ogx"}))
    assert not [r.name for r in recording.resources if CACHE in r.name]
    assert "elasticache" not in str(named(recording, "sw-keys-data", "kms/key").inputs["policy"])


def test_a_name_of_the_cache_has_at_most_40_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "production-of-the-north")
    names = [cache_name(service) for service in ("a", f"{'long-' * 8}a", f"{'long-' * 8}b")]
    assert names[0] == "sizewright-production-of-the-north-a"
    assert [len(name) <= 40 for name in names] == [True] * 3 and len({*names}) == 3
