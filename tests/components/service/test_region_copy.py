"""Copy of files in another region: where it is, which keys it has, and who writes it."""

import json
from typing import Any

from sizewright.record import Recorded
from sizing.plan.whole import Plan
from tests.components.plans import QUEUED, STUDIO, plan_of, queued_plan
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

COPY = "sw-queued-artefacts-copy"
FIRST = "${aws:s3/bucket:Bucket::sw-queued-artefacts-bucket.arn}"
SECOND = "${aws:s3/bucket:Bucket::sw-queued-artefacts-copy-bucket.arn}"
REGION = "us-west-2"


def copied_plan(environment: str = "prod") -> Plan:
    data = QUEUED["data"] | {"copy_region": REGION}
    return queued_plan(workload=QUEUED | {"data": data}, environment=environment)


def copied(preview: bool = False) -> Recorded:
    return stack(copied_plan(), preview)


def rules(recording: Recorded, name: str) -> list[dict[str, Any]]:
    found: Any = named(recording, f"{name}-replication").inputs["rules"]
    return list(found)


def rights(recording: Recorded) -> dict[str, dict[str, Any]]:
    """Statements of the role by their first action."""
    policy = json.loads(str(named(recording, f"{COPY}-policy", "iam/").inputs["policy"]))
    actions = [(s["Action"], s) for s in policy["Statement"]]
    return {a if isinstance(a, str) else a[0]: s for a, s in actions}


def test_children(preview: bool) -> None:
    assert children(copied(preview), COPY) == [
        # The component with the copy, the bucket, and the role have the same name.
        f"Bucket {COPY}-bucket",
        f"BucketLifecycleConfiguration {COPY}-lifecycle",
        f"BucketOwnershipControls {COPY}-owner",
        f"BucketPolicy {COPY}-policy",
        f"BucketPublicAccessBlock {COPY}-public-access",
        f"BucketReplicationConfig {COPY}-replication",
        f"BucketServerSideEncryptionConfiguration {COPY}-encryption",
        f"BucketVersioning {COPY}-versioning",
        f"Identity {COPY}",
        f"ObjectStore {COPY}",
        f"Role {COPY}-role",
        f"RolePolicy {COPY}-policy",
    ]


def test_only_the_copy_and_its_key_are_in_the_other_region(preview: bool) -> None:
    elsewhere = [r for r in copied(preview).resources if r.inputs.get("region") == REGION]
    assert {r.name for r in elsewhere} == {
        "sw-keys-copies-us-west-2",
        *(f"{COPY}-{part}" for part in ("bucket", "encryption", "lifecycle", "owner")),
        *(f"{COPY}-{part}" for part in ("policy", "public-access", "versioning")),
    }
    assert len(elsewhere) == 9, "the key has an alias of the same name"
    assert "region" not in named(copied(preview), f"{COPY}-replication").inputs


def test_the_copy_is_as_private_and_as_long_as_the_first_bucket(preview: bool) -> None:
    recording = copied(preview)
    for part in ("public-access", "owner", "versioning", "lifecycle"):
        first = dict(named(recording, f"sw-queued-artefacts-{part}").inputs)
        second = dict(named(recording, f"{COPY}-{part}").inputs)
        assert second.pop("region") == REGION
        first.pop("bucket"), second.pop("bucket")
        assert second == first
    assert named(recording, f"{COPY}-bucket").inputs["forceDestroy"] is False
    assert named(recording, f"{COPY}-bucket").protect is True


def test_in_dev_nothing_is_protected() -> None:
    recording = stack(copied_plan("dev"))
    for name in (f"{COPY}-bucket", "sw-keys-copies-us-west-2"):
        assert not next(r for r in recording.resources if r.name == name).protect


def test_each_key_of_a_result_is_copied_and_no_upload() -> None:
    prefixes = [rule["filter"]["prefix"] for rule in rules(copied(), COPY)]
    assert prefixes == list("0123456789abcdef")
    assert not any("uploads/".startswith(prefix) for prefix in prefixes)
    priorities = [rule["priority"] for rule in rules(copied(), COPY)]
    assert len(set(priorities)) == 16, "S3 refuses two rules of one priority"


def test_an_application_names_its_own_keys() -> None:
    data = {"client": "own", "retention_days": 10, "copy_region": REGION}
    recording = stack(plan_of(STUDIO | {"data": data}))
    (rule,) = rules(recording, "sw-studio-artefacts-copy")
    assert rule["filter"] == {"prefix": ""}
    assert rule["id"] == "copy"


def test_files_are_copied_with_the_key_of_their_region_and_deletions_are_not() -> None:
    for rule in rules(copied(), COPY):
        assert rule["status"] == "Enabled"
        assert rule["deleteMarkerReplication"] == {"status": "Disabled"}
        assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
        target = rule["destination"]
        assert target["bucket"]["$ref"].endswith(f"{COPY}-bucket")
        key = target["encryptionConfiguration"]["replicaKmsKeyId"]
        assert key["$ref"] == "aws:kms/key:Key::sw-keys-copies-us-west-2"


def test_s3_waits_for_the_versions_of_both_buckets_and_for_the_role() -> None:
    recording = copied()
    needs = before(recording, named(recording, f"{COPY}-replication"))
    assert needs >= {
        "aws:s3/bucketVersioning:BucketVersioning::sw-queued-artefacts-versioning",
        f"aws:s3/bucketVersioning:BucketVersioning::{COPY}-versioning",
        f"aws:iam/rolePolicy:RolePolicy::{COPY}-policy",
    }


def test_the_role_reads_results_and_writes_the_copy() -> None:
    found = rights(copied())
    reads = found["s3:GetObjectVersionAcl"]
    assert reads["Resource"] == [f"{FIRST}/{digit}*" for digit in "0123456789abcdef"]
    writes = found["s3:ReplicateObject"]
    assert writes["Action"] == ["s3:ReplicateObject", "s3:ReplicateTags"], "and deletes nothing"
    assert writes["Resource"] == f"{SECOND}/*"
    assert found["s3:GetReplicationConfiguration"]["Resource"] == FIRST
    assert len(found) == 5


def test_the_role_uses_each_key_for_one_bucket_through_s3() -> None:
    found = rights(copied())
    for action, key, region, bucket in (
        ("kms:Decrypt", "data", "us-east-1", FIRST),
        ("kms:Encrypt", "copies-us-west-2", REGION, SECOND),
    ):
        assert found[action]["Resource"] == f"${{aws:kms/key:Key::sw-keys-{key}.arn}}"
        assert found[action]["Condition"] == {
            "StringEquals": {"kms:ViaService": [f"s3.{region}.amazonaws.com"]},
            "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]},
        }


def test_the_key_of_copies_is_used_through_s3_of_its_region() -> None:
    key = named(copied(), "sw-keys-copies-us-west-2", "kms/key")
    (use,) = (s for s in json.loads(str(key.inputs["policy"]))["Statement"] if s["Sid"] == "Use")
    assert use["Condition"]["StringEquals"] == {"kms:ViaService": ["s3.us-west-2.amazonaws.com"]}
    assert key.inputs["enableKeyRotation"] is True
    assert key.protect is True


def test_two_services_share_the_key_of_a_region() -> None:
    data = {"client": "own", "retention_days": 10, "copy_region": REGION}
    other = STUDIO | {"data": data}
    plan = queued_plan(other, workload=QUEUED | {"data": QUEUED["data"] | data})
    assert [r.name for r in of_type(stack(plan), "kms/key") if "copies" in r.name] == [
        "sw-keys-copies-us-west-2"
    ]


def test_a_service_that_retires_can_lose_its_copy() -> None:
    """Guard: a key that stays protected would keep the service from its removal."""
    data = {"client": "own", "retention_days": 10, "copy_region": REGION}
    other = STUDIO | {"data": data, "retire": True}
    keeps = queued_plan(other, workload=QUEUED | {"data": QUEUED["data"] | data})
    for plan, protected in ((keeps, True), (queued_plan(other), False)):
        recording = stack(plan)
        assert named(recording, "sw-keys-copies-us-west-2", "kms/key").protect is protected
        assert not named(recording, "sw-studio-artefacts-copy-bucket").protect


def test_without_the_field_nothing_is_copied(preview: bool) -> None:
    recording = stack(queued_plan(), preview)
    assert not of_type(recording, "bucketReplicationConfig")
    assert not [r.name for r in recording.resources if "region" in r.inputs and "copy" in r.name]
