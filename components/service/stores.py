"""The buckets of one service, with what delivers or copies the files of one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import s3

from components.foundation.keys import Keys
from components.naming import Tags
from components.service.delivery.cdn import Cdn, CdnArgs
from components.service.files.region_copy import RegionCopy, RegionCopyArgs
from components.service.jobs.function import RESULT_PREFIXES
from components.service.jobs.intake import upload_days
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizing.plan.service.files.cdn import CdnPlan
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.stores import BucketPlan
from sizing.plan.stack.cluster import RolesPlan

ARTEFACTS = "artefacts"
"""Role of the bucket with the results of a queued service."""


@dataclass(frozen=True, kw_only=True)
class StoresArgs:
    service: str
    buckets: Sequence[BucketPlan]
    jobs: JobsPlan | None
    cdn: CdnPlan | None
    keys: Keys
    roles: RolesPlan
    region: str
    partition: str
    tags: Tags


class Stores:
    """Buckets as children of their service, by role."""

    by_role: Mapping[str, ObjectStore]
    cdn: Cdn | None
    """Network in front of the bucket of results; null where signed addresses name the bucket."""

    def __init__(self, name: str, args: StoresArgs, opts: pulumi.ResourceOptions) -> None:
        self._name = name
        self._args = args
        self._opts = opts
        self.cdn = None
        self.by_role = {plan.role: self._object_store(plan) for plan in args.buckets}
        for plan in args.buckets:
            if plan.region_copy is not None:
                self._copy(plan, plan.region_copy)

    def _object_store(self, plan: BucketPlan) -> ObjectStore:
        args, results = self._args, plan.role == ARTEFACTS
        key_arn = args.keys.weights if plan.role == "weights" else args.keys.data
        return ObjectStore(
            f"{self._name}-{plan.role}",
            ObjectStoreArgs(
                plan=plan,
                key_arn=key_arn,
                tags=args.tags,
                grants=self._delivering if results else lambda _: (),
                days_by_prefix=upload_days(args.jobs) if results and args.jobs else {},
            ),
            self._opts,
        )

    def _copy(self, bucket: BucketPlan, plan: RegionCopyPlan) -> None:
        """Create the copy of a bucket's files in another region.

        Of a queued service, it has what belongs to jobs, and no uploads.
        """
        args = self._args
        RegionCopy(
            f"{self._name}-{bucket.role}-copy",
            RegionCopyArgs(
                plan=plan,
                bucket=bucket,
                source=self.by_role[bucket.role],
                source_region=args.region,
                source_key_arn=args.keys.data,
                key_arn=args.keys.copies(plan.region),
                prefixes=("",) if args.jobs is None else RESULT_PREFIXES,
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            self._opts,
        )

    def _delivering(self, bucket: s3.Bucket) -> Sequence[Mapping[str, Any]]:
        """Create the network in front of a bucket, and return its statement of the bucket's policy.

        Guard: the bucket's policy names the network, and the network names the bucket.
        """
        args = self._args
        if args.cdn is None or args.cdn.link is None:
            return []
        self.cdn = Cdn(
            f"{self._name}-cdn",
            CdnArgs(
                plan=args.cdn,
                link=args.cdn.link,
                service=args.service,
                origin=bucket,
                tags=args.tags,
            ),
            self._opts,
        )
        return [self.cdn.may_read]
