"""One bucket: private, encrypted, versioned, with the plan's storage classes and expiry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import s3

from components.naming import Tags
from components.policy import policy
from sizing.plan.service.stores import BucketPlan

ABORT_UPLOAD_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    plan: BucketPlan
    key_arn: pulumi.Input[str] | None
    """KMS key; null for keys that S3 manages itself, the only ones some writers can use."""
    tags: Tags
    grants: Callable[[s3.Bucket], Sequence[Mapping[str, Any]]] = lambda _: ()
    """Statements of the bucket's policy, added to the refusal of plain HTTP. The function
    is called once, so that it may create what they name."""
    days_by_prefix: Mapping[str, int] = field(default_factory=dict)
    """Days after which the objects of a prefix expire, where those are fewer than the plan's."""
    region: str | None = None
    """Region of the bucket; the stack's where this is left out."""


class ObjectStore(pulumi.ComponentResource):
    """A bucket that refuses public access and plain HTTP."""

    bucket: pulumi.Output[str]
    """Name of the bucket."""
    arn: pulumi.Output[str]
    versioning: s3.BucketVersioning
    """Versions of its objects, which copies to another bucket require."""

    def __init__(
        self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:ObjectStore", name, None, opts)
        self._name = name
        self._region = args.region
        self._child = pulumi.ResourceOptions(parent=self)
        bucket = self._bucket(args)
        self.bucket = bucket.bucket
        self.arn = bucket.arn
        self._owner()
        blocked = self._public_access_block()
        self._policy(blocked, args.grants(bucket))
        self._encryption(args.key_arn)
        self.versioning = self._versioning()
        self._lifecycle(args)
        self.register_outputs({"bucket": self.bucket})

    def _bucket(self, args: ObjectStoreArgs) -> s3.Bucket:
        name = f"{self._name}-bucket"
        return s3.Bucket(
            name,
            region=self._region,
            force_destroy=not args.plan.protected,
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=args.plan.protected),
        )

    def _owner(self) -> None:
        s3.BucketOwnershipControls(
            f"{self._name}-owner",
            bucket=self.bucket,
            region=self._region,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=self._child,
        )

    def _public_access_block(self) -> s3.BucketPublicAccessBlock:
        return s3.BucketPublicAccessBlock(
            f"{self._name}-public-access",
            bucket=self.bucket,
            region=self._region,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )

    def _policy(
        self, blocked: s3.BucketPublicAccessBlock, grants: Sequence[Mapping[str, Any]]
    ) -> None:
        statement = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.arn, pulumi.Output.concat(self.arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        s3.BucketPolicy(
            f"{self._name}-policy",
            bucket=self.bucket,
            region=self._region,
            policy=policy(statement, *grants),
            # Guard: S3 refuses two changes of a bucket's access at the same time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[blocked]),
        )

    def _encryption(self, key_arn: pulumi.Input[str] | None) -> None:
        rule: s3.BucketServerSideEncryptionConfigurationRuleArgsDict = {
            "apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}
        }
        if key_arn is not None:
            rule = {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": key_arn,
                },
                "bucket_key_enabled": True,
            }
        s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption",
            bucket=self.bucket,
            region=self._region,
            rules=[rule],
            opts=self._child,
        )

    def _versioning(self) -> s3.BucketVersioning:
        return s3.BucketVersioning(
            f"{self._name}-versioning",
            bucket=self.bucket,
            region=self._region,
            versioning_configuration={"status": "Enabled"},
            opts=self._child,
        )

    def _lifecycle(self, args: ObjectStoreArgs) -> None:
        plan = args.plan
        rule: s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": "retention",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_UPLOAD_DAYS},
            "noncurrent_version_expiration": {"noncurrent_days": plan.noncurrent_days},
        }
        if plan.expire_days is not None:
            rule["expiration"] = {"days": plan.expire_days}
        if plan.tiers:
            rule["transitions"] = [
                {"days": tier.after_days, "storage_class": tier.storage_class.upper()}
                for tier in plan.tiers
            ]
        s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=self.bucket,
            region=self._region,
            rules=[rule, *map(_expiry, args.days_by_prefix.items())],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.versioning]),
        )


def _expiry(of: tuple[str, int]) -> s3.BucketLifecycleConfigurationRuleArgsDict:
    """Rule that deletes the objects of a prefix after some days."""
    prefix, days = of
    return {
        "id": f"expire-{prefix.strip('/')}",
        "status": "Enabled",
        "filter": {"prefix": prefix},
        "expiration": {"days": days},
    }
