"""Work and memory of the cache of answers, measured on this machine.

    python bench/answers.py [--repeats N] [--requests N]

It prints three rows of `sizing/catalog/data/application_work.csv`. The server of the application's
pods runs as one process on one core, with OGX, PostgreSQL, Redis with TLS, and stand-ins of the
engine and of AWS. CPU seconds of a call are those with the cache over those without it, where each
request is a miss, so that each looks up an answer and keeps one. Bytes are those of the memory of
Redis. Needs `make testbed`, PostgreSQL and Redis of Debian, Linux and two cores. Takes minutes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "application")]

from load import Caller  # noqa: E402
from setting import OTHER_CORE, SERVED, about, cpu_s, setting, today  # noqa: E402

from components.service.application.answer_cache import ACCESS  # noqa: E402
from testbed.application_services import application_missing  # noqa: E402
from testbed.application_stand_ins import TokenIssuer  # noqa: E402
from testbed.postgres import postgres_missing  # noqa: E402
from testbed.redis import Redis, redis_missing  # noqa: E402

USER = "measured"
ANSWER = "The answer of an engine is about as long as this. " * 40
SIZES = (1_000, 4_000, 16_000)
"""Bytes of answers whose memory is measured."""
SHARED = (1, 50)
"""Answers of one user: alone in a hash, and among many."""
ENTRIES = 4_000
FORM = {
    "model": SERVED,
    "usage": {
        "completion_tokens": 1_000,
        "prompt_tokens": 1_000,
        "total_tokens": 2_000,
        "completion_tokens_details": {"reasoning_tokens": 0},
        "prompt_tokens_details": {"cached_tokens": 0},
    },
    "finish_reason": "stop",
    "tools": [],
}
"""What is kept with a text."""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--repeats", default=5, type=int)
    given.add_argument("--requests", default=100, type=int, help="requests of one repeat")
    options = given.parse_args()
    if missing := postgres_missing() or application_missing() or redis_missing():
        sys.exit(missing)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    with Redis(USER, ACCESS) as redis:
        each, source = memory(redis), f"bench/answers.py; Redis {version(redis)}"
    ratios = [
        (each[SIZES[-1], shared] - each[SIZES[0], shared]) / (SIZES[-1] - SIZES[0])
        for shared in SHARED
    ]
    fixed = [bytes_of - median(ratios) * size for (size, _), bytes_of in each.items()]
    note = "of memory for one of an answer; high is an answer alone in its hash"
    row = [f"{median(ratios):.3g}", f"{max(ratios):.3g}", "ratio", source, today(), "", note]
    rows.writerow(["cache_bytes_per_byte", *row])
    note = f"of its key and its form besides its text; {SHARED[1]} answers of a user, or one"
    row = [f"{min(fixed):.0f}", f"{max(fixed):.0f}", "bytes", source, today(), "", note]
    rows.writerow(["cache_entry_bytes", *row])
    without, _ = calls(options.repeats, options.requests, cache=False)
    found, source = calls(options.repeats, options.requests, cache=True)
    extra = [one - median(without) for one in found]
    note = f"a miss, which looks up and keeps; a streamed answer of {len(ANSWER)} bytes"
    row = [*(f"{value:.3g}" for value in (median(extra), max(extra))), "s", source, today(), ""]
    rows.writerow(["cpu_s_per_cached_call", *row, note])


def memory(redis: Redis) -> dict[tuple[int, int], float]:
    """Bytes of memory of one answer, by its bytes and the answers of its user."""
    found = {}
    for size in SIZES:
        for shared in SHARED:
            redis.ask("FLUSHALL")
            before = used(redis)
            redis.pipe(commands(size, shared))
            found[size, shared] = (used(redis) - before) / ENTRIES
    return found


def commands(size: int, shared: int) -> Iterator[tuple[str, ...]]:
    """Commands that keep answers, as the program of the pods does."""
    for number in range(ENTRIES):
        owner = hashlib.sha256(str(number // shared).encode()).hexdigest()
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        text = (f"{number} {ANSWER}" * (size // len(ANSWER) + 1))[:size]
        yield (
            "HSET",
            f"answers:{owner}",
            digest,
            json.dumps({**FORM, "message": {"content": text}}),
        )
        yield ("EXPIRE", f"answers:{owner}", "3600", "NX")


def used(redis: Redis) -> int:
    return _info(redis, "memory", "used_memory")


def version(redis: Redis) -> str:
    lines = dict(line.strip().split(":", 1) for line in redis.ask("INFO", "server") if ":" in line)
    return lines["redis_version"]


def _info(redis: Redis, section: str, name: str) -> int:
    lines = dict(line.strip().split(":", 1) for line in redis.ask("INFO", section) if ":" in line)
    return int(lines[name])


@contextmanager
def environment(*, cache: bool) -> Iterator[dict[str, str]]:
    """Environment of the server's cache; empty without one."""
    if not cache:
        yield {}
        return
    with Redis(USER, ACCESS) as redis:
        yield {
            "CACHE_HOST": redis.host,
            "CACHE_PORT": str(redis.port),
            "CACHE_NAME": USER,
            "CACHE_USER": USER,
            "CACHE_TTL_S": "3600",
            "CACHE_DEADLINE_MS": "1000",
            "CACHE_LARGEST_BYTES": "131072",
            "CACHE_AUTHORITIES": str(redis.authorities),
        }


def calls(repeats: int, requests: int, *, cache: bool) -> tuple[list[float], str]:
    """CPU seconds of one request in each repeat, and what was measured."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with (
        environment(cache=cache) as more,
        TokenIssuer() as issuer,
        setting(takes_feedback=True, issuer=issuer, more=more) as running,
    ):
        running.engine.text = ANSWER
        caller = Caller(running.application.url, issuer.token("a-user", "application"))
        number = 0

        def load(count: int) -> float:
            nonlocal number
            before = cpu_s(running.pid)
            for _ in range(count):
                number += 1
                messages = [{"role": "user", "content": f"Question {number}"}]
                body = {"model": SERVED, "messages": messages, "stream": True}
                caller.post("/v1/chat/completions", body)
            return (cpu_s(running.pid) - before) / count

        load(requests)
        found = [load(requests) for _ in range(repeats)]
        return found, about(running.postgres).replace("application.py", "answers.py")


if __name__ == "__main__":
    main()
