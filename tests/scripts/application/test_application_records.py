"""Feedback goes when its day is due, or when its user is erased, with all its versions."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.scripts.application.feedback_bucket import DATED, FeedbackBucket
from tests.scripts.application.ogx_service import OgxService

TODAY = datetime.now(UTC).date()
ALICE, BOB = {"user": "alice", "rating": 1}, {"user": "bob", "comment": "alice is right"}


@pytest.fixture(scope="module")
def service(new_service: Callable[[], OgxService]) -> OgxService:
    """Service with the tables of a setup."""
    service = new_service()
    service.set_up()
    return service


@pytest.fixture
def bucket(service: OgxService) -> FeedbackBucket:
    made = FeedbackBucket(service)
    service.environment |= made.environment
    return made


def test_an_erased_user_leaves_no_line_and_no_version(
    service: OgxService, bucket: FeedbackBucket
) -> None:
    both, own, other = (f"{DATED}2026-11-{day}/x.gz" for day in (28, 29, 30))
    bucket.write(both, [ALICE, BOB, ALICE])
    bucket.write(own, [ALICE])
    bucket.write(other, [BOB])
    code, [line] = service.run("application_rows", "erase", "alice")
    assert (code, line["deleted"]["feedback"], line["left"]) == (0, 3, 0)
    assert bucket.names() == [both, other]
    assert bucket.read(both) == bucket.read(other) == [BOB]
    assert bucket.versions() == 2, "an older version would still have the lines"
    code, [line] = service.run("application_rows", "erase", "alice")
    assert (code, line["deleted"]["feedback"]) == (0, 0)
    assert bucket.versions() == 2


def test_a_day_of_feedback_is_due_after_its_retention(
    service: OgxService, bucket: FeedbackBucket
) -> None:
    """Guard: an object that an erasure wrote again is new, and its day is not."""
    kept, due = (f"{DATED}{TODAY - timedelta(days=days)}/x.gz" for days in (30, 31))
    for key in (kept, due):
        bucket.write(key, [BOB])
    code, [line] = service.run("application_rows", "expire", RETENTION_DAYS="30")
    assert (code, line["deleted"]["feedback"]) == (0, 1)
    assert kept in bucket.names() and due not in bucket.names()


def test_an_object_of_another_form_is_reported_and_holds_up_nothing(
    service: OgxService, bucket: FeedbackBucket
) -> None:
    strange, own = f"{DATED}all/a.gz", f"{DATED}2026-11-30/b.gz"
    bucket.write(own, [ALICE])
    bucket.put(f"{DATED}2026-11-30/a.parquet", b"PAR1")
    bucket.write(strange, [BOB])
    code, lines = service.run("application_rows", "erase", "alice")
    assert (code, lines[-1]["deleted"]["feedback"], lines[-1]["left"]) == (1, 1, 1)
    assert lines[0] == {"event": "feedback_unread", "key": f"{DATED}2026-11-30/a.parquet"}
    code, lines = service.run("application_rows", "expire", RETENTION_DAYS="30")
    assert (code, lines[0]["key"], lines[-1]["left"]) == (1, strange, 1)


def test_an_erasure_whose_versions_stay_is_not_done(
    service: OgxService, bucket: FeedbackBucket, programs_folder: Path, tmp_path: Path
) -> None:
    """Guard: a second run finds no line any more, and must not report success."""
    whole = tmp_path / "programs"
    shutil.copytree(programs_folder, whole)
    file, refused = whole / "application_files.py", "return False and not any("
    text = file.read_text()
    assert "return not any(" in text
    file.write_text(text.replace("return not any(", refused))
    bucket.write(f"{DATED}2026-11-30/x.gz", [ALICE, BOB])
    for _ in range(2):
        assert service.with_programs(whole).run("application_rows", "erase", "alice")[0] == 1
    assert service.run("application_rows", "erase", "alice")[0] == 0
    assert bucket.versions() == 1


def test_removals_take_turns(service: OgxService, bucket: FeedbackBucket) -> None:
    """Guard: one would write again what the other has read."""
    bucket.write(f"{DATED}2026-11-30/x.gz", [ALICE, BOB])
    runs = [service.start("application_rows", "erase", user) for user in ("alice", "bob")]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert bucket.names() == []


def test_a_bucket_out_of_reach_fails_the_run(service: OgxService, bucket: FeedbackBucket) -> None:
    for words in (["expire"], ["erase", "alice"]):
        code, lines = service.run("application_rows", *words, FEEDBACK_BUCKET="no-such-bucket")
        assert (code, lines[-1]["event"]) == (1, "rows_failed")
