"""The stream of feedback and its bucket, on a stand-in that neither compresses nor dates."""

import base64
import gzip
import json
import uuid
from typing import Any

from tests.scripts.application.ogx_service import OgxService

RAW, DATED = "raw/", "feedback/date="


class FeedbackBucket:
    """Stream and bucket of one service; `deliver` does what Firehose does and its stand-in not."""

    def __init__(self, service: OgxService) -> None:
        self._aws, self.name = service.aws, f"feedback-{uuid.uuid4().hex[:12]}"
        place = {"LocationConstraint": service.environment["AWS_REGION"]}
        self._aws("s3", "create_bucket", Bucket=self.name, CreateBucketConfiguration=place)
        state = {"Status": "Enabled"}
        self._aws("s3", "put_bucket_versioning", Bucket=self.name, VersioningConfiguration=state)
        role = "arn:aws:iam::123456789012:role/feedback"
        destination = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{self.name}", "Prefix": RAW}
        self._aws(
            "firehose",
            "create_delivery_stream",
            DeliveryStreamName=self.name,
            ExtendedS3DestinationConfiguration=destination,
        )
        self.environment = {"FEEDBACK_STREAM": self.name, "FEEDBACK_BUCKET": self.name}

    def lines(self) -> list[dict[str, Any]]:
        """Records that the stream has."""
        texts = [self._read(key) for key in self.names(RAW)]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def deliver(self, day: str) -> None:
        """Write the stream's records as one object of a day."""
        self.write(f"{DATED}{day}/one", self.lines())
        for key in self.names(RAW):
            self._aws("s3", "delete_object", Bucket=self.name, Key=key)

    def write(self, key: str, records: list[dict[str, Any]]) -> None:
        lines = "".join(f"{json.dumps(record)}\n" for record in records)
        self.put(key, gzip.compress(lines.encode()))

    def put(self, key: str, content: bytes) -> None:
        body = base64.b64encode(content).decode()
        self._aws("s3", "put_object", Bucket=self.name, Key=key, Body=body)

    def read(self, key: str) -> list[dict[str, Any]]:
        """Records of an object of a day."""
        return [json.loads(line) for line in gzip.decompress(self._read(key)).splitlines()]

    def records(self) -> list[dict[str, Any]]:
        """Records of all days."""
        return [record for key in self.names() for record in self.read(key)]

    def names(self, prefix: str = DATED) -> list[str]:
        found = self._aws("s3", "list_objects_v2", Bucket=self.name, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def versions(self, prefix: str = DATED) -> int:
        """Number of all versions and marks of deleted objects."""
        found = self._aws("s3", "list_object_versions", Bucket=self.name, Prefix=prefix)
        return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))

    def _read(self, key: str) -> bytes:
        found = self._aws("s3", "get_object", Bucket=self.name, Key=key)
        return base64.b64decode(found["Body"])
