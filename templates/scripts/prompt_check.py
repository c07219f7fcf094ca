"""ASGI middleware that passes the prompts of images through their stages.

The engine loads it behind the admission check, which counts the request meanwhile. A refused
prompt gets 400, and a stage without an answer 503 where its failure refuses.
"""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from admission import Application, Message, Receive, Send, again, refuse, whole
from prompt_stages import FailedError, RefusedError, Stages

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
            request["prompt"] = await self._passed(request["prompt"])
        except RefusedError as fault:
            await refuse(send, 400, "BadRequestError", str(fault))
        except FailedError as fault:
            await refuse(send, 503, "ServiceUnavailableError", str(fault))
        else:
            raw = json.dumps(request).encode()
            await self._app(resized(scope, len(raw)), again(raw, receive), send)

    async def _passed(self, prompt: str) -> str:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._stages.passed, prompt)


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


def resized(scope: Message, size: int) -> Message:
    """Scope of the request with the length of its new body."""
    kept = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", str(size).encode())]}
