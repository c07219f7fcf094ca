"""Which body of a request is a job that this service can do?

It runs in the runtime of the function, without any other library. A refusal names the field and
the expected value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from job_http import RefusedError

PROMPT_CHARACTERS = 8_000
"""Most characters of a prompt. Basis: assumed; text encoders cut after 77 to 512 tokens."""
FRAMES_PER_S = 24
"""Frames per second where nobody knows those of the model. Basis: vendor (vLLM-Omni 0.30.0)."""
MOST_FRAMES_PER_S = 60
LEAST_PIXELS, PIXEL_STEP = 64, 8
"""Smallest width and height, and the step between two sizes, in pixels. Basis: assumed; VAEs
divide by 8."""
MOST_SEED = 2**63 - 1
SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
ID = re.compile(r"[0-9a-f]{32}")
TEXTS = ("prompt", "negative_prompt")
BOTH = {"model", "size", "num_inference_steps", "seed", *TEXTS}
FIELDS = {"image": BOTH | {"n"}, "video": BOTH | {"num_frames", "seconds", "fps"}}
"""Fields that a job may have, by the kind of the service."""


@dataclass(frozen=True)
class Service:
    """What jobs of this service may contain."""

    kind: str
    """image or video."""
    model: str
    takes_images: bool
    """True where a job may start from an uploaded image."""
    width: int
    height: int
    frames: int
    iterations: int
    """Size and denoising steps of the item for which the service was sized."""
    fps: int | None
    """Frames of a second where a job states none; None where they are unknown."""

    @property
    def fields(self) -> set[str]:
        return FIELDS[self.kind] | ({"input_reference"} if self.takes_images else set())


def accepted(body: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return the fields for the engine; size, steps and frames are always among them.

    Guard: the engine has defaults of its own, which may be larger than the sized item.

    Raises RefusedError with the field and the expected value.
    """
    for name in body:
        if name not in service.fields:
            known = ", ".join(sorted(service.fields))
            raise wrong(name[:64], f"one of: {known}", "is not a field", code="unknown_parameter")
    if body.get("model", service.model) != service.model:
        raise wrong("model", service.model)
    whole("n", body.get("n", 1), 1, 1)
    if "prompt" not in body:
        raise wrong("prompt", "a text", "is missing", code="missing_required_parameter")
    request: dict[str, Any] = {name: prose(name, body[name]) for name in TEXTS if name in body}
    request |= bounded(body, service)
    if "seed" in body:
        request["seed"] = whole("seed", body["seed"], 0, MOST_SEED)
    if "input_reference" in body:
        upload = body["input_reference"]
        if not isinstance(upload, str) or not ID.fullmatch(upload):
            raise wrong("input_reference", "the id of an upload, from POST /v1/uploads")
        request["input_reference"] = upload
    return request


def bounded(body: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return size, steps, frames and frame rate, within the sized item.

    width x height x frames <= that of the sized item, and steps <= its steps

    Guard: attention grows with the square of the tokens, so fewer steps do not pay for more pixels.
    """
    width, height = pixels(body.get("size", f"{service.width}x{service.height}"))
    steps = body.get("num_inference_steps", service.iterations)
    request: dict[str, Any] = {
        "size": f"{width}x{height}",
        "num_inference_steps": whole("num_inference_steps", steps, 1, service.iterations),
    }
    if service.kind == "video":
        request |= frames(body, service)
    most = service.width * service.height * service.frames
    if width * height * request.get("num_frames", 1) > most:
        sized = f"{service.width}x{service.height}"
        clip = f" and {service.frames} frames" if service.kind == "video" else ""
        raise wrong("size", f"no more pixels in total than {sized}{clip}", "is too large")
    return request


def frames(body: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return frames and frame rate; `seconds` becomes frames.

    Guard: the engine's own rate is not that of the model.
    """
    rate = service.fps or FRAMES_PER_S
    if "fps" in body:
        rate = whole("fps", body["fps"], 1, MOST_FRAMES_PER_S)
    if "seconds" in body and "num_frames" in body:
        raise wrong("seconds", "either seconds or num_frames", "contradicts num_frames")
    count = body.get("num_frames", service.frames)
    if "seconds" in body:
        stated = body["seconds"]
        digits = isinstance(stated, str) and re.fullmatch(r"[1-9][0-9]{0,3}", stated)
        seconds = int(stated) if digits else stated
        count = rate * whole("seconds", seconds, 1, max(1, service.frames // rate))
    return {"num_frames": whole("num_frames", count, 1, service.frames), "fps": rate}


def pixels(size: object) -> tuple[int, int]:
    """Width and height of a size."""
    found = SIZE.fullmatch(size) if isinstance(size, str) else None
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if min(sides) < LEAST_PIXELS or any(side % PIXEL_STEP for side in sides):
        least = f"multiples of {PIXEL_STEP} of at least {LEAST_PIXELS}"
        raise wrong("size", f"WIDTHxHEIGHT in pixels, {least}")
    return sides


def prose(name: str, value: object) -> str:
    """Return a text. Guard: JSON may contain halves of characters, which no engine accepts."""
    expected = f"a text of 1 to {PROMPT_CHARACTERS} characters"
    if not isinstance(value, str) or len(value) > PROMPT_CHARACTERS:
        raise wrong(name, expected)
    if (not value.strip() and name == "prompt") or any("\ud800" <= c <= "\udfff" for c in value):
        raise wrong(name, expected)
    return value


def whole(name: str, value: object, least: int, most: int) -> int:
    """Return a whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise wrong(name, f"a whole number from {least} to {most}")
    return value


def wrong(
    name: str, expected: str, what: str = "has a wrong value", *, code: str = "invalid_value"
) -> RefusedError:
    """Return the refusal of a field; it does not repeat the value."""
    return RefusedError(400, f"`{name}` {what}; expected {expected}.", code=code, param=name)
