"""The intake of a queued service: function, table and queue, and what its workers need of them."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi

from components.naming import Tags
from components.policy import allow
from components.service.delivery.cdn import Cdn
from components.service.delivery.link_function import LinkFunction, LinkFunctionArgs
from components.service.jobs.function import (
    KEY_USE,
    RESULTS,
    UPLOADS,
    Function,
    FunctionArgs,
)
from components.service.jobs.queue import Queue, QueueArgs
from components.service.jobs.table import Table, TableArgs
from components.service.object_store import ObjectStore
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.items.jobs import JobApiPlan, JobsPlan
from sizing.plan.stack.cluster import RolesPlan
from sizing.values.units import SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True)
class IntakeArgs:
    plan: JobsPlan
    api: JobApiPlan
    artefacts: ObjectStore
    """Bucket of results and of uploaded images."""
    renditions: RenditionsPlan | None
    """Variants of each result; null where there are none."""
    cdn: Cdn | None
    """Network in front of that bucket; null where signed addresses name the bucket."""
    key_arn: pulumi.Input[str]
    """Key of the queues, the table and the bucket."""
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    tags: Tags


class Intake(pulumi.ComponentResource):
    """Parts between a load balancer and the workers."""

    function: Function
    link_function: LinkFunction | None
    """Function that signs addresses of results; null without such a network."""
    renditions: Queue | None
    """Queue of finished clips; null where the service makes no renditions."""
    wires: dict[str, pulumi.Input[str]]
    """Values for the rendered documents of the workers, by the name of the wire."""

    def __init__(
        self, name: str, args: IntakeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Intake", name, None, opts)
        self._name = name
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        self._queue = Queue(f"{name}-queue", self._queue_args(), child)
        self.renditions = self._rendition_queue(child)
        self._table = Table(
            f"{name}-table", TableArgs(plan=args.plan, key_arn=args.key_arn, tags=args.tags), child
        )
        self.function = Function(f"{name}-function", self._function_args(), child)
        self.link_function = None if args.cdn is None else self._links(args.cdn)
        self.wires = {
            "queue_name": self._queue.name,
            "queue_url": self._queue.url,
            "dead_letters_url": self._queue.dead_letters_url,
            "jobs_table": self._table.name,
            "artefacts_bucket": args.artefacts.bucket,
        }
        if self.renditions is not None:
            self.wires |= {
                "renditions_url": self.renditions.url,
                "rendition_letters_url": self.renditions.dead_letters_url,
            }
        self.register_outputs({})

    def _queue_args(self) -> QueueArgs:
        """Queue of jobs. Without workers nothing takes a job, and SQS's own visibility applies."""
        args, worker = self._args, self._args.plan.worker
        return QueueArgs(
            kept_s=args.plan.kept_s,
            receives=args.plan.receives,
            visibility_s=None if worker is None else worker.visibility_s,
            protected=args.plan.protected,
            key_arn=args.key_arn,
            tags=args.tags,
        )

    def _rendition_queue(self, child: pulumi.ResourceOptions) -> Queue | None:
        args = self._args
        if args.renditions is None or args.renditions.worker is None:
            return None
        queue = QueueArgs(
            kept_s=args.plan.kept_s,
            receives=args.renditions.worker.receives,
            visibility_s=args.renditions.worker.visibility_s,
            protected=args.plan.protected,
            key_arn=args.key_arn,
            tags=args.tags,
        )
        return Queue(f"{self._name}-renditions", queue, child)

    def _function_args(self) -> FunctionArgs:
        args = self._args
        return FunctionArgs(
            plan=args.api,
            kept_s=args.plan.kept_s,
            variants=variant_names(args.renditions),
            queue=self._queue,
            table=self._table,
            artefacts=args.artefacts,
            key_arn=args.key_arn,
            logs_key_arn=args.logs_key_arn,
            roles=args.roles,
            partition=args.partition,
            tags=args.tags,
        )

    def _links(self, cdn: Cdn) -> LinkFunction:
        args = self._args
        return LinkFunction(
            f"{self._name}-link-function",
            LinkFunctionArgs(
                cdn=cdn,
                variants=variant_names(args.renditions),
                table=self._table,
                table_key_arn=args.key_arn,
                logs_key_arn=args.logs_key_arn,
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    @property
    def rendition_rights(self) -> list[dict[str, Any]]:
        """Statements for the role of the workers that make renditions."""
        plan = self._args.renditions
        if self.renditions is None or plan is None:
            return []
        files = [f"??/*/{each.name}.*" for each in plan.variants]
        letters = [self.renditions.dead_letters_arn]
        return self._rights(self.renditions, letters, reads=RESULTS, writes=files)

    @property
    def worker_rights(self) -> list[dict[str, Any]]:
        """Statements for the role of the workers, which make the items of jobs."""
        after = [] if self.renditions is None else [self.renditions.arn]
        letters = [self._queue.dead_letters_arn, *after]
        own = self._rights(self._queue, letters, reads="*", writes=[RESULTS])
        return [*own[:-1], *self._history_rights, own[-1]]

    def _rights(
        self,
        queue: Queue,
        sends_to: list[pulumi.Output[str]],
        *,
        reads: str,
        writes: list[str],
    ) -> list[dict[str, Any]]:
        """Statements for workers that take from one queue and send to others.

        `reads` and `writes` are patterns of the keys of the bucket.

        Guard: S3 answers 403 for a missing object, and not 404, to a role that may not list the
        bucket.
        """
        table, bucket = self._table, self._args.artefacts
        taken = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
        return [
            allow(taken, queue.arn),
            allow("sqs:SendMessage", _one_or_all(sends_to)),
            allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn),
            allow("s3:ListBucket", bucket.arn),
            allow("s3:GetObject", pulumi.Output.concat(bucket.arn, f"/{reads}")),
            allow(
                ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
                _one_or_all([pulumi.Output.concat(bucket.arn, f"/{keys}") for keys in writes]),
            ),
            allow(KEY_USE, self._args.key_arn),
        ]

    @property
    def _history_rights(self) -> list[dict[str, Any]]:
        """Statement for the search of earlier prompts, in the index alone."""
        index = self._args.plan.owner_index
        if index is None:
            return []
        return [allow("dynamodb:Query", pulumi.Output.concat(self._table.arn, f"/index/{index}"))]


def _one_or_all(
    resources: list[pulumi.Output[str]],
) -> pulumi.Output[str] | list[pulumi.Output[str]]:
    """Resources of a statement: one by itself, as AWS returns it."""
    return resources[0] if len(resources) == 1 else resources


def variant_names(plan: RenditionsPlan | None) -> str:
    """Names of the variants that workers make of each result, as JSON."""
    made = () if plan is None or plan.worker is None else plan.variants
    return json.dumps([variant.name for variant in made])


def upload_days(plan: JobsPlan) -> dict[str, int]:
    """Days for which the bucket keeps objects, by prefix: uploads, where the API takes images.

    An upload lives as long as the queue may keep its job, and no longer than results do.
    """
    if plan.api is None or not plan.api.takes_images:
        return {}
    return {UPLOADS: min(plan.kept_s // SECONDS_PER_DAY, plan.api.expire_days)}
