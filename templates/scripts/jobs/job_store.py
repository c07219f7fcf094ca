"""Rows and objects of jobs: an object appears whole and once, and a final state stays.

It runs next to the workers with boto3, without any other library.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

from botocore.exceptions import ClientError

PART_BYTES = 8 << 20
"""Size of a part; a smaller item is one request. Basis: vendor (S3: parts of at least 5 MiB)."""
FORMS = {
    "png": ("png", "image/png"),
    "jpeg": ("jpg", "image/jpeg"),
    "webp": ("webp", "image/webp"),
    "h264": ("mp4", "video/mp4"),
    "h265": ("mp4", "video/mp4"),
    "av1": ("mp4", "video/mp4"),
}
"""Ending and content type of a file, by its format."""
OPEN = "attribute_exists(id) AND #state IN (:queued, :in_progress)"
"""Condition of every change of state."""
NO_VARIANTS = "attribute_not_exists(variants) AND attribute_not_exists(variants_error)"
DUE = f"#state = :completed AND {NO_VARIANTS}"
"""Condition of a job whose renditions are still to be made; either attribute is final."""

Row = dict[str, Any]


def code_of(fault: Exception) -> str:
    """Name of an AWS error, without its message."""
    code = getattr(fault, "response", {}).get("Error", {}).get("Code")
    return str(code or type(fault).__name__)


class Rows:
    """Table of jobs."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, job: str) -> Row | None:
        found = self._table.get_item(Key={"id": job}, ConsistentRead=True)
        row: Row | None = found.get("Item")
        return row

    def change(self, job: str, state: str, **values: object) -> bool:
        """Change an open job; False where it no longer is one."""
        return self._open(job, "SET", {"state": state, **values})

    def give_back(self, job: str) -> bool:
        """Queue an open job again, and count that this must not cost it an attempt."""
        return self._open(job, "ADD given_back :one SET", {"state": "queued"}, one=1)

    def started(self, job: str) -> Row | None:
        """Count a start of the renditions of a job, and return its row; None where none are due."""
        fresh = f"{DUE} AND expires_at > :now"
        return self._due(job, "ADD variant_starts :one", fresh, one=1, now=int(time.time()))

    def left(self, job: str) -> None:
        """Take back a start whose worker must end: it costs no attempt."""
        self._due(job, "ADD variant_starts :less", less=-1)

    def rendered(self, job: str, variants: dict[str, Row]) -> bool:
        """Note the variants of a job by name; False where none were due."""
        return self._due(job, "SET variants = :variants", variants=variants) is not None

    def unrendered(self, job: str, reason: str) -> bool:
        """Note why a job has no variants; False where none were due."""
        return self._due(job, "SET variants_error = :reason", reason=reason) is not None

    def _open(self, job: str, verb: str, values: Row, **more: object) -> bool:
        """Set values of an open job; False where it no longer is one."""
        new = {f"new_{name}": value for name, value in values.items()}
        changes = ", ".join(f"#{name} = :new_{name}" for name in values)
        stated = {"queued": "queued", "in_progress": "in_progress", **new, **more}
        return self._changed(job, f"{verb} {changes}", OPEN, values, stated) is not None

    def _due(self, job: str, verb: str, condition: str = DUE, **values: object) -> Row | None:
        """Change the row of a job whose renditions are due, and return it; else None."""
        stated = {**values, "completed": "completed"}
        return self._changed(job, verb, condition, ("state",), stated)

    def _changed(
        self, job: str, verb: str, condition: str, names: Iterable[str], values: Row
    ) -> Row | None:
        """Change a row while the condition holds, and return it; None where it does not."""
        try:
            changed = self._table.update_item(
                Key={"id": job},
                UpdateExpression=verb,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                ReturnValues="ALL_NEW",
            )
        except ClientError as fault:
            if code_of(fault) != "ConditionalCheckFailedException":
                raise
            return None
        row: Row = changed["Attributes"]
        return row


def upload_key(owner: str, number: str) -> str:
    """Key of an uploaded image, which the function that accepts jobs has written in a form."""
    return f"uploads/{hashlib.sha256(owner.encode()).hexdigest()[:16]}/{number}"


@dataclass(frozen=True)
class File:
    """One of the files of a job, by its name and its format."""

    name: str
    form: str

    def key(self, job: str) -> str:
        """Key of a job's file; the first digits spread the keys over prefixes."""
        return f"{job[:2]}/{job}/{self.name}.{FORMS[self.form][0]}"


class Store:
    """Bucket of results and uploaded images."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._s3, self._bucket = client, bucket

    def found(self, row: Row, file: File) -> dict[str, object] | None:
        """Key, bytes and digest of a job's file; None where it does not exist."""
        key = file.key(row["id"])
        head = self._head(key)
        # Guard: an id returns with its idempotency key. An older job's object is not this result.
        if head is None or head["Metadata"].get("created-at") != str(row["created_at"]):
            return None
        digest = head["Metadata"]["sha256"]
        return {"key": key, "bytes": head["ContentLength"], "sha256": digest}

    def read(self, key: str, out: IO[bytes]) -> None:
        """Copy an object into a file, part by part."""
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        while chunk := body.read(PART_BYTES):
            out.write(chunk)

    def put(self, row: Row, file: File, item: IO[bytes]) -> None:
        """Store a file under its key, unless the job already has it."""
        digest = hashlib.sha256()
        size = 0
        while chunk := item.read(PART_BYTES):
            digest.update(chunk)
            size += len(chunk)
        item.seek(0)
        place = {"Bucket": self._bucket, "Key": file.key(row["id"])}
        facts = {"sha256": digest.hexdigest(), "created-at": str(row["created_at"])}
        content = FORMS[file.form][1]
        kind = {"ContentType": content, "Metadata": facts, "ChecksumAlgorithm": "SHA256"}
        try:
            self._written(place, kind, item, size, {"IfNoneMatch": "*"})
        except ClientError as fault:
            if code_of(fault) != "PreconditionFailed":
                raise
            if self.found(row, file) is None:
                item.seek(0)
                self._written(place, kind, item, size, {})

    def _written(
        self,
        place: dict[str, str],
        kind: dict[str, Any],
        item: IO[bytes],
        size: int,
        condition: dict[str, str],
    ) -> None:
        """Write in one request, or in parts that become an object together."""
        if size <= PART_BYTES:
            self._s3.put_object(**place, **kind, **condition, Body=item.read())
            return
        upload = self._s3.create_multipart_upload(**place, **kind)["UploadId"]
        try:
            parts = list[dict[str, object]]()
            while chunk := item.read(PART_BYTES):
                part = {"PartNumber": len(parts) + 1, "UploadId": upload}
                sent = self._s3.upload_part(**place, **part, Body=chunk, ChecksumAlgorithm="SHA256")
                sums = {"ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
                parts.append({"PartNumber": part["PartNumber"], **sums})
            whole = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
            self._s3.complete_multipart_upload(**place, **whole, **condition)
        except BaseException:
            self._s3.abort_multipart_upload(**place, UploadId=upload)
            raise

    def delete(self, job: str, file: File) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=file.key(job))

    def uploaded(self, owner: str, number: str) -> tuple[str, bytes] | None:
        """Content type and bytes of an owner's uploaded image; None where it has expired."""
        key = upload_key(owner, number)
        if self._head(key) is None:
            return None
        found = self._s3.get_object(Bucket=self._bucket, Key=key)
        return found["ContentType"], found["Body"].read()

    def _head(self, key: str) -> dict[str, Any] | None:
        """Guard: without permission to list the bucket, S3 answers 403 for a missing object."""
        try:
            head: dict[str, Any] = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as fault:
            if code_of(fault) not in ("404", "NoSuchKey"):
                raise
            return None
        return head


def id_of(message: dict[str, Any]) -> str | None:
    """Return the job's id in a message; None for a message that this service has not sent."""
    try:
        return str(json.loads(message["Body"])["id"])
    except (KeyError, TypeError, ValueError):
        return None
