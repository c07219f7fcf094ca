"""The parts of one queued service, built alone."""

import pulumi
from pulumi_aws import ec2

from components.naming import Tags
from components.service.jobs.intake import Intake, IntakeArgs, upload_days
from components.service.object_store import ObjectStore, ObjectStoreArgs
from sizewright.record import Recorded
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.stores import BucketPlan
from sizing.plan.stack.cluster import RolesPlan
from tests.components.plans import queued_jobs, site
from tests.components.recording import recorded

TAGS = Tags.of_site(site("prod")).of_service("queued")
KEY = "arn:aws:kms:us-east-1:123456789012:key/data"
LOGS_KEY = "arn:aws:kms:us-east-1:123456789012:key/logs"
ROLES = RolesPlan(path="/here/", permissions_boundary_arn="arn:aws:iam::123456789012:policy/b")
BUCKET = BucketPlan(
    role="artefacts", stored_bytes=1, expire_days=30, noncurrent_days=1, protected=True
)


def intake(
    preview: bool,
    plan: JobsPlan | None = None,
    *,
    with_rights: bool = False,
    renditions: RenditionsPlan | None = None,
) -> Recorded:
    """Recording of `i`, the intake with the bucket `b`; VPCs' tags show the workers' rights."""
    jobs = plan or queued_jobs()
    assert jobs.api is not None
    api = jobs.api

    def program() -> None:
        bucket = ObjectStoreArgs(
            plan=BUCKET, key_arn=KEY, tags=TAGS, days_by_prefix=upload_days(jobs)
        )
        made = Intake(
            "i",
            IntakeArgs(
                plan=jobs,
                api=api,
                artefacts=ObjectStore("b", bucket),
                renditions=renditions,
                cdn=None,
                key_arn=KEY,
                logs_key_arn=LOGS_KEY,
                roles=ROLES,
                partition="aws",
                tags=TAGS,
            ),
        )
        if with_rights:
            shown = pulumi.Output.json_dumps(made.worker_rights)
            ec2.Vpc("worker", cidr_block="10.0.0.0/16", tags={"rights": shown, **made.wires})
            rendering = pulumi.Output.json_dumps(made.rendition_rights)
            ec2.Vpc("renditions", cidr_block="10.0.0.0/16", tags={"rights": rendering})

    return recorded(program, preview)
