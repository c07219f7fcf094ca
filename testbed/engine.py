"""One stack of this project on the real engine, by Pulumi's Automation API or its command line.

The Automation API runs the program in this process, without a language host: a run takes one second
instead of four. Nothing leaves the machine: the folder keeps the state, providers are stand-ins.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from sizewright import build_stack
from sizewright.reading.stack.site_file import PROJECT, read_site
from sizing.site import Site
from testbed.program_loops import ProgramLoops
from testbed.standin import StandIn, World
from testbed.standin.world import Thing

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".testbed" / "bin"
PASSPHRASE = "only for tests"
SECRET = "secret-71c04e"
"""Text of each secret of a stack file, whose own is encrypted for another backend."""


def engine_missing() -> str:
    """Reason why the real engine cannot run here; empty where it can."""
    names = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    lacking = [name for name in names if not (TOOLS / name).is_file()]
    return f"no {', '.join(lacking)}: run `make testbed`" if lacking else ""


@dataclass(frozen=True)
class Step:
    """Operation of the engine on one resource, done or planned."""

    op: str
    """create, update, replace, delete or same; the halves of a replacement are left out."""
    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    changed: tuple[str, ...]
    """Paths of the changed inputs."""

    @property
    def key(self) -> str:
        return f"{self.type}::{self.name}"


def world_of(*sites: Path, account: str | None = None) -> World:
    """One account with the existing resources that all these sites name by id."""
    known = [read_site(site).site for site in sites]
    return World(
        account=account or known[0].account_ids[0],
        region=known[0].region,
        outside=frozenset(id_ for site in known for id_ in _used_ids(site) if id_ is not None),
    )


def _used_ids(site: Site) -> Iterator[str | None]:
    """Ids, ARNs and names of existing resources that the site uses."""
    yield from (site.certificate_arn, site.permissions_boundary_arn)
    if site.access is not None:
        yield from site.access.policies
    if site.dns is not None and site.dns.use is not None:
        yield site.dns.use.zone_id
    if site.dns is not None and site.dns.create is not None:
        yield site.dns.create.parent_zone_id
    if site.page_client is not None:
        # The client exists at the issuer of tokens.
        yield site.page_client.client_id
    if site.keys is not None:
        yield from site.keys.use.model_dump().values()
    if site.signing_key is not None:
        yield from (site.signing_key.secret_arn, site.signing_key.secret_key_arn)
    if site.network is not None:
        network = site.network.use
        yield network.vpc_id
        yield from network.private_subnet_ids.values()
        yield from network.public_subnet_ids.values()
    if site.cluster.use is not None:
        cluster = site.cluster.use
        yield from (cluster.name, cluster.endpoint, cluster.security_group_id)
        yield from (cluster.load_balancer_controller_role, cluster.node_autoscaler_role)


def environment(
    folder: Path, standin: StandIn, python: Path = Path(sys.executable)
) -> dict[str, str]:
    """Environment of an engine with its state in the folder, which runs programs in `python`."""
    return {
        "PATH": f"{TOOLS}:{python.parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DEBUG_PROVIDERS": standin.attach,
    }


class Stack:
    """A stack in a folder; stacks of one backend share its state and settings."""

    def __init__(self, folder: Path, standin: StandIn, site: Path, *, name: str = "dev") -> None:
        self.folder = folder
        self.standin = standin
        self.world = standin.world
        self.name = name
        self.site = site
        (folder / "state").mkdir(parents=True, exist_ok=True)
        (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text("utf-8"), "utf-8")
        self.env = environment(folder, standin)
        self._stack: automation.Stack | None = None
        self._loops = ProgramLoops()

    def configure(self, workloads: Sequence[Path], site: Path | None = None) -> None:
        """Write the stack file with the site's values and these workload files."""
        given = dict(yaml.safe_load((site or self.site).read_text("utf-8"))["config"])
        secrets = [
            key for key, value in given.items() if isinstance(value, dict) and "secure" in value
        ]
        values = {key: value for key, value in given.items() if key not in secrets}
        values[f"{PROJECT}:workloads"] = [str(path.resolve()) for path in workloads]
        path = self.folder / f"Pulumi.{self.name}.yaml"
        kept = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
        path.write_text(yaml.safe_dump({**kept, "config": values}), "utf-8")
        for key in secrets:
            self.automation.set_config(key, automation.ConfigValue(SECRET, secret=True))

    def create(self) -> None:
        """Create the empty stack."""
        assert self.automation.name == self.name

    @property
    def automation(self) -> automation.Stack:
        """The stack, created on first use."""
        if self._stack is None:
            options = automation.LocalWorkspaceOptions(
                work_dir=str(self.folder),
                env_vars=self.env,
                pulumi_command=automation.PulumiCommand(str(TOOLS.parent)),
            )
            self._stack = automation.create_or_select_stack(
                self.name, project_name=PROJECT, program=self._program, opts=options
            )
        return self._stack

    def preview(self) -> list[Step]:
        """Changes that `up` would make, without unchanged resources."""
        steps = _Steps()
        with self.closed_loops():
            self.automation.preview(on_event=steps.note)
        return steps.taken

    def up(self, *, continue_on_error: bool = True) -> list[Step]:
        """Changes of an update with the documented options: a failure stops only its dependents."""
        steps = _Steps()
        with self.closed_loops():
            self.automation.up(on_event=steps.note, continue_on_error=continue_on_error)
        return steps.taken

    def up_that_fails(self, *, continue_on_error: bool = True) -> str:
        """Error of the engine in an `up` with a failure; empty where nothing fails."""
        try:
            self.up(continue_on_error=continue_on_error)
        except automation.CommandError as fault:
            return str(fault)
        return ""

    @contextmanager
    def closed_loops(self) -> Iterator[None]:
        """Close the event loop of a program that ran in this process, even after a failure."""
        try:
            yield
        finally:
            self._loops.close()

    def _program(self) -> None:
        self._loops.note()
        build_stack()

    def destroy(self) -> list[Step]:
        steps = _Steps()
        self.automation.destroy(on_event=steps.note, continue_on_error=True)
        return steps.taken

    def state(self) -> list[dict[str, Any]]:
        """Resources of the stack's state, as stored."""
        deployment: Mapping[str, Any] = self.automation.export_stack().deployment or {}
        return list(deployment.get("resources") or [])

    def things(self) -> list[Thing]:
        """Resources of this stack that now exist in the world, as copies that do not change."""
        mine = f"urn:pulumi:{self.name}::"
        return [replace(thing) for thing in self.world.things if thing.urn.startswith(mine)]

    def outputs(self) -> dict[str, Any]:
        return {name: output.value for name, output in self.automation.outputs().items()}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Result of `pulumi WORDS` as a user runs it, with the Python language host."""
        for name in ("__main__.py", "workloads"):
            if not (self.folder / name).exists():
                (self.folder / name).symlink_to(ROOT / name)
        return subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.folder,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


class _Steps:
    """Collector of the engine's steps, one for each changed resource."""

    def __init__(self) -> None:
        self.taken: list[Step] = []

    def note(self, event: automation.EngineEvent) -> None:
        if event.resource_pre_event is None:
            return
        step = event.resource_pre_event.metadata
        halves = ("create-replacement", "delete-replaced", "same", "discard-replaced")
        if step.op.value in halves or step.type == "pulumi:pulumi:Stack":
            return
        state = step.new or step.old
        self.taken.append(
            Step(
                op=step.op.value,
                urn=step.urn,
                type=step.type,
                name=step.urn.split("::")[-1],
                inputs=dict((state and state.inputs) or {}),
                changed=tuple(sorted(step.detailed_diff or {})),
            )
        )
