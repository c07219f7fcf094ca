"""Rules that allow calls into a security group."""

import pulumi
from pulumi_aws import vpc

from components.naming import Tags, aws_name
from sizing.plan.stack.network import AllowedPlan


def ingress(
    name: str,
    *,
    into: pulumi.Input[str],
    description: str,
    port: int,
    cidr: pulumi.Input[str] | None = None,
    group: pulumi.Input[str] | None = None,
    prefix_list: str | None = None,
    tags: Tags,
    opts: pulumi.ResourceOptions,
) -> vpc.SecurityGroupIngressRule:
    """Rule that opens one TCP port of the group `into` to a range, a prefix list or a group."""
    return vpc.SecurityGroupIngressRule(
        name,
        security_group_id=into,
        description=description,
        cidr_ipv4=cidr,
        prefix_list_id=prefix_list,
        referenced_security_group_id=group,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        tags=tags.named(name),
        opts=opts,
    )


def ingress_from_allowed(
    name: str,
    *,
    into: pulumi.Input[str],
    allowed: AllowedPlan,
    description: str,
    tags: Tags,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Rules that open HTTPS of the group `into` to ranges and prefix lists outside the network."""
    ranges = [(aws_name(cidr), cidr, None) for cidr in allowed.cidrs]
    lists = [(prefix_list, None, prefix_list) for prefix_list in allowed.prefix_list_ids]
    return [
        ingress(
            f"{name}-{source}",
            into=into,
            description=description,
            port=443,
            cidr=cidr,
            prefix_list=prefix_list,
            tags=tags,
            opts=opts,
        )
        for source, cidr, prefix_list in (*ranges, *lists)
    ]
