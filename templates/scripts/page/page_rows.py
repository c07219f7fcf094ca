"""Delete rows of a chat page: `expire` what is due, or `erase SUBJECT` altogether.

It runs in OGX's image with asyncpg and boto3, without any other library, and prints one JSON line
with counts. It may be killed at any point and run again.

`expire` deletes what nobody has changed for RETENTION_DAYS: conversations with their messages, and
then the accounts of people who have none and were not there since. `erase SUBJECT` deletes every
row of one person, by the subject of their tokens.

DATABASE_HOST, DATABASE_PORT, DATABASE, DATABASE_TLS, ROLE, AWS_REGION, and SECRET_FILE or
SECRET_ARN say where the database is. BATCH is the most conversations, accounts or other rows of
one transaction. The exit code is 0, 1 where something is left or out of reach, or 2 for wrong
arguments.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from application_database import FAULTS, connected, in_schema, login_of, tables
from application_deletion import run
from application_secret import report

DAY_S = 86_400
CHATS, MESSAGES, ACCOUNTS, LOGINS = map(in_schema, ("chat", "chat_message", "user", "auth"))
OF_CHAT, OF_ACCOUNT = "chat_id", "user_id"
"""Columns of rows that belong to a conversation, and to an account.

Guard: few of these tables name their owner by a foreign key."""
IDLE = (
    f"a.last_active_at < $1 AND a.updated_at < $1"
    f" AND NOT EXISTS (SELECT FROM {CHATS} c WHERE c.user_id = a.id)"
)
"""Accounts without conversations whose people were not there since a time."""
DUE = "coalesce(c.updated_at, 0) < $1"
"""Conversations that nobody has changed since a time."""


class Rows:
    """Rows of the page; `deleted` counts them by table."""

    def __init__(self, connection: Any, batch: int) -> None:
        self.database, self._batch = connection, batch
        self.deleted: dict[str, int] = {}

    async def expire(self, before: int) -> int:
        """Delete what nobody has changed since a time in seconds; return the number of rows left.

        Guard: a conversation that somebody changes meanwhile is no longer due, and stays.
        """
        due = f"SELECT c.id FROM {CHATS} c WHERE {DUE} LIMIT $2 FOR UPDATE SKIP LOCKED"
        while await self._end(due, before, self._end_chats):
            pass
        idle = f"SELECT a.id FROM {ACCOUNTS} a WHERE {IDLE} LIMIT $2 FOR UPDATE OF a SKIP LOCKED"
        while await self._end(idle, before, self._end_accounts):
            pass
        left: int = await self.database.fetchval(
            f"SELECT count(*) FROM {CHATS} c WHERE {DUE}", before
        )
        return left

    async def erase(self, subject: str) -> int:
        """Delete everything of a person; return the number of rows left."""
        find = f"SELECT id FROM {ACCOUNTS} WHERE email = $1"
        account: str | None = await self.database.fetchval(find, email_of(subject))
        if account is None:
            return 0
        own = f"SELECT c.id FROM {CHATS} c WHERE c.user_id = $1 LIMIT $2"
        while await self._end(own, account, self._end_chats):
            pass
        owned = await self._tables(OF_ACCOUNT)
        async with self.database.transaction():
            await self._end_accounts([account])
        counts = [f"SELECT count(*) FROM {table} WHERE user_id = $1" for table in owned]
        left: list[int] = [await self.database.fetchval(count, account) for count in counts]
        still = f"SELECT count(*) FROM {ACCOUNTS} WHERE id = $1"
        accounts: int = await self.database.fetchval(still, account)
        return sum(left) + accounts

    async def _end(self, find: str, value: object, end: Any) -> int:
        """Delete a batch of what a query finds, in one transaction, and return its number."""
        async with self.database.transaction():
            found = await self.database.fetch(find, value, self._batch)
            await end([row["id"] for row in found])
        return len(found)

    async def _end_chats(self, ids: Sequence[str]) -> None:
        """Delete conversations with all that belongs to them."""
        for table in await self._tables(OF_CHAT):
            await self._delete(table, OF_CHAT, ids)
        await self._delete(CHATS, "id", ids)

    async def _end_accounts(self, ids: Sequence[str]) -> None:
        """Delete accounts with all that belongs to them.

        Guard: a conversation that begins meanwhile goes too, with its messages.
        """
        chats = await self.database.fetch(f"SELECT id FROM {CHATS} WHERE user_id = ANY($1)", ids)
        await self._end_chats([row["id"] for row in chats])
        for table in await self._tables(OF_ACCOUNT):
            await self._delete(table, OF_ACCOUNT, ids)
        for table in (LOGINS, ACCOUNTS):
            await self._delete(table, "id", ids)

    async def _tables(self, column: str) -> list[str]:
        return [in_schema(name) for name in await tables(self.database, column)]

    async def _delete(self, table: str, column: str, ids: Sequence[str]) -> None:
        done: str = await self.database.execute(
            f"DELETE FROM {table} WHERE {column} = ANY($1)", ids
        )
        name = table.rpartition(".")[2].strip('"')
        self.deleted[name] = self.deleted.get(name, 0) + int(done.rpartition(" ")[2])


def email_of(subject: str) -> str:
    """Name of the account of a subject, as `page_identity.py` makes it."""
    return f"{hashlib.sha256(subject.encode()).hexdigest()}@user.invalid"


async def expired(given: Mapping[str, str], days: int, batch: int) -> int:
    """Delete what is due, report it, and return how much is left."""
    async with connected(given, login_of(given)) as connection:
        rows = Rows(connection, batch)
        left = await rows.expire(int(time.time()) - days * DAY_S)
    report("expired", deleted=rows.deleted, left=left)
    return left


async def erased(given: Mapping[str, str], subject: str, batch: int) -> int:
    """Delete everything of a person, report it, and return how much is left."""
    async with connected(given, login_of(given)) as connection:
        rows = Rows(connection, batch)
        left = await rows.erase(subject)
    report("erased", deleted=rows.deleted, left=left)
    return left


def main(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run one of the two, and return the exit code."""
    return run(words, given, expire=expired, erase=erased, faults=FAULTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
