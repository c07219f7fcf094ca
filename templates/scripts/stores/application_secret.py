"""Write the password of the database's role to a file, whole or not at all, before OGX starts.

It runs in OGX's image with boto3, without any other library. SECRET_ARN is a secret with the JSON
{"username", "password"}, SECRET_FILE the file, and AWS_REGION the region of the secret. The exit
code is 0, or 1 where there is no password.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS = (BotoCoreError, ClientError)
CLIENT = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 5})


class SecretError(Exception):
    """Reason why there is no password, without any part of the secret."""


class Login(NamedTuple):
    """User of the database and its password."""

    username: str
    password: str


class Secret:
    """Secret with the login of one role."""

    def __init__(self, arn: str, region: str) -> None:
        self._arn = arn
        self._secrets: Any = boto3.client("secretsmanager", region_name=region, config=CLIENT)

    def login(self) -> Login | None:
        """Login in the secret; None where it has no value yet. Raises SecretError."""
        try:
            text = self._secrets.get_secret_value(SecretId=self._arn)["SecretString"]
        except ClientError as fault:
            if code_of(fault) == "ResourceNotFoundException":
                return None
            raise
        except KeyError:
            raise SecretError("the secret is binary") from None
        try:
            found = json.loads(text)
            login = Login(found["username"], found["password"])
        except (ValueError, KeyError, TypeError):
            raise SecretError("the secret has no username and password") from None
        if not all(isinstance(part, str) and part for part in login):
            raise SecretError("the secret has an empty username or password")
        return login

    def keep(self, login: Login) -> None:
        """Make a login the value of the secret."""
        self._secrets.put_secret_value(SecretId=self._arn, SecretString=json.dumps(login._asdict()))


def code_of(fault: BaseException) -> str:
    """Name of an error, without its message."""
    code = getattr(fault, "response", {}).get("Error", {}).get("Code")
    return str(code or type(fault).__name__)


def report(event: str, **values: object) -> None:
    """Log one line without any text of users or secrets."""
    print(json.dumps({"event": event, **values}), flush=True)


def write_whole(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(opened, "w", encoding="utf-8") as writing:
        writing.write(text)
        writing.flush()
        os.fsync(opened)
    part.replace(file)


def main(given: Mapping[str, str]) -> int:
    """Write the password, and return the exit code."""
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    try:
        login = Secret(given["SECRET_ARN"], given["AWS_REGION"]).login()
        if login is None:
            raise SecretError("the secret has no value yet")
        write_whole(Path(given["SECRET_FILE"]), login.password)
    except SecretError as fault:
        report("no_password", reason=str(fault))
        return 1
    except (*AWS_ERRORS, OSError) as fault:
        report("no_password", reason=code_of(fault))
        return 1
    report("password_written")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
