"""The intake of jobs: its parts, the bucket's rules, and what workers need."""

import json
from typing import Any

from components.service.jobs.intake import upload_days
from tests.components.plans import queued_jobs, rendered_plan, renditions_of
from tests.components.recording import children, named
from tests.components.service.jobs.parts import KEY, intake
from tests.components.service.jobs.test_function import BUCKET, QUEUE, TABLE

DAY_S = 86_400


def test_children(preview: bool) -> None:
    assert children(intake(preview), "i") == [
        "Function i-function",
        "Queue i-queue",
        "Table i-table",
    ]


def test_workers_take_jobs_and_write_results_and_no_more() -> None:
    tags: Any = named(intake(False, with_rights=True), "worker").inputs["tags"]
    statements = json.loads(tags["rights"])
    assert all(statement["Effect"] == "Allow" for statement in statements)
    *others, use = [(statement["Action"], statement["Resource"]) for statement in statements]
    assert others == [
        (
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
            QUEUE % "i-queue-waiting",
        ),
        ("sqs:SendMessage", QUEUE % "i-queue-dead-letters"),
        (["dynamodb:GetItem", "dynamodb:UpdateItem"], TABLE % "i-table-rows"),
        ("s3:ListBucket", BUCKET),
        ("s3:GetObject", f"{BUCKET}/*"),
        (
            ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
            f"{BUCKET}/??/*",
        ),
    ]
    assert use[1] == KEY
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(use[0])


def test_workers_of_renditions_read_results_and_take_from_their_own_queue() -> None:
    recording = intake(False, with_rights=True, renditions=renditions_of(rendered_plan()))
    tags: Any = named(recording, "renditions").inputs["tags"]
    *others, use = [(s["Action"], s["Resource"]) for s in json.loads(tags["rights"])]
    assert others == [
        (
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
            QUEUE % "i-renditions-waiting",
        ),
        ("sqs:SendMessage", QUEUE % "i-renditions-dead-letters"),
        (["dynamodb:GetItem", "dynamodb:UpdateItem"], TABLE % "i-table-rows"),
        ("s3:ListBucket", BUCKET),
        ("s3:GetObject", f"{BUCKET}/??/*"),
        (
            ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
            [f"{BUCKET}/??/*/h264-360.*", f"{BUCKET}/??/*/av1-240.*"],
        ),
    ]
    assert use[1] == KEY
    jobs: Any = named(recording, "worker").inputs["tags"]
    sent = [s for s in json.loads(jobs["rights"]) if s["Action"] == "sqs:SendMessage"]
    assert sent[0]["Resource"] == [
        QUEUE % "i-queue-dead-letters",
        QUEUE % "i-renditions-waiting",
    ]


def test_without_workers_of_renditions_there_is_no_queue_and_no_name() -> None:
    unbuilt = renditions_of(rendered_plan()).model_copy(update={"worker": None})
    recording = intake(False, renditions=unbuilt)
    assert not [r for r in recording.resources if "renditions" in r.name]
    variables: Any = named(recording, "i-function-handler").inputs["environment"]
    assert variables["variables"]["VARIANTS"] == "[]"


def test_the_function_knows_the_variants_by_name() -> None:
    recording = intake(False, renditions=renditions_of(rendered_plan()))
    variables: Any = named(recording, "i-function-handler").inputs["environment"]
    assert json.loads(variables["variables"]["VARIANTS"]) == ["h264-360", "av1-240"]


def test_workers_search_the_index_alone_and_only_where_there_is_one() -> None:
    plan = queued_jobs().model_copy(update={"owner_index": "by-owner"})
    tags: Any = named(intake(False, plan, with_rights=True), "worker").inputs["tags"]
    found = [(each["Action"], each["Resource"]) for each in json.loads(tags["rights"])]
    index = TABLE % "i-table-rows" + "/index/by-owner"
    assert ("dynamodb:Query", index) in found
    assert [resource for action, resource in found if "dynamodb:Query" in action] == [index]
    tags = named(intake(False, with_rights=True), "worker").inputs["tags"]
    assert "dynamodb:Query" not in tags["rights"]


def test_wires_are_the_parts_of_this_service() -> None:
    tags: Any = named(intake(False, with_rights=True), "worker").inputs["tags"]
    wires = {name: tags[name] for name in tags if name != "rights"}
    assert {name: (w["$ref"].split("::")[1], w["property"]) for name, w in wires.items()} == {
        "queue_name": ("i-queue-waiting", "name"),
        "queue_url": ("i-queue-waiting", "url"),
        "dead_letters_url": ("i-queue-dead-letters", "url"),
        "jobs_table": ("i-table-rows", "name"),
        "artefacts_bucket": ("b-bucket", "bucket"),
    }


def test_an_upload_lives_as_long_as_its_job_may_wait() -> None:
    plan = queued_jobs(takes_images=True, expire_days=30)
    assert upload_days(plan.model_copy(update={"kept_s": 14 * DAY_S})) == {"uploads/": 14}
    short = queued_jobs(takes_images=True, expire_days=3)
    assert upload_days(short.model_copy(update={"kept_s": 14 * DAY_S})) == {"uploads/": 3}
    assert upload_days(queued_jobs(takes_images=False)) == {}
    assert upload_days(plan.model_copy(update={"api": None})) == {}


def test_uploads_expire_before_results(preview: bool) -> None:
    recording = intake(preview, queued_jobs(takes_images=True))
    results, uploads = named(recording, "b-lifecycle").inputs["rules"]
    assert results["expiration"] == {"days": 30}
    assert results["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert uploads == {
        "id": "expire-uploads",
        "status": "Enabled",
        "filter": {"prefix": "uploads/"},
        "expiration": {"days": 14},
    }
    (only,) = named(intake(preview), "b-lifecycle").inputs["rules"]
    assert only == results
