"""Event loops of programs that the Automation API ran in this process.

The API closes a loop after it has awaited its cancelled tasks. A task that ends with another error
skips the close, and the loop's sockets stay open until a garbage collection.
"""

import asyncio
import time

IDLE_S = 0.2
"""Seconds without a running loop after which the API's thread has left it.
Basis: assumed; the gap between two tasks that the API awaits is microseconds."""
POLL_S = 0.01
TASKS_S = 5
"""Seconds that cancelled tasks may take. Basis: assumed; they await nothing outside the process."""


class ProgramLoops:
    """Loops of a stack's programs until they are closed."""

    def __init__(self) -> None:
        self._loops: list[asyncio.AbstractEventLoop] = []

    def note(self) -> None:
        """Record the loop of the program that calls this."""
        self._loops.append(asyncio.get_running_loop())

    def close(self) -> None:
        """Close each loop that the API left open."""
        for loop in self._loops:
            idle_since = time.monotonic()
            while not loop.is_closed() and time.monotonic() - idle_since < IDLE_S:
                time.sleep(POLL_S)
                if loop.is_running():
                    idle_since = time.monotonic()
            if not loop.is_closed():
                _end_tasks(loop)
                loop.close()
        self._loops.clear()


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel pending tasks and await them.

    A task that is collected while it is pending warns in another test.
    """
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.wait(pending, timeout=TASKS_S))
    for task in pending:
        if task.done() and not task.cancelled():
            task.exception()
