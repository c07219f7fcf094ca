"""Small programs, and their recordings."""

import json
from collections.abc import Callable

import pulumi
from pulumi_aws import s3

from sizewright.record import Recorded, RecordedResource, record

BUCKET = "aws:s3/bucket:Bucket"
CLUSTER = "aws:eks/cluster:Cluster"
CANARY = "canary-7d1f0c"


def recorded(program: Callable[[], object], *, preview: bool = False) -> Recorded:
    def whole() -> None:
        program()

    return record(whole, config={"aws:region": "us-west-2"}, preview=preview)


def exported(value: Callable[[], object], *, preview: bool = False) -> object:
    """One exported value of a stack, in the recording's JSON."""
    return recorded(lambda: pulumi.export("value", value()), preview=preview).outputs["value"]


def only(recording: Recorded, type_: str) -> RecordedResource:
    (resource,) = [r for r in recording.resources if r.type == type_]
    return resource


def reference(resource: str, path: str) -> dict[str, str]:
    return {"$ref": resource, "property": path}


class Store(pulumi.ComponentResource):
    bucket: s3.Bucket

    def __init__(
        self, name: str, *, registrations: int = 1, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Store", name, {"sizeGib": 3.0}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.bucket = s3.Bucket(f"{name}-data", opts=child)
        s3.BucketVersioning(
            f"{name}-versions",
            bucket=self.bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        for _ in range(registrations):
            self.register_outputs({"bucket": self.bucket.bucket})


def bucket_with_policy() -> None:
    bucket = s3.Bucket("data")
    objects = bucket.arn.apply(lambda arn: f"{arn}/*")
    statement = {"Effect": "Deny", "Resource": [bucket.arn, objects]}
    s3.BucketPolicy(
        "data", bucket=bucket.bucket, policy=pulumi.Output.json_dumps({"Statement": [statement]})
    )


def assert_policy_names_bucket(recording: Recorded) -> None:
    policy = only(recording, "aws:s3/bucketPolicy:BucketPolicy")
    assert policy.inputs["bucket"] == reference(f"{BUCKET}::data", "bucket")
    assert isinstance(policy.inputs["policy"], str)
    arn = f"${{{BUCKET}::data.arn}}"
    assert json.loads(policy.inputs["policy"]) == {
        "Statement": [{"Effect": "Deny", "Resource": [arn, f"{arn}/*"]}]
    }
