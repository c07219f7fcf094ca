"""An IAM role for the pods of one service account, by EKS Pod Identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from sizing.plan.stack.cluster import RolesPlan


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    policy: pulumi.Input[str]
    """Policy as JSON: the rights of the pods."""
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the role."""
    tags: Tags


def pod_identity(
    name: str, args: PodIdentityArgs, parent: pulumi.Resource
) -> tuple[Identity, eks.PodIdentityAssociation]:
    """Role for that service account alone, and its association, for which pods wait."""
    identity = Identity(
        f"{name}-identity",
        IdentityArgs(
            trusted_service="pods.eks.amazonaws.com",
            trusted_actions=("sts:AssumeRole", "sts:TagSession"),
            conditions={
                "aws:SourceAccount": list(args.account_ids),
                "aws:RequestTag/kubernetes-namespace": args.namespace,
                "aws:RequestTag/kubernetes-service-account": args.service_account,
            },
            roles=args.roles,
            partition=args.partition,
            policy=args.policy,
            tags=args.tags,
        ),
        pulumi.ResourceOptions(parent=parent),
    )
    association = eks.PodIdentityAssociation(
        f"{name}-association",
        cluster_name=args.cluster_name,
        namespace=args.namespace,
        service_account=args.service_account,
        role_arn=identity.arn,
        tags=args.tags.named(f"{name}-association"),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=identity.grants),
    )
    return identity, association


def service_account(
    name: str, document: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> ServiceAccount:
    """Service account of a rendered document, whose pods take a role by their association."""
    return ServiceAccount(
        f"{name}-account",
        metadata=document["metadata"],
        automount_service_account_token=document["automountServiceAccountToken"],
        opts=opts,
    )
