"""Rules that let calls into a security group."""

import pulumi
from pulumi_aws import vpc

from components.naming import Tags


def ingress(
    name: str,
    *,
    into: pulumi.Input[str],
    description: str,
    port: int,
    cidr: pulumi.Input[str] | None = None,
    group: pulumi.Input[str] | None = None,
    tags: Tags,
    opts: pulumi.ResourceOptions,
) -> vpc.SecurityGroupIngressRule:
    """One TCP port of the group `into`, open to the addresses `cidr` or to what is in `group`."""
    return vpc.SecurityGroupIngressRule(
        name,
        security_group_id=into,
        description=description,
        cidr_ipv4=cidr,
        referenced_security_group_id=group,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        tags=tags.named(name),
        opts=opts,
    )
