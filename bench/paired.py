"""Times measured in turn, so that a drift of a shared machine changes all of them alike."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
RUNS = 7
Clock = Callable[[Callable[[], object]], float]


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def cpu_seconds(action: Callable[[], object]) -> float:
    """Processor time of one call and of the processes that it waits for, in seconds.

    Other programs of the machine change it less than the wall time.
    """
    start = _cpu_s()
    action()
    return _cpu_s() - start


def _cpu_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def paired(
    *actions: Callable[[], object], runs: int = RUNS, clock: Clock = seconds
) -> list[list[float]]:
    """Times of each action in seconds, measured in turn, after one warm-up each."""
    for action in actions:
        action()
    rounds = [[clock(action) for action in actions] for _ in range(runs)]
    return [list(times) for times in zip(*rounds, strict=True)]


def ratio(times: Sequence[float], floor: Sequence[float]) -> float:
    """Median over the rounds of a time over its floor."""
    return median(time / least for time, least in zip(times, floor, strict=True))


@contextmanager
def kept_bytecode() -> Iterator[None]:
    """Let every process keep its bytecode, whatever the environment says, until the end.

    Otherwise the time to compile would count, for this project but not for its libraries.
    """
    before = dict(os.environ)
    with TemporaryDirectory() as cache:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def shell(*command: str, folder: Path = ROOT, **variables: str) -> Callable[[], object]:
    """Action that runs the command as a separate process, in a folder."""
    return lambda: subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
    )
