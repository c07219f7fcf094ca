"""The server of OGX, behind the check of its requests; uvicorn calls `create` in each process.

It runs in OGX's image. MODEL is the model's name for callers, CONTEXT_TOKENS their context, or 0
where it is not known, and BODY_BYTES and FILE_BYTES the largest request and file. OGX_CONFIG is the
path of OGX's configuration.
"""

from __future__ import annotations

import os

from application_check import App, Check
from ogx.core.server.server import create_app


def create() -> App:
    """Application of OGX behind the check."""
    given = os.environ
    return Check(
        create_app(),
        models=frozenset({given["MODEL"]}),
        context_tokens=int(given["CONTEXT_TOKENS"]),
        body_bytes=int(given["BODY_BYTES"]),
        file_bytes=int(given["FILE_BYTES"]),
    )
