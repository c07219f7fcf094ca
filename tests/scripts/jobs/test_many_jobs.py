"""500 jobs on engines that fail at random and workers that are killed at random: none is lost."""

import hashlib
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.scripts.jobs.engine_stand_in import WEIGHTS, item
from tests.scripts.jobs.queued_service import Pod, QueuedService

JOBS, PODS = 250, 4
"""Jobs of each kind of service, and engines with their workers."""
SIGNALS, LIMIT_S = 14, 300
"""Signals to workers, and the time after which a run ends anyway, for a loaded machine."""
FORBIDDEN_EVERY, LARGE_EVERY = 50, 80
"""One in so many jobs is refused by every engine, or has a large item."""
FIRST = ("garbage", "slow", "hang", "error", "ok", "die")
"""First behaviours of each engine, so that every fault happens; random ones follow."""
PAUSE_S = 0.05


@pytest.mark.parametrize(("kind", "at_once"), [("image", 2), ("video", 1)])
def test_every_job_ends_once_or_in_the_dead_letters(
    new_service: Callable[..., QueuedService], kind: str, at_once: int
) -> None:
    """Two jobs of images are in hand at once, and one of clips."""
    service = new_service(
        kind, ITEM_TIMEOUT_S="3", VISIBILITY_S="6", ATTEMPTS="4", AT_ONCE=str(at_once)
    )
    jobs = [service.accept(prompt(number)) for number in range(JOBS)]
    assert len(set(jobs)) == JOBS
    killed = Counter(run(service))

    rows = {row["id"]: row for row in service.rows()}
    assert set(rows) == set(jobs), "no row without a job"
    done = {job for job in jobs if rows[job]["state"] == "completed"}
    lost = {job for job in jobs if rows[job]["state"] == "failed"}
    assert done | lost == set(jobs) and service.waiting() == 0
    assert service.keys() == {rows[job]["key"] for job in done}, "no object without a result"
    for job in done:
        request = json.loads(rows[job]["request"])
        form = service.environment["FORMAT"]
        content = item(form, request["prompt"], request["seed"], request["size"])
        assert service.stored(job) == content
        digest = hashlib.sha256(content).hexdigest()
        assert (rows[job]["bytes"], rows[job]["sha256"]) == (len(content), digest)

    letters = service.letters()
    assert {letter["id"] for letter in letters} == lost
    assert all(letter["reason"] == rows[letter["id"]]["error"] != "" for letter in letters)
    forbidden = {job for number, job in enumerate(jobs) if "forbidden" in prompt(number)}
    assert forbidden <= lost and len(lost) < JOBS / 5, Counter(rows[job]["error"] for job in lost)
    finished = Counter(e["job"] for e in service.events if e["event"] == "completed")
    assert max(finished.values()) == 1, "no job was completed twice"

    behaviours = Counter(call["behaviour"] for call in service.items)
    assert set(behaviours) == {*WEIGHTS, "refuse"}, "every fault has happened"
    assert killed[signal.SIGKILL] >= 3 and killed[signal.SIGTERM] >= 3
    assert len(service.items) > JOBS


def prompt(number: int) -> str:
    if number % FORBIDDEN_EVERY == 7:
        return f"forbidden {number}"
    return f"large {number}" if number % LARGE_EVERY == 9 else f"job {number}"


def run(service: QueuedService) -> list[signal.Signals]:
    """Run pods until every job has ended; the result is the signals that workers received.

    What ends starts again, as in Kubernetes.
    """
    chance = random.Random(5)
    pods = [service.pod(*FIRST, seed=number) for number in range(PODS)]
    sent = list[signal.Signals]()
    begun = time.monotonic()
    at = begun + 2
    while time.monotonic() < begun + LIMIT_S:
        for pod in pods:
            restart(pod)
        if time.monotonic() > at and len(sent) < SIGNALS:
            at = time.monotonic() + chance.uniform(0.3, 1.2)
            sent.append(chance.choice([signal.SIGKILL, signal.SIGTERM]))
            pod = chance.choice(pods)
            if sent[-1] is signal.SIGKILL:
                pod.kill_worker()
            else:
                pod.worker.send_signal(sent[-1])
        if chance.random() < 0.1 and service.waiting() == 0:
            break
        time.sleep(PAUSE_S)
    for pod in pods:
        pod.end()
    return sent


def restart(pod: Pod) -> None:
    if pod.engine.poll() is not None:
        pod.start_engine()
    if pod.worker.poll() is not None:
        # A signal to stop that comes while Python starts ends it without a trace.
        assert pod.worker.returncode in (0, 1, -signal.SIGKILL, -signal.SIGTERM)
        pod.start_worker()
