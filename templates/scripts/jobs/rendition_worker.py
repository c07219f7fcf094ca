"""Worker on a node without a GPU: it makes the renditions and the thumbnail of finished clips.

It runs with Python 3.9 or later, boto3 and ffmpeg, without any other library. In the image of AWS
Lambda, PYTHONPATH must name /var/runtime, where boto3 is.

A message may arrive twice, and two workers may make the same variants at once. Each key has one
object. The row of the job names its variants or the reason why it has none, and the first stays.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from job_messages import AWS_ERRORS, QueueWorker, report
from job_stop import Stop, Stopping
from job_store import File, Row, code_of
from rendition_ffmpeg import Variant, command

FAULT_CHARACTERS = 200
"""Most characters of ffmpeg's message in a reason. Basis: assumed."""
POLL_S = 0.05
CLIP = "clip"
"""Name of the clip's file."""
QUIET = {"SVT_LOG": "1"}
"""Whole environment of ffmpeg: its encoder of AV1 reports errors alone, and no address of AWS is in
it."""


class BrokenError(Exception):
    """The attempt is lost; another may succeed."""


class Worker(QueueWorker):
    """One worker with its ffmpeg."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self._variants = [Variant(**each) for each in json.loads(given["VARIANTS"])]
        self._threads, self._limit_s = int(given["THREADS"]), float(given["CLIP_TIMEOUT_S"])
        self._ffmpeg = executable(Path(given["FFMPEG"]))
        self._stopping = Stopping()

    def run(self) -> int:
        """Work until the pod ends, and return the exit code."""
        while not self._stopping.now:
            if not self._messages.handle_next(self._outcome):
                self._stopping.wait(self._heartbeat_s)
        return 0

    def _outcome(self, job: str, receives: int) -> int | None:
        """Seconds until the clip may be tried again; None where its message is no longer needed."""
        try:
            row = self._rows.started(job)
            if row is None:
                self._cleared(job)
                return None
            if reason := self._hopeless(row, receives):
                self._fail(row, reason)
                return None
            return self._made(row)
        except AWS_ERRORS as fault:
            report("aws_error", job=job, code=code_of(fault))
            return self._heartbeat_s

    def _hopeless(self, row: Row, receives: int) -> str | None:
        """Reason why the clip must not be tried again; None where it may."""
        if int(row["variant_starts"]) > self._attempts:
            return f"{self._attempts} attempts were lost: their workers ended"
        if receives >= self._receives:
            return f"it was handed out {receives} times"
        return None

    def _made(self, row: Row) -> int | None:
        """Make the variants of a clip once."""
        job = row["id"]
        try:
            with tempfile.TemporaryDirectory() as folder:
                self._keep(row, self._files(row, Path(folder)))
        except Stop:
            self._rows.left(job)
            report("given_back", job=job)
            return 0
        except AWS_ERRORS:
            # The clip is not at fault.
            self._rows.left(job)
            raise
        except BrokenError as fault:
            report("attempt_lost", job=job)
            if int(row["variant_starts"]) < self._attempts:
                return self._heartbeat_s
            self._fail(row, str(fault))
        return None

    def _cleared(self, job: str) -> None:
        """Repeat the end of a clip that has failed or is gone: its worker may have ended before.

        Guard: a clip with variants keeps its files, and one that has expired has none yet.
        """
        row = self._rows.get(job)
        if row is None or "variants_error" in row:
            self._delete(job)
        if row is not None and "variants_error" in row:
            self._bury(row, row["variants_error"])

    def _files(self, row: Row, folder: Path) -> dict[Path, Variant]:
        """Files of all variants in a folder. Raises BrokenError or Stop."""
        with (folder / CLIP).open("wb") as out:
            self._store.read(row["key"], out)
        frames = int(json.loads(row["request"])["num_frames"])
        outputs = {variant.name: variant for variant in self._variants}
        with self._stopping.interruptible():
            self._run(command(self._ffmpeg, CLIP, frames, outputs, self._threads), folder)
        made = {folder / name: variant for name, variant in outputs.items()}
        for path, variant in made.items():
            if not path.exists() or path.stat().st_size == 0:
                raise BrokenError(f"ffmpeg made no {variant.name}")
        return made

    def _run(self, arguments: list[str], folder: Path) -> None:
        """Run ffmpeg to its end within the time for one clip.

        Guard: the process is awaited in short steps, so that the order to stop ends it too.
        """
        errors = folder / "errors"
        with errors.open("wb") as out:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stderr=out, cwd=folder, env=QUIET
            )
            try:
                until = time.monotonic() + self._limit_s
                while process.poll() is None:
                    if time.monotonic() > until:
                        raise BrokenError(f"ffmpeg took more than {self._limit_s:g} s")
                    time.sleep(POLL_S)
            finally:
                process.kill()
                process.wait()
        if process.returncode != 0:
            said = errors.read_text(errors="replace").split()
            raise BrokenError(f"ffmpeg failed: {' '.join(said)[:FAULT_CHARACTERS]}")

    def _keep(self, row: Row, made: dict[Path, Variant]) -> None:
        """Store the variants and note them; files of a job that is gone or has failed go again."""
        noted: dict[str, Row] = {}
        for path, variant in made.items():
            file = File(variant.name, variant.codec)
            with path.open("rb") as item:
                self._store.put(row, file, item)
            found = self._store.found(row, file)
            if found is None:
                raise BrokenError(f"the object of {variant.name} is gone")
            noted[variant.name] = found
        if self._rows.rendered(row["id"], noted):
            report("rendered", job=row["id"])
            return
        final = self._rows.get(row["id"])
        if final is None or "variants" not in final:
            self._delete(row["id"])

    def _fail(self, row: Row, reason: str) -> None:
        """Note the reason, delete what is there, and send the job to the dead letters."""
        if not self._rows.unrendered(row["id"], reason):
            return
        self._delete(row["id"])
        self._bury(row, reason)

    def _delete(self, job: str) -> None:
        for variant in self._variants:
            self._store.delete(job, File(variant.name, variant.codec))


def executable(program: Path) -> str:
    """Path of ffmpeg, which may run. Its image has no shell that could set the mode."""
    if not os.access(program, os.X_OK):
        program.chmod(0o700)
    return str(program)


if __name__ == "__main__":
    sys.exit(Worker(dict(os.environ)).run())
