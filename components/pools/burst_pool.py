"""Nodes above the floor of one GPU pool: the types, zones and count that Karpenter may start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.cluster_services.node_autoscaler import NodeAutoscaler
from components.naming import Tags
from components.wires import wired
from templates.document import document_values
from templates.render import PRIVATE_SUBNET

GONE_WITHIN = "60m"
"""Longest wait for the nodes to end; they block the deletion of their class. Basis: assumed."""


@dataclass(frozen=True, kw_only=True)
class BurstPoolArgs:
    node_class: str
    """Rendered text of the EC2NodeClass."""
    node_pool: str
    """Rendered text of the NodePool."""
    subnet_ids: Mapping[str, pulumi.Input[str]]
    """Private subnets by zone id."""
    security_group_id: pulumi.Input[str]
    volumes_key_arn: pulumi.Input[str]
    autoscaler: NodeAutoscaler
    instance_profile: pulumi.Input[str]
    tags: Tags


class BurstPool(pulumi.ComponentResource):
    """Node class and node pool. The component requires a Kubernetes provider among its options.

    Pulumi deletes them before the autoscaler, which ends the nodes; the class stays until then.
    """

    def __init__(
        self, name: str, args: BurstPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:BurstPool", name, None, opts)
        self._name = name
        self._args = args
        document = self._wired(args.node_class)
        # Guard: the stack's tags are absent from the plan that templates see.
        document["spec"]["tags"] = args.tags.named(name)
        node_class = self._resource("class", document, args.autoscaler.ready_for_nodes)
        self._resource("pool", self._wired(args.node_pool), [node_class])
        self.register_outputs({})

    def _wired(self, text: str) -> Any:
        args = self._args
        subnets = {f"{PRIVATE_SUBNET}/{zone}": subnet for zone, subnet in args.subnet_ids.items()}
        return wired(
            document_values(text),
            {
                "burst_instance_profile": args.instance_profile,
                "node_security_group": args.security_group_id,
                "volumes_key_arn": args.volumes_key_arn,
                **subnets,
            },
        )

    def _resource(self, what: str, document: Any, after: list[pulumi.Resource]) -> CustomResource:
        return CustomResource(
            f"{self._name}-{what}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=after,
                custom_timeouts=pulumi.CustomTimeouts(delete=GONE_WITHIN),
            ),
        )
