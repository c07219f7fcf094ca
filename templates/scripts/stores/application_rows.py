"""Delete rows of the application's users: `expire` what is due, or `erase OWNER` altogether.

It runs in OGX's image with asyncpg and boto3, without any other library, and prints one JSON line
with counts. It may be killed at any point and run again.

`expire` deletes what nobody has used for RETENTION_DAYS. A conversation is due when it and its last
item are older; its items and its history go with it. A response is due by its own age, and so are a
day of feedback and the row of a file, whose object the bucket deletes. What belongs to no
conversation goes at once: OGX keeps the history of a conversation that its user deletes. Prompts
stay until their users delete them. Counts of tokens go when their minute is long over.

`erase OWNER` deletes every row of one user in all tables, and all versions of the objects of their
files in BUCKET, below KEY_PREFIX where that is given, their lines of feedback, and the answers that
a cache keeps for them. A line is in the bucket 15 minutes after it was sent, or up to 24 hours
while deliveries fail: run it again then.

Documents are the operator's, and stay. `expire` drops the vectors of earlier embedding models;
DOCUMENTS names the store of the present one, and without it all are dropped.

FEEDBACK_BUCKET is the bucket of feedback, where there is one, and CACHE_HOST the cache of answers.
DATABASE_HOST, DATABASE_PORT, DATABASE, DATABASE_TLS, ROLE, AWS_REGION, and SECRET_FILE or
SECRET_ARN say where the database is. BATCH is the most conversations, responses or other rows of
one transaction. The exit code is 0, 1 where something is left or out of reach, or 2 for wrong
arguments.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from application_cache import FAULTS as CACHE_FAULTS
from application_cache import erased as erased_answers
from application_database import COUNTS, FAULTS, connected, in_schema, login_of, tables, take_turn
from application_deletion import run
from application_files import Files
from application_records import Records, Removed
from application_secret import report

DAY_S = 86_400
FEEDBACK_TURN = 5_130_727
"""Number of the turn to remove feedback. Guard: no other program uses it."""
COUNTED_S = 7_200
"""Seconds for which a count is kept: longer than any answer, which settles it at its end."""
CONVERSATIONS = in_schema("openai_conversations")
ITEMS = in_schema("conversation_items")
RESPONSES = in_schema("responses")
FILES = in_schema("openai_files")
REGISTRY = in_schema("ogx_kvstore")
OF_DOCUMENTS, DOCUMENT_VERSIONS = "vs_documents_", "document_versions"
"""Beginning of the tables of vectors of documents, one for each embedding model."""
DUE = (
    f"FROM {CONVERSATIONS} c WHERE c.created_at < $1 AND NOT EXISTS"
    f" (SELECT FROM {ITEMS} i WHERE i.conversation_id = c.id AND i.created_at >= $1)"
)
"""Conversations that nobody has used since a time."""
ORPHAN = f"NOT EXISTS (SELECT FROM {CONVERSATIONS} c WHERE c.id = t.conversation_id)"
"""Rows of a conversation that does not exist. OGX makes a conversation before anything in it."""


class Rows:
    """Rows of the application; `deleted` counts them by table."""

    def __init__(self, connection: Any, batch: int) -> None:
        self.database, self._batch = connection, batch
        self.deleted: dict[str, int] = {}

    async def expire(self, before: int) -> int:
        """Delete what is older than a time in seconds; return the number of rows left."""
        time_and_id: tuple[int, str] = (0, "")
        while due := await self.database.fetch(
            f"SELECT c.created_at, c.id {DUE} AND (c.created_at, c.id) > ($2, $3)"
            " ORDER BY c.created_at, c.id LIMIT $4",
            before,
            *time_and_id,
            self._batch,
        ):
            time_and_id = (due[-1]["created_at"], due[-1]["id"])
            await self._end_conversations([row["id"] for row in due], before)
        for table in await self._tables("conversation_id"):
            await self._end_orphans(table)
        for table in (RESPONSES, FILES):
            while await self._delete(table, "created_at < $1", before):
                pass
        while await self._delete(COUNTS, "minute < $1", int(time.time()) - COUNTED_S):
            pass
        left: int = await self.database.fetchval(
            f"SELECT (SELECT count(*) {DUE})"
            f" + (SELECT count(*) FROM {RESPONSES} WHERE created_at < $1)"
            f" + (SELECT count(*) FROM {FILES} WHERE created_at < $1)",
            before,
        )
        return left

    async def erase(self, owner: str, files: Files) -> int:
        """Delete everything of a user; return the number of rows left.

        Guard: the object of a file goes before its row, so that another run finds it.
        """
        last = ""
        while found := await self._owned(FILES, owner, last):
            last = found[-1]
            gone = [file for file in found if files.erase(file)]
            await self._delete(FILES, "id = ANY($1)", gone)
        last = ""
        while found := await self._owned(CONVERSATIONS, owner, last):
            last = found[-1]
            await self._end_conversations(found)
        owned = await self._tables("owner_principal")
        for table in owned:
            while table != FILES and await self._delete(table, "owner_principal = $1", owner):
                pass
        counts = [f"SELECT count(*) FROM {table} WHERE owner_principal = $1" for table in owned]
        # Guard: the registry has no column of owners, but its values may name one.
        named = f"SELECT count(*) FROM {REGISTRY} WHERE strpos(value, $1) > 0"
        left: list[int] = [await self.database.fetchval(count, owner) for count in counts]
        registered: int = await self.database.fetchval(named, json.dumps(owner))
        return sum(left) + registered

    async def _tables(self, column: str) -> list[str]:
        return [in_schema(name) for name in await tables(self.database, column)]

    async def _owned(self, table: str, owner: str, last: str) -> list[str]:
        """Ids of a batch of a user's rows after an id."""
        rows = await self.database.fetch(
            f"SELECT id FROM {table} WHERE owner_principal = $1 AND id > $2 ORDER BY id LIMIT $3",
            owner,
            last,
            self._batch,
        )
        return [row["id"] for row in rows]

    async def _end_conversations(self, ids: Sequence[str], before: int | None = None) -> None:
        """Delete conversations with all that belongs to them, in one transaction.

        Guard: one that was used meanwhile is no longer due, and stays.
        """
        async with self.database.transaction():
            if before is not None:
                found = await self.database.fetch(
                    f"SELECT c.id {DUE} AND c.id = ANY($2) FOR UPDATE OF c", before, ids
                )
                ids = [row["id"] for row in found]
            await self._delete(CONVERSATIONS, "id = ANY($1)", ids)
            for table in await self._tables("conversation_id"):
                while await self._delete(table, "conversation_id = ANY($1)", ids):
                    pass

    async def _end_orphans(self, table: str) -> None:
        """Delete the rows of a table whose conversation does not exist."""
        last = ""
        while found := await self.database.fetch(
            f"SELECT DISTINCT t.conversation_id FROM {table} t WHERE t.conversation_id > $1"
            f" AND {ORPHAN} ORDER BY t.conversation_id LIMIT $2",
            last,
            self._batch,
        ):
            ids = [row["conversation_id"] for row in found]
            last = ids[-1]
            while await self._delete(table, f"conversation_id = ANY($1) AND {ORPHAN}", ids):
                pass

    async def _delete(self, table: str, condition: str, value: object) -> int:
        """Delete at most a batch of rows, and return their number.

        Guard: the condition is stated twice. A row that changes meanwhile must still fulfil it.
        """
        done: str = await self.database.execute(
            f"DELETE FROM {table} t WHERE {condition} AND ctid = ANY(ARRAY("
            f"SELECT ctid FROM {table} t WHERE {condition} LIMIT $2))",
            value,
            self._batch,
        )
        count, name = int(done.rpartition(" ")[2]), table.rpartition(".")[2].strip('"')
        self.deleted[name] = self.deleted.get(name, 0) + count
        return count


async def without_other_documents(connection: Any, store: str) -> None:
    """Drop the vectors of earlier embedding models, or all where no store is left: no search reads
    them any more."""
    kept = f"vs_{store.replace('-', '_')}"
    for name in await tables(connection, "embedding"):
        if name.startswith(OF_DOCUMENTS) and name != kept:
            await connection.execute(f"DROP TABLE {in_schema(name)}")
            report("documents_dropped", table=name)
    for name in await tables(connection, "chunks"):
        if name == DOCUMENT_VERSIONS:
            await connection.execute(f"DELETE FROM {in_schema(name)} WHERE store <> $1", store)


async def expired(given: Mapping[str, str], days: int, batch: int) -> int:
    """Delete what is due, report it, and return how much is left."""
    async with connected(given, login_of(given)) as connection:
        rows = Rows(connection, batch)
        left = await rows.expire(int(time.time()) - days * DAY_S)
        left += await without_feedback(given, rows, lambda records: records.expire(days))
        await without_other_documents(connection, given.get("DOCUMENTS", ""))
    report("expired", deleted=rows.deleted, left=left)
    return left


async def erased(given: Mapping[str, str], owner: str, batch: int) -> int:
    """Delete everything of a user, report it, and return how much is left."""
    async with connected(given, login_of(given)) as connection:
        rows = Rows(connection, batch)
        left = await rows.erase(owner, Files(given))
        left += await without_feedback(given, rows, lambda records: records.erase(owner))
        left += await without_answers(given, rows, owner)
    report("erased", deleted=rows.deleted, left=left)
    return left


async def without_answers(given: Mapping[str, str], rows: Rows, owner: str) -> int:
    """Delete what a cache keeps for a user, where there is one; return how much is left.

    Raises one of `CACHE_FAULTS`, after all else is deleted.
    """
    if not given.get("CACHE_HOST"):
        return 0
    rows.deleted["answers"], left = await erased_answers(given, owner)
    return left


async def without_feedback(
    given: Mapping[str, str], rows: Rows, work: Callable[[Records], Removed]
) -> int:
    """Remove feedback, where there is some, and return how much is left.

    Guard: one program at a time. Each writes objects again that another one has read.
    """
    if not given.get("FEEDBACK_BUCKET"):
        return 0
    await take_turn(rows.database, FEEDBACK_TURN)
    removed = work(Records(given))
    rows.deleted["feedback"] = removed.count
    for key in removed.unread:
        report("feedback_unread", key=key)
    return removed.left


def main(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run one of the two, and return the exit code."""
    return run(words, given, expire=expired, erase=erased, faults=(*FAULTS, *CACHE_FAULTS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
