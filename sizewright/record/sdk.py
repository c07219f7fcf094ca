"""All uses of the Pulumi SDK that are not public; checked against pulumi 3.272.0."""

import asyncio
import contextvars
import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

import pulumi
from pulumi import _types
from pulumi.runtime import rpc, settings
from pulumi.runtime.mocks import MockEngine
from pulumi.runtime.stack import run_in_stack

from sizewright.record import LOG

P = ParamSpec("P")
T = TypeVar("T")

SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
ASSET = rpc._special_asset_sig
ARCHIVE = rpc._special_archive_sig
UNKNOWN = rpc.UNKNOWN
TURNS = 300
"""Turns of the event loop in which the program's outputs usually complete.

Guard: the SDK waits for one output at a time, and each wait registers with all the others. Without
these turns first, that takes a third of a recording's time. A larger program is only slower.
Basis: measured; the longest chain of a stack with every part takes 250 turns.
"""


def resource_output_types(resource_class: type) -> Mapping[str, type]:
    """Type of each output of a resource class, by the engine's name."""
    return _types.resource_types(resource_class)


def nested_output_types(typ: object) -> Mapping[str, type] | None:
    """Type of each property of an output class, by the engine's name; None for other types."""
    if isinstance(typ, type) and _types.is_output_type(typ):
        return _types.output_type_types(typ)
    return None


class Monitor(Protocol):
    """A resource monitor that receives each resource's class before its registration."""

    def expect(self, resource: pulumi.Resource, type_: str, name: str) -> None: ...


class _InlineExecutor(ThreadPoolExecutor):
    """Runs each monitor call at once, so that the order of calls does not depend on threads."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (the future hands it to who awaits)
            future.set_exception(error)
        return future


def run_offline(
    program: Callable[[], None],
    monitor: Monitor,
    *,
    config: Mapping[str, str],
    project: str,
    stack: str,
    preview: bool,
) -> list[str]:
    """Run `program` against `monitor`, and return the URNs in the order of construction.

    The SDK keeps its state in context variables and in the thread's event loop. The program runs in
    a copied context on its own thread, which leaves no state behind.
    """

    def in_own_context() -> list[str]:
        pulumi.runtime.set_all_config(dict(config), [])
        settings.configure(
            settings.Settings(
                project=project,
                stack=stack,
                monitor=monitor,
                engine=MockEngine(logging.getLogger(LOG)),
                dry_run=preview,
                organization="organization",
            )
        )
        settings.ROOT.set(None)
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            loop.set_default_executor(_InlineExecutor())
            # Guard: the first error is raised, and later failures need no messages of their own.
            loop.set_exception_handler(lambda _loop, _context: None)
            return runner.run(_run_in_stack(program, monitor))

    with _collector_paused(), ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(contextvars.copy_context().run, in_own_context).result()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Guard: without this pause, garbage collection takes a third of a recording's time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def _run_in_stack(program: Callable[[], None], monitor: Monitor) -> list[str]:
    constructed: list[pulumi.Resource] = []
    raised: list[BaseException] = []

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        constructed.append(args.resource)
        monitor.expect(args.resource, args.type_, args.name)

    async def noted_program() -> None:
        pulumi.runtime.register_stack_transformation(note)
        try:
            program()
        except BaseException as error:
            raised.append(error)
            raise
        for _ in range(TURNS):
            await asyncio.sleep(0)

    try:
        await run_in_stack(noted_program)
    except Exception:
        # Guard: a registration that also failed would hide the program's own exception.
        if raised:
            raise raised[0]  # noqa: B904
        raise
    return [urn for resource in constructed if (urn := await resource.urn.future()) is not None]
