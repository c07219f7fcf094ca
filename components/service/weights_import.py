"""The Job that fills the bucket of weights, and the role of its pod."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.batch.v1 import Job

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity, service_account
from components.naming import Tags
from components.policy import allow, policy
from components.script_map import script_map
from components.wires import wired
from sizing.plan.service.weights_import import ImportPlan
from sizing.plan.stack.cluster import RolesPlan
from sizing.workload.source import BucketSource, HubSource, ModelSource
from templates.document import document_values

AWAIT_MARGIN_S = 300
"""Seconds that an update waits beyond the Job's limit, to see that the Job has ended."""


@dataclass(frozen=True, kw_only=True)
class WeightsImportArgs:
    service: str
    plan: ImportPlan
    source: ModelSource
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. import-job."""
    weights_bucket: pulumi.Input[str]
    weights_arn: pulumi.Input[str]
    weights_key_arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the role."""
    after: Sequence[pulumi.Resource]
    """Namespace with its rules, and the bucket's policies."""
    tags: Tags


class WeightsImport(pulumi.ComponentResource):
    """Job and role of an import; an update waits until the Job has ended.

    The component requires a Kubernetes provider among its options.
    """

    done: pulumi.Resource
    """Resource that the replicas with this version of the model wait for."""

    def __init__(
        self, name: str, args: WeightsImportArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:WeightsImport", name, None, opts)
        self._name = name
        self._args = args
        inside = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        account = service_account(self._name, self._document("import-service-account"), inside)
        script = script_map(f"{name}-script", self._document("script-import"), inside)
        self.done = self._job([*args.after, account, self._association(), script])
        self.register_outputs({})

    def _document(self, document: str) -> Any:
        parsed = document_values(self._args.documents[document])
        return wired(parsed, {"weights_bucket": self._args.weights_bucket})

    def _association(self) -> eks.PodIdentityAssociation:
        """Association of the pod's role: it writes below this prefix, and reads its source."""
        args = self._args
        account = document_values(args.documents["import-service-account"])["metadata"]
        _, association = pod_identity(
            self._name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=account["namespace"],
                service_account=account["name"],
                policy=policy(*_writes(args), *_reads(args.source, args.partition)),
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )
        return association

    def _job(self, after: Sequence[pulumi.Resource]) -> Job:
        document = self._document("import-job")
        longest = f"{self._args.plan.deadline_s + AWAIT_MARGIN_S}s"
        return Job(
            f"{self._name}-job",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=after,
                custom_timeouts=pulumi.CustomTimeouts(create=longest, update=longest),
            ),
        )


def _writes(args: WeightsImportArgs) -> Iterator[dict[str, Any]]:
    below = pulumi.Output.concat(args.weights_arn, f"/{args.plan.prefix}/*")
    yield allow("s3:ListBucket", args.weights_arn)
    yield allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], below)
    yield allow(["kms:Decrypt", "kms:GenerateDataKey"], args.weights_key_arn)


def _reads(source: ModelSource, partition: str) -> Iterator[dict[str, Any]]:
    """Statements for the import's source; the node itself pulls an image."""
    if source.hub is not None:
        yield from _reads_secret(source.hub)
    if source.s3 is not None:
        yield from _reads_bucket(source.s3, partition)


def _reads_secret(hub: HubSource) -> Iterator[dict[str, Any]]:
    if hub.token_secret_arn is not None:
        yield allow("secretsmanager:GetSecretValue", hub.token_secret_arn)
    if hub.token_key_arn is not None:
        yield allow("kms:Decrypt", hub.token_key_arn)


def _reads_bucket(bucket: BucketSource, partition: str) -> Iterator[dict[str, Any]]:
    name, prefix = bucket.place
    arn = f"arn:{partition}:s3:::{name}"
    below = {"StringEquals": {"s3:prefix": prefix}}
    yield {**allow("s3:ListBucket", arn), "Condition": below}
    yield allow("s3:GetObject", f"{arn}/{prefix}*")
    if bucket.key_arn is not None:
        yield allow("kms:Decrypt", bucket.key_arn)
