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
import sys
from collections.abc import Mapping
from pathlib import Path

from application_secret import write_whole
from application_setup import ended, made_role


def set_up(given: Mapping[str, str]) -> None:
    """Make the role and its schema, and write its password. Raises SetupError or one of its
    `FAULTS`."""
    login = asyncio.run(made_role(given))
    write_whole(Path(given["SECRET_FILE"]), login.password)


def main(given: Mapping[str, str]) -> int:
    """Run the setup, and return the exit code."""
    return ended(lambda: set_up(given))


if __name__ == "__main__":
    sys.exit(main(os.environ))
