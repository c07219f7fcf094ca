"""A server in a process of its own, with a folder of its own, from entry to exit of its context."""

import os
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from testbed.control_plane import until

START_LIMIT_S = 120


class LocalServer(ABC):
    """A server on the loopback address. It may be killed and started again inside its context."""

    title: ClassVar[str]
    """Name of the program in messages."""
    prefix: ClassVar[str]
    """Beginning of the name of its folder."""
    start_limit_s: ClassVar[int] = START_LIMIT_S
    """Seconds in which it must answer."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Guard: this is not pytest's folder, because a Unix socket's path is limited to 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix=self.prefix))
        try:
            self._prepare()
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
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                self._command(),
                env=self._environment(),
                stdout=output,
                stderr=output,
                cwd=self.folder,
                process_group=0,
            )
        try:
            until(self._runs_and_answers, self.start_limit_s)
        except (TimeoutError, ChildProcessError) as fault:
            raise TimeoutError(f"{self.title} does not answer: {self.log[-4000:]}") from fault

    def kill(self) -> None:
        """End the server and its workers at once, as a crash or a lost node does."""
        if self._process is None:
            return
        pids = [self._process.pid, *self.workers]
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)
        self._process = None

    @property
    def workers(self) -> list[int]:
        """Process ids below the one that was started; none while it does not run."""
        return _descendants(self._process.pid) if self._process is not None else []

    @property
    def log(self) -> str:
        """What the server printed since the entry."""
        return (self.folder / "log").read_text(errors="replace")

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the server needs in its folder."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Command of the server, which ends with this process."""

    def _environment(self) -> Mapping[str, str] | None:
        """Environment of the server; None for that of this process."""
        return None

    @abstractmethod
    def _answers(self) -> bool:
        """True once the server answers."""

    def _runs_and_answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError(f"{self.title} ended")
        return self._answers()

    def _remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _descendants(pid: int) -> list[int]:
    """Process ids of the children of a process, and of theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in children for found in (int(child), *_descendants(int(child)))]
