"""Worker next to the engine: it takes jobs from the queue one by one and stores their results.

It runs with Python 3.9 or later and boto3, without any other library. In the image of AWS Lambda,
PYTHONPATH must name /var/runtime, where boto3 is.

A message may arrive twice, and two workers may run one job at once. The key of the object is the
id of the job, and the first object stays, so the job still has one result. `completed` and
`failed` are final.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from functools import partial
from typing import IO

from job_engine import AbsentError, BrokenError, DiedError, Engine, HungError, RejectedError
from job_history import history_of
from job_image import fault_of
from job_messages import AWS_ERRORS, QueueWorker, report
from job_stop import Stop, Stopping, together
from job_store import File, Row, code_of
from prompt_stages import stages_of

DRAIN_S = 2
"""Time after the engine's end in which the signal to stop may come. Basis: assumed."""
OTHER_MODEL_S, DOUBLINGS = 300, 4
"""First pause of a job whose model this worker does not have; it doubles that many times. Basis:
assumed; a rollout takes minutes to hours, and 20 returns then last 22 hours."""
DAY_S = 86_400


class Worker(QueueWorker):
    """One worker with its engine."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self._item = File("item", given["FORMAT"])
        limit_s, stages = float(given["ITEM_TIMEOUT_S"]), stages_of(given)
        self._engine = Engine(given["ENGINE_URL"], given["KIND"], given["FORMAT"], limit_s, stages)
        self._history = history_of(stages, given)
        self._stopping, self._given = Stopping(), given
        self._ready = self._hung = False

    def run(self) -> int:
        """Work until the pod ends, and return the exit code.

        It is 1 after a hung item: restarts with growing pauses keep a stuck engine from using up
        the attempts of many jobs.
        """
        while not self._stopping.now and not self._hung:
            if not self._ready:
                self._ready = self._engine.healthy() and self._engine.cleared()
                self._stopping.wait(0 if self._ready else 1)
                continue
            if not self._messages.handle_next(self._outcome_or_return):
                self._stopping.wait(self._heartbeat_s)
        return 1 if self._hung else 0

    def _outcome_or_return(self, job: str, receives: int) -> int | None:
        """Outcome of a job; a job that AWS did not let run goes back."""
        try:
            return self._outcome(job, receives)
        except AWS_ERRORS as fault:
            report("aws_error", job=job, code=code_of(fault))
        try:
            self._rows.give_back(job)
        except AWS_ERRORS as fault:
            report("aws_error", job=job, code=code_of(fault))
        return self._heartbeat_s

    def _outcome(self, job: str, receives: int) -> int | None:
        """Seconds until the job may run again; None where its message is no longer needed.

        lost attempts = receives - 1 - returns
        """
        row = self._rows.get(job)
        if row is None or row["state"] in ("completed", "failed"):
            if row is not None and row["state"] == "failed":
                self._bury(row, row["error"])
            if row is not None and row["state"] == "completed":
                self._announce(job)
            return None
        if receives > 1 and self._adopted(row):
            return None
        lost = receives - 1 - int(row["given_back"])
        if reason := self._hopeless(row, lost, receives):
            self._fail(row, reason)
            return None
        if row["model"] != self._given["MODEL"]:
            return self._left_to_another(row)
        if not self._rows.change(job, "in_progress", started_at=int(time.time())):
            return self._outcome(job, receives)
        return self._attempt(row, last=lost + 1 >= self._attempts)

    def _hopeless(self, row: Row, lost: int, receives: int) -> str | None:
        """Reason why the job must not run; None where it may."""
        if lost >= self._attempts:
            return f"{lost} attempts were lost: {row.get('error', 'their workers ended')}"
        if receives >= self._receives:
            other = row["model"] != self._given["MODEL"]
            cause = f"; no worker has {row['model']}" if other else ""
            return f"it was given back {int(row['given_back'])} times{cause}"
        if row["expires_at"] <= time.time():
            return "it expired in the queue"
        return None

    def _attempt(self, row: Row, *, last: bool) -> int | None:
        """Run the job once; the result is that of `_outcome`."""
        with tempfile.TemporaryFile() as item:
            try:
                self._make(row, item)
            except (Stop, AbsentError) as fault:
                return self._given_back(row, fault)
            except RejectedError as fault:
                self._fail(row, str(fault))
                return None
            except BrokenError as fault:
                # Guard: a drained node ends the engine too, perhaps a moment before this process.
                if isinstance(fault, DiedError) and self._stopping.wait(DRAIN_S):
                    return self._given_back(row, fault)
                self._ready, self._hung = False, isinstance(fault, HungError)
                return self._lost(row, str(fault), last=last)
            self._store.put(row, self._item, item)
        return None if self._adopted(row) else self._lost(row, "its object is gone", last=last)

    def _make(self, row: Row, item: IO[bytes]) -> None:
        request = json.loads(row["request"])
        image = None
        if "input_reference" in request:
            image = self._store.uploaded(row["owner"], request["input_reference"])
            if image is None:
                raise RejectedError("its input image has expired")
            if fault := fault_of(image[1]):
                raise RejectedError(fault)
        earlier = None if self._history is None else partial(self._history.earlier, row)
        with self._stopping.interruptible():
            self._engine.make(request, image, item, earlier)

    def _adopted(self, row: Row) -> bool:
        """Mark the job completed where its object exists.

        A job that has failed meanwhile, or whose row is gone, keeps no object.
        """
        found = self._store.found(row, self._item)
        if found is None:
            return False
        now = int(time.time())
        expires = now + int(self._given["EXPIRE_DAYS"]) * DAY_S
        ttl = now + int(self._given["ROW_DAYS"]) * DAY_S
        times = {"completed_at": now, "expires_at": expires, "ttl": ttl}
        if self._rows.change(row["id"], "completed", **times, **found):
            report("completed", job=row["id"])
            self._announce(row["id"])
            return True
        final = self._rows.get(row["id"])
        if final is None or final["state"] == "failed":
            self._store.delete(row["id"], self._item)
        return True

    def _announce(self, job: str) -> None:
        """Send a completed job to the workers of renditions, where the service has any.

        Guard: the job's own message is deleted later. After a crash in between, it comes again.
        """
        queue = self._given.get("RENDITIONS_URL")
        if queue is not None:
            self._queue.send_message(QueueUrl=queue, MessageBody=json.dumps({"id": job}))

    def _given_back(self, row: Row, fault: BaseException) -> int:
        """Count the return before the message is visible: a crash in between costs no attempt."""
        self._ready = False
        self._rows.give_back(row["id"])
        report("given_back", job=row["id"], cause=type(fault).__name__)
        return 0

    def _left_to_another(self, row: Row) -> int:
        """Give back a job of another model: during a rollout, other workers have that model."""
        pause_s: int = OTHER_MODEL_S << min(int(row["given_back"]), DOUBLINGS)
        self._rows.give_back(row["id"])
        report("given_back", job=row["id"], cause="another model")
        return pause_s

    def _lost(self, row: Row, reason: str, *, last: bool) -> int | None:
        report("attempt_lost", job=row["id"])
        if last:
            self._fail(row, reason)
            return None
        self._rows.change(row["id"], "queued", error=reason)
        return self._heartbeat_s

    def _fail(self, row: Row, reason: str) -> None:
        """Mark the job failed, unless a worker that was lost after its upload left the result."""
        if self._adopted(row):
            return
        if self._rows.change(row["id"], "failed", completed_at=int(time.time()), error=reason):
            self._bury(row, reason)
            return
        final = self._rows.get(row["id"])
        if final is not None and final["state"] == "failed":
            self._bury(final, final["error"])


def main(given: dict[str, str]) -> int:
    """Run the workers of the pod, and return the exit code.

    Two of them share an engine whose prompts have stages: one is in its stages while the engine
    works for the other.
    """
    count = int(given["AT_ONCE"])
    if count == 1:
        return Worker(given).run()
    return together(count, lambda: Worker(given).run())


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
