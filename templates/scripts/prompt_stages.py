"""A prompt on its way to an image or video model: normalised, checked, rewritten. Its image is
checked too.

PROMPT_STAGES is JSON: max_characters, and history and the stages `moderate`, `enhance` and `review`
where they exist. A stage has url, model, instruction, output_tokens, budget_s and on_failure. Its
language model has OpenAI's API. The program runs in the engine's server, or in the worker next to
the engine, with the standard library of Python 3.9 alone.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import time
import unicodedata
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

ANSWER_BYTES = 1 << 20
"""Largest answer of a stage. Basis: assumed; far above 4,000 tokens in JSON."""
CHUNK_BYTES = 1 << 16
THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
"""Reasoning that some models write before their answer, even where the request turns it off."""
SAFE, UNSAFE = "safe", "unsafe"

KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
"""Formats of images by the first bytes of a file."""
START_DIGITS = 8
"""Digits in base64 of the first six bytes of a file."""

Stage = dict[str, Any]
Earlier = Callable[[], "list[str]"]
"""Earlier prompts of the same user, the newest first. Raises OSError."""


class RefusedError(Exception):
    """The prompt is refused; the text is the reason for its caller."""


class FailedError(Exception):
    """A stage has no answer; the text names it."""


class Stages:
    """The stages of one service."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._max_characters = int(given["max_characters"])
        self._moderate: Stage | None = given.get("moderate")
        self._enhance: Stage | None = given.get("enhance")
        self._review: Stage | None = given.get("review")
        self.history = int(given.get("history", 0))

    @property
    def enhance_s(self) -> float:
        """Seconds of the stage that rewrites prompts; 0 without one."""
        return 0.0 if self._enhance is None else float(self._enhance["budget_s"])

    @property
    def reviews(self) -> bool:
        """True where finished images are checked."""
        return self._review is not None

    def passed(self, prompt: str, earlier: Earlier | None = None) -> str:
        """Prompt for the model. Raises RefusedError, or FailedError where a failure refuses.

        With `earlier`, the model that rewrites the prompt may read earlier ones.
        """
        prompt = self._bounded(normalised(prompt))
        if self._moderate is not None:
            judge("moderate", self._moderate, [prompt], "prompt")
        if self._enhance is None:
            return prompt
        try:
            return self._rewritten(self._enhance, prompt, earlier)
        except (OSError, HTTPException, ValueError) as fault:
            failed("enhance", self._enhance, fault)
            return prompt

    def _bounded(self, prompt: str) -> str:
        if not prompt:
            raise RefusedError("prompt is empty")
        if len(prompt) > self._max_characters:
            text = f"prompt has {len(prompt)} characters; at most {self._max_characters}"
            raise RefusedError(text)
        return prompt

    def _rewritten(self, stage: Stage, prompt: str, earlier: Earlier | None) -> str:
        until, text = time.monotonic() + stage["budget_s"], prompt
        if earlier is not None:
            context = [self._cut(each) for each in earlier()]
            text = json.dumps({"earlier": context, "prompt": prompt}, ensure_ascii=False)
        return self._cut(answered(stage, text, until))

    def _cut(self, text: str) -> str:
        return normalised(text)[: self._max_characters]

    def reviewed(self, images: list[str]) -> None:
        """Return where all images of an answer, as data URIs, may be delivered.

        Raises RefusedError, or FailedError where a failure refuses. An answer without images is a
        failure: nothing says what is in it.
        """
        if self._review is not None:
            judge("review", self._review, [picture(image) for image in images], "image")


def judge(name: str, stage: Stage, contents: list[Any], what: str) -> None:
    """Return where every content is safe, within one budget."""
    until = time.monotonic() + stage["budget_s"]
    try:
        if not contents:
            raise ValueError("there is nothing to judge")
        safe = all(is_safe(answered(stage, content, until)) for content in contents)
    except (OSError, HTTPException, ValueError) as fault:
        failed(name, stage, fault)
        return
    if not safe:
        raise RefusedError(f"{what} is refused: the safety check of this service rejects it")


def stages_of(environment: Mapping[str, str]) -> Stages | None:
    """Stages of an environment; None where it has none."""
    text = environment.get("PROMPT_STAGES")
    return None if text is None else Stages(json.loads(text))


def normalised(prompt: str) -> str:
    """Text in Unicode NFC, without control and unpaired characters, with single spaces.

    Invisible format characters that join letters and emoji stay: they carry meaning.
    """
    text = unicodedata.normalize("NFC", prompt)
    spaced = "".join(" " if character.isspace() else character for character in text)
    kept = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join("".join(kept).split())


def data_uri(image: str) -> str:
    """Data URI of an image in base64. Raises ValueError for another file."""
    start = base64.b64decode(image[:START_DIGITS])
    for mark, kind in KINDS.items():
        if start.startswith(mark):
            return f"data:image/{kind};base64,{image}"
    raise ValueError("the file is no image")


def picture(uri: str) -> list[dict[str, Any]]:
    """Content of a message that is one image, in the form of OpenAI's API."""
    return [{"type": "image_url", "image_url": {"url": uri}}]


def is_safe(answer: str) -> bool:
    """Verdict in the first line of an answer. Raises ValueError for any other word."""
    lines = answer.strip().splitlines()
    word = lines[0].strip().strip(".\"'*").lower() if lines else ""
    if word not in (SAFE, UNSAFE):
        raise ValueError("the answer is neither safe nor unsafe")
    return word == SAFE


def failed(name: str, stage: Stage, fault: Exception) -> None:
    """Log a failure without any text of a request. Raises FailedError where it refuses."""
    report = {"event": "prompt_stage_failed", "stage": name, "cause": type(fault).__name__}
    print(json.dumps(report), flush=True)
    if stage["on_failure"] == "refuse":
        raise FailedError(f"the stage {name} of the prompt has no answer") from fault


def answered(stage: Stage, content: str | list[dict[str, Any]], until: float) -> str:
    """Answer of a stage's model before a time. Raises OSError, HTTPException or ValueError."""
    body = {
        "model": stage["model"],
        "messages": [
            {"role": "system", "content": stage["instruction"]},
            {"role": "user", "content": content},
        ],
        "max_tokens": stage["output_tokens"],
        "temperature": 0,
        # Models that reason first would use up their tokens; other templates ignore it.
        "chat_template_kwargs": {"enable_thinking": False},
    }
    found = json.loads(posted(stage["url"], json.dumps(body).encode(), until))
    try:
        text = found["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise ValueError("the answer has no text") from None
    if not isinstance(text, str):
        raise ValueError("the answer has no text")
    text = THOUGHT.sub("", text).strip()
    if not text or text.startswith("<think>"):
        raise ValueError("the answer has only thoughts")
    return text


def posted(url: str, body: bytes, until: float) -> bytes:
    """Body of a good answer, which is whole before that time. Raises TimeoutError."""
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=left_s(until))
    try:
        connection.connect()
        held = connection.sock
        wait(held, until)
        connection.request("POST", place.path, body, {"Content-Type": "application/json"})
        wait(held, until)
        answer = connection.getresponse()
        parts, size = list[bytes](), 0
        while chunk := read(answer, held, until):
            size += len(chunk)
            if size > ANSWER_BYTES:
                raise ValueError("the answer is too large")
            parts.append(chunk)
        if answer.status != 200:
            raise ValueError(f"the model answers {answer.status}")
        return b"".join(parts)
    finally:
        connection.close()


def read(answer: Any, held: socket.socket, until: float) -> bytes:
    """Next bytes of an answer. Guard: each byte of a slow body must not start the time again."""
    wait(held, until)
    chunk: bytes = answer.read1(CHUNK_BYTES)
    return chunk


def wait(held: socket.socket, until: float) -> None:
    """Let the next operation take only the time that is left. Raises TimeoutError."""
    held.settimeout(left_s(until))


def left_s(until: float) -> float:
    """Seconds that are left. Raises TimeoutError."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the budget is over")
    return seconds
