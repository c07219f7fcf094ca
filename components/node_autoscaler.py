"""Karpenter: it starts and ends the nodes above the floor, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import eks, iam
from pulumi_kubernetes.helm.v3 import Release

from components.chart import release
from components.cluster import NODE_POLICIES
from components.identity import Identity, IdentityArgs
from components.interruptions import Interruptions
from components.naming import Tags, partition
from components.node_autoscaler_policy import Reach, controller_policy
from components.pod_identity import PodIdentityArgs, pod_identity
from sizing.cluster_services import NAMESPACE
from sizing.plan import NodeAutoscalerPlan, OciChartPlan, RolesPlan

CPU, MEMORY = "500m", "1Gi"
"""Of one of its pods. Basis: assumed, half the CPU and the memory of the vendor's example."""


@dataclass(frozen=True, kw_only=True)
class NodeAutoscalerArgs:
    plan: NodeAutoscalerPlan
    definitions: OciChartPlan
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    cluster: str
    """The same name, as policies hold it."""
    region: str
    account_ids: Sequence[str]
    volumes_key_arn: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """What must outlive it."""
    tags: Tags


class NodeAutoscaler(pulumi.ComponentResource):
    """Needs a Kubernetes provider among its options."""

    instance_profile: pulumi.Output[str]
    """Name of what gives its nodes their role; made here, so that it makes none itself."""
    ready_for_nodes: list[pulumi.Resource]
    """What must exist before it is told to start nodes, and outlive them."""

    def __init__(
        self, name: str, args: NodeAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:NodeAutoscaler", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        nodes = self._node_role()
        profile, entry = self._profile(nodes), self._entry(nodes)
        self.instance_profile = profile.name
        notices = Interruptions(f"{name}-interruptions", args.tags, self._child)
        _, association = self._identity(nodes, notices)
        definitions = release(
            f"{name}-definitions",
            args.definitions,
            {},
            pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        needed = [association, notices, definitions, *args.after]
        controller = self._release(notices, needed)
        self.ready_for_nodes = [controller, profile, entry, *nodes.grants]
        self.register_outputs({})

    def _node_role(self) -> Identity:
        """Its own: EKS lets the role of managed node groups in by itself, and only that."""
        args = self._args
        return Identity(
            f"{self._name}-node",
            IdentityArgs(
                trusted_service="ec2.amazonaws.com",
                managed_policies=NODE_POLICIES,
                roles=args.roles,
                partition=partition(args.region),
                tags=args.tags,
            ),
            self._child,
        )

    def _profile(self, nodes: Identity) -> iam.InstanceProfile:
        name = f"{self._name}-profile"
        return iam.InstanceProfile(
            name,
            role=nodes.name,
            path=self._args.roles.path,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _entry(self, nodes: Identity) -> eks.AccessEntry:
        name = f"{self._name}-entry"
        return eks.AccessEntry(
            name,
            cluster_name=self._args.cluster_name,
            principal_arn=nodes.arn,
            type="EC2_LINUX",
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _identity(
        self, nodes: Identity, notices: Interruptions
    ) -> tuple[Identity, eks.PodIdentityAssociation]:
        args = self._args
        reach = Reach(
            region=args.region,
            account_id=args.account_ids[0],
            cluster=args.cluster,
            node_role_arn=nodes.arn,
            queue_arn=notices.queue_arn,
            volumes_key_arn=args.volumes_key_arn,
        )
        return pod_identity(
            self._name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=args.plan.chart,
                policy=controller_policy(reach),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )

    def _release(self, notices: Interruptions, after: Sequence[pulumi.Resource]) -> Release:
        """Guard: the region is told, for pods do not reach the metadata service of their node."""
        args = self._args
        resources = {"requests": {"cpu": CPU, "memory": MEMORY}, "limits": {"memory": MEMORY}}
        spread: dict[str, Any] = {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
        }
        values = {
            "replicas": args.plan.replicas,
            "serviceAccount": {"create": True, "name": args.plan.chart},
            "settings": {
                "clusterName": args.cluster_name,
                "eksControlPlane": True,
                "interruptionQueue": notices.queue_name,
            },
            "topologySpreadConstraints": [spread],
            "controller": {
                "env": [{"name": "AWS_REGION", "value": args.region}],
                "resources": resources,
            },
        }
        return release(
            f"{self._name}-release",
            args.plan,
            values,
            pulumi.ResourceOptions(parent=self, depends_on=after),
            skip_crds=True,
        )
