"""The steps of docs/recovery.md after an engine was killed while it creates."""

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sizewright.reading.orphans import Cause, Orphan, pending, untracked
from testbed.engine import ROOT, Stack
from tests.engine.conftest import CHAT, MakeStack

NAMESPACE = "kubernetes:core/v1:Namespace"
PROVIDER = "pulumi:providers:kubernetes"
VPC = "aws:ec2/vpc:Vpc"
PATIENCE_S = 240
UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
DOCUMENT = ROOT / "docs/recovery.md"


@contextmanager
def held(stack: Stack, type_: str) -> Iterator[None]:
    """Make the provider create resources of that type without an answer."""
    stack.world.held[type_] = threading.Event()
    try:
        yield
    finally:
        stack.world.held.pop(type_).set()


def killed_at(stack: Stack, type_: str) -> None:
    """Run `pulumi up`, and kill the engine when the first resource of a type has been made."""
    stack.command("version")
    env = {**os.environ, **stack.env}
    del env["PULUMI_SKIP_CHECKPOINTS"]
    with held(stack, type_):
        words = ["pulumi", "up", "--yes", "--non-interactive", "--skip-preview"]
        engine = subprocess.Popen(
            words,
            cwd=stack.folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until(lambda: bool(stack.world.of_type(type_)) or engine.poll() is not None)
            assert engine.poll() is None, "the engine ended before it was killed"
            until(lambda: stopped_between_writes(engine, stack))
        finally:
            # Guard: the language host is another process, which survives the engine.
            os.killpg(engine.pid, signal.SIGKILL)
            engine.wait()


def stopped_between_writes(engine: subprocess.Popen[bytes], stack: Stack) -> bool:
    """Stop the engine, and leave it stopped where its state is whole and names a creation.

    Guard: a backend of files writes the attributes of a file before the file, and not at once. A
    kill in that write leaves empty attributes: a loss of the backend, not of the engine.
    """
    os.killpg(engine.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, engine.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if any(op["type"] == "creating" for op in operations(stack)):
        return True
    os.killpg(engine.pid, signal.SIGCONT)
    return False


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)


def operations(stack: Stack) -> list[dict[str, Any]]:
    """Pending operations of the stored state; none while it is being written."""
    try:
        json.loads(attributes(stack).read_text("utf-8"))
        checkpoint = json.loads(attributes(stack).with_suffix("").read_text("utf-8"))["checkpoint"]
    except (OSError, ValueError):
        return []
    return list((checkpoint.get("latest") or {}).get("pending_operations") or [])


def attributes(stack: Stack) -> Path:
    """Attributes of the stored state, which a backend of files keeps in a file next to it."""
    (project,) = (stack.folder / "state/.pulumi/stacks").iterdir()
    return project / f"{stack.name}.json.attrs"


def export(stack: Stack) -> dict[str, Any]:
    ended = stack.command("stack", "export")
    assert ended.returncode == 0, ended.stderr
    reported: dict[str, Any] = json.loads(ended.stdout)
    return reported


def done(stack: Stack, *words: str) -> str:
    ended = stack.command(*words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_an_engine_killed_among_kubernetes_objects_converges_by_the_written_steps(
    make_stack: MakeStack,
) -> None:
    stack = make_stack(workloads=())
    stack.up()
    stack.configure([CHAT])
    killed_at(stack, NAMESPACE)
    assert "pulumi cancel" in stack.command("up", "--yes", "--skip-preview").stderr
    done(stack, "cancel", "--yes")
    found = pending(export(stack), "export")
    names = {orphan.name for orphan in found if orphan.type == NAMESPACE}
    assert names
    assert {o.next for o in found if o.type == NAMESPACE} == {f"{UPSERT}=true pulumi up"}
    done(stack, "refresh", "--yes", "--clear-pending-creates", "--skip-preview")
    adopt(stack, found)  # Guard: the kill may also hit an AWS resource in flight
    again = stack.command("up", "--yes", "--skip-preview")
    assert again.returncode != 0
    assert "already exists" in again.stdout + again.stderr, "without the variable nothing converges"
    stack.env[UPSERT] = "true"
    done(stack, "up", "--yes", "--skip-preview", "--continue-on-error")
    del stack.env[UPSERT]
    assert {(step.op, step.type) for step in stack.preview()} == {("update", PROVIDER)}
    stack.up()
    assert stack.preview() == []
    assert len({t.id for t in stack.world.of_type(NAMESPACE)}) == len(
        stack.world.of_type(NAMESPACE)
    )
    stack.destroy()
    assert stack.things() == []


def adopt(stack: Stack, found: Iterable[Orphan]) -> None:
    """Import the resources of an interrupted run that AWS has, as the page says."""
    ids = {thing.urn: thing.id for thing in stack.world.things}
    for each in found:
        if each.adopt is not None and each.urn in ids:
            words = shlex.split(each.adopt)
            words[words.index("ID")] = ids[each.urn]
            done(stack, *words[1:])


def inventory(stack: Stack) -> dict[str, Any]:
    """Output of `aws resourcegroupstaggingapi get-resources` for the stand-in."""
    return {
        "ResourceTagMappingList": [
            {
                "ResourceARN": thing.outputs["arn"],
                "Tags": [{"Key": k, "Value": v} for k, v in thing.inputs["tags"].items()],
            }
            for thing in stack.world.things
            if "arn" in thing.outputs and isinstance(thing.inputs.get("tags"), dict)
        ]
    }


def test_an_engine_killed_among_aws_resources_leaves_no_orphan_by_the_written_steps(
    make_stack: MakeStack,
) -> None:
    stack = make_stack(workloads=())
    stack.create()
    killed_at(stack, VPC)
    attributes(stack).write_text("", "utf-8")
    assert "failed to load checkpoint: EOF" in stack.command("cancel", "--yes").stderr
    attributes(stack).unlink()
    done(stack, "cancel", "--yes")
    state = export(stack)
    (orphan,) = (each for each in pending(state, "export") if each.type == VPC)
    assert orphan.cause is Cause.pending_create
    assert "Key=Name,Values=sw-network-vpc" in orphan.next
    (made,) = stack.world.of_type(VPC)
    listed = untracked(inventory(stack), "tags", [(state, "export")])
    assert made.outputs["arn"] in {each.arn for each in listed}
    done(stack, "refresh", "--yes", "--clear-pending-creates", "--skip-preview")
    adopt(stack, pending(state, "export"))
    done(stack, "up", "--yes", "--skip-preview", "--continue-on-error")
    assert stack.world.of_type(VPC) == [made], "no second network was made"
    assert untracked(inventory(stack), "tags", [(export(stack), "export")]) == []
    stack.destroy()
    assert stack.things() == []


def test_the_page_has_the_commands_that_are_tested_here() -> None:
    text = DOCUMENT.read_text("utf-8")
    for command in (
        "pulumi cancel",
        "failed to load checkpoint: EOF",
        "pulumi stack export",
        "sizewright orphans --state",
        "sizewright orphans --tags",
        "pulumi refresh --clear-pending-creates",
        "pulumi import",
        f"{UPSERT}=true pulumi up",
    ):
        assert re.search(re.escape(command), text), command
