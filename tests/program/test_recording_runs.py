"""The run of a recording: its refusals, its exceptions and its cleanup."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pulumi
import pytest
from pulumi_aws import ec2, s3

from sizewright.record import (
    DuplicateResource,
    InvokeRefused,
    Recorded,
    UnrecordableRequest,
    monitor,
    record,
)
from tests.program.programs import bucket_with_policy, recorded


def test_same_type_and_name_twice_is_refused() -> None:
    def program() -> None:
        s3.Bucket("data")
        s3.Bucket("data")

    with pytest.raises(DuplicateResource, match="aws:s3/bucket:Bucket::data is registered twice"):
        recorded(program)


def test_same_name_below_parents_of_one_type_is_refused_as_the_engine_does() -> None:
    def program(second_type: str) -> None:
        for name, type_ in (("a", "x:y:A"), ("b", second_type)):
            parent = pulumi.ComponentResource(type_, name)
            s3.Bucket("data", opts=pulumi.ResourceOptions(parent=parent))

    with pytest.raises(DuplicateResource, match="A\\$aws:s3"):
        recorded(lambda: program("x:y:A"))
    assert len(recorded(lambda: program("x:y:B")).resources) == 4


def fail_with(error: Exception) -> Callable[[], None]:
    def program() -> None:
        s3.Bucket("data")
        raise error

    return program


@pytest.mark.parametrize("error", [ValueError("no such zone"), pulumi.RunError("missing config")])
def test_exception_of_the_program_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        recorded(fail_with(error))
    assert caught.value is error
    assert len(recorded(bucket_with_policy).resources) == 2


def test_exception_of_the_program_is_not_hidden_by_a_later_failure() -> None:
    def program() -> None:
        s3.Bucket("data")
        s3.Bucket("data")
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        recorded(program)


def test_exception_inside_apply_passes() -> None:
    def program() -> None:
        def fail(arn: str) -> str:
            raise LookupError(arn)

        s3.BucketPolicy("p", bucket=s3.Bucket("data").arn.apply(fail), policy="{}")

    with pytest.raises(LookupError, match=r"data\.arn"):
        recorded(program)


def test_runs_are_independent_and_equal() -> None:
    def program() -> None:
        pulumi.export("size", pulumi.Config("app").get("size"))
        pulumi.export("stack", f"{pulumi.get_project()}/{pulumi.get_stack()}")
        bucket_with_policy()

    before = (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run())
    first = record(program, config={"app:size": "1"}, project="p", stack="prod")
    assert first.outputs == {"size": "1", "stack": "p/prod"}
    assert "size" not in record(program, config={}, preview=True).outputs
    assert record(program, config={"app:size": "1"}, project="p", stack="prod") == first
    assert (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()) == before


def test_mocks_set_before_change_nothing() -> None:
    class OwnMocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, str]]:
            return "mocked", {}

        def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, str], None]:
            return {}, None

    def record_after_mocks() -> Recorded:
        pulumi.runtime.set_mocks(OwnMocks())
        return recorded(bucket_with_policy)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert contextvars.copy_context().run(record_after_mocks) == recorded(bucket_with_policy)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        asyncio.set_event_loop(None)


def test_records_while_an_event_loop_runs() -> None:
    async def inside() -> Recorded:
        return recorded(bucket_with_policy)

    assert asyncio.run(inside()) == recorded(bucket_with_policy)


def test_monitor_answers_in_the_thread_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    register = monitor.RecordingMonitor.RegisterResource

    def noting(self: monitor.RecordingMonitor, request: Any) -> Any:
        threads.append(threading.get_ident())
        return register(self, request)

    monkeypatch.setattr(monitor.RecordingMonitor, "RegisterResource", noting)

    def program() -> None:
        threads.append(threading.get_ident())
        bucket_with_policy()

    recorded(program)
    assert len(threads) == 4, "the program, the stack, the bucket and its policy"
    assert len(set(threads)) == 1


@pytest.mark.parametrize("preview", [False, True])
def test_invoke_is_refused_by_token(preview: bool) -> None:
    with pytest.raises(InvokeRefused, match="aws:ec2/getVpc:getVpc"):
        recorded(lambda: ec2.get_vpc(id="vpc-1"), preview=preview)
    assert len(recorded(bucket_with_policy).resources) == 2


def test_read_of_an_existing_resource_is_refused() -> None:
    with pytest.raises(UnrecordableRequest, match="aws:ec2/vpc:Vpc::old reads"):
        recorded(lambda: ec2.Vpc.get("old", "vpc-1"))


def test_transforms_are_refused() -> None:
    def program() -> None:
        s3.Bucket("b", opts=pulumi.ResourceOptions(transforms=[lambda _: None]))

    with pytest.raises(UnrecordableRequest, match="transforms"):
        recorded(program)


@pytest.mark.parametrize("fails", ["program", "apply", "registration", "nothing"])
def test_a_recording_closes_its_event_loop_whatever_fails(fails: str) -> None:
    """Guard: the collector is paused meanwhile, and would warn of an open loop in another test."""
    loops: list[asyncio.AbstractEventLoop] = []

    def fail(value: object) -> str:
        raise LookupError(value)

    def program() -> None:
        loops.append(asyncio.get_running_loop())
        bucket = s3.Bucket("data")
        s3.BucketPolicy("other", bucket=bucket.arn, policy="{}")
        if fails == "apply":
            s3.BucketPolicy("p", bucket=bucket.arn.apply(fail), policy="{}")
        if fails == "registration":
            s3.Bucket("data")
        if fails == "program":
            fail("x")

    ends: AbstractContextManager[object] = nullcontext()
    if fails != "nothing":
        ends = pytest.raises((LookupError, DuplicateResource))
    with ends:
        recorded(program)
    assert [loop.is_closed() for loop in loops] == [True]
