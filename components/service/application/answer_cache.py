"""Cache of the answers of one service: serverless Valkey, and the user of its application."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, elasticache

from components.foundation.network.ingress import ingress
from components.naming import PRODUCT, Tags, aws_name
from sizing.plan.service.application.cache import AnswerCachePlan
from templates.applications.application import CACHE_PORT

ENGINE, MAJOR_VERSION = "valkey", "8"
"""Engine of the cache, and its version. Basis: vendor (IAM needs Valkey 7.2 or newer)."""
ACCESS = "on ~answers:* -@all +hget +hset +expire +del +exists +multi +exec"
"""Rights of the application's user: the commands of its programs, on their keys."""
MOST_SUBNETS = 3
"""Subnets of a serverless cache at most. Basis: vendor (ElastiCache guide: two or three; recalled,
not read)."""
LONGEST_NAME, DIGEST_DIGITS = 40, 8
"""Characters of a name at most, and those of the digest at the end of a longer one. Basis: vendor
(ElastiCache; recalled, not read)."""


@dataclass(frozen=True, kw_only=True)
class AnswerCacheArgs:
    plan: AnswerCachePlan
    service: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets in the order of their zones."""
    application_group_id: pulumi.Input[str]
    """Security group of the nodes of the service's application, which alone are admitted."""
    key_arn: pulumi.Input[str]
    tags: Tags


class AnswerCache(pulumi.ComponentResource):
    """The cache, encrypted in transit and at rest, without a password and without snapshots.

    It holds nothing that the engines cannot compute again, so that nothing protects it.
    """

    host: pulumi.Output[str]
    user: pulumi.Output[str]
    cache_name: pulumi.Output[str]
    arns: Sequence[pulumi.Output[str]]
    """What a client may connect to: the cache, as its user."""
    ready: list[pulumi.Resource]
    """Resources that a client requires: the cache, and the way to it."""

    def __init__(
        self, name: str, args: AnswerCacheArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:AnswerCache", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        user = self._user()
        group = self._security_group()
        way = self._ingress(group)
        cache = self._cache(group, self._user_group(user))
        self.host = cache.endpoints[0].address
        self.cache_name = cache.name
        self.user = user.user_id
        self.arns = [cache.arn, user.arn]
        self.ready = [cache, way]
        self.register_outputs({})

    def _user(self) -> elasticache.User:
        """User whose password is a token of IAM. Guard: its name must be its id."""
        name, own = f"{self._name}-user", cache_name(self._args.service)
        return elasticache.User(
            name,
            user_id=own,
            user_name=own,
            engine=ENGINE,
            access_string=ACCESS,
            authentication_mode={"type": "iam"},
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _user_group(self, user: elasticache.User) -> elasticache.UserGroup:
        name = f"{self._name}-users"
        return elasticache.UserGroup(
            name,
            user_group_id=cache_name(self._args.service),
            engine=ENGINE,
            user_ids=[user.user_id],
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-group"
        return ec2.SecurityGroup(
            name,
            description=f"Cache of answers of {self._args.service}",
            vpc_id=self._args.vpc_id,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _ingress(self, group: ec2.SecurityGroup) -> pulumi.Resource:
        """Admit the nodes of applications only."""
        return ingress(
            f"{self._name}-from-applications",
            into=group.id,
            description="Valkey from the applications",
            port=CACHE_PORT,
            group=self._args.application_group_id,
            tags=self._args.tags,
            opts=self._child,
        )

    def _cache(
        self, group: ec2.SecurityGroup, users: elasticache.UserGroup
    ) -> elasticache.ServerlessCache:
        args, plan, name = self._args, self._args.plan, f"{self._name}-cache"
        return elasticache.ServerlessCache(
            name,
            name=cache_name(args.service),
            description=f"Answers of {args.service}",
            engine=ENGINE,
            major_engine_version=MAJOR_VERSION,
            cache_usage_limits={
                "data_storage": {"maximum": plan.storage_gb, "unit": "GB"},
                "ecpu_per_seconds": [{"maximum": plan.ecpu_per_s_allowed}],
            },
            kms_key_id=args.key_arn,
            security_group_ids=[group.id],
            subnet_ids=args.subnet_ids[:MOST_SUBNETS],
            user_group_id=users.user_group_id,
            # Guard: an erased user would return from a snapshot.
            snapshot_retention_limit=0,
            tags=args.tags.named(name),
            # Guard: its name is fixed, and it holds nothing that must outlive it.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )


def cache_name(service: str) -> str:
    """Fixed name of the cache, its user and its group of users: a token of IAM states the first
    two, and ElastiCache makes none itself. A longer one ends in a digest."""
    name = aws_name(f"{PRODUCT}-{pulumi.get_stack()}-{service}").lower()
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_DIGITS]
    return f"{name[: LONGEST_NAME - DIGEST_DIGITS - 1].rstrip('-')}-{digest}"
