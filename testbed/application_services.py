"""A server of OGX with the text of a configuration, for tests and measurements.

It is the real program, on the loopback address, and ends with this process.
"""

import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import yaml

from testbed.aws_services import FOLDER
from testbed.local_server import LocalServer

PYTHON = FOLDER / "ogx" / "bin" / "python"
"""Python with OGX, asyncpg, boto3 and the client of OpenAI, without this project's packages."""
SERVER = "application_server:create"
"""Server of the folder of programs, for uvicorn."""
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


class Application(LocalServer):
    """A server of OGX with the text of a configuration, from entry to exit.

    The server gets the given environment and no other, but for PATH and a home of its own. With
    `programs`, a folder, it is that folder's server on OGX instead of OGX's own.
    """

    title, prefix = "OGX", "sizewright-ogx-"

    def __init__(
        self,
        config: str,
        environment: Mapping[str, str] | None = None,
        *,
        programs: Path | None = None,
    ) -> None:
        super().__init__()
        self._programs = programs
        self._config = config
        server = yaml.safe_load(config)["server"]
        self.url = f"http://127.0.0.1:{server['port']}"
        self._given = dict(environment or {})

    def _prepare(self) -> None:
        self._file.write_text(self._config)

    def _command(self) -> list[str]:
        program = [str(PYTHON.parent / "ogx"), "run", str(self._file), "--insecure"]
        if self._programs is not None:
            server = [str(PYTHON), "-m", "uvicorn", SERVER, "--factory"]
            place = ["--app-dir", str(self._programs), "--port", self.url.rpartition(":")[2]]
            program = [*server, *place]
        return [sys.executable, "-c", AS_GROUP, *program]

    @property
    def _file(self) -> Path:
        return self.folder / "config.yaml"

    def _environment(self) -> dict[str, str]:
        home = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        return {**home, "OGX_CONFIG": str(self._file), **self._given}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/v1/health", timeout=5):
                return True
        except OSError:
            return False
