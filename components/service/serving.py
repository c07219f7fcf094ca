"""One service in the cluster: its rendered documents, and the role of its pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity, service_account
from components.naming import Tags
from components.policy import allow, policy
from components.script_map import script_map
from components.service.jobs.intake import Intake
from components.wires import wired
from sizing.plan.stack.cluster import RolesPlan
from templates.document import document_values
from templates.programs import MOUNTED
from templates.render import DEPLOYMENT_PREFIX, GROUPS_PREFIX


@dataclass(frozen=True, kw_only=True)
class ServingArgs:
    service: str
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. service."""
    weights_bucket: pulumi.Input[str]
    weights_arn: pulumi.Input[str]
    weights_key_arn: pulumi.Input[str]
    intake: Intake | None
    """Source of the jobs of a queued service; null where engines answer requests."""
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the role."""
    after: Sequence[pulumi.Resource]
    """The namespace and its rules, which must outlive the pods."""
    nodes_by_zone: Mapping[str, pulumi.Resource]
    """GPU nodes of each zone, which must outlive that zone's pods."""
    weights: Sequence[pulumi.Resource]
    """Resources that put this model version into the bucket; the old one serves meanwhile."""
    tags: Tags


class Serving(pulumi.ComponentResource):
    """Replicas of one service. The component requires a Kubernetes provider among its options.

    The replicas of a zone wait for the nodes of that zone, and nothing waits for them.
    """

    service: Service | None
    """Service in front of the engines; null where workers fetch jobs."""
    ready_for_pods: list[pulumi.Resource]
    """Resources that any pod of the service requires before it starts."""
    wires: Mapping[str, pulumi.Input[str]]
    """Values of the documents that exist only after creation, by the name of the wire."""

    def __init__(
        self, name: str, args: ServingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Serving", name, None, opts)
        self._name = name
        self._args = args
        own = {} if args.intake is None else args.intake.wires
        self.wires = {"weights_bucket": args.weights_bucket, **own}
        inside = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        account = service_account(self._name, self._document("service-account"), inside)
        association = self._association()
        self.service = self._service(inside) if "service" in args.documents else None
        self._budget(inside)
        # A zone that has not moved yet may mount an older program, whose document ends otherwise.
        scripts = [
            script_map(f"{name}-{kind}", self._document(document), inside)
            for first, kind in MOUNTED.items()
            for document in args.documents
            if document.startswith(first)
        ]
        self.ready_for_pods = [*args.after, *args.weights, account, association, *scripts]
        for document in args.documents:
            if document.startswith(DEPLOYMENT_PREFIX):
                zone = document.removeprefix(DEPLOYMENT_PREFIX)
                self._deployment(document, self._ready(zone))
            if document.startswith(GROUPS_PREFIX):
                self._groups(document, self._ready(document.removeprefix(GROUPS_PREFIX)))
        self.register_outputs({})

    def _ready(self, zone: str) -> pulumi.ResourceOptions:
        """Options that wait for the requirements of any pod and for the nodes of the zone."""
        nodes = self._args.nodes_by_zone[zone]
        return pulumi.ResourceOptions(parent=self, depends_on=[*self.ready_for_pods, nodes])

    def _document(self, document: str) -> Any:
        return wired(document_values(self._args.documents[document]), self.wires)

    def _association(self) -> eks.PodIdentityAssociation:
        """Association of the pods' role, which reads the weights, and works off jobs."""
        args = self._args
        _, association = pod_identity(
            self._name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=args.service,
                service_account=args.service,
                policy=_rights(args),
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )
        return association

    def _service(self, opts: pulumi.ResourceOptions) -> Service:
        document = self._document("service")
        return Service(
            f"{self._name}-service",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=opts,
        )

    def _budget(self, opts: pulumi.ResourceOptions) -> None:
        document = self._document("disruption-budget")
        PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=opts,
        )

    def _deployment(self, document_name: str, opts: pulumi.ResourceOptions) -> None:
        """Create the replicas of one zone, which wait for no other zone."""
        document = self._document(document_name)
        Deployment(
            f"{self._name}-floor-{document_name.removeprefix(DEPLOYMENT_PREFIX)}",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=opts,
        )

    def _groups(self, document_name: str, opts: pulumi.ResourceOptions) -> None:
        """Create the replicas of one zone, each over several nodes."""
        document = self._document(document_name)
        CustomResource(
            f"{self._name}-floor-{document_name.removeprefix(GROUPS_PREFIX)}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=document["metadata"],
            spec=document["spec"],
            opts=opts,
        )


def _rights(args: ServingArgs) -> pulumi.Output[str]:
    """Policy of the pods: they read the weights, and workers also have the rights for their jobs.

    All containers of a pod have one role. The engine listens on loopback next to its worker.
    """
    return policy(
        allow("s3:ListBucket", args.weights_arn),
        allow("s3:GetObject", pulumi.Output.concat(args.weights_arn, "/*")),
        allow("kms:Decrypt", args.weights_key_arn),
        *([] if args.intake is None else args.intake.worker_rights),
    )
