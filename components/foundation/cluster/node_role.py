"""IAM role of a cluster's nodes."""

import pulumi

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from sizing.plan.stack.cluster import RolesPlan

NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
)
"""Managed policies of nodes. The last one lets Session Manager open a shell on a node, without a
privileged pod and without an open port.
Basis: vendor (amazon-eks-ami: its images run the agent since v20210621)."""


def node_role(
    name: str, roles: RolesPlan, partition: str, tags: Tags, opts: pulumi.ResourceOptions
) -> Identity:
    """Return the role; EKS admits it with the first managed node group that has it."""
    return Identity(
        name,
        IdentityArgs(
            trusted_service="ec2.amazonaws.com",
            managed_policies=NODE_POLICIES,
            roles=roles,
            partition=partition,
            tags=tags,
        ),
        opts,
    )
