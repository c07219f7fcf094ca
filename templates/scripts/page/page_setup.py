"""Make the role of a chat page and its schema, and write the password to a file.

It runs in OGX's image with asyncpg and boto3, without any other library, before Open WebUI makes
its tables. It may be killed at any point and run again, and two may run at once: they take turns.

MASTER_SECRET_ARN is the secret of the database's master, SECRET_ARN that of ROLE, and SECRET_FILE
the file. DATABASE_HOST, DATABASE_PORT, DATABASE, DATABASE_TLS and AWS_REGION say where they are.
The exit code is 0, or 1 where anything is missing, or 143 after the signal to stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from application_database import FAULTS, SCHEMA, connected, take_turn
from application_secret import Login, Secret, SecretError, code_of, report, write_whole
from application_setup import (
    ROLE_TURN,
    SetupError,
    check_owner,
    close_database,
    kept_login,
    make_role,
)


async def set_up(given: Mapping[str, str]) -> Login:
    """Make the role and its schema, and return its login. Raises SetupError or one of `FAULTS`."""
    role, region = given["ROLE"], given["AWS_REGION"]
    master = Secret(given["MASTER_SECRET_ARN"], region).login()
    if master is None:
        raise SetupError("the master's secret has no value")
    async with connected(given, master) as connection:
        await take_turn(connection, ROLE_TURN)
        login = kept_login(Secret(given["SECRET_ARN"], region), role)
        await make_role(connection, given["DATABASE"], login)
        async with connected(given, login) as own:
            await own.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await check_owner(own, role)
        await close_database(connection, given["DATABASE"], role)
    return login


def main(given: Mapping[str, str]) -> int:
    """Run the setup, and return the exit code."""
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        login = asyncio.run(set_up(given))
        write_whole(Path(given["SECRET_FILE"]), login.password)
    except (SetupError, SecretError) as fault:
        report("not_set_up", reason=str(fault))
        return 1
    except FAULTS as fault:
        report("not_set_up", reason=code_of(fault))
        return 1
    report("set_up")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
