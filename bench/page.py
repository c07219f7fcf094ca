"""Work of a chat page for one question, and what it leaves in PostgreSQL, measured on this machine.

    python bench/page.py [--repeats N] [--people N]

It prints the rows `page_*` of `sizing/catalog/data/application_work.csv`. Open WebUI runs behind
this project's program as one process on one core. PostgreSQL, a stand-in of the application and
the people share another. CPU seconds are those of the process, so that another load on the machine
changes them little. Needs `make testbed`, PostgreSQL of Debian, Linux and two cores. Takes some
ten minutes.

A token is one event of the stream of an answer, four bytes here.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "application")]

from load import Texts  # noqa: E402
from setting import OGX_CORE, OTHER_CORE, cpu, cpu_s, memory_mib, today  # noqa: E402

from templates.programs import PAGE, program  # noqa: E402
from testbed.application_stand_ins import CHUNK_BYTES, EngineStandIn, TokenIssuer  # noqa: E402
from testbed.aws_services import free_port  # noqa: E402
from testbed.page_service import (  # noqa: E402
    PYTHON,
    Balancer,
    ChatPage,
    make_tables,
    page_environment,
    page_missing,
)
from testbed.postgres import Postgres, postgres_missing  # noqa: E402

MODEL, ROLE, DATABASE = "engine/stand-in", "page", "page"
QUESTION_BYTES = 400
ANSWER_TOKENS = (50, 400)
"""Tokens of an answer, whose difference gives the work of one token."""
EVENT_S = 0.01
"""Seconds between two tokens, as of a fast engine. Guard: the page handles events that come at once
for less than those of an engine, which come one by one."""
TURNS = 8
"""Questions of a conversation, which follow one sign-in."""
FLUSH_S = 12
"""Seconds after which idle connections have reported what they wrote."""
PEOPLE_S = 1_200
WRITTEN = "tup_inserted + tup_updated + tup_deleted"
TABLES = "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"
"""Tables of the schema `public`."""
Row = tuple[str, float, float | None, str, str]
"""Item, value, highest value, unit and notes."""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--repeats", default=3, type=int)
    given.add_argument("--people", default=3, type=int, help="people at once")
    options = given.parse_args()
    if missing := postgres_missing() or page_missing():
        sys.exit(missing)
    with setting() as running:
        running.work(options.people, 1, ANSWER_TOKENS[0], running.texts.prose)
        rows = [*measured(running, options.people, options.repeats)]
        source = about(running.postgres)
    written = csv.writer(sys.stdout, lineterminator="\n")
    for item, value, high, unit, notes in sorted(rows):
        top = "" if high is None else f"{high:.3g}"
        written.writerow([item, f"{value:.3g}", top, unit, source, today(), "", notes])


class Answers(EngineStandIn):
    """A stand-in of the application, each of whose answers has another text of one size."""

    tokens = ANSWER_TOKENS[0]
    made: Callable[[int], str]

    @property
    def text(self) -> str:
        return self.made(CHUNK_BYTES * self.tokens)

    @text.setter
    def text(self, _: str) -> None:
        """Nothing: no text is kept."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Work of a page for some questions."""

    turns: int
    cpu_s: float
    written: int
    """Rows that PostgreSQL inserted, updated and deleted."""
    kept: int
    """Bytes of all tables with their indexes, without dead rows."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The running processes of a measurement."""

    postgres: Postgres
    application: Answers
    page: ChatPage
    balancer: Balancer
    issuer: TokenIssuer
    texts: Texts
    names: Iterator[int]

    @property
    def pid(self) -> int:
        """Process id of Open WebUI."""
        return self.page.workers[0]

    def rows(self, sql: str) -> list[list[str]]:
        """Rows of a statement in the page's database."""
        return self.postgres.execute(sql, database=DATABASE)

    def work(self, people: int, turns: int, tokens: int, text: Callable[[int], str]) -> Spent:
        """What the page takes for new people who ask so many questions each."""
        self.application.tokens, self.application.made = tokens, text
        # Guard: rewriting tables changes rows of the catalog, so that the count begins after it.
        kept = self._kept()
        before, started = self._written(), cpu_s(self.pid)
        answered = self._ask(people, turns, text)
        used = cpu_s(self.pid) - started
        time.sleep(FLUSH_S)
        written = self._written() - before
        found = Spent(turns=answered, cpu_s=used, written=written, kept=self._kept() - kept)
        print(f"  {people} x {turns} of {tokens} tokens: {found}", file=sys.stderr, flush=True)
        return found

    def _ask(self, people: int, turns: int, text: Callable[[int], str]) -> int:
        """Let people ask; return the number of their answers."""
        each = [
            {
                "headers": self._headers(f"person-{next(self.names)}"),
                "questions": [text(QUESTION_BYTES) for _ in range(turns)],
            }
            for _ in range(people)
        ]
        done = subprocess.run(
            [str(PYTHON), str(ROOT / "bench" / "page" / "people.py")],
            input=json.dumps({"url": self.page.url, "model": MODEL, "people": each}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=PEOPLE_S,
        )
        return int(done.stdout)

    def _headers(self, subject: str) -> dict[str, str]:
        """Headers of a load balancer, which hold for the whole measurement."""
        return {
            "x-amzn-oidc-data": self.balancer.claims(subject, exp=int(time.time()) + PEOPLE_S),
            "x-amzn-oidc-accesstoken": self.issuer.token(subject, "page"),
        }

    def _written(self) -> int:
        sql = f"SELECT {WRITTEN} FROM pg_stat_database WHERE datname = '{DATABASE}'"
        return int(self.rows(sql)[0][0])

    def _kept(self) -> int:
        """Bytes of all tables after they are rewritten without dead rows."""
        names = [name for [name] in self.rows(TABLES)]
        self.rows(";".join(f"VACUUM FULL {name}" for name in names))
        sizes = f"SELECT sum(pg_total_relation_size(t)) FROM ({TABLES}) AS n(t)"
        return int(self.rows(sizes)[0][0])


@contextmanager
def setting() -> Iterator[Setting]:
    """Start everything, Open WebUI on a core of its own, and end it."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with (
        TemporaryDirectory() as name,
        Postgres({"autovacuum": "off"}) as postgres,
        Answers(MODEL) as application,
        TokenIssuer() as issuer,
    ):
        folder = Path(name)
        application.event_delay_s = EVENT_S
        for each in PAGE:
            (folder / f"{each}.py").write_text(program(each).text)
        (folder / "password").write_text(ROLE)
        postgres.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
        postgres.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        (folder / "keys").mkdir()
        balancer = Balancer(folder / "keys")
        environment = page_environment(application.url, MODEL, balancer.keys_url) | {
            "DATABASE_HOST": postgres.host,
            "DATABASE_PORT": str(postgres.port),
            "DATABASE": DATABASE,
            "DATABASE_TLS": "disable",
            "ROLE": ROLE,
            "SECRET_FILE": str(folder / "password"),
            "PORT": str(free_port()),
        }
        make_tables(folder, environment, folder)
        with ChatPage(folder, environment) as page:
            running = Setting(
                postgres=postgres,
                application=application,
                page=page,
                balancer=balancer,
                issuer=issuer,
                texts=Texts(),
                names=count(),
            )
            for thread in Path(f"/proc/{running.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {OGX_CORE})
            yield running


def measured(running: Setting, people: int, repeats: int) -> Iterator[Row]:
    """Rows of CPU time, of memory and of the database."""
    few, many = ANSWER_TOKENS
    prose = running.texts.prose
    found = {
        tokens: [running.work(people, TURNS, tokens, prose) for _ in range(repeats)]
        for tokens in ANSWER_TOKENS
    }
    hard = running.work(people, TURNS, many, running.texts.random)
    first = running.work(2 * people, 1, few, prose)
    seconds = {t: [each.cpu_s / each.turns for each in found[t]] for t in ANSWER_TOKENS}
    pairs = zip(seconds[few], seconds[many], strict=True)
    slopes = [(high - low) / (many - few) for low, high in pairs]
    token = median(slopes)
    note = f"of an answer that is streamed; {TURNS} turns, {many} and {few} tokens"
    yield "page_cpu_s_per_token", token, max(slopes), "s", note
    rest = [each - token * tokens for tokens in ANSWER_TOKENS for each in seconds[tokens]]
    note = f"without the tokens of its answer; one of {TURNS} turns after a sign-in, included"
    yield "page_cpu_s_per_turn", median(rest), max(rest), "s", note
    yield from storage(found, hard, first)
    note = "one process after the load; high is its peak"
    memory = memory_mib(running.pid, "VmRSS"), memory_mib(running.pid, "VmHWM")
    yield "page_process_mib", *memory, "MiB", note


def storage(found: dict[int, Sequence[Spent]], hard: Spent, first: Spent) -> Iterator[Row]:
    """Rows of the database: bytes of a turn = constant + copies x text of question and answer."""
    few, many = ANSWER_TOKENS
    text = {tokens: QUESTION_BYTES + CHUNK_BYTES * tokens for tokens in ANSWER_TOKENS}
    kept = {t: sum(each.kept for each in found[t]) / total(found[t]) for t in ANSWER_TOKENS}
    copies = (kept[many] - kept[few]) / (text[many] - text[few])
    constant = kept[few] - copies * text[few]
    note = "bytes = this + text x page_text_copies_per_turn; high is of conversations of one turn"
    alone = first.kept / first.turns - copies * text[few]
    yield "page_row_bytes_per_turn", constant, max(alone, constant), "bytes", note
    raw = (hard.kept / hard.turns - constant) / text[many]
    note = "of question and answer, of English prose; high is of text that does not compress"
    yield "page_text_copies_per_turn", copies, raw, "copies", note
    written = sum(each.written for each in found[few]) / total(found[few])
    note = "inserted, updated and deleted; high is of long answers, whose parts are rows too"
    most = max(each.written / each.turns for each in (first, *found[many]))
    yield "page_writes_per_turn", written, max(written, most), "rows", note


def total(found: Sequence[Spent]) -> int:
    return sum(each.turns for each in found)


def about(postgres: Postgres) -> str:
    """Programs and processor of a measurement."""
    code = "from importlib.metadata import version as v; print(v('open-webui'))"
    page = subprocess.run([str(PYTHON), "-c", code], check=True, capture_output=True, text=True)
    database = postgres.version.split()[0]
    return (
        f"bench/page.py; Open WebUI {page.stdout.strip()}; PostgreSQL {database}; "
        f"one core of {cpu()}"
    )


if __name__ == "__main__":
    main()
