"""Work of OGX for one request, and what it leaves in PostgreSQL, measured on this machine.

    python bench/application.py [--repeats N] [--requests N] [--limit] >application_work.csv

OGX runs as one process on one core. PostgreSQL, the stand-ins of the engine and of S3, and the
callers share another. CPU seconds are those of the process of OGX, so that another load on the
machine changes them little; a rate is of the wall time. The rows are those of
`sizing/catalog/data/application_work.csv`. Needs `make testbed`, PostgreSQL of
Debian, Linux and two cores. Takes some ten minutes.

Texts are English prose in ASCII. A token is one event of the engine's stream, four bytes here.
"""

from __future__ import annotations

import argparse
import csv
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).with_suffix(""))]

from load import (  # noqa: E402
    Caller,
    Spent,
    Texts,
    completions,
    conversations,
    dialogues,
    first_turns,
    limited,
)
from setting import MODEL, ROLE, SERVED, Setting, about, memory_mib, setting, today  # noqa: E402
from storage import Counts, Stored, counted, least_squares, make_indexes, stored  # noqa: E402

from testbed.application_services import application_missing  # noqa: E402
from testbed.application_stand_ins import CHUNK_BYTES  # noqa: E402
from testbed.postgres import postgres_missing  # noqa: E402

SIZES = (400, 2000)
"""Bytes of a question, and of its answer."""
DIALOGUES = {2: 60, 10: 12, 30: 5}
"""Turns of a conversation, and how many such conversations."""
Row = tuple[str, float, float | None, str, str]
"""Item, value, highest value, unit and notes."""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--repeats", default=5, type=int)
    given.add_argument("--requests", default=40, type=int, help="requests of one repeat")
    given.add_argument("--limit", action="store_true", help="measure the limit of tokens alone")
    options = given.parse_args()
    if missing := postgres_missing() or application_missing():
        sys.exit(missing)
    with setting() as running:
        texts = Texts()
        rows = [*limit_rows(running, options.repeats, 10 * options.requests)]
        if not options.limit:
            warm(running, texts)
            make_indexes(running)
            rows += [
                *completion_rows(running, texts, options.repeats, 2 * options.requests),
                *response_rows(running, texts, options.repeats, options.requests),
            ]
        source = about(running.postgres)
    written = csv.writer(sys.stdout, lineterminator="\n")
    written.writerow(["item", "value", "high", "unit", "source", "checked", "unverified", "notes"])
    for item, value, high, unit, notes in sorted(rows):
        top = "" if high is None else digits(high)
        written.writerow([item, digits(value), top, unit, source, today(), "", notes])


def digits(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value >= 0.001 else f"{value:.6f}"


def warm(running: Setting, texts: Texts) -> None:
    """Requests that make the tables, open the connections and load the code."""
    caller = Caller(running.application.url)
    for stream in (False, True):
        running.engine.text = texts.prose(SIZES[0])
        caller.completion("warm", stream=stream)
        caller.response(caller.conversation(), "warm", stream=stream)
    first_turns(running, conversations(running, 40), "warm", stream=True)


def repeated(name: str, repeats: int, work: Callable[[], Spent]) -> list[Spent]:
    """Results of the same work, so many times."""
    results = [work() for _ in range(repeats)]
    cpu = [one.cpu_s_per_request * 1000 for one in results]
    rates = [one.requests_per_s for one in results]
    said(
        f"{name}: {median(cpu):.2f} ms of CPU (highest {max(cpu):.2f}), "
        f"{median(rates):.1f} requests/s (lowest {min(rates):.1f})"
    )
    return results


def said(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def line_of(measured: dict[int, list[Spent]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """CPU seconds without text and of one token, each with the highest of the repeats."""
    small, large = SIZES
    pairs = list(zip(measured[small], measured[large], strict=True))
    tokens = (large - small) / CHUNK_BYTES
    slopes = [(b.cpu_s_per_request - a.cpu_s_per_request) / tokens for a, b in pairs]
    token = median(slopes)
    rest = [a.cpu_s_per_request - token * small / CHUNK_BYTES for a in measured[small]]
    return (median(rest), max(rest)), (token, max(slopes))


def completion_rows(running: Setting, texts: Texts, repeats: int, requests: int) -> Iterator[Row]:
    """Rows of chat completions, which leave nothing in the database."""
    found: dict[bool, dict[int, list[Spent]]] = {False: {}, True: {}}
    ratios: list[float] = []
    for size in SIZES:
        running.engine.text = texts.prose(size)
        question = texts.prose(size)
        for stream in (False, True):

            def through(url: str, model: str, text: str = question, of: bool = stream) -> Spent:
                return completions(running, url, model, text, requests, stream=of)

            name = f"completion of {size} bytes, {'streamed' if stream else 'whole'}"
            results = repeated(name, repeats, lambda: through(running.application.url, SERVED))
            bare = repeated(f"bare {name}", repeats, lambda: through(running.engine.url, MODEL))
            found[stream][size] = results
            if stream and size == SIZES[0]:
                pairs = zip(results, bare, strict=True)
                ratios = [a.requests_per_s / b.requests_per_s for a, b in pairs]
    (base, high), (token, token_high) = line_of(found[True])
    yield "cpu_s_per_completion", base, high, "s", "streamed, without its tokens"
    yield "cpu_s_per_completion_token", token, token_high, "s", "of an answer that is streamed"
    whole = [one.cpu_s_per_request for results in found[False].values() for one in results]
    yield "cpu_s_per_whole_completion", median(whole), max(whole), "s", "not streamed"
    rates = [one.requests_per_s for one in found[True][SIZES[0]]]
    note = f"streamed, {SIZES[0]} bytes"
    yield "completions_per_s_and_core", median(rates), max(rates), "requests/s", note
    note = f"completions/s with OGX over those of the stand-in alone; streamed, {SIZES[0]} bytes"
    yield "rate_ratio_completion", median(ratios), max(ratios), "ratio", note


def response_rows(running: Setting, texts: Texts, repeats: int, requests: int) -> Iterator[Row]:
    """Rows of responses in conversations."""
    found: dict[bool, dict[int, list[Spent]]] = {False: {}, True: {}}
    connections = Connections(running)
    with connections:
        for size in SIZES:
            for stream in (False, True):
                running.engine.text = texts.prose(size)

                def turn(of: bool = stream, text: str = texts.prose(size)) -> Spent:
                    names = conversations(running, requests)
                    return first_turns(running, names, text, stream=of)

                name = f"response of {size} bytes, {'streamed' if stream else 'whole'}"
                found[stream][size] = repeated(name, repeats, turn)
    (base, high), (token, token_high) = line_of(found[True])
    yield "cpu_s_per_response", base, high, "s", "streamed, without its tokens and its history"
    yield "cpu_s_per_response_token", token, token_high, "s", "of an answer that is streamed"
    (base_whole, high_whole), (whole_token, whole_high) = line_of(found[False])
    note = "not streamed, without its tokens and its history"
    yield "cpu_s_per_whole_response", base_whole, high_whole, "s", note
    note = "not streamed: OGX always streams from the engine"
    yield "cpu_s_per_whole_response_token", whole_token, whole_high, "s", note
    rates = [one.requests_per_s for one in found[True][SIZES[0]]]
    note = f"first turn, streamed, {SIZES[0]} bytes"
    yield "responses_per_s_and_core", median(rates), max(rates), "requests/s", note
    yield from count_rows(running, texts, requests)
    yield from storage_rows(running, texts, (base_whole, whole_token))
    note = "one process after the load; high is its peak"
    memory = memory_mib(running.pid, "VmRSS"), memory_mib(running.pid, "VmHWM")
    yield "process_mib", memory[0], memory[1], "MiB", note
    note = "pool_size 5 and max_overflow 0 for SQL, pool_size 1 and max_overflow 0 for keys"
    yield "connections_per_process", connections.most, None, "connections", note


def limit_rows(running: Setting, repeats: int, requests: int) -> Iterator[Row]:
    """Rows of the limit of tokens, which has a process of its own here."""
    tokens = SIZES[1] // CHUNK_BYTES
    seconds, writes = limited(running, repeats, requests, tokens)
    usual, highest = median(seconds) * 1000, max(seconds) * 1000
    said(f"limit of tokens: {usual:.2f} ms of CPU (highest {highest:.2f})")
    note = f"of the limit of tokens alone, for a streamed answer of {tokens} tokens"
    yield "cpu_s_per_limited_response", median(seconds), max(seconds), "s", note
    note = "statements of the limit of tokens, each a transaction: it reserves and settles"
    yield "commits_per_limited_response", writes, None, "commits", note


class Connections:
    """The most connections of OGX to PostgreSQL between entry and exit."""

    def __init__(self, running: Setting) -> None:
        self.most = 0
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        while not self._ended.wait(1):
            self.most = max(self.most, int(self._running.postgres.execute(sql)[0][0]))


def count_rows(running: Setting, texts: Texts, requests: int) -> Iterator[Row]:
    """Rows of transactions and statements, of first turns and of the tenth and later."""
    first = one_count(running, texts, requests, turns=1)
    later = one_count(running, texts, max(requests // 10, 1), turns=10)
    units = ("commits", "rollbacks", "statements", "writes")
    notes = (
        "transactions that end with a commit",
        "transactions that end with a rollback: reads",
        "selects, inserts, updates and deletes",
        "inserts, updates and deletes",
    )
    for name, note in zip(units, notes, strict=True):
        values = [getattr(counts, name) / sent for sent, counts in (first, later)]
        yield f"{name}_per_response", max(values), None, name, f"{note}; the same in turns 1 to 10"
    _, made = counted(running, lambda: conversations(running, requests))
    note = "transactions that end with a commit, to make it"
    yield "commits_per_conversation", made.commits / requests, None, "commits", note
    sizes = [counts.wal_bytes / sent for sent, counts in (first, later)]
    note = f"without full pages, {SIZES[0]} bytes; first turn, high is the mean of 10 turns"
    yield "wal_bytes_per_response", sizes[0], sizes[1], "bytes", note


def one_count(running: Setting, texts: Texts, count: int, turns: int) -> tuple[int, Counts]:
    """Requests, and what PostgreSQL counted for them."""
    names = conversations(running, count)
    work = lambda: dialogues(running, names, turns, lambda: texts.prose(SIZES[0]))  # noqa: E731
    used, counts = counted(running, work)
    said(f"{used.requests} responses of {turns} turns: {counts}")
    return used.requests, counts


def storage_rows(running: Setting, texts: Texts, whole: tuple[float, float]) -> Iterator[Row]:
    """Rows of bytes per interaction: constant + text x (copies + history copies x turns before)."""
    found = []
    for size in SIZES:
        for turns, count in DIALOGUES.items():
            found.append(one_store(running, count, turns, size, texts.prose))
    hard = [one_store(running, n, turns, SIZES[1], texts.random) for turns, n in ((2, 30), (10, 6))]
    yield from byte_rows(found, hard)
    base, token = whole
    history = [one for one in found if one.turns > 2]
    costs = [
        (one.spent.cpu_s_per_request - base - token * one.text_bytes / 2 / CHUNK_BYTES)
        / (one.history_bytes / 1024)
        for one in history
    ]
    note = "text of the turns before, questions and answers; high is the highest of 4 shapes"
    yield "cpu_s_per_history_kib", median(costs), max(costs), "s", note


def byte_rows(found: Sequence[Stored], hard: Sequence[Stored]) -> Iterator[Row]:
    shape = lambda one: (1.0, float(one.text_bytes), one.history_bytes)  # noqa: E731
    fitted = least_squares(map(shape, found), [one.bytes_per_interaction for one in found])
    errors = [
        abs(
            sum(a * b for a, b in zip(fitted, shape(one), strict=True)) / one.bytes_per_interaction
            - 1
        )
        for one in found
    ]
    # Basis: text that does not compress; the constant is that of prose.
    raw = least_squares(
        [shape(one)[1:] for one in hard], [one.bytes_per_interaction - fitted[0] for one in hard]
    )
    note = f"bytes = this + text x text_copies + history x history_copies; within {max(errors):.0%}"
    yield "row_bytes_per_response", fitted[0], None, "bytes", note
    note = "of question and answer; high is text that does not compress"
    yield "text_copies_per_response", fitted[1], raw[0], "copies", note
    note = "of the text of the turns before, at each turn; high is text that does not compress"
    yield "history_copies_per_response", fitted[2], raw[1], "copies", note
    rows = [one.rows / one.interactions for one in found]
    each, once = least_squares(((1.0, 1 / one.turns) for one in found), rows)
    yield "rows_per_response", each, None, "rows", "2 items and a response"
    yield "rows_per_conversation", once, None, "rows", "a conversation and its messages"
    ratios = [one.index_ratio for one in found]
    note = "indexes over tables with their long values; high is of short texts"
    yield "index_ratio", median(ratios), max(ratios), "ratio", note
    dead = [one.dead_ratio for one in found]
    note = "size before a rewrite over the size after: dead rows that vacuum has not freed"
    yield "dead_ratio", median(dead), max(dead), "ratio", note


def one_store(
    running: Setting, count: int, turns: int, size: int, text: Callable[[int], str]
) -> Stored:
    """Bytes of conversations, which are printed by table."""
    found = stored(running, count, turns, 2 * size, text)
    by_table = {name: round(value / found.interactions) for name, value in found.by_table.items()}
    said(
        f"{count} x {turns} turns of 2 x {size} bytes: {found.bytes_per_interaction:.0f} bytes "
        f"each, {by_table}, indexes {found.index_ratio:.1%} of the tables, "
        f"{found.dead_ratio:.2f} before a rewrite, "
        f"{found.spent.cpu_s_per_request * 1000:.1f} ms of CPU"
    )
    return found


if __name__ == "__main__":
    main()
