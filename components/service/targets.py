"""Recipients of a load balancer's requests; the pods of a service are one kind of them."""

from dataclasses import dataclass
from typing import Protocol

import pulumi
from pulumi_aws import lb, vpc

from components.foundation.cluster.target_writer import CLUSTER_TAG
from components.foundation.network.ingress import ingress
from components.naming import Tags
from sizing.plan.service.gateway import GatewayPlan


@dataclass(frozen=True, kw_only=True)
class BehindBalancer:
    """Load balancer in front of the targets, and the names that its resources start with."""

    name: str
    name_prefix: str
    """Prefix of the target group's own name, which is short."""
    service: str
    balancer_group_id: pulumi.Input[str]
    """Security group of the load balancer."""
    tags: Tags
    opts: pulumi.ResourceOptions
    """Options of each resource: a child of the load balancer's component."""


class Targets(Protocol):
    """Recipients of the requests that pass a load balancer.

    To put another kind behind a load balancer, implement both methods.
    """

    def opened(self, behind: BehindBalancer) -> None:
        """Open the ports between the load balancer and the targets."""

    def made(self, behind: BehindBalancer) -> lb.TargetGroup:
        """Create a target group for one load balancer, with all that it needs.

        Guard: AWS refuses a target group that two load balancers use.
        """


@dataclass(frozen=True, kw_only=True)
class PodTargets:
    """Pods of the engines or of the application. The load balancer controller registers them by
    address."""

    plan: GatewayPlan
    vpc_id: pulumi.Input[str]
    vpc_cidr: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    """Cluster of the pods."""
    node_group_id: pulumi.Input[str]
    """Security group of the nodes."""
    port: int
    """Port of the pods."""
    health_path: str
    """Path that answers 200 where a pod serves."""

    def opened(self, behind: BehindBalancer) -> None:
        """Open the pods' port between the load balancer and the nodes."""
        vpc.SecurityGroupEgressRule(
            f"{behind.name}-to-engines",
            security_group_id=behind.balancer_group_id,
            description="Engines in the network",
            cidr_ipv4=self.vpc_cidr,
            ip_protocol="tcp",
            from_port=self.port,
            to_port=self.port,
            tags=behind.tags.named(f"{behind.name}-to-engines"),
            opts=behind.opts,
        )
        ingress(
            f"{behind.name}-into-nodes",
            into=self.node_group_id,
            description=f"Load balancer of {behind.service}",
            port=self.port,
            group=behind.balancer_group_id,
            tags=behind.tags,
            opts=behind.opts,
        )

    def made(self, behind: BehindBalancer) -> lb.TargetGroup:
        """Create the target group, whose health checks call the pods."""
        name, plan = f"{behind.name}-targets", self.plan
        return lb.TargetGroup(
            name,
            name_prefix=behind.name_prefix,
            vpc_id=self.vpc_id,
            target_type="ip",
            port=self.port,
            protocol="HTTPS" if plan.encrypted else "HTTP",
            deregistration_delay=plan.deregistration_delay_s,
            load_balancing_algorithm_type=plan.routing,
            stickiness=lb.TargetGroupStickinessArgs(
                enabled=plan.sticky, type="lb_cookie", cookie_duration=plan.sticky_s
            ),
            health_check=self._health_check,
            # Guard: the controller may write to the target groups that have this tag.
            tags={**behind.tags.named(name), CLUSTER_TAG: self.cluster_name},
            opts=behind.opts,
        )

    @property
    def _health_check(self) -> lb.TargetGroupHealthCheckArgsDict:
        """Health check; an engine answers it once its model is loaded."""
        plan = self.plan
        https: lb.TargetGroupHealthCheckArgsDict = {"protocol": "HTTPS"} if plan.encrypted else {}
        return {
            **https,
            "path": self.health_path,
            "matcher": "200",
            "interval": plan.health_interval_s,
            "timeout": plan.health_timeout_s,
            "healthy_threshold": plan.health_checks,
            "unhealthy_threshold": plan.health_checks,
        }
