"""An IAM role: who may take it, and what it may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import iam

from components.naming import Tags
from components.policy import policy
from sizing.plan import RolesPlan


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    trusted_service: str
    """Service principal that may take the role."""
    trusted_actions: tuple[str, ...] = ("sts:AssumeRole",)
    conditions: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """What must equal what before the role is given."""
    managed_policies: tuple[str, ...] = ()
    """Names of AWS managed policies, with their path where they have one."""
    roles: RolesPlan
    """What the account asks of every role."""
    partition: str
    role_name: str | None = None
    """Chosen by Pulumi when left out."""
    path: str | None = None
    """The account's own path of roles when left out."""
    policy: pulumi.Input[str] | None = None
    """JSON of the role's own policy."""
    tags: Tags


class Identity(pulumi.ComponentResource):
    """A role with its policies; whoever uses it depends on `grants`, not on the role alone."""

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
            # Guard: AWS moves no role; another path replaces it, and what cannot change its role.
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
