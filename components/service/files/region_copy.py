"""The copy of a bucket's files in another region, and the role that writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import s3

from components.identity import Identity, IdentityArgs
from components.naming import Tags, service_host
from components.policy import allow, policy
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.plan.service.stores import BucketPlan
from sizing.plan.stack.cluster import RolesPlan

TRUSTED = "s3.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class RegionCopyArgs:
    plan: RegionCopyPlan
    bucket: BucketPlan
    """Bucket that is copied; its copy has the same protection, expiry and storage classes."""
    source: ObjectStore
    source_region: str
    source_key_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    """KMS key in the region of the copy."""
    prefixes: Sequence[str]
    """Prefixes of the keys that are copied; an empty text is every key."""
    roles: RolesPlan
    partition: str
    tags: Tags


class RegionCopy(pulumi.ComponentResource):
    """A bucket in another region, to which S3 copies each new object of the first.

    Guard: S3 never copies the deletion of an old object by a lifecycle rule. The copy has the
    same rule.
    """

    def __init__(
        self, name: str, args: RegionCopyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:RegionCopy", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        store = self._store()
        self._replication(store, self._role(store))
        self.register_outputs({"bucket": store.bucket})

    def _store(self) -> ObjectStore:
        args = self._args
        return ObjectStore(
            self._name,
            ObjectStoreArgs(
                plan=args.bucket, key_arn=args.key_arn, tags=args.tags, region=args.plan.region
            ),
            self._child,
        )

    def _role(self, store: ObjectStore) -> Identity:
        """Role of S3: it reads versions of the first bucket and writes them to the second.

        Basis: vendor (S3 user guide, permissions for live replication and for encrypted objects).
        """
        args, source = self._args, self._args.source
        copied = [pulumi.Output.concat(source.arn, f"/{prefix}*") for prefix in args.prefixes]
        rights = policy(
            allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], source.arn),
            allow(
                [
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionTagging",
                ],
                copied,
            ),
            allow(
                ["s3:ReplicateObject", "s3:ReplicateTags"],
                pulumi.Output.concat(store.arn, "/*"),
            ),
            allow("kms:Decrypt", args.source_key_arn, _through_s3(args.source_region, source)),
            allow("kms:Encrypt", args.key_arn, _through_s3(args.plan.region, store)),
        )
        return Identity(
            self._name,
            IdentityArgs(
                trusted_service=TRUSTED,
                roles=args.roles,
                partition=args.partition,
                policy=rights,
                tags=args.tags,
            ),
            self._child,
        )

    def _replication(self, store: ObjectStore, role: Identity) -> None:
        args = self._args
        s3.BucketReplicationConfig(
            f"{self._name}-replication",
            bucket=args.source.bucket,
            role=role.arn,
            rules=[
                self._rule(store, prefix, priority)
                for priority, prefix in enumerate(args.prefixes, start=1)
            ],
            # Guard: S3 refuses the configuration until both buckets keep versions.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.source.versioning, store.versioning, *role.grants],
            ),
        )

    def _rule(
        self, store: ObjectStore, prefix: str, priority: int
    ) -> s3.BucketReplicationConfigRuleArgsDict:
        """Rule for the keys with a prefix.

        Guard: deletions are not copied, so that a program that deletes results leaves the copy.
        """
        return {
            "id": f"copy-{prefix}" if prefix else "copy",
            "status": "Enabled",
            "priority": priority,
            "filter": {"prefix": prefix},
            "delete_marker_replication": {"status": "Disabled"},
            "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
            "destination": {
                "bucket": store.arn,
                "encryption_configuration": {"replica_kms_key_id": self._args.key_arn},
            },
        }


def _through_s3(region: str, store: ObjectStore) -> dict[str, dict[str, object]]:
    """Condition that a key is used through S3 of a region, for the objects of one bucket.

    With a bucket key, S3 encrypts for the bucket, and without one for each object.
    """
    objects = pulumi.Output.concat(store.arn, "/*")
    return {
        "StringEquals": {"kms:ViaService": [service_host("s3", region)]},
        "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [store.arn, objects]},
    }
