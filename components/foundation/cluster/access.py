"""Access to the cluster's API: an entry for each role, with one access policy."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import eks

from components.naming import Tags, aws_name


def access(
    name: str,
    *,
    cluster_name: pulumi.Input[str],
    policies: Mapping[str, str],
    partition: str,
    tags: Tags,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Resources that must exist before a role has access; `policies` are names by role."""
    made = list[pulumi.Resource]()
    for role, policy in policies.items():
        entry_name = f"{name}-{aws_name(role.partition(':role/')[2])}"
        entry = eks.AccessEntry(
            entry_name,
            cluster_name=cluster_name,
            principal_arn=role,
            type="STANDARD",
            tags=tags.named(entry_name),
            opts=opts,
        )
        association = eks.AccessPolicyAssociation(
            entry_name,
            cluster_name=cluster_name,
            principal_arn=entry.principal_arn,
            policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{policy}",
            access_scope={"type": "cluster"},
            opts=opts,
        )
        made.append(association)
    return made
