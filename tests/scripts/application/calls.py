"""Runs calls of boto3 for a test: one JSON line in, [service, operation, arguments], one out.

A Body is base64 in both.
"""

import base64
import json
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError

CLIENTS: dict[str, Any] = {}


def answered(line: list[Any]) -> object:
    service, operation, arguments = line
    client = CLIENTS.setdefault(service, boto3.client(service))
    if "Body" in arguments:
        arguments["Body"] = base64.b64decode(arguments["Body"])
    answer = getattr(client, operation)(**arguments)
    if "Body" in answer:
        answer["Body"] = base64.b64encode(answer["Body"].read()).decode()
    return answer


for text in sys.stdin:
    try:
        answer = {"answer": answered(json.loads(text))}
    except ClientError as fault:
        answer = {"fault": fault.response["Error"]["Code"]}
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()
