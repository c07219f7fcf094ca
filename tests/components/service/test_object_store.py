import json
from collections.abc import Mapping

import pytest

from components.naming import Tags
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizewright.record import Recorded
from sizing.plan.service.files.objects import TierPlan
from sizing.plan.service.stores import BucketPlan
from tests.components.plans import site
from tests.components.recording import children, named, recorded


def store(
    preview: bool,
    *,
    expire_days: int | None = None,
    protected: bool = True,
    days_by_prefix: Mapping[str, int] | None = None,
    tiers: tuple[TierPlan, ...] = (),
) -> Recorded:
    plan = BucketPlan(
        role="artefacts",
        stored_bytes=1,
        expire_days=expire_days,
        noncurrent_days=9,
        protected=protected,
        tiers=tiers,
    )
    args = ObjectStoreArgs(
        plan=plan,
        key_arn="arn:aws:kms:us-east-1:123456789012:key/data",
        tags=Tags.of_site(site("prod")).of_service("chat"),
        days_by_prefix=days_by_prefix or {},
    )
    return recorded(lambda: ObjectStore("b", args), preview)


def test_children(preview: bool) -> None:
    assert children(store(preview), "b") == [
        "Bucket b-bucket",
        "BucketLifecycleConfiguration b-lifecycle",
        "BucketOwnershipControls b-owner",
        "BucketPolicy b-policy",
        "BucketPublicAccessBlock b-public-access",
        "BucketServerSideEncryptionConfiguration b-encryption",
        "BucketVersioning b-versioning",
    ]


@pytest.mark.parametrize("protected", [True, False])
def test_protection_follows_the_plan(preview: bool, protected: bool) -> None:
    bucket = named(store(preview, protected=protected), "b-bucket")
    assert bucket.protect is protected
    assert bucket.inputs["forceDestroy"] is not protected
    assert "bucket" not in bucket.inputs, "its name is automatic"


def test_private_owned_encrypted_versioned(preview: bool) -> None:
    recording = store(preview)
    block = named(recording, "b-public-access").inputs
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[flag] for flag in flags] == [True] * 4
    owner = named(recording, "b-owner").inputs
    assert owner["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert named(recording, "b-encryption").inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {
                "sseAlgorithm": "aws:kms",
                "kmsMasterKeyId": "arn:aws:kms:us-east-1:123456789012:key/data",
            },
            "bucketKeyEnabled": True,
        }
    ]
    versioning = named(recording, "b-versioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}


def test_plain_http_is_refused() -> None:
    policy = json.loads(str(named(store(False), "b-policy").inputs["policy"]))
    (statement,) = policy["Statement"]
    arn = "${aws:s3/bucket:Bucket::b-bucket.arn}"
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == [arn, f"{arn}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_objects_expire_when_the_plan_says(preview: bool) -> None:
    (rule,) = named(store(preview, expire_days=365), "b-lifecycle").inputs["rules"]
    assert rule["expiration"] == {"days": 365}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 9}
    assert rule["status"] == "Enabled"


def test_a_prefix_may_expire_earlier(preview: bool) -> None:
    rules = named(store(preview, expire_days=365, days_by_prefix={"a/b/": 2}), "b-lifecycle")
    whole, part = rules.inputs["rules"]
    assert whole["expiration"] == {"days": 365}
    assert part == {
        "id": "expire-a/b",
        "status": "Enabled",
        "filter": {"prefix": "a/b/"},
        "expiration": {"days": 2},
    }


def test_older_objects_move_to_the_plan_s_storage_classes(preview: bool) -> None:
    tiers = tuple(
        TierPlan(storage_class=name, after_days=age, days=1, stored_bytes=1, charged_bytes=1)
        for name, age in (("standard_ia", 30), ("glacier_ir", 90))
    )
    (rule,) = named(store(preview, expire_days=365, tiers=tiers), "b-lifecycle").inputs["rules"]
    assert rule["transitions"] == [
        {"days": 30, "storageClass": "STANDARD_IA"},
        {"days": 90, "storageClass": "GLACIER_IR"},
    ]
    assert rule["expiration"] == {"days": 365}
    (plain,) = named(store(preview, expire_days=365), "b-lifecycle").inputs["rules"]
    assert "transitions" not in plain


def test_objects_are_kept_otherwise(preview: bool) -> None:
    (rule,) = named(store(preview), "b-lifecycle").inputs["rules"]
    assert "expiration" not in rule
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
