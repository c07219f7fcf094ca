"""Stacks on the real engine. Without its tools these tests are skipped and counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pulumi import automation

from sizewright.record.program import record_program
from testbed.engine import ROOT, Stack, engine_missing, world_of
from testbed.standin import StandIn

DEV = ROOT / "Pulumi.dev.yaml"
PROD = ROOT / "Pulumi.prod.yaml"
CHAT = ROOT / "tests/workloads/chat.yaml"
MakeStack = Callable[..., Stack]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = engine_missing()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@contextmanager
def refused(says: str) -> Iterator[None]:
    """Expect a refusal by the engine inside the block."""
    with pytest.raises(automation.CommandError, match=says):
        yield


@pytest.fixture(scope="session")
def modules_loaded() -> None:
    """Guard: the SDKs' lazy imports are not thread-safe; a recording touches all of them here."""
    record_program(DEV, [CHAT])


@pytest.fixture(scope="module")
def make_stack(
    tmp_path_factory: pytest.TempPathFactory, modules_loaded: None
) -> Iterator[MakeStack]:
    """`make_stack(site, [workloads])`: a stack in a new, empty world and folder, unless given."""
    served = []

    def make(
        site: Path = DEV,
        workloads: tuple[Path, ...] = (CHAT,),
        *,
        name: str = "dev",
        standin: StandIn | None = None,
        folder: Path | None = None,
    ) -> Stack:
        if standin is None:
            standin = StandIn(world_of(site))
            standin.__enter__()
            served.append(standin)
        stack = Stack(folder or tmp_path_factory.mktemp("stack"), standin, site, name=name)
        stack.configure(workloads)
        return stack

    yield make
    for standin in served:
        standin.__exit__(None, None, None)


@pytest.fixture(scope="module")
def deployed(make_stack: MakeStack) -> Stack:
    """Deployed chat stack of dev."""
    stack = make_stack()
    stack.up()
    return stack


@pytest.fixture
def changed_chat(tmp_path: Path) -> Callable[..., Path]:
    """Chat workload with its lock and with replaced texts."""

    def change(*replaced: tuple[str, str], locked: bool = True) -> Path:
        text = CHAT.read_text("utf-8")
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "chat.yaml"
        path.write_text(text, "utf-8")
        if locked:
            lock = CHAT.with_suffix(".lock")
            path.with_suffix(".lock").write_text(lock.read_text("utf-8"), "utf-8")
        return path

    return change
