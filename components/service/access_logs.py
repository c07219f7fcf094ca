"""The bucket of the load balancers' logs: who asked for what, when, and what was answered."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.naming import Tags
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizing.plan import BucketPlan

WRITER = "logdelivery.elasticloadbalancing.amazonaws.com"
"""The service that delivers them. Basis: vendor (ALB guide, "Enable access logs", 2026-11)."""


def access_logs(
    name: str, plan: BucketPlan, account_id: str, tags: Tags, opts: pulumi.ResourceOptions
) -> ObjectStore:
    """One bucket for all load balancers of the account's stack.

    Guard: no key of ours. Load balancers deliver only to what S3 encrypts with its own keys.
    """

    def writer(bucket_arn: pulumi.Output[str]) -> Sequence[Mapping[str, Any]]:
        return [_may_write(bucket_arn, account_id)]

    return ObjectStore(
        name, ObjectStoreArgs(plan=plan, key_arn=None, grants=writer, tags=tags), opts
    )


def _may_write(bucket_arn: pulumi.Output[str], account_id: str) -> dict[str, Any]:
    """The service puts the account's id into the path: another account's logs are refused."""
    return {
        "Sid": "LoadBalancerLogs",
        "Effect": "Allow",
        "Principal": {"Service": WRITER},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(bucket_arn, f"/AWSLogs/{account_id}/*"),
    }
