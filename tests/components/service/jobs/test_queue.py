"""The queue of jobs and its dead letters."""

import json
from typing import Any

import pytest

from tests.components.plans import WORKER, queued_jobs
from tests.components.recording import children, named
from tests.components.service.jobs.parts import KEY, intake

WAITING, DEAD = "i-queue-waiting", "i-queue-dead-letters"
ARN = "${aws:sqs/queue:Queue::%s.arn}"


def test_children(preview: bool) -> None:
    assert children(intake(preview), "i-queue") == [
        "Queue i-queue-dead-letters",
        "Queue i-queue-waiting",
        "QueuePolicy i-queue-dead-letters-access",
        "QueuePolicy i-queue-waiting-access",
        "RedriveAllowPolicy i-queue-accepts",
    ]


@pytest.mark.parametrize("name", [WAITING, DEAD])
def test_both_queues_are_encrypted_and_keep_jobs_as_planned(preview: bool, name: str) -> None:
    plan = queued_jobs().model_copy(update={"kept_s": 1_000})
    inputs = named(intake(preview, plan), name).inputs
    assert inputs["kmsMasterKeyId"] == KEY
    assert inputs["messageRetentionSeconds"] == 1_000
    assert "name" not in inputs, "its name is automatic"


@pytest.mark.parametrize("protected", [True, False])
def test_protection_follows_the_plan(preview: bool, protected: bool) -> None:
    recording = intake(preview, queued_jobs().model_copy(update={"protected": protected}))
    assert [named(recording, name).protect for name in (WAITING, DEAD)] == [protected] * 2


def test_a_job_is_invisible_as_long_as_workers_need(preview: bool) -> None:
    assert named(intake(preview), WAITING).inputs["visibilityTimeoutSeconds"] == WORKER.visibility_s
    nobody = intake(preview, queued_jobs(worker=False))
    assert "visibilityTimeoutSeconds" not in named(nobody, WAITING).inputs


def test_jobs_handed_out_too_often_go_to_the_dead_letters() -> None:
    plan = queued_jobs().model_copy(update={"receives": 23})
    recording = intake(False, plan)
    redrive = json.loads(str(named(recording, WAITING).inputs["redrivePolicy"]))
    assert redrive == {"deadLetterTargetArn": ARN % DEAD, "maxReceiveCount": 23}
    assert "redrivePolicy" not in named(recording, DEAD).inputs


def test_only_this_queue_has_these_dead_letters() -> None:
    accepts = named(intake(False), "i-queue-accepts").inputs
    assert accepts["queueUrl"] == {"$ref": f"aws:sqs/queue:Queue::{DEAD}", "property": "url"}
    assert json.loads(str(accepts["redriveAllowPolicy"])) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [ARN % WAITING],
    }


@pytest.mark.parametrize("name", [WAITING, DEAD])
def test_calls_without_tls_are_refused(name: str) -> None:
    access = named(intake(False), f"{name}-access").inputs
    document: Any = json.loads(str(access["policy"]))
    (statement,) = document["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert (statement["Action"], statement["Resource"]) == ("sqs:*", ARN % name)
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
