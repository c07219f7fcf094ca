"""A server of OGX with the text of a configuration, for tests and measurements.

It is the real program, on the loopback address, and ends with this process.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from testbed.aws_services import FOLDER
from testbed.control_plane import until
from testbed.postgres import descendants

PYTHON = FOLDER / "ogx" / "bin" / "python"
"""Python with OGX, asyncpg, boto3 and the client of OpenAI, without this project's packages."""
START_LIMIT_S = 120
AS_GROUP = (
    "import ctypes, os, signal, subprocess, sys;"
    "end = lambda *_: os.killpg(0, signal.SIGKILL);"
    "signal.signal(signal.SIGTERM, end);"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM);"
    "sys.exit(subprocess.call(sys.argv[1:]))"
)
"""Command that leads a process group and ends all of it with its parent.

Guard: workers of a server outlive a server that is killed, so that the group is ended, not it.
"""


def application_missing() -> str:
    """Reason why OGX cannot run here; empty where it can."""
    ready = (FOLDER / ".ready-ogx").is_file()
    return "" if ready else "no OGX: run `make testbed` with Python 3.12 or 3.13"


class Application:
    """A server of OGX with the text of a configuration, from entry to exit.

    The server gets the given environment and no other, but for PATH and a home of its own.
    """

    def __init__(self, config: str, environment: Mapping[str, str] | None = None) -> None:
        self._config = config
        server = yaml.safe_load(config)["server"]
        self.url = f"http://127.0.0.1:{server['port']}"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="sizewright-ogx-"))
        (self.folder / "config.yaml").write_text(self._config)
        try:
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises TimeoutError with its log."""
        program = [str(PYTHON.parent / "ogx"), "run", str(self.folder / "config.yaml")]
        home = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", AS_GROUP, *program, "--insecure"],
                env={**home, **self._environment},
                stdout=output,
                stderr=output,
                cwd=self.folder,
                process_group=0,
            )
        try:
            until(self._answers, START_LIMIT_S)
        except (TimeoutError, ChildProcessError) as fault:
            raise TimeoutError(f"OGX does not answer: {self.log[-4000:]}") from fault

    def kill(self) -> None:
        """End the server and its workers at once, as a lost node does."""
        if self._process is None:
            return
        pids = self.pids
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)
        self._process = None

    @property
    def pids(self) -> list[int]:
        """Process ids of the server and its workers; none while it does not run."""
        return descendants(self._process.pid) if self._process is not None else []

    @property
    def log(self) -> str:
        """What the server printed since the entry."""
        return (self.folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError("OGX ended")
        try:
            with urllib.request.urlopen(f"{self.url}/v1/health", timeout=5):
                return True
        except OSError:
            return False

    def _remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
