"""Prometheus of Debian and its tools, for tests: the real programs, on the loopback address.

Nothing outlives this process.
"""

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence

from testbed.aws_services import FOLDER, free_port
from testbed.control_plane import WITH_PARENT
from testbed.local_server import LocalServer

UNPACKED = FOLDER / "prometheus" / "usr" / "bin"
"""Debian's packages of Prometheus and Alertmanager, unpacked by `make testbed`."""
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")


def program(name: str) -> str:
    """Path of one of `PROGRAMS`; empty where there is none."""
    return shutil.which(name) or shutil.which(name, path=str(UNPACKED)) or ""


def prometheus_missing() -> str:
    """Reason why Prometheus and its tools cannot run here; empty where they can."""
    lacking = [name for name in PROGRAMS if not program(name)]
    return f"no {', '.join(lacking)}: run `make testbed`" if lacking else ""


class Prometheus(LocalServer):
    """A server that scrapes nothing and holds the samples that it is given.

    samples: text in the format of OpenMetrics, each sample with its time in seconds, and the last
        line `# EOF`; empty for a server without samples.
    """

    title, prefix = "Prometheus", "sizewright-prometheus-"

    def __init__(self, samples: str = "") -> None:
        super().__init__()
        self._samples, self._port = samples, free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def _prepare(self) -> None:
        (self.folder / "prometheus.yml").write_text("{}\n")
        if not self._samples:
            return
        (self.folder / "samples").write_text(self._samples)
        command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run(
            [*command, "samples", "data"], check=True, cwd=self.folder, capture_output=True
        )

    def _command(self) -> Sequence[str]:
        # Guard: a long retention, or Prometheus deletes samples of a date that a test has fixed.
        flags = {
            "config.file": "prometheus.yml",
            "storage.tsdb.path": "data",
            "storage.tsdb.retention.time": "100y",
            "web.listen-address": f"127.0.0.1:{self._port}",
        }
        named = [program("prometheus"), *(f"--{key}={value}" for key, value in flags.items())]
        return [sys.executable, "-c", WITH_PARENT, *named]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
