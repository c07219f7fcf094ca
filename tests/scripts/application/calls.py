"""Runs calls of boto3 for a test: one JSON line in, [service, operation, arguments], one out."""

import json
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError

CLIENTS: dict[str, Any] = {}


def answered(line: list[Any]) -> object:
    service, operation, arguments = line
    client = CLIENTS.setdefault(service, boto3.client(service))
    return getattr(client, operation)(**arguments)


for text in sys.stdin:
    try:
        answer = {"answer": answered(json.loads(text))}
    except ClientError as fault:
        answer = {"fault": fault.response["Error"]["Code"]}
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()
