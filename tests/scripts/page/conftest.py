"""A chat page on real PostgreSQL and Open WebUI and on stand-ins of AWS; else tests are skipped."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from templates.programs import PAGE, program
from testbed.application_services import PYTHON, application_missing
from testbed.aws_services import AwsServices, aws_missing
from testbed.page_service import page_missing
from testbed.postgres import Postgres, postgres_missing
from tests.scripts.application.conftest import CALLS
from tests.scripts.application.ogx_service import Calls, OgxService
from tests.scripts.conftest import need_services


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = (application_missing, postgres_missing, aws_missing, page_missing)
    need_services(Path(__file__).parent, items, next(filter(None, (m() for m in missing)), ""))


@pytest.fixture(scope="session")
def programs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the programs as the ConfigMap contains them."""
    folder = tmp_path_factory.mktemp("programs")
    for name in PAGE:
        (folder / f"{name}.py").write_text(program(name).text)
    return folder


@pytest.fixture(scope="session")
def service(
    aws: AwsServices, programs_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OgxService]:
    """A database with its secrets, before any setup."""
    with (
        Postgres() as postgres,
        subprocess.Popen(
            [str(PYTHON), str(CALLS)],
            env=aws.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        folder = tmp_path_factory.mktemp("service")
        yield OgxService(postgres, Calls(process), programs_folder, folder, aws.environment)
        assert process.stdin is not None
        process.stdin.close()
