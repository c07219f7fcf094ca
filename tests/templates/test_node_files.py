"""The user data of nodes: the array or volume that holds the weights."""

import shutil
import subprocess
from email import message_from_string
from pathlib import Path

import yaml

from sizing.plan.whole import Plan
from templates.render import render, user_data_path
from tests.templates.rendered import PLAN, VOLUME_PLAN, pod


def node_part(plan: Plan, content_type: str) -> str:
    """The only part of a node's user data."""
    message = message_from_string(render(plan)[user_data_path(plan.pools[0])])
    assert message.get_content_type() == "multipart/mixed"
    (part,) = message.get_payload()
    assert part.get_content_type() == content_type
    return str(part.get_payload())


def weights_script() -> str:
    return node_part(VOLUME_PLAN, "text/x-shellscript")


def test_local_disks_become_one_array_with_weights_and_images() -> None:
    assert yaml.safe_load(node_part(PLAN, "application/node.eks.aws")) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "instance": {
                "localStorage": {
                    "strategy": "RAID0",
                    "mountPath": "/mnt/k8s-disks",
                    "disabledMounts": ["PodLogs"],
                }
            }
        },
    }


def test_the_pods_read_below_the_array_that_the_node_mounts() -> None:
    config = yaml.safe_load(node_part(PLAN, "application/node.eks.aws"))
    mounted = config["spec"]["instance"]["localStorage"]["mountPath"]
    (volume,) = [volume for volume in pod(PLAN)["volumes"] if volume["name"] == "weights"]
    assert volume["hostPath"]["path"] == f"{mounted}/0", "nodeadm mounts an array on folder 0"


def test_the_pods_read_below_the_volume_that_the_node_mounts() -> None:
    (volume,) = [volume for volume in pod(VOLUME_PLAN)["volumes"] if volume["name"] == "weights"]
    assert f"mount_point={volume['hostPath']['path']}\n" in weights_script()


def test_node_script_is_one_part_that_bash_accepts() -> None:
    script = weights_script()
    assert script.startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_node_script_runs_twice_and_formats_once(tmp_path: Path) -> None:
    """The script runs with stand-ins of the tools, which log calls and remember file systems."""
    log, made = tmp_path / "log", tmp_path / "made"
    stand_ins = {
        "readlink": 'echo "$2"',
        "blkid": f'[[ -e {made} ]] || exit 2\n[[ "$*" == *TYPE* ]] && echo xfs || echo 12-34',
        "mkfs.xfs": f"touch {made}",
        "mountpoint": f"[[ -e {tmp_path}/mounted ]]",
        "mount": f"touch {tmp_path}/mounted",
        "chattr": "true",
    }
    for name, body in stand_ins.items():
        tool = tmp_path / name
        tool.write_text(f'#!/bin/bash\necho "{name} $*" >> {log}\n{body}\n')
        tool.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    script = (
        weights_script()
        .replace("/etc/fstab", f"{tmp_path}/fstab")
        .replace("/mnt/weights", f"{tmp_path}/weights")
        .replace("[[ -b ", "[[ -n ")
    )
    (tmp_path / "fstab").write_text("")
    for _ in range(2):
        path = f"{tmp_path}:/usr/bin:/bin"
        subprocess.run([bash], input=script, text=True, check=True, env={"PATH": path})
    calls = log.read_text().splitlines()
    assert calls.count("mkfs.xfs /dev/xvdb") == 1
    assert calls.count(f"mount {tmp_path}/weights") == 1
    assert (tmp_path / "fstab").read_text() == (
        f"UUID=12-34 {tmp_path}/weights xfs defaults,nofail 0 2\n"
    )
