"""Stand-ins of SQS, S3 and DynamoDB in a process of their own, for programs that use boto3."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from testbed.control_plane import WITH_PARENT

FOLDER = Path(__file__).parents[1] / ".testbed"
PYTHON = FOLDER / "aws" / "bin" / "python"
"""Python with boto3 and without this project's packages."""
FFMPEG = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
"""Program of that Python that prints the path of a static ffmpeg."""
NODE_PACKAGES = FOLDER / "node" / "node_modules"
"""Clients of the SDK of AWS that its Node.js runtime has."""
START_LIMIT_S = 60


def aws_missing() -> str:
    """Reason why the stand-ins cannot run here; empty where they can."""
    return "" if (FOLDER / ".ready-aws").is_file() else "no AWS stand-ins: run `make testbed`"


def ffmpeg() -> Path:
    """Path of a static ffmpeg."""
    found = subprocess.run([str(PYTHON), "-c", FFMPEG], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())


def node_missing() -> str:
    """Reason why no program of Node.js can run here; empty where one can."""
    if shutil.which("node") is None:
        return "no Node.js"
    ready = (FOLDER / ".ready-node").is_file()
    return "" if ready else "no clients of AWS for Node.js: run `make testbed`"


class AwsServices:
    """Empty services of one account that run from entry to exit of their context."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment with which boto3 uses these services and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": "/usr/bin:/bin",
        }

    def __enter__(self) -> "AwsServices":
        port = self.url.rpartition(":")[2]
        server = [str(PYTHON), "-m", "moto.server", "--host", "127.0.0.1", "--port", port]
        self._process = subprocess.Popen(
            [sys.executable, "-c", WITH_PARENT, *server],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                self._process.kill()
                raise TimeoutError("the AWS stand-ins do not answer")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5):
                return True
        except OSError:
            return False


def free_port() -> int:
    """Port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
