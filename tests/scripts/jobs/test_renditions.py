"""Renditions of clips: real ffmpeg makes them, and each fault of a worker leaves no file behind."""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.aws_services import PYTHON, ffmpeg
from tests.scripts.jobs.queued_service import QueuedService, fetched, until

NewService = Callable[..., QueuedService]
FRAMES, WIDTH, HEIGHT = 25, 160, 96
VARIANTS: list[dict[str, object]] = [
    {"name": "h264-48", "codec": "h264", "height": 48},
    {"name": "h265-96", "codec": "h265", "height": 96},
    {"name": "av1-64", "codec": "av1", "height": 64},
    {"name": "thumbnail", "codec": "jpeg", "height": 32},
]
SHAPES = {"h264-48": (80, 48), "h265-96": (160, 96), "av1-64": (106, 64), "thumbnail": (54, 32)}
CODECS = {"h264-48": "h264", "h265-96": "hevc", "av1-64": "av1", "thumbnail": "mjpeg"}
JOBS, RENDERERS, LIMIT_S = 60, 3, 240


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as the engine writes it."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = f"testsrc2=size={WIDTH}x{HEIGHT}:rate=16"
    encoder = ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"]
    subprocess.run(
        [
            *(ffmpeg(), "-v", "error", "-f", "lavfi", "-i", source),
            *("-frames:v", str(FRAMES), *encoder, path),
        ],
        check=True,
    )
    return path


@pytest.fixture
def rendered(new_service: NewService, clip: Path) -> Callable[..., QueuedService]:
    """Make a service with renditions."""

    def make(variants: list[dict[str, object]] = VARIANTS, **changes: str) -> QueuedService:
        service = new_service("video", CLIP=str(clip))
        service.with_renditions(variants, **changes)
        return service

    return make


def finished(service: QueuedService, **fields: object) -> str:
    """Id of a new job whose clip is done."""
    job = service.accept(num_frames=FRAMES, **fields)
    if not service.pods:
        service.pod("ok")
    until(lambda: service.row(job)["state"] == "completed", what="a clip")
    return job


def about(content: bytes, folder: Path) -> dict[str, Any]:
    """Codec, width, height and frames of a file, as ffmpeg reads them."""
    path = folder / "file"
    path.write_bytes(content)
    script = (
        "import sys, imageio_ffmpeg as i; m = next(r := i.read_frames(sys.argv[1])); "
        "print(m['codec'], *m['source_size'], sum(1 for _ in r))"
    )
    said = subprocess.run(
        [PYTHON, "-c", script, path], check=True, capture_output=True, text=True
    ).stdout.split()
    return {"codec": said[0], "size": tuple(map(int, said[1:3])), "frames": int(said[3])}


def content(service: QueuedService, job: str, variant: str) -> Any:
    return service.request("GET", f"/v1/videos/{job}/content?variant={variant}")


def test_every_variant_has_its_codec_and_shape(
    rendered: Callable[..., QueuedService], tmp_path: Path
) -> None:
    service = rendered()
    job = finished(service)
    assert content(service, job, "thumbnail").status == 409
    waiting = service.request("GET", f"/v1/videos/{job}").body["variants"]
    assert waiting == dict.fromkeys(SHAPES, "queued")
    service.renderer()
    until(lambda: "variants" in service.row(job), what="variants")
    assert set(service.row(job)["variants"]) == set(SHAPES)
    for name, size in SHAPES.items():
        answer = content(service, job, name)
        assert answer.status == 302, answer
        found = about(fetched(answer.headers["location"]), tmp_path)
        frames = 1 if name == "thumbnail" else FRAMES
        assert found == {"codec": CODECS[name], "size": size, "frames": frames}
    shown = service.request("GET", f"/v1/videos/{job}").body["variants"]
    assert shown == dict.fromkeys(SHAPES, "completed")
    original = content(service, job, "video")
    assert fetched(original.headers["location"]) == service.stored(job)
    assert service.keys() == keys_of(service.row(job))


def test_a_variant_is_never_larger_than_its_clip(
    rendered: Callable[..., QueuedService], tmp_path: Path
) -> None:
    service = rendered([{"name": "h264-720", "codec": "h264", "height": 720}])
    job = finished(service)
    service.renderer()
    until(lambda: "variants" in service.row(job), what="variants")
    answer = content(service, job, "h264-720")
    assert about(fetched(answer.headers["location"]), tmp_path)["size"] == (WIDTH, HEIGHT)


def test_an_unknown_variant_is_refused_by_name(rendered: Callable[..., QueuedService]) -> None:
    service = rendered()
    job = finished(service)
    answer = content(service, job, "h264-1080")
    assert (answer.status, answer.error["param"]) == (400, "variant")
    assert "video or h264-48 or h265-96 or av1-64 or thumbnail" in answer.error["message"]
    assert content(service, job, "video&variant=thumbnail").status == 400


def test_another_owner_gets_no_variant(rendered: Callable[..., QueuedService]) -> None:
    service = rendered()
    job = finished(service)
    path = f"/v1/videos/{job}/content?variant=thumbnail"
    assert service.request("GET", path, owner="bob").status == 404


def test_a_file_that_is_no_clip_ends_in_the_dead_letters(
    rendered: Callable[..., QueuedService],
) -> None:
    service = rendered(ATTEMPTS="2")
    job = finished(service, prompt="unreadable")
    service.renderer()
    until(lambda: "variants_error" in service.row(job), what="a reason")
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    reason = service.row(job)["variants_error"]
    assert reason.startswith("ffmpeg failed:") and "/tmp" not in reason
    assert service.letters("renditions") == [{"id": job, "model": "model-1", "reason": reason}]
    assert service.keys() == {service.row(job)["key"]}, "the clip itself stays"
    assert content(service, job, "thumbnail").error["message"] == (
        "The variant thumbnail is failed; it has no content."
    )
    assert Counter(e["event"] for e in service.events)["attempt_lost"] == 2


def test_a_clip_that_takes_too_long_is_an_attempt(rendered: Callable[..., QueuedService]) -> None:
    service = rendered(ATTEMPTS="1", CLIP_TIMEOUT_S="0.001")
    job = finished(service)
    service.renderer()
    until(lambda: "variants_error" in service.row(job), what="a reason")
    assert service.row(job)["variants_error"] == "ffmpeg took more than 0.001 s"


def test_workers_that_die_use_up_the_attempts_with_a_reason(
    rendered: Callable[..., QueuedService],
) -> None:
    service = rendered(ATTEMPTS="2")
    job = finished(service)
    service.change(job, variant_starts=2)
    service.renderer()
    until(lambda: "variants_error" in service.row(job), what="a reason")
    assert service.row(job)["variants_error"] == "2 attempts were lost: their workers ended"


def test_a_drained_worker_gives_its_clip_back(
    rendered: Callable[..., QueuedService], tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nsleep 3\nexec {ffmpeg()} "$@"\n')
    service = rendered(ATTEMPTS="1", FFMPEG=str(slow))
    job = finished(service)
    first = service.renderer()
    until(lambda: service.row(job).get("variant_starts") == 1, what="a start")
    assert first.stop() == 0
    assert service.row(job)["variant_starts"] == 0, "a drain costs no attempt"
    service.renderer()
    until(lambda: "variants" in service.row(job), what="variants")


def test_a_job_that_is_gone_keeps_no_variant(
    rendered: Callable[..., QueuedService], tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nsleep 2\nexec {ffmpeg()} "$@"\n')
    service = rendered(FFMPEG=str(slow))
    job = finished(service)
    key = service.row(job)["key"]
    service.renderer()
    until(lambda: service.row(job).get("variant_starts") == 1, what="a start")
    service.aws(f"table {service.name}", "delete_item", Key={"id": job})
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    assert service.keys() == {key}


def test_an_error_of_aws_costs_no_attempt_until_the_last_receive(
    rendered: Callable[..., QueuedService],
) -> None:
    service = rendered(ATTEMPTS="2", RECEIVES="4")
    job = finished(service)
    service.change(job, key="ab/gone/item.mp4")
    service.renderer()
    until(lambda: "variants_error" in service.row(job), what="a reason")
    assert service.row(job)["variants_error"] == "it was handed out 4 times"
    assert Counter(e["event"] for e in service.events)["aws_error"] == 3
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    assert len(service.letters("renditions")) == 1


def test_a_clip_that_has_failed_is_not_tried_again(rendered: Callable[..., QueuedService]) -> None:
    """Its end is repeated: the worker that gave it up may have ended before it."""
    service = rendered()
    job = finished(service)
    left = {"Bucket": service.name, "Key": f"{job[:2]}/{job}/thumbnail.jpg"}
    service.aws("s3", "put_object", **left, Body="bGVmdA==")
    service.change(job, variants_error="it was given up")
    service.renderer()
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    row = service.row(job)
    assert "variants" not in row and "variant_starts" not in row
    assert service.keys() == {row["key"]}
    reason = "it was given up"
    assert service.letters("renditions") == [{"id": job, "model": "model-1", "reason": reason}]


def test_a_clip_that_has_its_variants_keeps_them(rendered: Callable[..., QueuedService]) -> None:
    service = rendered()
    job = finished(service)
    done = {"h264-48": {"key": "ab/c/h264-48.mp4", "bytes": 1, "sha256": "0"}}
    service.change(job, variants=done)
    service.renderer()
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    assert service.row(job)["variants"] == done
    assert service.keys() == {service.row(job)["key"]}


def test_an_expired_job_gets_no_variant(rendered: Callable[..., QueuedService]) -> None:
    service = rendered()
    job = finished(service)
    service.change(job, expires_at=int(time.time()) - 1)
    service.renderer()
    until(lambda: service.waiting("renditions") == 0, what="an empty queue")
    assert service.keys() == {service.row(job)["key"]}


def test_a_worker_that_ended_before_its_announcement_announces_again(
    rendered: Callable[..., QueuedService],
) -> None:
    """The message of a completed job comes again where its worker did not delete it."""
    service = rendered()
    job = finished(service)
    until(lambda: service.waiting() == 0, what="an empty queue")
    for message in service.take(service.renditions["QUEUE_URL"], visibility_s=600):
        receipt, url = message["ReceiptHandle"], service.renditions["QUEUE_URL"]
        service.aws("sqs", "delete_message", QueueUrl=url, ReceiptHandle=receipt)
    assert service.waiting("renditions") == 0
    again = json.dumps({"id": job})
    url = service.environment["QUEUE_URL"]
    service.aws("sqs", "send_message", QueueUrl=url, MessageBody=again)
    service.renderer()
    until(lambda: "variants" in service.row(job), what="variants")


def test_every_clip_has_its_variants_or_a_reason_while_workers_are_killed(
    rendered: Callable[..., QueuedService],
) -> None:
    service = rendered(VARIANTS[:1] + VARIANTS[3:], VISIBILITY_S="4", ATTEMPTS="6")
    prompts = ["unreadable" if number % 10 == 3 else "a clip" for number in range(JOBS)]
    jobs = [service.accept(prompt, num_frames=FRAMES) for prompt in prompts]
    for seed in range(2):
        service.pod("ok", seed=seed)
    renderers = [service.renderer() for _ in range(RENDERERS)]
    chance, end, sent = random.Random(4), time.monotonic() + LIMIT_S, list[signal.Signals]()
    while not all(ended(service, job) for job in jobs) or service.waiting("renditions"):
        assert time.monotonic() < end
        for pod in service.pods:
            if pod.engine.poll() is not None:
                pod.start_engine()
            if pod.worker.poll() is not None:
                pod.start_worker()
        for renderer in renderers:
            if renderer.worker.poll() is not None:
                renderer.start()
        if len(sent) < 20:
            sent.append(chance.choice([signal.SIGKILL, signal.SIGTERM]))
            chance.choice(renderers).worker.send_signal(sent[-1])
        time.sleep(chance.uniform(0.3, 0.8))
    rows = {row["id"]: row for row in service.rows()}
    failed = {job for job in jobs if "variants_error" in rows[job]}
    clips = {job for job in jobs if rows[job]["state"] == "completed"}
    unreadable = {job for job, prompt in zip(jobs, prompts, strict=True) if prompt != "a clip"}
    assert len(clips) > JOBS * 0.8 and failed == unreadable & clips
    assert service.keys() == set().union(*(keys_of(rows[job]) for job in clips))
    letters = service.letters("renditions")
    assert {letter["id"] for letter in letters} == failed
    assert all(letter["reason"] == rows[letter["id"]]["variants_error"] for letter in letters)
    assert Counter(sent)[signal.SIGKILL] >= 5 and Counter(sent)[signal.SIGTERM] >= 5


def ended(service: QueuedService, job: str) -> bool:
    row = service.row(job)
    return row["state"] == "failed" or "variants" in row or "variants_error" in row


def keys_of(row: dict[str, Any]) -> set[str]:
    """Keys of the objects that a row names."""
    return {row["key"], *(each["key"] for each in row.get("variants", {}).values())}
