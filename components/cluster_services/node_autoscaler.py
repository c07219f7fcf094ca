"""Karpenter: it starts and ends the nodes above the floor, and no others.

The cluster's owner may run the controller; the nodes' role and profile belong to this stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks, iam
from pulumi_kubernetes.helm.v3 import Release

from components.cluster_services.chart import release
from components.cluster_services.controllers import resources, spread
from components.cluster_services.interruptions import Interruptions
from components.cluster_services.node_autoscaler_policy import (
    Passed,
    Reach,
    controller_policy,
    passing_policy,
)
from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity
from components.foundation.cluster.node_role import node_role
from components.identity import Identity
from components.naming import Tags, partition
from sizing.plan.stack.cluster import NodeAutoscalerPlan, OciChartPlan, RolesPlan
from sizing.stack.cluster_services import NAMESPACE

CPU, MEMORY = "500m", "1Gi"
"""CPU and memory of one pod. Basis: assumed, half of the vendor's example."""


@dataclass(frozen=True, kw_only=True)
class NodeAutoscalerArgs:
    plan: NodeAutoscalerPlan | None
    """Plan of the controller; null where the cluster's owner runs it."""
    definitions: OciChartPlan | None
    has_nodes: bool
    """True where Karpenter starts nodes of this stack."""
    role_elsewhere: pulumi.Input[str] | None
    """Role of the owner's Karpenter; null where that role may pass and use every resource."""
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    cluster: str
    """Name of the cluster as a plain text, which IAM policies need."""
    region: str
    account_ids: Sequence[str]
    volumes_key_arn: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """Resources that must outlive Karpenter."""
    tags: Tags


class NodeAutoscaler(pulumi.ComponentResource):
    """Karpenter and the role of its nodes. It requires a Kubernetes provider among its options."""

    instance_profile: pulumi.Output[str] | None = None
    """Instance profile of its nodes; this stack makes it, so that Karpenter makes none."""
    role_name: pulumi.Input[str] | None
    """Role of Karpenter, to which stacks with nodes grant rights."""
    ready_for_nodes: list[pulumi.Resource]
    """Resources that must exist before Karpenter starts nodes, and must outlive those nodes."""

    def __init__(
        self, name: str, args: NodeAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:NodeAutoscaler", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        nodes = self._node_role() if args.has_nodes else None
        passed = None if nodes is None else self._passed(nodes)
        if args.plan is None or args.definitions is None:
            controller = self._granted(passed)
            self.role_name = args.role_elsewhere
        else:
            controller = [self._controller(args.plan, args.definitions, passed)]
        self.ready_for_nodes = [*controller, *([] if nodes is None else self._joining(nodes))]
        self.register_outputs({})

    def _node_role(self) -> Identity:
        """Role of its own nodes: EKS admits only the role of managed node groups by itself."""
        args = self._args
        of = partition(args.region)
        return node_role(f"{self._name}-node", args.roles, of, args.tags, self._child)

    def _passed(self, nodes: Identity) -> Passed:
        return Passed(
            region=self._args.region,
            node_role_arn=nodes.arn,
            volumes_key_arn=self._args.volumes_key_arn,
        )

    def _joining(self, nodes: Identity) -> list[pulumi.Resource]:
        """Resources that its nodes require to take their role and join."""
        profile, entry = self._profile(nodes), self._entry(nodes)
        self.instance_profile = profile.name
        return [profile, entry, *nodes.grants]

    def _granted(self, passed: Passed | None) -> list[pulumi.Resource]:
        """Policy that lets the owner's Karpenter start the nodes of this stack."""
        role = self._args.role_elsewhere
        if passed is None or role is None:
            return []
        policy = passing_policy(passed)
        return [iam.RolePolicy(f"{self._name}-grant", role=role, policy=policy, opts=self._child)]

    def _controller(
        self, plan: NodeAutoscalerPlan, definitions: OciChartPlan, passed: Passed | None
    ) -> Release:
        args = self._args
        notices = Interruptions(f"{self._name}-interruptions", args.tags, self._child)
        identity, association = self._identity(plan, notices, passed)
        self.role_name = identity.name
        defined = release(
            f"{self._name}-definitions",
            definitions,
            {},
            pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        return self._release(plan, notices, [association, notices, defined, *args.after])

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
        self, plan: NodeAutoscalerPlan, notices: Interruptions, passed: Passed | None
    ) -> tuple[Identity, eks.PodIdentityAssociation]:
        args = self._args
        reach = Reach(
            region=args.region,
            account_id=args.account_ids[0],
            cluster=args.cluster,
            queue_arn=notices.queue_arn,
        )
        return pod_identity(
            self._name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=plan.chart,
                policy=controller_policy(reach, passed),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )

    def _release(
        self, plan: NodeAutoscalerPlan, notices: Interruptions, after: Sequence[pulumi.Resource]
    ) -> Release:
        """Return the release of Karpenter.

        Guard: the values name the region, because pods cannot reach the metadata service of their
        node.
        """
        args = self._args
        values = {
            "replicas": plan.replicas,
            "serviceAccount": {"create": True, "name": plan.chart},
            "settings": {
                "clusterName": args.cluster_name,
                "eksControlPlane": True,
                "interruptionQueue": notices.queue_name,
            },
            "topologySpreadConstraints": spread({"app.kubernetes.io/name": plan.chart}),
            "controller": {
                "env": [{"name": "AWS_REGION", "value": args.region}],
                "resources": resources(CPU, MEMORY),
            },
        }
        return release(
            f"{self._name}-release",
            plan,
            values,
            pulumi.ResourceOptions(parent=self, depends_on=after),
            skip_crds=True,
        )
