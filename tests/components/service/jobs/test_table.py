"""The table of jobs."""

import pytest

from sizewright.record import RecordedResource
from sizing.plan.service.items.jobs import JobsPlan
from tests.components.plans import queued_jobs
from tests.components.recording import children, named
from tests.components.service.jobs.parts import KEY, intake


def table(preview: bool, plan: JobsPlan | None = None) -> RecordedResource:
    return named(intake(preview, plan), "i-table-rows")


def test_children(preview: bool) -> None:
    assert children(intake(preview), "i-table") == ["Table i-table-rows"]


def test_rows_have_an_id_and_an_end(preview: bool) -> None:
    inputs = table(preview).inputs
    assert (inputs["hashKey"], inputs["billingMode"]) == ("id", "PAY_PER_REQUEST")
    assert inputs["ttl"] == {"attributeName": "ttl", "enabled": True}
    assert inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}
    assert "name" not in inputs, "its name is automatic"
    assert inputs["attributes"] == [{"name": "id", "type": "S"}]
    assert "globalSecondaryIndexes" not in inputs, "nothing lists the jobs of an owner"


@pytest.mark.parametrize("protected", [True, False])
def test_protection_follows_the_plan(preview: bool, protected: bool) -> None:
    made = table(preview, queued_jobs().model_copy(update={"protected": protected}))
    assert made.protect is protected
    assert made.inputs["deletionProtectionEnabled"] is protected


@pytest.mark.parametrize(("environment", "recoverable"), [("prod", True), ("dev", False)])
def test_it_can_be_restored_in_prod(preview: bool, environment: str, recoverable: bool) -> None:
    made = table(preview, queued_jobs(environment=environment))
    assert made.inputs["pointInTimeRecovery"] == {"enabled": recoverable}


def test_an_index_finds_the_newest_jobs_of_an_owner(preview: bool) -> None:
    plan = queued_jobs().model_copy(update={"owner_index": "by-owner"})
    inputs = table(preview, plan).inputs
    assert inputs["attributes"] == [
        {"name": "id", "type": "S"},
        {"name": "owner", "type": "S"},
        {"name": "created_at", "type": "N"},
    ]
    assert inputs["globalSecondaryIndexes"] == [
        {
            "name": "by-owner",
            "hashKey": "owner",
            "rangeKey": "created_at",
            "projectionType": "INCLUDE",
            "nonKeyAttributes": ["expires_at", "request", "state"],
        }
    ]
