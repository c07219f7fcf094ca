"""CPU seconds of the limit of tokens for one streamed answer, as one JSON line.

    python limited.py REPEATS REQUESTS EVENTS

It runs in the environment of OGX. The application here sends the events of an engine and nothing
else, so that its CPU time with the limit less that without it is the limit's own. DATABASE_HOST,
DATABASE_PORT, DATABASE, DATABASE_TLS, ROLE and SECRET_FILE say where the counts are.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SCRIPTS = Path(__file__).parents[2] / "templates" / "scripts"
sys.path[:0] = [str(SCRIPTS / "application"), str(SCRIPTS / "stores")]

from application_database import SCHEMA, connected, login_of  # noqa: E402
from application_setup import OWN_TABLE  # noqa: E402
from application_tokens import Counts, TokenLimit, counted  # noqa: E402
from ogx_api.inference.models import OpenAIChatCompletionRequestWithExtraBody  # noqa: E402

REPEATS, REQUESTS, EVENTS = (int(word) for word in sys.argv[1:])
LIMIT, CALL_TOKENS, USED = 10**12, 100_000, 500
REQUEST = OpenAIChatCompletionRequestWithExtraBody(
    model="stand-in", messages=[{"role": "user", "content": "hello"}], stream=True
)
EVENT = SimpleNamespace(usage=None, choices=[{}])
LAST = SimpleNamespace(usage=SimpleNamespace(total_tokens=USED), choices=[])
MESSAGE = {"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True}
Call = Callable[[Any, Any], Awaitable[AsyncIterator[Any]]]


async def engine(_: object, __: object) -> AsyncIterator[Any]:
    """Stream of an engine that takes no time."""

    async def events() -> AsyncIterator[Any]:
        for _ in range(EVENTS):
            yield EVENT
        yield LAST

    return events()


def application(call: Call) -> Any:
    """Application that passes on the stream of one call."""

    async def answered(_: object, __: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for _event in await call(None, REQUEST):
            await send(MESSAGE)
        await send({"type": "http.response.body", "body": b""})

    return answered


async def cpu_s(served: Any, requests: int) -> float:
    """CPU seconds of this process for one request, of so many users."""

    async def send(_: object) -> None:
        pass

    begun = time.process_time()
    for number in range(requests):
        user = f"user-{number % 100}"
        path = {"method": "POST", "path": "/v1/chat/completions"}
        await served({"type": "http", "principal": user, **path}, send, send)
    return (time.process_time() - begun) / requests


async def main() -> None:
    async with connected(os.environ, login_of(os.environ)) as connection:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        await connection.execute(OWN_TABLE)
    limited = TokenLimit(application(counted(engine)), Counts(os.environ, LIMIT, CALL_TOKENS))
    bare = application(engine)
    await cpu_s(limited, 10)
    seconds = [await cpu_s(limited, REQUESTS) - await cpu_s(bare, REQUESTS) for _ in range(REPEATS)]
    print(json.dumps({"cpu_s": seconds, "requests": 10 + REPEATS * REQUESTS}))


asyncio.run(main())
