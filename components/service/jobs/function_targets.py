"""A function as the recipient of a load balancer's requests."""

from dataclasses import dataclass
from typing import Protocol

import pulumi
from pulumi_aws import lambda_, lb

from components.service.targets import BehindBalancer

BALANCERS = "elasticloadbalancing.amazonaws.com"
"""Principal of load balancers that call a function. Basis: vendor (Elastic Load Balancing)."""


class Called(Protocol):
    """Function that a load balancer calls."""

    @property
    def name(self) -> pulumi.Output[str]: ...

    @property
    def arn(self) -> pulumi.Output[str]: ...


@dataclass(frozen=True)
class FunctionTargets:
    """The function, which has no network of its own."""

    function: Called

    def opened(self, behind: BehindBalancer) -> None:
        """Open no port: load balancers call functions through AWS."""

    def made(self, behind: BehindBalancer) -> lb.TargetGroup:
        """Create the target group, and let it alone call the function.

        AWS checks no health of a function by default, because each check would be a paid call.
        """
        name = f"{behind.name}-targets"
        group = lb.TargetGroup(
            name,
            name_prefix=behind.name_prefix,
            target_type="lambda",
            # Guard: with one value for each header, the function would see one of two tokens.
            lambda_multi_value_headers_enabled=True,
            tags=behind.tags.named(name),
            opts=behind.opts,
        )
        permission = lambda_.Permission(
            f"{behind.name}-may-call",
            action="lambda:InvokeFunction",
            function=self.function.name,
            principal=BALANCERS,
            source_arn=group.arn,
            opts=behind.opts,
        )
        lb.TargetGroupAttachment(
            f"{behind.name}-target",
            target_group_arn=group.arn,
            target_id=self.function.arn,
            # Guard: AWS refuses a function that the target group may not call.
            opts=pulumi.ResourceOptions.merge(
                behind.opts, pulumi.ResourceOptions(depends_on=[permission])
            ),
        )
        return group
