"""A queued service on stand-ins of AWS services; without them these tests are skipped."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from templates.programs import JOB_API, JOB_WORKER, RENDITION_WORKER, programs
from testbed.aws_services import PYTHON, AwsServices, aws_missing
from tests.scripts.conftest import need_services
from tests.scripts.jobs.queued_service import Driver, QueuedService

DRIVER = Path(__file__).with_name("driver.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    need_services(Path(__file__).parent, items, aws_missing())


@pytest.fixture(scope="session")
def programs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the programs as the archive and the ConfigMap contain them."""
    folder = tmp_path_factory.mktemp("programs")
    for files in (JOB_API, JOB_WORKER, RENDITION_WORKER):
        for one in programs(files).files:
            (folder / one.file).write_text(one.text)
    return folder


@pytest.fixture(scope="session")
def driver(
    aws: AwsServices, programs_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    """Process that runs the function's code and calls of boto3."""
    log = tmp_path_factory.mktemp("function") / "log"
    with subprocess.Popen(
        [str(PYTHON), str(DRIVER), str(log)],
        env={**aws.environment, "PYTHONPATH": str(programs_folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Driver(process, log)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def new_service(
    driver: Driver, aws: AwsServices, programs_folder: Path, tmp_path: Path
) -> Iterator[Callable[..., QueuedService]]:
    """Make services with their own queues, table and bucket; their processes end with the test."""
    made = list[QueuedService]()

    def make(kind: str = "image", **changes: str) -> QueuedService:
        service = QueuedService(
            driver, programs_folder, tmp_path, kind, {**aws.environment, **changes}
        )
        made.append(service)
        return service

    yield make
    for service in made:
        service.end()
