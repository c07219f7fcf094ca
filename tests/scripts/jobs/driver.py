"""Runs the function of jobs and calls of boto3 for a test: one JSON line in, one JSON line out.

The argument is a file for what the function prints. Lines are {"env": {...}, "event": {...}}, or
{"call": [service, operation, arguments]}. A service `table NAME` is a table of DynamoDB with plain
values.
"""

import base64
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import boto3
import job_api
from botocore.exceptions import ClientError

CLIENTS: dict[str, Any] = {}
CACHES = (job_api.service, job_api.table)
"""What depends on the names of a service; the other clients do not."""


def answered(line: dict[str, Any]) -> object:
    if "event" in line:
        if any(os.environ.get(name) != value for name, value in line["env"].items()):
            os.environ.update(line["env"])
            for cache in CACHES:
                cache.cache_clear()
        return job_api.handler(line["event"], None)
    service, operation, arguments = line["call"]
    if service not in CLIENTS:
        kind, _, name = service.partition(" ")
        tables = boto3.resource("dynamodb") if kind == "table" else None
        CLIENTS[service] = tables.Table(name) if tables else boto3.client(kind)
    if "Body" in arguments:
        arguments["Body"] = base64.b64decode(arguments["Body"])
    return getattr(CLIENTS[service], operation)(**arguments)


def plain(value: Any) -> object:
    """Bytes as base64, whole numbers of DynamoDB as such, everything else as text."""
    if hasattr(value, "read"):
        return base64.b64encode(value.read()).decode()
    return int(value) if hasattr(value, "as_integer_ratio") else str(value)


def main() -> None:
    """Answer each line of the input."""
    output = sys.stdout
    for text in sys.stdin:
        try:
            with Path(sys.argv[1]).open("a") as log, redirect_stdout(log):
                answer = {"answer": answered(json.loads(text))}
        except ClientError as fault:
            answer = {"fault": fault.response["Error"]["Code"]}
        output.write(json.dumps(answer, default=plain) + "\n")
        output.flush()


main()
