"""Work and memory of the cache of answers, measured on this machine.

    python bench/answers.py [--repeats N] [--calls N]

It prints four rows of `sizing/catalog/data/application_work.csv`. CPU seconds are those of the
programs of the application's pods in OGX's Python, without OGX's server, for calls that miss: each
looks up an answer and keeps one. The cache is Redis with TLS, and bytes are those of its memory.
Needs `make testbed` and Redis of Debian. Takes a minute.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "application")]

from setting import SERVED, cpu, programs_folder, today  # noqa: E402

from components.service.application.answer_cache import ACCESS  # noqa: E402
from testbed.application_services import PYTHON, application_missing  # noqa: E402
from testbed.redis import Redis, redis_missing  # noqa: E402

USER = "measured"
ANSWER = "The answer of an engine is about as long as this. " * 40
SHORT = "Yes."
CHUNK_BYTES = 4
"""Text of one event of the stand-in: about one token of English."""
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
    given.add_argument("--calls", default=100, type=int, help="calls of one repeat")
    options = given.parse_args()
    if missing := application_missing() or redis_missing():
        sys.exit(missing)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    with Redis(USER, ACCESS) as redis:
        each, source = memory(redis), about(redis)
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
    with Redis(USER, ACCESS) as redis, programs_folder() as programs:
        short, long = (
            calls(redis, programs, text, options.repeats, options.calls) for text in (SHORT, ANSWER)
        )
    tokens = (len(ANSWER) - len(SHORT)) / CHUNK_BYTES
    each = [(one - median(short)) / tokens for one in long]
    note = "of a miss, which looks up and keeps; a streamed answer of one token"
    row = [*spread(short), "s", source, today(), "", note]
    rows.writerow(["cpu_s_per_cached_call", *row])
    note = f"of an answer that is streamed and kept; of {tokens:.0f} tokens"
    row = [*spread(each), "s", source, today(), "", note]
    rows.writerow(["cpu_s_per_cached_token", *row])


def spread(values: list[float]) -> list[str]:
    """Median and highest of some values."""
    return [f"{value:.3g}" for value in (median(values), max(values))]


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
    return int(_info(redis, "memory", "used_memory"))


def about(redis: Redis) -> str:
    """Programs and processor of a measurement."""
    return f"bench/answers.py; Redis {_info(redis, 'server', 'redis_version')}; one core of {cpu()}"


def _info(redis: Redis, section: str, name: str) -> str:
    lines = dict(line.strip().split(":", 1) for line in redis.ask("INFO", section) if ":" in line)
    return lines[name]


def calls(redis: Redis, programs: Path, answer: str, repeats: int, count: int) -> list[float]:
    """CPU seconds of the cache for one call, in each repeat."""
    redis.ask("FLUSHALL")
    given = {
        "PYTHONPATH": str(programs),
        "CACHE_HOST": redis.host,
        "CACHE_PORT": str(redis.port),
        "CACHE_NAME": USER,
        "CACHE_USER": USER,
        "CACHE_TTL_S": "3600",
        "CACHE_AUTHORITIES": str(redis.authorities),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "ANSWER": answer,
        "REPEATS": str(repeats),
        "CALLS": str(count),
    }
    command = [str(PYTHON), str(ROOT / "bench" / "application" / "answering.py")]
    found = subprocess.run(command, check=True, env=given, stdout=subprocess.PIPE, text=True)
    (kept,) = redis.ask("HVALS", *redis.ask("KEYS", "*"))[:1] or [""]
    if answer[:20] not in kept:
        raise AssertionError("nothing was kept")
    return [float(line) for line in found.stdout.splitlines()]


if __name__ == "__main__":
    main()
