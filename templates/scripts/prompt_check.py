"""ASGI middleware that passes the prompts of images, and the images, through their stages.

The engine loads it behind the admission check, which counts the request meanwhile. A refused
prompt or image gets 400, and a stage without an answer 503 where its failure refuses.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from admission import Application, Message, Receive, Send, again, refuse, whole
from prompt_stages import KINDS, FailedError, RefusedError, Stages, data_uri

PATH = "/v1/images/generations"
"""Path of requests with a prompt. The load balancer forwards no other that makes images."""


class Prompts:
    """Stages in front of the engine's handlers."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._stages = Stages(json.loads(os.environ["PROMPT_STAGES"]))
        # The calls wait in threads of their own; the engine's event loop goes on.
        self._threads = ThreadPoolExecutor(int(os.environ["ADMISSION_IN_FLIGHT"]))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        body = await whole(receive)
        if body is None:
            return
        request = parsed(body)
        if request is None:
            await refuse(send, 400, "BadRequestError", "prompt is not a text")
            return
        try:
            request["prompt"] = await self._run(self._stages.passed, request["prompt"])
            raw = json.dumps(request).encode()
            answer = self._checked if self._stages.reviews else self._app
            await answer(resized(scope, len(raw)), again(raw, receive), send)
        except RefusedError as fault:
            await refuse(send, 400, "BadRequestError", str(fault))
        except FailedError as fault:
            await refuse(send, 503, "ServiceUnavailableError", str(fault))

    async def _checked(self, scope: Message, receive: Receive, send: Send) -> None:
        """Send the engine's answer after the check of its images.

        Guard: nothing of a good answer is sent before, whatever its form is.
        """
        kept = list[Message]()

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._app(scope, receive, keep)
        if kept and kept[0].get("status", 200) < 400:
            body = b"".join(message.get("body", b"") for message in kept)
            await self._run(lambda: self._stages.reviewed(images(body)))
        for message in kept:
            await send(message)

    async def _run(self, stage: Callable[..., Any], *arguments: object) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, stage, *arguments)


def parsed(body: bytes) -> dict[str, Any] | None:
    """Request with a text as its prompt; None for any other.

    Guard: whatever this program cannot read must not reach the engine without its stages.
    """
    try:
        request = json.loads(body)
    except ValueError:
        return None
    known = isinstance(request, dict) and isinstance(request.get("prompt"), str)
    return request if known else None


def images(body: bytes) -> list[str]:
    """Images of an answer as data URIs; none where any of them cannot be read.

    The body is one file where a request states `response_format: file`, and JSON otherwise.
    """
    try:
        if body.startswith(tuple(KINDS)):
            return [data_uri(base64.b64encode(body).decode())]
        return [data_uri(made["b64_json"]) for made in json.loads(body)["data"]]
    except (KeyError, TypeError, ValueError):
        return []


def resized(scope: Message, size: int) -> Message:
    """Scope of the request with the length of its new body."""
    kept = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", str(size).encode())]}
