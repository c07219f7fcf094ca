"""Topic of a stack's alerts, its subscriptions, and the role that publishes to it."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import sns

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity
from components.naming import Tags, partition, service_host
from components.policy import allow, policy
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.stack.monitoring import AlertsPlan
from sizing.stack.cluster_services import ALERTS_ACCOUNT, NAMESPACE


@dataclass(frozen=True, kw_only=True)
class TopicArgs:
    plan: AlertsPlan
    cluster_name: pulumi.Input[str]
    region: str
    account_id: str
    roles: RolesPlan
    key_arn: pulumi.Input[str]
    """Key that encrypts the messages."""
    tags: Tags


class Topic(pulumi.ComponentResource):
    """An encrypted topic. Alertmanager alone may publish to it."""

    arn: pulumi.Output[str]
    ready: list[pulumi.Resource]
    """Resources that must exist before Alertmanager sends a message."""

    def __init__(
        self, name: str, args: TopicArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Topic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = sns.Topic(
            f"{name}-topic",
            kms_master_key_id=args.key_arn,
            tags=args.tags.named(f"{name}-topic"),
            opts=child,
        )
        self.arn = topic.arn
        for address in args.plan.email:
            sns.TopicSubscription(
                f"{name}-{address}",
                topic=topic.arn,
                protocol="email",
                endpoint=address,
                opts=child,
            )
        through = {"StringEquals": {"kms:ViaService": service_host("sns", args.region)}}
        _, association = pod_identity(
            name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=ALERTS_ACCOUNT,
                policy=policy(
                    allow("sns:Publish", topic.arn),
                    allow(["kms:Decrypt", "kms:GenerateDataKey"], args.key_arn, through),
                ),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=[args.account_id],
                tags=args.tags,
            ),
            self,
        )
        self.ready = [topic, association]
        self.register_outputs({})
