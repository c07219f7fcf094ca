"""An application on real PostgreSQL and OGX and on stand-ins of AWS; else tests are skipped."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from templates.programs import APPLICATION, CONTEXT, program
from testbed.application_services import PYTHON, application_missing
from testbed.aws_services import AwsServices, aws_missing
from testbed.postgres import Postgres, postgres_missing
from tests.scripts.application.ogx_service import Calls, OgxService
from tests.scripts.conftest import need_services

CALLS = Path(__file__).with_name("calls.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    need_services(
        Path(__file__).parent, items, application_missing() or postgres_missing() or aws_missing()
    )


@pytest.fixture(scope="session")
def programs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the programs as the ConfigMap contains them."""
    folder = tmp_path_factory.mktemp("programs")
    for name in (*APPLICATION, *CONTEXT):
        (folder / f"{name}.py").write_text(program(name).text)
    return folder


@pytest.fixture(scope="session")
def calls(aws: AwsServices) -> Iterator[Calls]:
    with subprocess.Popen(
        [str(PYTHON), str(CALLS)],
        env=aws.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Calls(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres({"log_statement": "all"}) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_service_on(
    aws: AwsServices,
    calls: Calls,
    programs_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Postgres], OgxService]:
    """Make services with their own database, secrets and bucket, on a server of PostgreSQL."""

    def make(server: Postgres) -> OgxService:
        folder = tmp_path_factory.mktemp("service")
        return OgxService(server, calls, programs_folder, folder, aws.environment)

    return make


@pytest.fixture(scope="session")
def new_service(
    postgres: Postgres, new_service_on: Callable[[Postgres], OgxService]
) -> Callable[[], OgxService]:
    """Make services on a server that all tests share."""
    return partial(new_service_on, postgres)
