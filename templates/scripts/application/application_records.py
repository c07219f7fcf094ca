"""Lines of feedback: into their stream, and out of the bucket that the stream fills.

It runs in OGX's image with boto3, without any other library. FEEDBACK_STREAM is the stream, and
FEEDBACK_BUCKET the bucket. Objects are lines of JSON, compressed by gzip, below
`feedback/date=YYYY-MM-DD/`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
from application_feedback import StreamError
from application_files import Bucket
from application_secret import AWS_ERRORS, CLIENT

PREFIX = "feedback/"
DATED = f"{PREFIX}date="
"""Beginning of the keys of one day, before the day."""


class Removed:
    """What was removed, and how much is left."""

    def __init__(self, count: int, unread: list[str], *, is_whole: bool) -> None:
        self.count, self.unread = count, unread
        self.left = len(unread) + (0 if is_whole else max(count, 1))


class Stream:
    """Stream of feedback, from Amazon Data Firehose."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._client: Any = boto3.client("firehose", region_name=given["AWS_REGION"], config=CLIENT)
        self._name = given["FEEDBACK_STREAM"]

    async def put(self, line: bytes) -> None:
        """Keep a line. Raises StreamError where the stream does not have it."""
        try:
            await asyncio.to_thread(
                self._client.put_record, DeliveryStreamName=self._name, Record={"Data": line}
            )
        except AWS_ERRORS as fault:
            raise StreamError from fault


class Records(Bucket):
    """Bucket of feedback."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given["FEEDBACK_BUCKET"], given["AWS_REGION"])

    def expire(self, days: int) -> Removed:
        """Delete the objects of days that are due.

        Guard: an object that an erasure has written again is young for the bucket's own rule.
        """
        first, unread = datetime.now(UTC).date() - timedelta(days=days), list[str]()
        due = list[dict[str, str]]()
        for key in self._keys():
            try:
                if day_of(key) < first:
                    due.append({"Key": key})
            except ValueError:
                unread.append(key)
        return Removed(len(due), unread, is_whole=self._delete(due))

    def erase(self, user: str) -> Removed:
        """Delete the lines of a user. An object of another form is left, and all others are not."""
        count, unread = 0, list[str]()
        for key in self._keys():
            found = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            try:
                lines = gzip.decompress(found).splitlines(keepends=True)
                kept = [line for line in lines if json.loads(line)["user"] != user]
            except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
                unread.append(key)
                continue
            count += len(lines) - len(kept)
            if len(kept) < len(lines):
                self._replace(key, b"".join(kept))
        return Removed(count, unread, is_whole=self._delete_replaced())

    def _replace(self, key: str, lines: bytes) -> None:
        if lines:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=gzip.compress(lines))
        else:
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _keys(self) -> list[str]:
        """Keys of all objects, in order of their days."""
        pages = self._s3.get_paginator("list_objects_v2")
        return [
            each["Key"]
            for page in pages.paginate(Bucket=self._bucket, Prefix=DATED)
            for each in page.get("Contents", [])
        ]

    def _delete_replaced(self) -> bool:
        """Delete all versions that an erasure has replaced; False where one is left.

        Guard: the mark of a deleted object goes last, because its versions return without it.
        """
        pages = self._s3.get_paginator("list_object_versions")
        found = list(pages.paginate(Bucket=self._bucket, Prefix=DATED))
        versions = [each for page in found for each in page.get("Versions", [])]
        old = [each for each in versions if not each["IsLatest"]]
        marks = [each for page in found for each in page.get("DeleteMarkers", [])]
        return all(
            self._delete([{"Key": e["Key"], "VersionId": e["VersionId"]} for e in part])
            for part in (old, marks)
        )


def day_of(key: str) -> date:
    """Day of an object's lines, from its key."""
    return date.fromisoformat(key.removeprefix(DATED)[: len("2026-01-31")])
