"""Stand-ins of AWS for the scripts: its CLI over folders, and its services for boto3."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from templates.programs import SCRIPTS, program
from testbed.aws_services import AwsServices

__all__ = ["SCRIPTS", "Cloud"]
STAND_IN = Path(__file__).parent / "aws_stand_in.py"


@dataclass(frozen=True)
class Cloud:
    """Buckets as folders, and programs that see them."""

    buckets: Path
    path: str

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(script, *arguments),
            check=False,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def command(self, script: str, *arguments: str) -> list[str]:
        return [sys.executable, "-c", program(script.removesuffix(".py")).text, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": self.path, "BUCKETS": str(self.buckets), "HOME": str(self.home)}

    @property
    def home(self) -> Path:
        """Folder of the AWS CLI's settings."""
        return self.buckets.parent / "home"

    def object(self, key: str) -> Path:
        return self.buckets / "weights" / key

    def put(self, key: str, content: bytes) -> None:
        self.object(key).parent.mkdir(parents=True, exist_ok=True)
        self.object(key).write_bytes(content)

    @property
    def calls(self) -> list[str]:
        log = self.buckets / "log"
        return log.read_text().splitlines() if log.exists() else []

    def forget_calls(self) -> None:
        (self.buckets / "log").unlink(missing_ok=True)


def need_services(folder: Path, items: Sequence[pytest.Item], missing: str) -> None:
    """Mark the tests of a folder as those of services, and skip them where a reason is given."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.services)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsServices]:
    with AwsServices() as services:
        yield services


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tmp_path / "buckets" / "weights").mkdir(parents=True)
    aws = tools / "aws"
    aws.write_text(f'#!/bin/sh\nexec {sys.executable} -S {STAND_IN} "$@"\n')
    aws.chmod(0o755)
    return Cloud(tmp_path / "buckets", f"{tools}:/usr/bin:/bin")
