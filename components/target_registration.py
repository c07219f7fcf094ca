"""The binding of one service to its target group, and the right to write to that group only."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import yaml
from pulumi_aws import iam
from pulumi_kubernetes.apiextensions import CustomResource

from components.policy import allow, policy
from components.target_writer import TargetWriter
from components.wires import wired


@dataclass(frozen=True, kw_only=True)
class TargetRegistrationArgs:
    document: str
    """Rendered text of the TargetGroupBinding."""
    target_group_arn: pulumi.Input[str]
    controller: TargetWriter
    after: Sequence[pulumi.Resource]
    """The Service that is bound; it must outlive the binding. Pods may be late."""


class TargetRegistration(pulumi.ComponentResource):
    """Needs a Kubernetes provider among its options.

    Goes before the controller, which clears the binding's finalizer.
    """

    def __init__(
        self, name: str, args: TargetRegistrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:TargetRegistration", name, None, opts)
        grants = list[pulumi.Resource]()
        if args.controller.role_name is not None:
            grant = iam.RolePolicy(
                f"{name}-grant",
                role=args.controller.role_name,
                policy=_may_register(args.target_group_arn),
                opts=pulumi.ResourceOptions(parent=self),
            )
            grants.append(grant)
        document = wired(yaml.safe_load(args.document), {"target_group_arn": args.target_group_arn})
        CustomResource(
            f"{name}-binding",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*grants, *args.controller.ready, *args.after],
                # Guard: the controller's webhook refuses to change these two in place.
                replace_on_changes=["spec.targetGroupARN", "spec.targetType"],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})


def _may_register(target_group_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    actions = [
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:RegisterTargets",
    ]
    return policy(allow(actions, target_group_arn))
