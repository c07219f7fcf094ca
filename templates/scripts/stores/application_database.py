"""Connections to the database of an application, and turns among programs that change it.

It runs in OGX's image with asyncpg and boto3, without any other library.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from application_secret import AWS_ERRORS, Login, Secret, SecretError

SCHEMA = "application"
"""Schema of OGX's tables."""
COUNTS = f"{SCHEMA}.token_counts"
"""Table of the tokens of each user in each minute."""
CONNECT_S = 30
DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
FAULTS = (*DATABASE_ERRORS, *AWS_ERRORS, SecretError)
"""What ends a program with its exit code 1, and may pass."""
LIVENESS = {
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
    "tcp_keepalives_count": "4",
}
"""Settings by which the server notices a lost node within two minutes, and frees its turn."""
TURN_S, TURN_POLL_S = 300, 1


class TurnError(OSError):
    """Another program has not finished within `TURN_S`."""


def login_of(given: Mapping[str, str]) -> Login:
    """Login of the application's role, from the file or else from the secret.

    Raises SecretError.
    """
    if "SECRET_FILE" in given:
        password = Path(given["SECRET_FILE"]).read_text(encoding="utf-8")
        return Login(given["ROLE"], password)
    login = Secret(given["SECRET_ARN"], given["AWS_REGION"]).login()
    if login is None:
        raise SecretError("the secret has no value yet")
    return login


async def connect(given: Mapping[str, str], login: Login) -> Any:
    """Connection to the database. Raises one of `FAULTS`."""
    return await asyncpg.connect(
        host=given["DATABASE_HOST"],
        port=int(given["DATABASE_PORT"]),
        database=given["DATABASE"],
        user=login.username,
        password=login.password,
        ssl=given["DATABASE_TLS"],
        timeout=CONNECT_S,
        server_settings=LIVENESS,
    )


@asynccontextmanager
async def connected(given: Mapping[str, str], login: Login) -> AsyncIterator[Any]:
    """Connection to the database, until the end of the context."""
    connection = await connect(given, login)
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)


async def take_turn(connection: Any, number: int) -> None:
    """Wait until no other connection has the turn, and keep it until this one ends.

    Raises TurnError.

    Guard: this polls. A connection that waits inside the server would deadlock with another one
    that makes an index concurrently, because that waits for all statements.
    """
    until = time.monotonic() + TURN_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", number):
        if time.monotonic() > until:
            raise TurnError
        await asyncio.sleep(TURN_POLL_S)


def quoted(name: str) -> str:
    """Name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def in_schema(name: str) -> str:
    """Table or index of the application as an identifier of SQL."""
    return f"{SCHEMA}.{quoted(name)}"


async def tables(connection: Any, column: str) -> list[str]:
    """Names of the application's tables that have a column of this name."""
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname",
        SCHEMA,
        column,
    )
    return [row["relname"] for row in rows]
