"""Real copies of weights to a node, from a bucket that is a folder."""

import fcntl
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.scripts.conftest import Cloud

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 1_000, "deep/a.json": b"[]"}
OLD, NEW = "llama@aaaaaaaaaaaa", "llama@bbbbbbbbbbbb"


def prefix(name: str) -> str:
    return name.replace("@", "/")


def filled(cloud: Cloud, name: str = NEW, files: dict[str, bytes] = FILES) -> None:
    for path, content in files.items():
        cloud.put(f"{prefix(name)}/{path}", content)
    listed = [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in files.items()
    ]
    manifest = {"digest": f"sha256:{name}", "files": listed}
    cloud.put(f"{prefix(name)}/manifest.json", json.dumps(manifest).encode())


@pytest.fixture
def node(tmp_path: Path) -> Path:
    place = tmp_path / "node"
    place.mkdir()
    return place


def words(node: Path, name: str = NEW, wait_s: int = 0) -> list[str]:
    return ["weights", prefix(name), "manifest.json", str(wait_s), str(node), name]


def fetched(cloud: Cloud, node: Path, name: str = NEW, wait_s: int = 0) -> tuple[int, str]:
    done = cloud.run("fetch_weights.py", *words(node, name, wait_s))
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop(".complete", None)
    return found


def test_the_command_copies_in_small_buffers_on_every_type(cloud: Cloud, node: Path) -> None:
    filled(cloud)
    assert fetched(cloud, node) == (0, "")
    said = (cloud.home / ".aws" / "config").read_text()
    assert said == "[default]\ns3 =\n  preferred_transfer_client = classic\n"


def test_all_files_of_the_manifest_and_no_others(cloud: Cloud, node: Path) -> None:
    filled(cloud)
    cloud.put(f"{prefix(NEW)}/import.json", b"{}")
    assert fetched(cloud, node) == (0, "")
    assert contents(node / NEW) == FILES


def test_without_a_manifest_nothing_starts(cloud: Cloud, node: Path) -> None:
    cloud.put(f"{prefix(NEW)}/config.json", b"{}")
    code, said = fetched(cloud, node)
    assert code == 1 and said.startswith(
        f"weights: no {prefix(NEW)}/manifest.json in 0 s: aws s3api"
    )
    assert not (node / NEW).exists()


def test_it_waits_for_the_manifest(cloud: Cloud, node: Path) -> None:
    waiting = subprocess.Popen(
        cloud.command("fetch_weights.py", *words(node, wait_s=3)), env=cloud.environment
    )
    while not cloud.calls:
        pass
    filled(cloud)
    assert waiting.wait() == 0
    assert contents(node / NEW) == FILES


def test_a_second_replica_copies_nothing(cloud: Cloud, node: Path) -> None:
    filled(cloud)
    fetched(cloud, node)
    cloud.forget_calls()
    assert fetched(cloud, node) == (0, "")
    assert [call.split()[:2] for call in cloud.calls] == [["s3api", "head-object"], ["s3", "cp"]]


def test_two_replicas_at_once_copy_once(cloud: Cloud, node: Path) -> None:
    filled(cloud)
    command = cloud.command("fetch_weights.py", *words(node))
    both = [subprocess.Popen(command, env=cloud.environment) for _ in range(2)]
    assert [replica.wait() for replica in both] == [0, 0]
    copied = [call for call in cloud.calls if "model.safetensors" in call]
    assert len(copied) == 1
    assert contents(node / NEW) == FILES


def test_a_replica_waits_for_the_one_that_copies(cloud: Cloud, node: Path) -> None:
    filled(cloud)
    with (node / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            cloud.command("fetch_weights.py", *words(node)), env=cloud.environment
        )
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        assert not [call for call in cloud.calls if call.startswith("s3 cp")]
    assert waiting.wait() == 0


@pytest.mark.parametrize("wrong", [b"\0" * 256_000, b"short"])
def test_a_wrong_file_is_refused_and_requested_again(
    cloud: Cloud, node: Path, wrong: bytes
) -> None:
    filled(cloud)
    cloud.put(f"{prefix(NEW)}/model.safetensors", wrong)
    code, said = fetched(cloud, node)
    assert code == 1 and f"is sha256 {hashlib.sha256(wrong).hexdigest()}, not " in said
    assert not (node / NEW).exists()
    cloud.put(f"{prefix(NEW)}/model.safetensors", FILES["model.safetensors"])
    cloud.forget_calls()
    assert fetched(cloud, node) == (0, "")
    assert contents(node / NEW) == FILES
    assert not [call for call in cloud.calls if "config.json" in call], "it was right before"


@pytest.mark.parametrize("harm", ["gone", "short", "other manifest"])
def test_a_folder_that_is_not_whole_is_made_again(cloud: Cloud, node: Path, harm: str) -> None:
    filled(cloud)
    fetched(cloud, node)
    file = node / NEW / "model.safetensors"
    if harm == "gone":
        file.unlink()
    elif harm == "short":
        file.write_bytes(b"x")
    else:
        (node / NEW / ".complete").write_text("sha256:other")
        file.write_bytes(b"\0" * file.stat().st_size)
    assert fetched(cloud, node) == (0, "")
    assert contents(node / NEW) == FILES


def test_the_version_before_stays_and_older_ones_go(cloud: Cloud, node: Path) -> None:
    for name in ("llama@000000000000", OLD, NEW):
        filled(cloud, name)
    fetched(cloud, node, "llama@000000000000")
    os.utime(node / "llama@000000000000" / ".complete", (1, 1))
    fetched(cloud, node, OLD)
    (node / "other@1.partial").mkdir()
    fetched(cloud, node, NEW)
    assert {p.name for p in node.iterdir()} == {OLD, NEW, ".lock"}


def test_files_that_you_copy_are_waited_for_and_synced(cloud: Cloud, node: Path) -> None:
    own = ["weights", "llama", "config.json", "0", str(node), "llama"]
    assert cloud.run("fetch_weights.py", *own).returncode == 1
    cloud.put("llama/config.json", b"{}")
    cloud.put("llama/model.safetensors", b"w")
    assert cloud.run("fetch_weights.py", *own).returncode == 0
    assert contents(node / "llama") == {"config.json": b"{}", "model.safetensors": b"w"}
    cloud.put("llama/model.safetensors", b"newer")
    assert cloud.run("fetch_weights.py", *own).returncode == 0
    assert (node / "llama" / "model.safetensors").read_bytes() == b"newer"
