"""Output by which one stack of this program shares its cluster and network with others."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.foundation.cluster.cluster import Cluster
from components.foundation.cluster.target_writer import TargetWriter
from components.foundation.network.network import NetworkIds

OUTPUT = "platform"
"""Name of the stack output."""
TEXTS = (
    "cluster_name",
    "endpoint",
    "certificate_authority",
    "security_group_id",
    "load_balancer_controller_role",
    "node_autoscaler_role",
    "vpc_id",
    "vpc_cidr",
)
BY_ZONE = ("private_subnet_ids", "public_subnet_ids")


def platform_outputs(
    cluster: Cluster,
    network: NetworkIds,
    controller: TargetWriter | None,
    node_autoscaler_role: pulumi.Input[str] | None,
) -> Mapping[str, object]:
    """Output of a stack that makes a cluster; it contains each of `TEXTS` and `BY_ZONE`."""
    return {
        "cluster_name": cluster.name,
        "endpoint": cluster.endpoint,
        "certificate_authority": cluster.certificate_authority,
        "security_group_id": cluster.security_group_id,
        "load_balancer_controller_role": None if controller is None else controller.role_name,
        "node_autoscaler_role": node_autoscaler_role,
        "vpc_id": network.vpc_id,
        "vpc_cidr": network.vpc_cidr,
        "private_subnet_ids": dict(network.private_subnet_ids),
        "public_subnet_ids": dict(network.public_subnet_ids),
    }


def read_platform_outputs(
    name: str, stack: str, opts: pulumi.ResourceOptions | None = None
) -> pulumi.Output[Mapping[str, Any]]:
    """Return that output of the stack organization/project/stack; fail where it is absent."""
    reference = pulumi.StackReference(name, stack_name=stack, opts=opts)
    return reference.require_output(OUTPUT)


def shape(zones: Sequence[str]) -> dict[str, object]:
    """Empty outputs in the form of `read_platform_outputs`: offline, a stack has no values."""
    leaves: dict[str, object] = dict.fromkeys(TEXTS)
    return {OUTPUT: leaves | {field: dict.fromkeys(zones) for field in BY_ZONE}}
