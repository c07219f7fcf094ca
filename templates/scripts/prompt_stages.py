"""A prompt on its way to an image or video model: normalised, checked, rewritten.

PROMPT_STAGES is JSON: max_characters, and the stages `moderate` and `enhance` where they exist.
A stage has url, model, instruction, output_tokens, budget_s and on_failure. Its language model has
OpenAI's API. The program runs in the engine's server, or in the worker next to the engine, with the
standard library of Python 3.9 alone.
"""

from __future__ import annotations

import json
import re
import socket
import time
import unicodedata
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

ANSWER_BYTES = 1 << 20
"""Largest answer of a stage. Basis: assumed; far above 4,000 tokens in JSON."""
CHUNK_BYTES = 1 << 16
THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
"""Reasoning that some models write before their answer, even where the request turns it off."""
SAFE, UNSAFE = "safe", "unsafe"

Stage = dict[str, Any]


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

    def passed(self, prompt: str) -> str:
        """Prompt for the model. Raises RefusedError, or FailedError where a failure refuses."""
        prompt = self._bounded(normalised(prompt))
        if self._moderate is not None:
            self._judge(self._moderate, prompt)
        if self._enhance is None:
            return prompt
        try:
            return normalised(answered(self._enhance, prompt))[: self._max_characters]
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

    def _judge(self, stage: Stage, prompt: str) -> None:
        """Return where the prompt may continue."""
        try:
            safe = is_safe(answered(stage, prompt))
        except (OSError, HTTPException, ValueError) as fault:
            failed("moderate", stage, fault)
            return
        if not safe:
            raise RefusedError("prompt is refused: the safety check of this service rejects it")


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


def answered(stage: Stage, prompt: str) -> str:
    """Answer of a stage's model within its budget. Raises OSError, HTTPException or ValueError."""
    body = {
        "model": stage["model"],
        "messages": [
            {"role": "system", "content": stage["instruction"]},
            {"role": "user", "content": prompt},
        ],
        "max_tokens": stage["output_tokens"],
        "temperature": 0,
        # Models that reason first would use up their tokens; other templates ignore it.
        "chat_template_kwargs": {"enable_thinking": False},
    }
    found = json.loads(posted(stage["url"], json.dumps(body).encode(), stage["budget_s"]))
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


def posted(url: str, body: bytes, budget_s: float) -> bytes:
    """Body of a good answer, which is whole within the budget."""
    until = time.monotonic() + budget_s
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=budget_s)
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
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the budget is over")
    held.settimeout(left_s)
