"""A stand-in of an embedding service, in this process: texts with the same words are near."""

import base64
import hashlib
import json
import math
import re
import struct
import time
from typing import Any, Self

from testbed.application_stand_ins import StandIn, StandInHandler, StandInServer


class EmbeddingStandIn(StandIn):
    """OpenAI's embeddings below `/v1` of its address, from entry to exit.

    A vector counts the words of a text, each at a place that its digest gives. `delay_s` and
    `refusal`, the status of every answer, may change between requests. `texts` are all texts.
    """

    def __init__(self, model: str, dimensions: int) -> None:
        self.model, self.dimensions = model, dimensions
        self.delay_s, self.refusal = 0.0, 0
        self.texts = list[str]()

    def __enter__(self) -> Self:
        self._server = _Server(_Handler)
        self._server.stand_in = self
        self._server.start()
        return self

    def vector(self, text: str) -> list[float]:
        """Vector of length 1 that counts the words of a text."""
        counts = [0.0] * self.dimensions
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.sha256(word.encode()).digest()
            counts[int.from_bytes(digest[:4], "big") % self.dimensions] += 1
        length = math.sqrt(sum(each * each for each in counts)) or 1.0
        return [each / length for each in counts]


def packed(vector: list[float]) -> str:
    """Vector as the engine writes it in base64: elements of four bytes."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class _Server(StandInServer):
    stand_in: EmbeddingStandIn


class _Handler(StandInHandler):
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        model = {"id": self.server.stand_in.model, "object": "model", "created": 1}
        self._answer({"object": "list", "data": [{**model, "owned_by": "vllm"}]})

    def do_POST(self) -> None:
        service = self.server.stand_in
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if service.refusal:
            self._answer({"error": {"message": "refused"}}, service.refusal)
            return
        given = body["input"]
        texts = [given] if isinstance(given, str) else given
        service.texts += texts
        time.sleep(service.delay_s)
        form = packed if body.get("encoding_format") == "base64" else list
        found = [
            {"object": "embedding", "index": number, "embedding": form(service.vector(text))}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        self._answer({"object": "list", "model": body["model"], "data": found, "usage": usage})

    def _answer(self, value: Any, code: int = 200) -> None:
        self.answer(json.dumps(value).encode(), code)
