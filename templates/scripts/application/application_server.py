"""The server of OGX, behind the check of its requests; uvicorn calls `create` in each process.

It runs in OGX's image. MODEL is the model's name for callers, CONTEXT_TOKENS their context, or 0
where it is not known, and BODY_BYTES and FILE_BYTES the largest request and file. OGX_CONFIG is the
path of OGX's configuration. FEEDBACK_STREAM is the stream of feedback, where it is taken.
"""

from __future__ import annotations

import os
from typing import Any

from application_check import App, Check
from application_feedback import Collecting
from application_records import Stream
from ogx.core.server.server import create_app
from ogx.providers.inline.responses.builtin.responses.openai_responses import (
    OpenAIResponsesImpl as Responses,
)

ENDS = ("response.completed", "response.incomplete")
"""Events with which an answer ends."""
as_well_as_it_can = Responses._persist_streaming_state


async def keep(self: Responses, **state: Any) -> None:
    """Store what a response has so far; at its end, raise what prevents that.

    Guard: OGX 1.5.0 logs such a fault and answers, so that a caller has a response that nobody
    kept. It stores a response before it adds it to its conversation: a fault leaves neither.
    """
    if state["stream_chunk"].type not in ENDS:
        await as_well_as_it_can(self, **state)
        return
    state["force_background"] = state.pop("is_background_response")
    await self._persist_streaming_state_unlocked(**state)


def create() -> App:
    """Application of OGX behind the check."""
    Responses._persist_streaming_state = keep
    given = os.environ
    app = Check(
        create_app(),
        models=frozenset({given["MODEL"]}),
        context_tokens=int(given["CONTEXT_TOKENS"]),
        body_bytes=int(given["BODY_BYTES"]),
        file_bytes=int(given["FILE_BYTES"]),
    )
    return Collecting(app, Stream(given).put) if given.get("FEEDBACK_STREAM") else app
