"""Delivery of results: who reads the bucket, who signs, and who answers a request for a result."""

import json
import re
from typing import Any

import pytest

from sizewright.record import Recorded
from templates.programs import JOB_CONTENT, node_programs
from tests.components.plans import SIGNING_KEY, delivered_plan, queued_plan
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

BUCKET = "${aws:s3/bucket:Bucket::sw-queued-artefacts-bucket.arn}"
DISTRIBUTION = "sw-queued-cdn-distribution"
FUNCTION = "sw-queued-jobs-link-function"


def delivered(preview: bool = False) -> Recorded:
    return stack(delivered_plan(), preview)


def statements(recording: Recorded, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(str(named(recording, name).inputs["policy"]))[
        "Statement"
    ]
    return found


def target(value: Any) -> str:
    name: str = value["$ref"].split("::")[1]
    return name


def test_children(preview: bool) -> None:
    recording = delivered(preview)
    assert children(recording, "sw-queued-cdn") == [
        f"Distribution {DISTRIBUTION}",
        "KeyGroup sw-queued-cdn-keys",
        "OriginAccessControl sw-queued-cdn-access",
        "PublicKey sw-queued-cdn-key",
    ]
    assert "LinkFunction sw-queued-jobs-link-function" in children(recording, "sw-queued-jobs")


def test_without_the_section_nothing_delivers(preview: bool) -> None:
    recording = stack(queued_plan(), preview)
    assert not of_type(recording, "cloudfront/")
    assert len(of_type(recording, "lambda/function")) == 1
    (rule,) = of_type(recording, "lb/listenerRule")
    assert rule.inputs["priority"] == 2
    if not preview:
        made = statements(recording, "sw-queued-artefacts-policy")
        assert [s["Sid"] for s in made] == ["TlsOnly"]


def test_viewers_need_https_and_a_signed_address(preview: bool) -> None:
    made: Any = named(delivered(preview), DISTRIBUTION).inputs
    behaviour = made["defaultCacheBehavior"]
    assert behaviour["viewerProtocolPolicy"] == "https-only"
    assert behaviour["allowedMethods"] == ["GET", "HEAD"]
    assert "orderedCacheBehaviors" not in made, "no other path has other rules"
    assert made["tags"]["service"] == "queued"
    if not preview:
        assert [target(key) for key in behaviour["trustedKeyGroups"]] == ["sw-queued-cdn-keys"]
        key: Any = named(delivered(), "sw-queued-cdn-keys").inputs["items"]
        assert [target(item) for item in key] == ["sw-queued-cdn-key"]
    public = named(delivered(preview), "sw-queued-cdn-key").inputs["encodedKey"]
    assert public == SIGNING_KEY.public_key
    assert str(public).endswith("\n"), "without it, each update replaces the key"


def test_the_bucket_lets_this_distribution_read_results_and_no_upload() -> None:
    made = statements(delivered(), "sw-queued-artefacts-policy")
    (cdn,) = (statement for statement in made if statement["Sid"] == "Cdn")
    assert cdn == {
        "Sid": "Cdn",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET}/??/*",
        "Condition": {
            "StringEquals": {
                "AWS:SourceArn": "${aws:cloudfront/distribution:Distribution::"
                + DISTRIBUTION
                + ".arn}"
            }
        },
    }
    assert [s["Sid"] for s in statements(delivered(), "sw-queued-weights-policy")] == ["TlsOnly"]


def test_the_origin_is_the_bucket_with_signed_requests() -> None:
    (origin,) = named(delivered(), DISTRIBUTION).inputs["origins"]  # type: ignore[misc]
    assert target(origin["domainName"]) == "sw-queued-artefacts-bucket"
    assert target(origin["originAccessControlId"]) == "sw-queued-cdn-access"
    access = named(delivered(), "sw-queued-cdn-access").inputs
    assert (access["signingBehavior"], access["signingProtocol"]) == ("always", "sigv4")


def test_the_key_of_data_decrypts_for_distributions_of_the_account_only() -> None:
    def delivery(recording: Recorded) -> list[Any]:
        policy = named(recording, "sw-keys-data", "kms/key").inputs["policy"]
        found = json.loads(str(policy))["Statement"]
        return [statement for statement in found if statement["Sid"] == "Delivery"]

    (made,) = delivery(delivered())
    assert made["Action"] == ["kms:Decrypt"]
    assert made["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    own = "arn:aws:cloudfront::123456789012:distribution/*"
    assert made["Condition"] == {"ArnLike": {"aws:SourceArn": own}}
    assert delivery(stack(queued_plan())) == []


def test_the_function_reads_rows_and_one_secret_and_no_object() -> None:
    rights = {
        str(statement["Action"]): statement["Resource"]
        for statement in statements(delivered(), f"{FUNCTION}-identity-policy")
    }
    log = "${aws:cloudwatch/logGroup:LogGroup::" + FUNCTION + "-logs.arn}:*"
    assert rights == {
        "dynamodb:GetItem": "${aws:dynamodb/table:Table::sw-queued-jobs-table-rows.arn}",
        "secretsmanager:GetSecretValue": SIGNING_KEY.secret_arn,
        "['kms:Decrypt', 'kms:DescribeKey']": "${aws:kms/key:Key::sw-keys-data.arn}",
        "kms:Decrypt": SIGNING_KEY.secret_key_arn,
        "['logs:CreateLogStream', 'logs:PutLogEvents']": log,
    }


def test_the_function_has_what_its_program_reads() -> None:
    made: Any = named(delivered(), f"{FUNCTION}-handler").inputs
    (program,) = node_programs(JOB_CONTENT).files
    read = set(re.findall(r"process\.env\.([A-Z_]+)", program.text))
    variables = made["environment"]["variables"]
    assert variables.keys() == read
    assert target(variables["DOMAIN"]) == DISTRIBUTION
    assert target(variables["KEY_PAIR_ID"]) == "sw-queued-cdn-key"
    assert target(variables["TABLE"]) == "sw-queued-jobs-table-rows"
    assert made["code"].keys() == {"$archive"}
    assert made["runtime"] == "nodejs24.x"
    module, function = made["handler"].split(".")
    assert program.file == f"{module}.mjs"
    assert f"export async function {function}(" in program.text


def test_the_program_imports_only_what_its_runtime_has() -> None:
    """Basis: vendor (AWS Lambda: the Node.js runtimes have the SDK of AWS, version 3)."""
    (program,) = node_programs(JOB_CONTENT).files
    found = re.findall(r"from \"([^\"]+)\"", program.text)
    assert found
    assert all(name.startswith(("node:", "@aws-sdk/client-")) for name in found)
    assert "//" not in program.text.replace("https://", ""), "comments change no archive"


def test_no_part_of_the_stack_has_a_private_key() -> None:
    text = json.dumps([resource.inputs for resource in delivered().resources])
    assert "PRIVATE" not in text


def test_its_log_has_the_key_of_logs() -> None:
    group: Any = named(delivered(), f"{FUNCTION}-logs").inputs
    assert target(group["kmsKeyId"]) == "sw-keys-logs"
    policy = named(delivered(), "sw-keys-logs", "kms/key").inputs["policy"]
    assert f":log-group:{FUNCTION}-logs-*" in str(policy)


@pytest.mark.parametrize("both", [False, True])
def test_requests_for_results_come_first_and_have_a_token(both: bool) -> None:
    access: dict[str, object] = {}
    if both:
        access = {
            "both_balancers": True,
            "claims": [{"name": "scope", "values": ["images"]}],
            "requests_per_key_per_min": 60,
        }
    plan = delivered_plan()
    workload = plan.services[0].inputs.model_dump(mode="json", exclude_none=True)
    workload["data"]["client"] = "own"
    recording = stack(queued_plan(workload=workload, signing_key=True, **access) if both else plan)
    rules = of_type(recording, "lb/listenerRule")
    content = [rule for rule in rules if rule.name.endswith("-content")]
    assert len(content) == (2 if both else 1)
    for rule in content:
        validation, forward = rule.inputs["actions"]  # type: ignore[misc]
        assert validation["type"] == "jwt-validation"
        assert rule.inputs["priority"] == 1
        (condition,) = rule.inputs["conditions"]  # type: ignore[misc]
        assert condition["pathPattern"]["values"] == ["/v1/images/generations/*/content"]
        targets = named(recording, target(forward["targetGroupArn"]), "lb/targetGroup")
        assert targets.inputs["targetType"] == "lambda"
        attached = named(recording, f"{rule.name}-target", "lb/targetGroupAttachment")
        assert target(attached.inputs["targetId"]) == f"{FUNCTION}-handler"
        permission = f"aws:lambda/permission:Permission::{rule.name}-may-call"
        assert permission in before(recording, attached)


def test_nothing_of_it_is_protected() -> None:
    """Nothing is stored in it, so that the section can be removed from a workload in prod."""
    recording = delivered()
    assert not [r for r in recording.resources if r.protect and "cdn" in r.name]
