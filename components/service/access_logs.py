"""The bucket of the load balancers' logs: caller, path, time and status of each request."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_aws import s3

from components.naming import Tags
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizing.plan.service.stores import BucketPlan

WRITER = "logdelivery.elasticloadbalancing.amazonaws.com"
"""Service that delivers the logs. Basis: vendor (ALB guide, "Enable access logs", 2026-11)."""


def access_logs(
    name: str, plan: BucketPlan, account_id: str, tags: Tags, opts: pulumi.ResourceOptions
) -> ObjectStore:
    """Return one bucket for all load balancers of the stack.

    Guard: the bucket uses no KMS key: load balancers deliver only to buckets with keys of S3.
    """

    def writer(bucket: s3.Bucket) -> Sequence[Mapping[str, Any]]:
        return [_may_write(bucket.arn, account_id)]

    return ObjectStore(
        name, ObjectStoreArgs(plan=plan, key_arn=None, grants=writer, tags=tags), opts
    )


def _may_write(bucket_arn: pulumi.Output[str], account_id: str) -> dict[str, Any]:
    """Statement for the service; the account's id in the path refuses another account's logs."""
    return {
        "Sid": "LoadBalancerLogs",
        "Effect": "Allow",
        "Principal": {"Service": WRITER},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(bucket_arn, f"/AWSLogs/{account_id}/*"),
    }
