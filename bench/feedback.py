"""Work of the application for one record of feedback, measured on this machine.

    python bench/feedback.py [--repeats N] [--requests N]

It prints one row of `sizing/catalog/data/application_work.csv`. The server of the application's
pods runs as one process on one core, with OGX, PostgreSQL and stand-ins of the engine and of AWS.
CPU seconds are those of that process. Needs `make testbed`, PostgreSQL of Debian, Linux and two
cores. Takes a minute.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "application")]

from load import Caller  # noqa: E402
from setting import SERVED, Setting, about, cpu_s, setting, today  # noqa: E402

from testbed.application_services import application_missing  # noqa: E402
from testbed.postgres import postgres_missing  # noqa: E402

COMMENT = "The answer names the wrong year, and the source does not say it. " * 4
SUBJECT = base64.urlsafe_b64encode(json.dumps({"sub": "a-user"}).encode()).decode().rstrip("=")
TOKEN = f"e30.{SUBJECT}.e30"
"""Token of a user. OGX verifies none here: a verification costs far less than a millisecond."""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--repeats", default=5, type=int)
    given.add_argument("--requests", default=200, type=int, help="records of one repeat")
    options = given.parse_args()
    if missing := postgres_missing() or application_missing():
        sys.exit(missing)
    with setting(takes_feedback=True) as running:
        running.engine.text = COMMENT
        judge = Judge(running)
        judge.feedback(options.requests)
        found = [judge.feedback(options.requests) for _ in range(options.repeats)]
        source = about(running.postgres).replace("application.py", "feedback.py")
    note = f"a comment of {len(COMMENT)} bytes; OGX finds the response, and a stand-in takes it"
    values = [f"{value:.3g}" for value in (median(found), max(found))]
    row = ["cpu_s_per_feedback", *values, "s", source, today(), "", note]
    csv.writer(sys.stdout, lineterminator="\n").writerow(row)


class Judge:
    """A user with one response, who judges it again and again."""

    def __init__(self, running: Setting) -> None:
        self._pid = running.pid
        self._caller = Caller(running.application.url, TOKEN)
        request = {"model": SERVED, "input": "Which year?"}
        self._response = json.loads(self._caller.post("/v1/responses", request))["id"]

    def feedback(self, count: int) -> float:
        """CPU seconds of one record, of so many."""
        before = cpu_s(self._pid)
        for _ in range(count):
            body = {"response_id": self._response, "rating": 0, "comment": COMMENT}
            self._caller.post("/v1/feedback", body, expected=201)
        return (cpu_s(self._pid) - before) / count


if __name__ == "__main__":
    main()
