"""Copy the weights to this node, once for all replicas, and check each file against the manifest.

It runs before the engine, with Python 3.9 or later and the AWS CLI. It waits for the object that
marks the bucket as complete, and for the other replicas of the node.

Arguments: the bucket, the prefix in it, the name of that object, and seconds to wait for it.
Then come the service's folder on the node, and the name of the weights in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
COMPLETE = ".complete"
"""File that marks a folder with all files of the manifest; its time is that of the last use."""
CHUNK_BYTES = 8 * 1024 * 1024
PAUSE_S = 10
CLASSIC = "[default]\ns3 =\n  preferred_transfer_client = classic\n"
"""AWS CLI settings.

Guard: on the largest types the CLI would use its other client, whose buffers exceed the container's
memory."""
COPIES = 2
"""Files copied at once: one is checked while the next one arrives."""


class WeightsError(Exception):
    """Reason why the weights are not available."""


def aws(*arguments: str) -> str:
    """Return the output of the AWS CLI. Raises WeightsError with its message."""
    done = subprocess.run(["aws", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise WeightsError(f"aws {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout


def configure(home: Path) -> None:
    """Make the AWS CLI copy with small buffers on every type of node."""
    home.joinpath(".aws").mkdir(parents=True, exist_ok=True)
    home.joinpath(".aws", "config").write_text(CLASSIC)


def wait(bucket: str, key: str, wait_s: int) -> None:
    """Return once the object exists. Raises WeightsError after that many seconds."""
    until = time.monotonic() + wait_s
    while True:
        try:
            aws("s3api", "head-object", "--bucket", bucket, "--key", key)
            return
        except WeightsError as fault:
            if time.monotonic() >= until:
                raise WeightsError(f"no {key} in {wait_s} s: {fault}") from fault
        time.sleep(min(PAUSE_S, wait_s))


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    found = hashlib.sha256()
    with path.open("rb") as reading:
        while chunk := reading.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def complete(folder: Path, manifest: dict[str, Any]) -> bool:
    """True where a folder was filled with this manifest's files and still has them."""
    mark = folder / COMPLETE
    if not mark.is_file() or mark.read_text() != manifest["digest"]:
        return False
    sizes = {file["path"]: file["size"] for file in manifest["files"]}
    return all(
        (folder / p).is_file() and (folder / p).stat().st_size == n for p, n in sizes.items()
    )


def make_room(top: Path, partial: Path) -> None:
    """Remove all versions except the last used one, and the remains of other copies."""
    marks = sorted(top.rglob(COMPLETE), key=lambda mark: mark.stat().st_mtime)
    for mark in marks[:-1]:
        shutil.rmtree(mark.parent)
    for left in top.rglob("*.partial"):
        if left != partial:
            shutil.rmtree(left)


def copy(bucket: str, key: str, path: Path, file: dict[str, Any]) -> None:
    """Copy one file unless it exists. Raises WeightsError where its content is another."""
    if path.is_file() and path.stat().st_size == file["size"] and sha256(path) == file["sha256"]:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aws("s3", "cp", "--only-show-errors", f"s3://{bucket}/{key}", str(path))
    if (found := sha256(path)) != file["sha256"]:
        path.unlink()
        raise WeightsError(f"{key}: is sha256 {found}, not {file['sha256']}")


def fetch(bucket: str, prefix: str, top: Path, folder: Path) -> None:
    """Copy the manifest's files to a folder that appears once all of them are correct."""
    manifest = json.loads(aws("s3", "cp", f"s3://{bucket}/{prefix}/{MANIFEST}", "-"))
    if not complete(folder, manifest):
        partial = folder.with_name(f"{folder.name}.partial")
        make_room(top, partial)
        with ThreadPoolExecutor(COPIES) as pool:
            copies = [
                pool.submit(copy, bucket, f"{prefix}/{f['path']}", partial / f["path"], f)
                for f in manifest["files"]
            ]
            for done in copies:
                done.result()
        (partial / COMPLETE).write_text(manifest["digest"])
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    os.utime(folder / COMPLETE)


def main() -> None:
    """Run the copy; exit with 1 and one line where the weights are not available."""
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    bucket, prefix, ready, wait_s, place, name = sys.argv[1:]
    top, folder = Path(place), Path(place) / name
    configure(Path.home())
    try:
        wait(bucket, f"{prefix}/{ready}", int(wait_s))
        with (top / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if ready == MANIFEST:
                fetch(bucket, prefix, top, folder)
            else:
                source = f"s3://{bucket}/{prefix}/"
                aws("s3", "sync", "--only-show-errors", "--exact-timestamps", source, str(folder))
                (folder / COMPLETE).write_text("")
    except WeightsError as fault:
        sys.exit(f"weights: {fault}")


if __name__ == "__main__":
    main()
