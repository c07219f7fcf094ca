"""The order to stop, as work that ends early or a flag, and several workers in one container.

It runs next to the workers, without any other library.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ORDER = (signal.SIGTERM,)
"""Signal by which a container must end. Basis: vendor (Kubernetes)."""


class Stop(BaseException):
    """The pod must end; the job goes back."""


class Stopping:
    """Whether the pod must end. The signal interrupts only the work of the engine."""

    def __init__(self) -> None:
        self.now = self._interruptible = False
        signal.signal(signal.SIGTERM, self._signal)
        # Guard: `together` blocks it in each process until here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ORDER)

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


def ended_in(run: Callable[[], int]) -> None:
    """End this process with the exit code of a worker, or with 1 and its traceback."""
    code = 1
    try:
        code = run()
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def together(count: int, run: Callable[[], int]) -> int:
    """Run that many workers, each in a process, and return the exit code of the first to end.

    All get the order to stop, and where one ends, the others get it too: the container starts again
    as a whole.

    Guard: the order waits until all processes are known, and in each process until its worker can
    keep it (`Stopping`), so that none misses it.
    """
    running = set[int]()

    def stop(number: int, frame: object) -> None:
        for worker in tuple(running):
            os.kill(worker, signal.SIGTERM)

    signal.pthread_sigmask(signal.SIG_BLOCK, ORDER)
    for _ in range(count):
        worker = os.fork()
        if worker == 0:
            ended_in(run)
        running.add(worker)
    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ORDER)
    first, status = os.wait()
    running.discard(first)
    stop(signal.SIGTERM, None)
    while running:
        running.discard(os.wait()[0])
    return abs(os.waitstatus_to_exitcode(status))
