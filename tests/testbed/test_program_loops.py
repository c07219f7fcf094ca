"""Loops that the Automation API leaves open are closed, and none while it runs."""

import asyncio
import threading
import time
from collections.abc import Callable

from testbed.program_loops import IDLE_S, ProgramLoops


def run_in_thread(loops: ProgramLoops, program: Callable[[], None], *, closes: bool) -> None:
    """Run a program in a loop and thread of its own, as the API does."""

    async def noted() -> None:
        loops.note()
        program()

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(noted())
        if closes:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_a_loop_that_was_left_open_is_closed() -> None:
    loops, seen = ProgramLoops(), list[asyncio.AbstractEventLoop]()
    for closes in (False, True):
        run_in_thread(loops, lambda: seen.append(asyncio.get_running_loop()), closes=closes)
    assert [loop.is_closed() for loop in seen] == [False, True]
    loops.close()
    assert [loop.is_closed() for loop in seen] == [True, True]


def test_tasks_of_a_loop_that_was_left_open_end() -> None:
    loops, ended = ProgramLoops(), list[str]()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("at the end of the loop")

    tasks = list[asyncio.Task[None]]()
    run_in_thread(loops, lambda: tasks.append(asyncio.ensure_future(waits())), closes=False)
    loops.close()
    assert tasks[0].cancelled() and ended == ["at the end of the loop"]


def test_a_loop_that_still_runs_is_waited_for() -> None:
    loops, ended, started = ProgramLoops(), threading.Event(), threading.Event()

    async def program() -> None:
        loops.note()
        started.set()
        await asyncio.sleep(2 * IDLE_S)
        ended.set()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(program()))
    thread.start()
    started.wait()
    loops.close()
    assert ended.is_set() and loop.is_closed()
    thread.join()
    began = time.monotonic()
    loops.close()
    assert time.monotonic() - began < IDLE_S, "a closed loop is waited for once"
