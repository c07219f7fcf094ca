"""The binding of one service to its target group."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.foundation.cluster.target_writer import TargetWriter
from components.wires import wired
from templates.document import document_values


@dataclass(frozen=True, kw_only=True)
class TargetRegistrationArgs:
    document: str
    """Rendered text of the TargetGroupBinding."""
    target_group_arn: pulumi.Input[str]
    controller: TargetWriter
    after: Sequence[pulumi.Resource]
    """Service that is bound, which must outlive the binding. Pods may start later."""


class TargetRegistration(pulumi.ComponentResource):
    """The binding. The component requires a Kubernetes provider among its options.

    Pulumi deletes the binding before the controller, which clears its finalizer.
    """

    def __init__(
        self, name: str, args: TargetRegistrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:TargetRegistration", name, None, opts)
        document = wired(
            document_values(args.document), {"target_group_arn": args.target_group_arn}
        )
        CustomResource(
            f"{name}-binding",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*args.controller.ready, *args.after],
                # Guard: the controller's webhook refuses to change these two in place.
                replace_on_changes=["spec.targetGroupARN", "spec.targetType"],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})
