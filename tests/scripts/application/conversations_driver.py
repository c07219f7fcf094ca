"""Users who talk to an application with OpenAI's own client, and go on after each failure.

It runs in the environment of OGX. Standard input is JSON: urls, model, tokens by user,
conversations and turns of each user, and the file that gets one line for each answer that a user
has seen.
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openai import APIConnectionError, APIStatusError, OpenAI

PATIENCE_S = 300


class User:
    """One user, whose requests go to another server after a failure."""

    def __init__(self, name: str, token: str, given: dict[str, Any]) -> None:
        self.name, self._given = name, given
        self._clients = [
            OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0, timeout=30)
            for url in given["urls"]
        ]
        self._at = hash(name) % len(self._clients)

    def talk(self) -> None:
        for number in range(self._given["conversations"]):
            conversation = self._tried(lambda client: client.conversations.create()).id
            for turn in range(self._given["turns"]):
                question = f"{self.name} asks {number}.{turn}"
                answer = self._tried(
                    lambda client, text=question, kept=conversation: client.responses.create(
                        model=self._given["model"], input=text, conversation=kept
                    )
                )
                seen(self.name, conversation, question, answer.id)

    def _tried(self, call: Any) -> Any:
        """Answer of a call, from whichever server gives one in time."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return call(self._clients[self._at])
            except APIConnectionError:
                pass
            except APIStatusError as fault:
                if fault.status_code < 500:
                    raise
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name}: no server answers")
            self._at = (self._at + 1) % len(self._clients)
            time.sleep(0.2)


GIVEN = json.load(sys.stdin)
LOCK = threading.Lock()


def seen(*words: str) -> None:
    """Note what a user has seen."""
    with LOCK, open(GIVEN["file"], "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps(words) + "\n")


with ThreadPoolExecutor(len(GIVEN["tokens"])) as pool:
    users = [User(name, token, GIVEN) for name, token in GIVEN["tokens"].items()]
    for talked in [pool.submit(user.talk) for user in users]:
        talked.result()
