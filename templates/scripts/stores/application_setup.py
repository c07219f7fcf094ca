"""Make the application's role, its schema, its tables and their indexes.

It runs in OGX's image with asyncpg and boto3, without any other library, before OGX starts. It may
be killed at any point and run again, and two may run at once: they take turns.

MASTER_SECRET_ARN is the secret of the database's master, SECRET_ARN that of ROLE, and SETUP_CONFIG
a configuration of OGX on the loopback address, without users. DATABASE_HOST, DATABASE_PORT,
DATABASE, DATABASE_TLS and AWS_REGION say where they are. The exit code is 0, or 1 where anything
is missing, or 143 after the signal to stop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import urlopen

from application_database import (
    COUNTS,
    FAULTS,
    SCHEMA,
    connected,
    in_schema,
    quoted,
    tables,
    take_turn,
)
from application_secret import Login, Secret, SecretError, code_of, report

ROLE_TURN, TABLES_TURN = 7_105_001, 7_105_002
"""Keys of advisory locks: one for the role and its password, one for tables and indexes."""
PASSWORD_CHARACTERS = 40
"""Length of a new password: 238 bits, from letters and digits."""
SCRAM_ITERATIONS = 4_096
"""Basis: vendor (PostgreSQL 15, its own value)."""
START_S, STOP_S, ANSWER_S = 300, 30, 60
"""Time for OGX to start, to stop, and to answer one request. Basis: measured (17 s to start on two
cores at their limit)."""
LAST_LINES = 20
"""Lines of OGX's output that are reported after a failure."""
LISTS = ("/v1/prompts", "/v1/files", "/v1/responses")
"""Requests that only read, one for each store that can list its rows.

Basis: measured (OGX 1.5.0: every table exists before the first answer; these prove that the stores
work)."""
TABLES = {
    "conversation_items",
    "conversation_messages",
    "openai_conversations",
    "openai_files",
    "prompts",
    "responses",
}
"""Tables with data of users that must exist in the end."""
INDEXED = ("created_at", "owner_principal")
"""Columns with an index in every table that has them."""
LOOKED_UP = (("conversation_items", "id"), ("responses", "previous_response_id"))
"""Other columns by which OGX reads or deletes rows. Basis: vendor (source of OGX 1.5.0)."""
OWN_TABLE = (
    f"CREATE TABLE IF NOT EXISTS {COUNTS} (minute bigint, owner_principal varchar,"
    " tokens bigint NOT NULL, PRIMARY KEY (minute, owner_principal))"
)
"""Table of `application_tokens.py`: a minute is the second of the epoch with which it begins."""
DOCUMENTS_TABLE = (
    f"CREATE TABLE IF NOT EXISTS {in_schema('document_versions')} (store text, key text,"
    " version text NOT NULL, chunks integer NOT NULL, PRIMARY KEY (store, key))"
)
"""Table of `context_vectors.py`: the version of each document, and the number of its chunks."""
OFFLINE = [sys.executable, str(Path(__file__).with_name("application_tokenizer.py"))]
"""Command of OGX that needs no tokenizer from the internet."""
INVALID = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = $1::text::regnamespace AND NOT i.indisvalid"
)


class SetupError(Exception):
    """Reason why the setup is not complete, without any part of a secret."""


async def made_role(given: Mapping[str, str]) -> Login:
    """Make the role and its schema, and return its login. Raises SetupError or one of `FAULTS`."""
    role, region = given["ROLE"], given["AWS_REGION"]
    master = Secret(given["MASTER_SECRET_ARN"], region).login()
    if master is None:
        raise SetupError("the master's secret has no value")
    if master.username == role:
        raise SetupError("the role is the master")
    async with connected(given, master) as connection:
        await take_turn(connection, ROLE_TURN)
        login = kept_login(Secret(given["SECRET_ARN"], region), role)
        await make_role(connection, given["DATABASE"], login)
        report("role_made")
        if given.get("DOCUMENTS"):
            await make_vectors(connection, given["DATABASE"], role)
        async with connected(given, login) as own:
            await own.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await check_owner(own, role)
        await close_database(connection, given["DATABASE"], role)
    return login


async def set_up(given: Mapping[str, str]) -> None:
    """Make everything that is missing. Raises SetupError or one of `FAULTS`."""
    login = await made_role(given)
    async with connected(given, login) as own:
        await take_turn(own, TABLES_TURN)
        make_tables(given, login)
        await own.execute(OWN_TABLE)
        if given.get("DOCUMENTS"):
            await own.execute(DOCUMENTS_TABLE)
        await check_tables(own, login.username)
        report("tables_made")
        await make_indexes(own)
        report("indexes_made")


def kept_login(secret: Secret, role: str) -> Login:
    """Login in the role's secret; a new one is kept there before anything uses it.

    Raises SetupError where the secret belongs to another role.
    """
    login = secret.login()
    if login is None:
        login = Login(role, new_password())
        secret.keep(login)
        report("password_kept")
    if login.username != role:
        raise SetupError("the secret belongs to another role")
    return login


def new_password() -> str:
    """Password of letters and digits.

    Guard: the first one is a letter. OGX reads a value that looks like a number as a number.
    """
    letters = string.ascii_letters
    first, rest = secrets.choice(letters), PASSWORD_CHARACTERS - 1
    return first + "".join(secrets.choice(letters + string.digits) for _ in range(rest))


def verifier(password: str) -> str:
    """What the server keeps of a password, so that no statement in its log contains it.

    Basis: vendor (RFC 5803, SCRAM-SHA-256).
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"


async def make_role(master: Any, database: str, login: Login) -> None:
    """Make or change the role, which may make its schema until `close_database`.

    Guard: the role makes the schema itself. From PostgreSQL 16 on, a master that is no superuser
    may not make one for another role.
    """
    role, named = quoted(login.username), quoted(database)
    exists = await master.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", login.username)
    verb = "ALTER" if exists else "CREATE"
    async with master.transaction():
        await master.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{verifier(login.password)}'")
        await master.execute(f"ALTER ROLE {role} IN DATABASE {named} SET search_path = {SCHEMA}")
        await master.execute(f"GRANT CONNECT, CREATE ON DATABASE {named} TO {role}")


async def make_vectors(master: Any, database: str, role: str) -> None:
    """Let the role have columns of vectors. Only the master may make the extension.

    Guard: OGX looks for its types in the schema public, which has nothing else.
    """
    named = quoted(role)
    await master.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    async with master.transaction():
        await master.execute(f"GRANT USAGE ON SCHEMA public TO {named}")
        await master.execute(
            f"ALTER ROLE {named} IN DATABASE {quoted(database)} SET search_path = {SCHEMA}, public"
        )


async def check_owner(own: Any, role: str) -> None:
    """Raise SetupError where the schema belongs to another role."""
    owner = await own.fetchval(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", SCHEMA
    )
    if owner != role:
        raise SetupError("the schema belongs to another role")


async def close_database(master: Any, database: str, role: str) -> None:
    """Take from every other role what it may do in the database by default."""
    named = quoted(database)
    public = await master.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = 'public'")
    async with master.transaction():
        await master.execute(f"REVOKE CREATE ON DATABASE {named} FROM {quoted(role)}")
        await master.execute(f"REVOKE ALL ON DATABASE {named} FROM PUBLIC")
        if public:
            await master.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def make_tables(given: Mapping[str, str], login: Login) -> None:
    """Run OGX until each of its stores has answered. Raises SetupError.

    Guard: one process makes the tables; two would fail on an empty database. It does not learn
    where the master's password is. It leaves a copy of its configuration with the password in its
    folder of temporary files, which is deleted here.
    """
    port = free_port()
    options = ["run", given["SETUP_CONFIG"], "--insecure", "--port", str(port)]
    command = [*(OFFLINE if given.get("DOCUMENTS") else ["ogx"]), *options]
    kept = {name: value for name, value in given.items() if name != "MASTER_SECRET_ARN"}
    own = {"DATABASE_PASSWORD": login.password, "OGX_WORKERS": "1"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        environment = {**kept, **own, "TMPDIR": folder}
        with subprocess.Popen(command, env=environment, stdout=output, stderr=output) as ogx:
            try:
                reached = answered(ogx, port)
            finally:
                stop(ogx)
        if not reached:
            report("ogx_failed", code=ogx.returncode, output=last_lines(output, login.password))
            raise SetupError("OGX does not answer")


def answered(ogx: subprocess.Popen[bytes], port: int) -> bool:
    """True once OGX is healthy and each of its stores has answered."""
    until = time.monotonic() + START_S
    while not succeeds(port, "/v1/health"):
        if ogx.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.5)
    return all(succeeds(port, path) for path in LISTS)


def succeeds(port: int, path: str) -> bool:
    """True where a request is answered with 200."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except HTTPError as fault:
        fault.close()
        return False
    except (OSError, HTTPException):
        return False


def stop(ogx: subprocess.Popen[bytes]) -> None:
    """End OGX, by force where it takes too long."""
    ogx.terminate()
    try:
        ogx.wait(STOP_S)
    except subprocess.TimeoutExpired:
        ogx.kill()
        ogx.wait()


def last_lines(output: IO[bytes], password: str) -> list[str]:
    """Last lines of OGX's output, which has no users yet, without the password."""
    output.seek(0)
    text = output.read().decode(errors="replace").replace(password, "***")
    return text.splitlines()[-LAST_LINES:]


def free_port() -> int:
    """Port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def check_tables(own: Any, role: str) -> None:
    """Raise SetupError where a table is missing or belongs to another role."""
    rows = await own.fetch(
        "SELECT tablename, tableowner FROM pg_tables WHERE schemaname=$1", SCHEMA
    )
    missing = TABLES - {row["tablename"] for row in rows if row["tableowner"] == role}
    if missing:
        raise SetupError(f"OGX has not made {', '.join(sorted(missing))}")


async def make_indexes(own: Any) -> None:
    """Make the indexes that OGX does not make, while the application may be running.

    Guard: what a killed setup leaves is invalid, and `IF NOT EXISTS` would keep it. The turn of
    `TABLES_TURN` ends with the statement of that setup, so that none is dropped while it grows.
    """
    for row in await own.fetch(INVALID, SCHEMA):
        await own.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {in_schema(row['relname'])}")
    found = [(table, column) for column in INDEXED for table in await tables(own, column)]
    for table, column in (*found, *LOOKED_UP):
        name = quoted(f"{SCHEMA}_{table}_{column}")
        place = f"{in_schema(table)} ({quoted(column)})"
        await own.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {place}")


def ended(work: Callable[[], object]) -> int:
    """Run a setup, report its end, and return the exit code."""
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        work()
    except (SetupError, SecretError) as fault:
        report("not_set_up", reason=str(fault))
        return 1
    except FAULTS as fault:
        report("not_set_up", reason=code_of(fault))
        return 1
    report("set_up")
    return 0


def main(given: Mapping[str, str]) -> int:
    """Run the setup, and return the exit code."""
    return ended(lambda: asyncio.run(set_up(given)))


if __name__ == "__main__":
    sys.exit(main(os.environ))
