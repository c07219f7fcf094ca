"""Each call of the programs of jobs has its right in the policy of the program's role."""

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest

from templates.programs import JOB_API, JOB_WORKER, RENDITION_WORKER, programs
from tests.components.plans import queued_jobs, rendered_plan, renditions_of
from tests.components.recording import named
from tests.components.service.jobs.parts import intake
from tests.components.service.jobs.test_function import rights

CLIENTS = {"table", "_table", "queue", "_queue", "store", "_s3"}
"""Names of the clients of AWS in the programs."""
ACTIONS = {
    "get_item": ("dynamodb:GetItem",),
    "put_item": ("dynamodb:PutItem",),
    "update_item": ("dynamodb:UpdateItem",),
    "query": ("dynamodb:Query",),
    "send_message": ("sqs:SendMessage",),
    "receive_message": ("sqs:ReceiveMessage",),
    "delete_message": ("sqs:DeleteMessage",),
    "change_message_visibility": ("sqs:ChangeMessageVisibility",),
    # S3 answers 403 for a missing object to a role that may not list the bucket.
    "head_object": ("s3:GetObject", "s3:ListBucket"),
    "get_object": ("s3:GetObject",),
    "put_object": ("s3:PutObject",),
    "delete_object": ("s3:DeleteObject",),
    "create_multipart_upload": ("s3:PutObject",),
    "upload_part": ("s3:PutObject",),
    "complete_multipart_upload": ("s3:PutObject",),
    "abort_multipart_upload": ("s3:AbortMultipartUpload",),
    "generate_presigned_url": ("s3:GetObject",),
    "generate_presigned_post": ("s3:PutObject",),
}
"""Actions of IAM that a call needs. Basis: vendor (AWS service authorization reference)."""


def name_of(node: ast.AST) -> str:
    """Last name of an expression such as `queue()`, `self._queue` or `table`."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def calls(files: tuple[str, ...]) -> Iterator[str]:
    """Methods of AWS clients that the programs call."""
    for each in programs(files).files:
        for node in ast.walk(ast.parse(each.text)):
            method = node.func if isinstance(node, ast.Call) else None
            if isinstance(method, ast.Attribute) and name_of(method.value) in CLIENTS:
                yield method.attr


def allowed(of: str) -> set[str]:
    """Actions of the role of the function or of the workers."""
    plan = queued_jobs(takes_images=True).model_copy(update={"owner_index": "by-owner"})
    made = renditions_of(rendered_plan())
    recording = intake(False, plan, with_rights=True, renditions=made)
    if of == "function":
        found = [a if isinstance(a, tuple) else (str(a),) for a in rights(recording)]
        return {str(action) for actions in found for action in actions}
    tags: Any = named(recording, of).inputs["tags"]
    stated = [statement["Action"] for statement in json.loads(tags["rights"])]
    return {a for each in stated for a in (each if isinstance(each, list) else [each])}


ROLES = {
    "function": (JOB_API, 6),
    "worker": (JOB_WORKER, 12),
    "renditions": (RENDITION_WORKER, 12),
}
"""Programs of each role, and the fewest kinds of calls that they make."""


@pytest.mark.parametrize("of", ROLES)
def test_each_call_has_its_right(of: str) -> None:
    files, fewest = ROLES[of]
    made = set(calls(files))
    assert len(made) >= fewest, "the names of the clients have changed"
    assert made <= ACTIONS.keys(), "a new call needs a row in the table"
    needed = {action for call in made for action in ACTIONS[call]}
    assert needed <= allowed(of)


def test_no_right_is_without_a_call() -> None:
    """Logs and keys are used by AWS services for the role."""
    for of, (files, _) in ROLES.items():
        used = {action for call in calls(files) for action in ACTIONS[call]}
        others = {a for a in allowed(of) if not a.startswith(("kms:", "logs:"))}
        assert others <= used, of
