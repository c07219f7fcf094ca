"""People who ask on a chat page, each as a browser does: HTTP, and one WebSocket for the answers.

It runs in the environment of Open WebUI. Standard input has one JSON object: `url`, `model`,
`people`, for each of whom there are `headers` that a load balancer adds and `questions`. Standard
output gets the number of answers. Raises AssertionError where an answer is empty.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import Any

import aiohttp
import socketio

OPENED = (
    "/",
    "/api/config",
    "/api/models",
    "/api/v1/users/user/settings",
    "/api/v1/chats/?page=1",
    "/api/v1/chats/pinned",
    "/api/v1/configs/banners",
    "/api/v1/tools/",
)
"""Paths that a browser reads when it opens the page."""
ANSWER_S = 180


class Person:
    """A person with one conversation."""

    def __init__(self, url: str, model: str, headers: dict[str, str]) -> None:
        self._url, self._model, self._headers = url, model, headers
        self._ended = asyncio.Event()
        self._chat = self._parent = ""
        self._messages: dict[str, Any] = {}
        self._history: list[dict[str, str]] = []

    async def ask_all(self, questions: list[str]) -> int:
        """Sign in, open the page, and ask; return the number of answers."""
        async with aiohttp.ClientSession(self._url, headers=self._headers) as self._http:
            signed = await self._post("/api/v1/auths/signin", {"email": "", "password": ""})
            self._http.headers["Authorization"] = f"Bearer {signed['token']}"
            for path in OPENED:
                await self._get(path)
            self._socket = socketio.AsyncClient()
            self._socket.on("events", self._note)
            await self._socket.connect(
                self._url,
                headers=self._headers,
                socketio_path="/ws/socket.io",
                transports=["websocket"],
                auth={"token": signed["token"]},
                wait_timeout=60,
            )
            for question in questions:
                await self._ask(question)
            await self._socket.disconnect()
        return len(questions)

    async def _note(self, event: dict[str, Any]) -> None:
        data = event.get("data", {})
        if data.get("type") == "chat:active" and not data["data"]["active"]:
            self._ended.set()

    async def _ask(self, text: str) -> None:
        """Keep a question, wait for the end of its answer, and read the conversation again."""
        self._ended.clear()
        sent, answered = str(uuid.uuid4()), str(uuid.uuid4())
        now = int(time.time())
        question = {
            "id": sent,
            "parentId": self._parent or None,
            "childrenIds": [answered],
            "role": "user",
            "content": text,
            "timestamp": now,
            "models": [self._model],
        }
        answer = {
            "id": answered,
            "parentId": sent,
            "childrenIds": [],
            "role": "assistant",
            "content": "",
            "model": self._model,
            "timestamp": now,
        }
        self._messages |= {sent: question, answered: answer}
        await self._keep(answered, now)
        self._history.append({"role": "user", "content": text})
        request = {
            "stream": True,
            "model": self._model,
            "messages": self._history,
            "params": {},
            "features": {},
            "session_id": self._socket.sid,
            "chat_id": self._chat,
            "id": answered,
            "parent_id": sent,
            "user_message": question,
            "background_tasks": {},
            "stream_options": {"include_usage": True},
        }
        await self._post("/api/chat/completions", request)
        await asyncio.wait_for(self._ended.wait(), ANSWER_S)
        kept = json.loads(await self._get(f"/api/v1/chats/{self._chat}"))
        self._messages = kept["chat"]["history"]["messages"]
        content = self._messages[answered]["content"]
        assert content, self._messages[answered]
        self._history.append({"role": "assistant", "content": content})
        self._parent = answered
        await self._get("/api/v1/chats/?page=1")

    async def _keep(self, current: str, now: int) -> None:
        """Keep the conversation, which is new at its first question."""
        chat = {
            "title": "New Chat",
            "models": [self._model],
            "params": {},
            "history": {"messages": self._messages, "currentId": current},
            "messages": list(self._messages.values()),
            "tags": [],
            "timestamp": now * 1000,
        }
        path = f"/api/v1/chats/{self._chat or 'new'}"
        made = await self._post(path, {"chat": chat})
        self._chat = self._chat or made["id"]

    async def _get(self, path: str) -> bytes:
        async with self._http.get(path) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def _post(self, path: str, body: object) -> Any:
        async with self._http.post(path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


async def main() -> None:
    """Let all people ask at once, and print the number of answers."""
    given = json.load(sys.stdin)
    work = [
        Person(given["url"], given["model"], each["headers"]).ask_all(each["questions"])
        for each in given["people"]
    ]
    print(sum(await asyncio.gather(*work)))


if __name__ == "__main__":
    asyncio.run(main())
