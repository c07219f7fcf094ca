"""Calls of OpenAI's own client, for a test of routes.

It runs in the environment of OGX. Each line of standard input is JSON: the address of the server, a
token, the kind of request, its fields and its headers. A line of standard output has the status,
the model of the answer, its text and its id, or what the refusal says.
"""

import json
import sys
from typing import Any

from openai import APIStatusError, OpenAI


def answered(given: dict[str, Any]) -> dict[str, Any]:
    """Answer to one request."""
    url, token = given["url"], given["token"]
    client = OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0, timeout=60)
    kinds = {
        "responses": client.responses.create,
        "chat": client.chat.completions.create,
        "conversations": client.conversations.create,
    }
    try:
        if given["kind"] == "models":
            return {"status": 200, "models": sorted(each.id for each in client.models.list())}
        if given["kind"] == "items":
            return {"status": 200, "items": len(list(client.conversations.items.list(given["id"])))}
        answer = kinds[given["kind"]](**given["fields"], extra_headers=given["headers"])
    except APIStatusError as fault:
        return {"status": fault.status_code, "says": fault.response.text[:500]}
    return {"status": 200, "id": answer.id, "model": getattr(answer, "model", None)}


for line in sys.stdin:
    sys.stdout.write(json.dumps(answered(json.loads(line))) + "\n")
    sys.stdout.flush()
