"""One application for a test: its database, its secrets, its bucket, and its programs."""

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import yaml

from testbed.application_services import PYTHON
from testbed.aws_services import free_port
from testbed.control_plane import WITH_PARENT, until
from testbed.postgres import Postgres

STAND_IN = Path(__file__).with_name("ogx_stand_in.py")
MASTER_PASSWORD = "the-masters-own"
MODEL = "model-1"
AUDIENCE = "application"
TABLES = (
    "conversation_items",
    "conversation_messages",
    "openai_conversations",
    "openai_files",
    "prompts",
    "responses",
)
"""Tables of OGX with data of users."""


class CallError(Exception):
    """Error of an AWS call, by its code."""


class Calls:
    """The process that calls AWS."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, service: str, operation: str, **arguments: object) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([service, operation, arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "fault" in answer:
            raise CallError(answer["fault"])
        return answer["answer"]


class OgxService:
    """A service with its own names: as on Aurora, its master is no superuser."""

    def __init__(
        self,
        postgres: Postgres,
        aws: Calls,
        programs: Path,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = f"s{uuid.uuid4().hex[:12]}"
        self.postgres, self.aws, self._programs, self.folder = postgres, aws, programs, folder
        self.role, self.master = f"{self.name}-role", f"{self.name}-master"
        postgres.execute(
            f"CREATE ROLE \"{self.master}\" LOGIN CREATEROLE PASSWORD '{MASTER_PASSWORD}';"
            f'CREATE DATABASE {self.name} OWNER "{self.master}"'
        )
        login = json.dumps({"username": self.master, "password": MASTER_PASSWORD})
        arns = {
            "MASTER_SECRET_ARN": self.secret("master", login),
            "SECRET_ARN": self.secret("role"),
        }
        place = {"LocationConstraint": environment["AWS_REGION"]}
        aws("s3", "create_bucket", Bucket=self.name, CreateBucketConfiguration=place)
        state = {"Status": "Enabled"}
        aws("s3", "put_bucket_versioning", Bucket=self.name, VersioningConfiguration=state)
        self.environment = {
            **environment,
            **arns,
            "PATH": f"{PYTHON.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "DATABASE_HOST": postgres.host,
            "DATABASE_PORT": str(postgres.port),
            "DATABASE": self.name,
            "DATABASE_TLS": "disable",
            "ROLE": self.role,
            "BUCKET": self.name,
            "RETENTION_DAYS": "30",
            "BATCH": "2",
            "OGX_LOG_FORMAT": "json",
            "STAND_IN_TABLES": json.dumps(TABLES),
        }

    def with_programs(self, programs: Path) -> "OgxService":
        """The same service with other programs."""
        other = copy.copy(self)
        other._programs = programs
        return other

    def secret(self, name: str, value: str | None = None) -> str:
        """Address of a new secret."""
        given = {} if value is None else {"SecretString": value}
        made = self.aws("secretsmanager", "create_secret", Name=f"{self.name}-{name}", **given)
        arn: str = made["ARN"]
        return arn

    @property
    def login(self) -> dict[str, str]:
        """What the role's secret contains."""
        arn = self.environment["SECRET_ARN"]
        found = self.aws("secretsmanager", "get_secret_value", SecretId=arn)
        login: dict[str, str] = json.loads(found["SecretString"])
        return login

    def set_up(self) -> None:
        """Make OGX's tables by the setup, and keep the password in a file."""
        file = self.configure("setup.yaml", free_port(), f"http://127.0.0.1:{free_port()}")
        code, lines = self.run("application_setup", SETUP_CONFIG=str(file))
        assert code == 0, lines
        password = self.folder / "password"
        password.write_text(self.login["password"])
        self.environment["SECRET_FILE"] = str(password)

    def with_stand_in(self) -> None:
        """Let `ogx` be the stand-in."""
        file = self.folder / "ogx"
        file.write_text(f'#!/bin/sh\nexec {PYTHON} {STAND_IN} "$@"\n')
        file.chmod(0o755)
        self.environment["PATH"] = f"{self.folder}:{self.environment['PATH']}"

    def configure(
        self, name: str, port: int, engine: str, auth: object = None, workers: int = 1
    ) -> Path:
        """Path of a configuration of OGX on the loopback address."""
        server = {"host": "127.0.0.1", "port": port, "workers": workers}
        backend = {
            "host": "${env.DATABASE_HOST}",
            "port": "${env.DATABASE_PORT}",
            "db": "${env.DATABASE}",
            "user": "${env.ROLE}",
            "password": "${env.DATABASE_PASSWORD}",
            "ssl_mode": "${env.DATABASE_TLS}",
            "pool_size": 2,
            "max_overflow": 0,
        }
        store = {"table_name": "files", "backend": "sql"}
        files = {
            "bucket_name": self.name,
            "region": self.environment["AWS_REGION"],
            "metadata_store": store,
        }
        engine_config = {"base_url": f"{engine}/v1", "api_token": "none", "max_tokens": 64}
        responses = {"table_name": "responses", "backend": "sql"}
        model = {"model_id": MODEL, "provider_id": "engine", "model_type": "llm", "metadata": {}}
        config = {
            "version": 2,
            "distro_name": "sizewright",
            "apis": [
                "responses",
                "inference",
                "vector_io",
                "files",
                "tool_runtime",
                "file_processors",
            ],
            "providers": {
                "inference": [
                    {
                        "provider_id": "engine",
                        "provider_type": "remote::vllm",
                        "config": engine_config,
                    }
                ],
                "responses": [
                    {
                        "provider_id": "builtin",
                        "provider_type": "inline::builtin",
                        "config": {"persistence": {"responses": responses}},
                    }
                ],
                "files": [{"provider_id": "s3", "provider_type": "remote::s3", "config": files}],
                "vector_io": [],
                "tool_runtime": [],
                "file_processors": [],
            },
            "storage": {
                "backends": {
                    "kv": {"type": "kv_postgres", **backend},
                    "sql": {"type": "sql_postgres", **backend},
                },
                "stores": {
                    "metadata": {"namespace": "registry", "backend": "kv"},
                    "inference": {"table_name": "chats", "backend": "sql", "enabled": False},
                    "conversations": {"table_name": "openai_conversations", "backend": "sql"},
                    "connectors": {"table_name": "connectors", "backend": "sql"},
                    "prompts": {"table_name": "prompts", "backend": "sql"},
                },
            },
            "registered_resources": {"models": [model]},
            "server": server if auth is None else {**server, "auth": auth},
        }
        file = self.folder / name
        file.write_text(yaml.safe_dump(config))
        return file

    def start(self, program: str, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """Start a program that ends with this process."""
        command = [str(PYTHON), str(self._programs / f"{program}.py"), *words]
        return subprocess.Popen(
            [sys.executable, "-c", WITH_PARENT, *command],
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, program: str, *words: str, **changes: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and log lines of a program that ends by itself."""
        process = self.start(program, *words, **changes)
        try:
            output, _ = process.communicate(timeout=180)
        finally:
            end(process)
        return process.returncode, [json.loads(line) for line in output.splitlines()]

    def sql(self, text: str, role: str = "") -> list[list[str]]:
        """Rows of a statement in the service's database, by the superuser or by a role."""
        return self.postgres.execute(text, database=self.name, role=role)

    def count(self, table: str, condition: str = "true") -> int:
        return int(self.sql(f"SELECT count(*) FROM application.{table} WHERE {condition}")[0][0])

    def texts(self) -> dict[str, str]:
        """All rows of each table as one text."""
        names = self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'application'")
        return {
            name: str(self.sql(f'SELECT t::text FROM application."{name}" t')) for [name] in names
        }


class Server:
    """One server of the application, by its own start program."""

    def __init__(self, service: OgxService, config: str) -> None:
        self._service, self._port = service, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._config = service.folder / f"config-{self._port}.yaml"
        self._config.write_text(config)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = self._service.start(
            "application_start", CONFIG=str(self._config), PORT=str(self._port)
        )
        threading.Thread(target=self._process.communicate, daemon=True).start()
        until(lambda: status(f"{self.url}/v1/health") == 200, 120)

    def kill(self) -> None:
        if self._process is not None:
            end(self._process)


def end(process: "subprocess.Popen[str]") -> None:
    """End a program with all its processes, as the end of a container does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def called(
    url: str,
    token: str,
    body: object = None,
    method: str = "",
    content: str = "application/json",
) -> Any:
    """Answer of OGX: parsed JSON, or text of a stream."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content}
    verb = method or ("GET" if data is None else "POST")
    request = urllib.request.Request(url, data, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
    except HTTPError as fault:
        raise AssertionError(f"{verb} {url}: {fault.code} {fault.read()[:500]!r}") from fault
    return json.loads(text) if text.startswith(("{", "[")) else text


def status(url: str, token: str = "", body: object = None, method: str = "") -> int:
    """Status of an answer; 0 where nothing answers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Content-Type": "application/json"} if data else {}
    verb = method or ("GET" if data is None else "POST")
    request = urllib.request.Request(url, data, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except HTTPError as fault:
        fault.close()
        return fault.code
    except (OSError, HTTPException):
        return 0
