"""KMS keys, one for each class of data; only the services of that class can use each key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import kms

from components.naming import Tags, partition, service_host
from components.policy import policy
from sizing.plan.stack.cluster import KeysPlan

ADMINISTRATION = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
]
USE = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    plan: KeysPlan
    account_id: str
    region: str
    log_groups: Sequence[str]
    """Names of the log groups for which the key of logs is usable; `*` is a random suffix."""
    data_services: Sequence[str] = ()
    """AWS services that use the key of data in addition to those of databases and buckets."""
    sends_messages: bool = False
    """True where a topic of the stack sends messages to people, encrypted by the key of logs."""
    delivers_data: bool = False
    """True where a content delivery network of the account reads data."""
    notifies: bool = False
    """True where a bucket of the account sends messages to a queue."""
    copy_regions: Mapping[str, bool] = field(default_factory=dict)
    """Other regions with a key for copies of files, and whether that key is protected."""
    tags: Tags


class Keys(pulumi.ComponentResource):
    """KMS keys by class of data. Keys made here rotate every year; used keys stay unchanged.

    A principal with an IAM policy for a key may manage it, and use it through the services of its
    class.
    """

    def __init__(
        self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Keys", name, None, opts)
        self._name = name
        self._args = args
        made = {
            "cluster": ("Secrets of the Kubernetes cluster", self._of_cluster()),
            "volumes": ("Volumes of the nodes", self._of_volumes()),
            "data": ("Databases and buckets of data", self._of_data()),
            "weights": ("Buckets of model weights", self._via("s3")),
            "logs": ("Logs of the cluster and the network", self._of_logs()),
        }
        used = {} if args.plan.used is None else args.plan.used.model_dump(exclude_none=True)
        self._arns: dict[str, pulumi.Input[str]] = {
            **used,
            **{role: self._key(role, *made[role]) for role in args.plan.made},
        }
        self._copies = {region: self._of_copies(region) for region in args.copy_regions}
        self.register_outputs({})

    @property
    def cluster(self) -> pulumi.Input[str]:
        """ARN of the key of the Kubernetes secrets; the other properties are alike.

        Raises KeyError for a class of data that the plan does not have.
        """
        return self._arns["cluster"]

    def of_class(self, role: str) -> pulumi.Input[str] | None:
        """ARN of the key of a class of data, or null where the plan has none of that class."""
        return self._arns.get(role)

    @property
    def volumes(self) -> pulumi.Input[str]:
        return self._arns["volumes"]

    @property
    def data(self) -> pulumi.Input[str]:
        return self._arns["data"]

    @property
    def weights(self) -> pulumi.Input[str]:
        return self._arns["weights"]

    @property
    def logs(self) -> pulumi.Input[str]:
        return self._arns["logs"]

    def copies(self, region: str) -> pulumi.Input[str]:
        """ARN of the key of copies of files in another region.

        Raises KeyError for a region without a copy.
        """
        return self._copies[region]

    def _of_copies(self, region: str) -> pulumi.Output[str]:
        """Key in another region. Guard: no bucket can use a key of another region."""
        description = f"Copies of files in {region}"
        return self._key(
            f"copies-{region}",
            description,
            self._via("s3", region=region),
            region=region,
            protected=self._args.copy_regions[region],
        )

    def _key(
        self,
        role: str,
        description: str,
        statements: list[dict[str, Any]],
        *,
        region: str | None = None,
        protected: bool | None = None,
    ) -> pulumi.Output[str]:
        """Key of a class of data. It is in the stack's region, and as protected as the plan states,
        where nothing else is named."""
        name = f"{self._name}-{role}"
        plan = self._args.plan
        key = kms.Key(
            name,
            description=description,
            policy=policy(self._administration(), *statements),
            enable_key_rotation=True,
            deletion_window_in_days=plan.deletion_days,
            region=region,
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(
                parent=self, protect=plan.protected if protected is None else protected
            ),
        )
        kms.Alias(
            name,
            target_key_id=key.key_id,
            region=region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key.arn

    @property
    def _root(self) -> dict[str, str]:
        """The account, which delegates to IAM: any of its principals with a policy for the key."""
        return {"AWS": f"arn:{partition(self._args.region)}:iam::{self._args.account_id}:root"}

    def _administration(self) -> dict[str, Any]:
        return _allow("Administration", self._root, ADMINISTRATION)

    def _of_cluster(self) -> list[dict[str, Any]]:
        """Use by the account: EKS grants itself the use as the cluster's creator may."""
        return [_allow("Use", self._root, ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"])]

    def _of_volumes(self) -> list[dict[str, Any]]:
        """Statements for node groups, which start through EC2 Auto Scaling: its role must use the
        key.

        Guard: KMS refuses a policy that names a role which does not exist. EC2 Auto Scaling makes
        its own with the first group of an account.
        """
        role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        account = f"iam::{self._args.account_id}"
        scaling = {"AWS": f"arn:{partition(self._args.region)}:{account}:role/{role}"}
        own = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        return [
            _allow("NodeGroups", scaling, USE),
            _allow("NodeGroupVolumes", scaling, ["kms:CreateGrant"], own),
            *self._via("ec2", grants=True),
        ]

    def _of_data(self) -> list[dict[str, Any]]:
        own = ("rds", "s3", "secretsmanager", *self._args.data_services)
        delivered = [self._delivered()] if self._args.delivers_data else []
        notified = [self._notified()] if self._args.notifies else []
        return [*self._via(*sorted(own), grants=True), *delivered, *notified]

    def _notified(self) -> dict[str, Any]:
        """Statement for the buckets of this account, whose messages a queue encrypts."""
        condition = {"StringEquals": {"aws:SourceAccount": self._args.account_id}}
        service = {"Service": "s3.amazonaws.com"}
        return _allow("Messages", service, ["kms:Decrypt", "kms:GenerateDataKey"], condition)

    def _delivered(self) -> dict[str, Any]:
        """Statement for the distributions of CloudFront of this account.

        Guard: no distribution is named, because each needs a bucket, which needs this key. The
        policy of a bucket names the one that reads it.
        """
        args = self._args
        own = f"arn:{partition(args.region)}:cloudfront::{args.account_id}:distribution/*"
        service = {"Service": "cloudfront.amazonaws.com"}
        condition = {"ArnLike": {"aws:SourceArn": own}}
        return _allow("Delivery", service, ["kms:Decrypt"], condition)

    def _of_logs(self) -> list[dict[str, Any]]:
        args = self._args
        groups = [
            f"arn:{partition(args.region)}:logs:{args.region}:{args.account_id}:log-group:{group}"
            for group in args.log_groups
        ]
        service = {"Service": service_host("logs", args.region)}
        condition = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        sent = self._via("sns") if args.sends_messages else []
        return [_allow("Logs", service, USE, condition), *sent]

    def _via(
        self, *services: str, grants: bool = False, region: str | None = None
    ) -> list[dict[str, Any]]:
        """Statements that let the account's principals use the key through these services only."""
        hosts = [service_host(service, region or self._args.region) for service in services]
        through = {"StringEquals": {"kms:ViaService": hosts}}
        own = {**through, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        statements = [_allow("Use", self._root, USE, through)]
        if grants:
            statements.append(_allow("Grants", self._root, ["kms:CreateGrant"], own))
        return statements


def _allow(
    sid: str,
    principal: dict[str, str],
    actions: list[str],
    condition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Statement of a key policy, where the resource `*` is the key itself."""
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": actions,
        "Resource": "*",
    }
    return statement if condition is None else {**statement, "Condition": condition}
