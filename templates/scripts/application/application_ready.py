"""Fail unless OGX, its database and the engines answer; the kubelet runs it again and again.

It runs in OGX's image with asyncpg, without any other library. PORT is the port of OGX and
ENGINE_HEALTH the address of the engines' health. DATABASE_HOST, DATABASE_PORT, DATABASE,
DATABASE_TLS, ROLE and SECRET_FILE say where the database is. The exit code is 0, or 1 where one of
them does not answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from http.client import HTTPException
from urllib.request import urlopen

from application_database import FAULTS, connected, login_of
from application_secret import code_of, report

ANSWER_S = 2
"""Seconds for each answer. Basis: assumed; the kubelet waits 8 seconds for all of them."""


async def database_answers(given: Mapping[str, str]) -> None:
    """Read one value. Raises one of `FAULTS`, or TimeoutError."""
    async with connected(given, login_of(given)) as connection:
        await connection.fetchval("SELECT 1")


def check(given: Mapping[str, str]) -> None:
    """Ask each part. Raises one of `FAULTS`, HTTPException or TimeoutError."""
    for address in (f"http://127.0.0.1:{given['PORT']}/v1/health", given["ENGINE_HEALTH"]):
        with urlopen(address, timeout=ANSWER_S) as answer:
            answer.read()
    asyncio.run(asyncio.wait_for(database_answers(given), ANSWER_S))


def main(given: Mapping[str, str]) -> int:
    """Check all parts, and return the exit code."""
    try:
        check(given)
    except (*FAULTS, HTTPException, TimeoutError) as fault:
        report("not_ready", reason=code_of(fault))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
