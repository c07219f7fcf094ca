"""The order to stop, as work that ends early or a flag.

It runs next to `job_worker.py`, without any other library.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stop(BaseException):
    """The pod must end; the job goes back."""


class Stopping:
    """Whether the pod must end. The signal interrupts only the work of the engine."""

    def __init__(self) -> None:
        self.now = self._interruptible = False
        signal.signal(signal.SIGTERM, self._signal)

    def _signal(self, number: int, frame: object) -> None:
        # Guard: no lock here; the signal may come while the same thread holds it.
        self.now = True
        if self._interruptible:
            self._interruptible = False
            raise Stop

    def wait(self, seconds: float) -> bool:
        """Pause; True as soon as the pod must end."""
        until = time.monotonic() + seconds
        while not self.now and time.monotonic() < until:
            time.sleep(0.1)
        return self.now

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        try:
            self._interruptible = True
            if self.now:
                raise Stop
            yield
        finally:
            self._interruptible = False
