"""Objects of users' files in the application's bucket.

It runs in OGX's image with boto3, without any other library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from application_secret import CLIENT

MOST_KEYS = 1_000
"""Most versions of one request. Basis: vendor (S3, DeleteObjects)."""


class Bucket:
    """Bucket with versions."""

    def __init__(self, name: str, region: str) -> None:
        self._s3: Any = boto3.client("s3", region_name=region, config=CLIENT)
        self._bucket = name

    def _delete(self, found: Sequence[Mapping[str, str]]) -> bool:
        """Delete objects or versions; False where one is left."""
        answers = [
            self._s3.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": found[start : start + MOST_KEYS], "Quiet": True},
            )
            for start in range(0, len(found), MOST_KEYS)
        ]
        return not any(answer.get("Errors") for answer in answers)


class Files(Bucket):
    """Bucket with one object for each file, whose key ends with the file's id."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given["BUCKET"], given["AWS_REGION"])
        self._prefix = given.get("KEY_PREFIX", "")

    def erase(self, file: str) -> bool:
        """Delete all versions of a file's object; False where one is left."""
        key = f"{self._prefix}{file}"
        pages = self._s3.get_paginator("list_object_versions")
        found = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for page in pages.paginate(Bucket=self._bucket, Prefix=key)
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            if version["Key"] == key
        ]
        return self._delete(found)
