"""The role of a cluster's nodes."""

import pulumi

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from sizing.plan import RolesPlan

NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
)


def node_role(
    name: str, roles: RolesPlan, partition: str, tags: Tags, opts: pulumi.ResourceOptions
) -> Identity:
    """EKS lets the role in by itself with the first managed node group that has it."""
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
