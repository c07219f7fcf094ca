"""Network and cluster of the services: made here, used by id, or read from another stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.foundation.cluster.cluster import Cluster, ClusterArgs, ClusterIds
from components.foundation.cluster.target_writer import TargetWriter
from components.foundation.cluster.used_cluster import UsedCluster, UsedClusterArgs
from components.foundation.keys import Keys
from components.foundation.network.network import Network, NetworkArgs, NetworkIds
from components.foundation.other_stack import BY_ZONE, read_platform_outputs
from components.naming import Tags
from sizing.plan.stack.cluster import ClusterPlan, RolesPlan
from sizing.plan.stack.network import NetworkPlan, UsedNetworkPlan


@dataclass(frozen=True, kw_only=True)
class FoundationArgs:
    network: NetworkPlan
    cluster: ClusterPlan
    roles: RolesPlan
    cluster_name: str
    """Name of the cluster where this stack makes one."""
    region: str
    zones: Sequence[str]
    account_id: str
    keys: Keys
    tags: Tags


@dataclass(frozen=True, kw_only=True)
class Foundation:
    network: NetworkIds
    cluster: ClusterIds
    made: Cluster | None
    """The cluster where this stack makes it."""


def foundation(name: str, args: FoundationArgs, opts: pulumi.ResourceOptions) -> Foundation:
    """Return network and cluster as planned; a cluster of another stack includes its network."""
    if args.cluster.stack is not None:
        other = read_platform_outputs(f"{name}-platform", args.cluster.stack.name, opts)
        cluster = _used_cluster(name, args, _cluster_of(other, args.cluster), opts)
        return Foundation(network=_network_of(other, args.zones), cluster=cluster, made=None)
    network = _network(name, args, opts)
    if args.cluster.used is not None:
        used = _used_cluster(name, args, args.cluster.used.model_dump(), opts)
        return Foundation(network=network, cluster=used, made=None)
    made = _cluster(name, args, network, opts)
    return Foundation(network=network, cluster=made.ids, made=made)


def _network(name: str, args: FoundationArgs, opts: pulumi.ResourceOptions) -> NetworkIds:
    if args.network.used is not None:
        return _used_network(args.network.used, args.network.vpc_cidr)
    return Network(
        f"{name}-network",
        NetworkArgs(
            plan=args.network,
            roles=args.roles,
            region=args.region,
            account_id=args.account_id,
            logs_key_arn=args.keys.logs,
            tags=args.tags,
        ),
        opts,
    ).ids


def _used_network(plan: UsedNetworkPlan, vpc_cidr: str) -> NetworkIds:
    if plan.vpc_id is None:
        raise ValueError("the ids of the network are outputs of another stack")
    private = {s.zone: s.subnet_id for s in plan.subnets if s.subnet_id is not None}
    public = {s.zone: s.public_subnet_id for s in plan.subnets if s.public_subnet_id is not None}
    return NetworkIds(
        vpc_id=plan.vpc_id,
        vpc_cidr=vpc_cidr,
        private_subnet_ids=private,
        public_subnet_ids=public,
        outlives=[],
    )


def _network_of(other: pulumi.Output[Mapping[str, Any]], zones: Sequence[str]) -> NetworkIds:
    private, public = ({zone: other[field][zone] for zone in zones} for field in BY_ZONE)
    return NetworkIds(
        vpc_id=other["vpc_id"],
        vpc_cidr=other["vpc_cidr"],
        private_subnet_ids=private,
        public_subnet_ids=public,
        outlives=[],
    )


def _cluster(
    name: str, args: FoundationArgs, network: NetworkIds, opts: pulumi.ResourceOptions
) -> Cluster:
    return Cluster(
        f"{name}-cluster",
        ClusterArgs(
            plan=args.cluster,
            roles=args.roles,
            cluster_name=args.cluster_name,
            region=args.region,
            vpc_cidr=network.vpc_cidr,
            allowed=args.network.allowed,
            subnet_ids=list(network.private_subnet_ids.values()),
            secrets_key_arn=args.keys.cluster,
            logs_key_arn=args.keys.logs,
            after=network.outlives,
            tags=args.tags,
        ),
        opts,
    )


def _cluster_of(
    other: pulumi.Output[Mapping[str, Any]], plan: ClusterPlan
) -> Mapping[str, pulumi.Input[str] | None]:
    fields = ("endpoint", "certificate_authority", "security_group_id")
    registers, starts = "load_balancer_controller_role", "node_autoscaler_role"
    return {
        "name": other["cluster_name"],
        registers: other[registers] if plan.controller_elsewhere else None,
        starts: other[starts] if plan.node_autoscaler_elsewhere else None,
        **{field: other[field] for field in fields},
    }


def _used_cluster(
    name: str,
    args: FoundationArgs,
    ids: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> ClusterIds:
    role = ids["load_balancer_controller_role"]
    writer = TargetWriter(role_name=role, ready=[]) if args.cluster.controller_elsewhere else None
    return UsedCluster(
        f"{name}-cluster",
        UsedClusterArgs(
            name=ids["name"],
            endpoint=ids["endpoint"],
            certificate_authority=ids["certificate_authority"],
            security_group_id=ids["security_group_id"],
            controller=writer,
            node_autoscaler_role=ids["node_autoscaler_role"]
            if args.cluster.node_autoscaler_elsewhere
            else None,
            roles=args.roles,
            region=args.region,
            tags=args.tags,
        ),
        opts,
    ).ids
