"""User data of a GPU node, in the format that EKS merges with its own."""

from pathlib import PurePosixPath

from jinja2 import Environment

from sizing.plan.service.disks import WeightsOn
from sizing.plan.stack.nodes import NodePool
from templates.programs import running_lines

WEIGHTS_DEVICE = "/dev/xvdb"
"""Device name of a GPU node's second volume in the launch template."""
NODE_CONFIG = "application/node.eks.aws"
SHELL = 'text/x-shellscript; charset="us-ascii"'
BOUNDARY = "//"


def user_data(environment: Environment, pool: NodePool) -> str:
    """Return a script that mounts the weights volume, or nodeadm's setting that joins local disks.

    It also unlimits locked memory where pods use EFA.
    """
    mount = PurePosixPath(pool.volumes.weights_path)
    if pool.volumes.weights_on is WeightsOn.nvme:
        # Guard: nodeadm mounts an array on the folder `0` of the path that it is given.
        values = {"mount_path": str(mount.parent)}
        text = environment.get_template("node/local-nvme.yaml.j2").render(values)
        parts = [(NODE_CONFIG, text)]
    else:
        values = {"device": WEIGHTS_DEVICE, "mount": str(mount)}
        text = environment.get_template("node/weights-volume.sh.j2").render(values)
        parts = [(SHELL, text)]
    if pool.interconnect is not None:
        text = environment.get_template("node/locked-memory.yaml.j2").render()
        parts.append((NODE_CONFIG, text))
    return _mime(parts)


def _mime(parts: list[tuple[str, str]]) -> str:
    """MIME document without comments, because a change replaces nodes."""
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{BOUNDARY}"\n\n'
    body = "".join(
        f"--{BOUNDARY}\nContent-Type: {content_type}\n\n{running_lines(text)}"
        for content_type, text in parts
    )
    return f"{head}{body}--{BOUNDARY}--\n"
