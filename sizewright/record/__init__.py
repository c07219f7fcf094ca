"""Record what a Pulumi program would register, offline, in this process, without the CLI."""

from collections.abc import Callable, Mapping

from sizewright.record.values import (
    DuplicateResource,
    InvokeRefused,
    Recorded,
    RecordedResource,
    RecordError,
    UnrecordableRequest,
)

LOG = "sizewright.record"
"""Logger of what the program says to the engine."""

__all__ = [
    "LOG",
    "DuplicateResource",
    "InvokeRefused",
    "RecordError",
    "Recorded",
    "RecordedResource",
    "UnrecordableRequest",
    "record",
]


def record(
    program: Callable[[], None],
    *,
    config: Mapping[str, str],
    project: str = "sizewright",
    stack: str = "dev",
    preview: bool = False,
    referenced: Mapping[str, object] | None = None,
) -> Recorded:
    """The resources that `program` registers, in the order it constructs them, and its exports.

    `config` has full keys (`sizewright:site`, `aws:region`). In normal mode each value that exists
    only after creation is a text such as `${aws:s3/bucket:Bucket::data.arn}`; with `preview` it is
    unknown, so that `apply` is skipped as in a first preview. `referenced` has the outputs of other
    stacks that the program reads, as nested mappings with nothing in them.

    Raises DuplicateResource, InvokeRefused or UnrecordableRequest where the program cannot be
    recorded truthfully; what the program itself raises passes unchanged.
    """
    # Guard: importing Pulumi takes a second, which whoever shows progress must be able to announce.
    from sizewright.record import sdk
    from sizewright.record.monitor import RecordingMonitor

    monitor = RecordingMonitor(
        project=project, stack=stack, preview=preview, referenced=referenced or {}
    )
    constructed = sdk.run_offline(
        program, monitor, config=config, project=project, stack=stack, preview=preview
    )
    return monitor.recorded(constructed)
