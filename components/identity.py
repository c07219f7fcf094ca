"""An IAM role: its trusted principals and its rights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import iam

from components.naming import Tags
from components.policy import policy
from sizing.plan.stack.cluster import RolesPlan


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    trusted_service: str
    """Service principal that may take the role."""
    trusted_actions: tuple[str, ...] = ("sts:AssumeRole",)
    conditions: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Condition keys of the trust policy, and the values that they must equal."""
    managed_policies: tuple[str, ...] = ()
    """Names of AWS managed policies, with their path where they have one."""
    roles: RolesPlan
    """Requirements of the account for every role."""
    partition: str
    role_name: str | None = None
    """Name of the role; Pulumi chooses it where this is left out."""
    path: str | None = None
    """Path of the role; the account's own path of roles where this is left out."""
    policy: pulumi.Input[str] | None = None
    """Policy of the role as JSON."""
    tags: Tags


class Identity(pulumi.ComponentResource):
    """A role with its policies; dependents depend on `grants`, not on the role alone."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    grants: list[pulumi.Resource]

    def __init__(
        self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Identity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=args.role_name,
            path=args.path or args.roles.path,
            permissions_boundary=args.roles.permissions_boundary_arn,
            assume_role_policy=_trust(args),
            tags=args.tags.named(f"{name}-role"),
            # Guard: AWS cannot move a role. Another path replaces it, with all that cannot change
            # its role.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["path"]),
        )
        self.arn, self.name = role.arn, role.name
        self.grants = [
            iam.RolePolicyAttachment(
                f"{name}-{managed.rpartition('/')[2]}",
                role=role.name,
                policy_arn=f"arn:{args.partition}:iam::aws:policy/{managed}",
                opts=child,
            )
            for managed in args.managed_policies
        ]
        if args.policy is not None:
            own = iam.RolePolicy(f"{name}-policy", role=role.name, policy=args.policy, opts=child)
            self.grants.append(own)
        self.register_outputs({"arn": self.arn})


def _trust(args: IdentityArgs) -> pulumi.Output[str]:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": args.trusted_service},
        "Action": list(args.trusted_actions),
    }
    if args.conditions:
        statement["Condition"] = {"StringEquals": dict(args.conditions)}
    return policy(statement)
