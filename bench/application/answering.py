"""CPU seconds of the cache of answers for one call, in OGX's Python with the programs of the pods.

It prints one number for each repeat. A stand-in of an engine streams an answer. Each call is a
miss, which looks up an answer and keeps one; the calls without a cache are subtracted. The
environment is that of a pod, with REPEATS, CALLS and ANSWER.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from statistics import median
from typing import Any

from application_answers import ASKER, Call, cached
from application_cache import Answers
from ogx_api import OpenAIChatCompletionRequestWithExtraBody as Request
from openai.types.chat import ChatCompletionChunk

CHUNK_BYTES = 4
"""Text of one event: about one token of English."""


async def stream(_: Any, params: Any) -> AsyncIterator[Any]:
    """Answer of the engine, whose events are made before the calls."""

    async def events() -> AsyncIterator[Any]:
        for event in EVENTS:
            yield event

    return events()


def made(text: str) -> list[ChatCompletionChunk]:
    about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    parts = [text[at : at + CHUNK_BYTES] for at in range(0, len(text), CHUNK_BYTES)]
    choices: list[list[dict[str, Any]]] = [
        [{"index": 0, "delta": {"content": part}, "finish_reason": None}] for part in parts
    ]
    choices += [[{"index": 0, "delta": {}, "finish_reason": "stop"}], []]
    found = [ChatCompletionChunk.model_validate({**about, "choices": each}) for each in choices]
    usage = {"prompt_tokens": 1, "completion_tokens": len(parts), "total_tokens": len(parts) + 1}
    last = {**about, "choices": [], "usage": usage}
    return [*found[:-1], ChatCompletionChunk.model_validate(last)]


EVENTS = made(os.environ["ANSWER"])


async def spent(call: Call, first: int, count: int) -> float:
    """CPU seconds of one call, with what it leaves to do afterwards."""
    begin = time.process_time()
    for number in range(first, first + count):
        text = f"Question {number} " + "about the same things " * 20
        params = Request(model="m", messages=[{"role": "user", "content": text}], stream=True)
        async for _ in await call(None, params):
            pass
        await asyncio.sleep(0.002)
    return (time.process_time() - begin) / count


async def main() -> None:
    repeats, count = int(os.environ["REPEATS"]), int(os.environ["CALLS"])
    answers = Answers(os.environ, 5.0)
    call, first = cached(stream, answers, 131_072), 0
    ASKER.set("a-user")
    await spent(call, 0, 5)
    await asyncio.sleep(2)
    without = median([await spent(stream, 0, count) for _ in range(repeats)])
    for _ in range(repeats):
        first += count
        print(await spent(call, first, count) - without)


asyncio.run(main())
