"""The intake of a queued service: function, table and queue, and what its workers need of them."""

from collections.abc import Mapping
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
from sizing.plan.service.items.jobs import JobApiPlan, JobsPlan
from sizing.plan.stack.cluster import RolesPlan
from sizing.values.units import SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True)
class IntakeArgs:
    plan: JobsPlan
    api: JobApiPlan
    artefacts: ObjectStore
    """Bucket of results and of uploaded images."""
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
    wires: Mapping[str, pulumi.Input[str]]
    """Values for the rendered documents of the workers, by the name of the wire."""

    def __init__(
        self, name: str, args: IntakeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Intake", name, None, opts)
        self._name = name
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        self._queue = Queue(
            f"{name}-queue", QueueArgs(plan=args.plan, key_arn=args.key_arn, tags=args.tags), child
        )
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
        self.register_outputs({})

    def _function_args(self) -> FunctionArgs:
        args = self._args
        return FunctionArgs(
            plan=args.api,
            kept_s=args.plan.kept_s,
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
    def worker_rights(self) -> list[dict[str, Any]]:
        """Statements for the role of the workers, which make the items of jobs.

        Guard: S3 answers 403 for a missing object, and not 404, to a role that may not list the
        bucket.
        """
        queue, table, bucket = self._queue, self._table, self._args.artefacts
        return [
            allow(
                [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:ReceiveMessage",
                ],
                queue.arn,
            ),
            allow("sqs:SendMessage", queue.dead_letters_arn),
            allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn),
            *self._history_rights,
            allow("s3:ListBucket", bucket.arn),
            allow("s3:GetObject", pulumi.Output.concat(bucket.arn, "/*")),
            allow(
                ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
                pulumi.Output.concat(bucket.arn, f"/{RESULTS}"),
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


def upload_days(plan: JobsPlan) -> dict[str, int]:
    """Days for which the bucket keeps objects, by prefix: uploads, where the API takes images.

    An upload lives as long as the queue may keep its job, and no longer than results do.
    """
    if plan.api is None or not plan.api.takes_images:
        return {}
    return {UPLOADS: min(plan.kept_s // SECONDS_PER_DAY, plan.api.expire_days)}
