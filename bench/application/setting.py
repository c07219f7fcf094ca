"""One process of OGX on one core with PostgreSQL, S3 and an engine on the others."""

import os
import platform
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from templates.programs import APPLICATION, program
from testbed.application_services import PYTHON, Application
from testbed.application_stand_ins import EngineStandIn
from testbed.aws_services import AwsServices, free_port
from testbed.postgres import Postgres

MODEL = "stand-in"
SERVED = f"engine/{MODEL}"
"""Name of the model at OGX: its provider and its name at the engine."""
DATABASE = "service"
ROLE = "app"
POOL_COUNT = 5
"""Connections of the pool for SQL; the pool of the registry has one more."""
OGX_CORE = 0
OTHER_CORE = 1
CONFIG = """
version: 2
distro_name: measured
apis: [responses, inference, vector_io, files, tool_runtime, file_processors]
providers:
  inference:
  - provider_id: engine
    provider_type: remote::vllm
    config: {{base_url: "{engine}/v1", api_token: none}}
  responses:
  - provider_id: builtin
    provider_type: inline::builtin
    config: {{persistence: {{responses: {{table_name: responses, backend: sql}}}}}}
  files:
  - provider_id: s3
    provider_type: remote::s3
    config:
      bucket_name: files
      region: eu-west-1
      metadata_store: {{table_name: files, backend: sql}}
  vector_io: []
  tool_runtime: []
  file_processors: []
storage:
  backends:
    kv: {{type: kv_postgres, {database}, pool_size: 1, max_overflow: 0}}
    sql: {{type: sql_postgres, {database}, pool_size: {pool}, max_overflow: 0}}
  stores:
    metadata: {{namespace: registry, backend: kv}}
    inference: {{table_name: inference_store, backend: sql, enabled: false}}
    conversations: {{table_name: openai_conversations, backend: sql}}
    connectors: {{table_name: connectors, backend: sql}}
    prompts: {{table_name: prompts, backend: sql}}
registered_resources:
  models:
  - {{metadata: {{}}, model_id: {model}, provider_id: engine, model_type: llm}}
server: {{port: {port}, host: 127.0.0.1}}
"""
STATISTICS = {
    "shared_preload_libraries": "pg_stat_statements",
    "full_page_writes": "off",
    "autovacuum": "off",
    "synchronous_commit": "on",
}
"""Settings of PostgreSQL: it counts statements, and writes no full pages, as Aurora does."""


WITH_FEEDBACK = {
    "FEEDBACK_STREAM": "feedback",
    "MODEL": SERVED,
    "CONTEXT_TOKENS": "0",
    "BODY_BYTES": "1000000",
    "FILE_BYTES": "0",
}
"""Environment of the server of the application's pods."""
MAKE_STREAM = """
import boto3
place = {"LocationConstraint": "eu-west-1"}
boto3.client("s3").create_bucket(Bucket="feedback", CreateBucketConfiguration=place)
boto3.client("firehose").create_delivery_stream(
    DeliveryStreamName="feedback",
    ExtendedS3DestinationConfiguration={
        "RoleARN": "arn:aws:iam::123456789012:role/feedback",
        "BucketARN": "arn:aws:s3:::feedback",
    },
)
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The running processes of a measurement."""

    postgres: Postgres
    engine: EngineStandIn
    application: Application

    @property
    def pid(self) -> int:
        """Process id of OGX."""
        return self.application.workers[0]

    def rows(self, sql: str) -> list[list[str]]:
        """Rows of a statement in the database of OGX."""
        return self.postgres.execute(sql, database=DATABASE)


@contextmanager
def setting(*, takes_feedback: bool = False) -> Iterator[Setting]:
    """Start everything, OGX on a core of its own, and end it.

    With feedback, the server is that of the application's pods instead of OGX's own.
    """
    os.sched_setaffinity(0, {OTHER_CORE})
    with (
        Postgres(STATISTICS) as postgres,
        AwsServices() as aws,
        EngineStandIn(MODEL) as engine,
    ):
        postgres.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
        postgres.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        postgres.execute("CREATE EXTENSION pg_stat_statements", database=DATABASE)
        bucket = urllib.request.Request(f"{aws.url}/files", method="PUT")
        with urllib.request.urlopen(bucket):
            pass
        where = f"host: {postgres.host}, port: {postgres.port}, db: {DATABASE}"
        config = CONFIG.format(
            engine=engine.url,
            database=f"{where}, user: {ROLE}, password: {ROLE}",
            pool=POOL_COUNT,
            model=MODEL,
            port=free_port(),
        )
        # Guard: OGX's default log renders each exception for seconds, with local variables.
        environment = {**aws.environment, "OGX_LOG_FORMAT": "json"}
        if takes_feedback:
            make_stream(environment)
            environment |= WITH_FEEDBACK
        with (
            programs_folder() as programs,
            Application(
                config, environment, programs=programs if takes_feedback else None
            ) as application,
        ):
            found = Setting(postgres=postgres, engine=engine, application=application)
            for thread in Path(f"/proc/{found.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {OGX_CORE})
            yield found


@contextmanager
def programs_folder() -> Iterator[Path]:
    """Folder with the programs of an application's pods, as they run there."""
    with TemporaryDirectory() as name:
        for each in APPLICATION:
            (Path(name) / f"{each}.py").write_text(program(each).text)
        yield Path(name)


def make_stream(environment: dict[str, str]) -> None:
    """Make the stream of feedback, and the bucket that it fills, in the stand-ins of AWS."""
    subprocess.run([str(PYTHON), "-c", MAKE_STREAM], check=True, env=environment)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, line: str) -> float:
    """Memory of a process in MiB: `VmRSS` now, `VmHWM` at its highest."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(text.split()[1]) for text in status if text.startswith(line)) / 1024


def about(postgres: Postgres) -> str:
    """Programs and processor of a measurement."""
    program = "from importlib.metadata import version as v; print(v('ogx'))"
    ogx = subprocess.run([str(PYTHON), "-c", program], check=True, capture_output=True, text=True)
    database = postgres.version.split()[0]
    return (
        f"bench/application.py; OGX {ogx.stdout.strip()}; PostgreSQL {database}; "
        f"one core of {cpu()}"
    )


def cpu() -> str:
    """Name of the processor."""
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return names[0].partition(":")[2].strip() if names else platform.processor()


def today() -> str:
    """Date of a measurement."""
    return f"{datetime.now(UTC):%Y-%m-%d}"
