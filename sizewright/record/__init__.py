"""Record offline what a Pulumi program would register, in this process, without the CLI."""

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
"""Logger of the program's messages to the engine."""

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
    """Resources that `program` registers, in the order of construction, and its exports.

    `config` has full keys (`sizewright:site`, `aws:region`). In normal mode each value that exists
    only after creation is a text such as `${aws:s3/bucket:Bucket::data.arn}`. With `preview` it is
    unknown, so that `apply` is skipped as in a first preview. `referenced` has the outputs of other
    stacks that the program reads, as nested mappings with empty leaves.

    Raises DuplicateResource, InvokeRefused or UnrecordableRequest where the program cannot be
    recorded truthfully. Exceptions of the program itself pass unchanged.
    """
    # Guard: importing Pulumi takes a second, and callers with a progress display announce it first.
    from sizewright.record import sdk
    from sizewright.record.monitor import RecordingMonitor

    monitor = RecordingMonitor(
        project=project, stack=stack, preview=preview, referenced=referenced or {}
    )
    constructed = sdk.run_offline(
        program, monitor, config=config, project=project, stack=stack, preview=preview
    )
    return monitor.recorded(constructed)
