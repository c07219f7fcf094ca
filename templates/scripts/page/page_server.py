"""The server of Open WebUI, behind the identity of its users; uvicorn calls `create`.

It runs in the image of Open WebUI. A request must have the signed claims of a load balancer, and
Open WebUI acts as that user alone: their account, and their token in each call of the application.
APPLICATION_URL is the application's address, BALANCER_KEYS_URL that of the public keys of load
balancers, BALANCER_ARNS those that may sign, separated by spaces, and CLIENT_ID the page's name at
the issuer of tokens. The names of the account's headers are those that Open WebUI trusts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from open_webui.utils import headers as calls
from page_identity import Signers, UnknownUserError, User

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EMAIL, NAME, ROLE = "x-page-email", "x-page-name", "x-page-role"
"""Headers of an account. Guard: those of a caller are dropped, whoever it is."""
OWN = b"x-page-"
HEALTH = ("/health", "/health/db")
"""Paths that say nothing of anybody, for the load balancer and the kubelet."""
USER: ContextVar[User | None] = ContextVar("user", default=None)
"""User of the request at work. Tasks that it starts have the same one."""
made_headers = calls.get_headers_and_cookies


class Identity:
    """ASGI application in front of another one, whose users it names."""

    def __init__(self, app: App, signers: Signers) -> None:
        self._app, self._signers = app, signers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its user, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        listed = [each for each in scope["headers"] if not each[0].lower().startswith(OWN)]
        if scope["type"] == "http" and scope["path"] in HEALTH:
            await self._app({**scope, "headers": listed}, receive, send)
            return
        try:
            user = await self._signers.user(listed)
        except UnknownUserError as fault:
            print(json.dumps({"event": "refused", "reason": str(fault)}), flush=True)
            await refuse(scope, send)
            return
        own = {EMAIL: user.email, NAME: quote(user.name), ROLE: "user"}
        headers = [*listed, *((name.encode(), value.encode()) for name, value in own.items())]
        before = USER.set(user)
        try:
            await self._app({**scope, "headers": headers}, receive, send)
        finally:
            USER.reset(before)


async def refuse(scope: Scope, send: Send) -> None:
    """Answer a request of nobody."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b"Sign in again."
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def as_user(request: Any, url: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Headers and cookies of a call, with the token of the user of the request at work.

    Guard: the account that calls must be the user's, and the token goes to the application alone.
    """
    headers, cookies = await made_headers(request, url, *args, **kwargs)
    user, account = USER.get(), kwargs.get("user")
    if user is None or account is None or account.email != user.email:
        return headers, cookies
    if url.rstrip("/") == os.environ["APPLICATION_URL"].rstrip("/"):
        headers["Authorization"] = f"Bearer {user.token}"
    return headers, cookies


def create() -> App:
    """Application of Open WebUI behind the identity of its users.

    Guard: its modules take the function by its name when they are imported.
    """
    calls.get_headers_and_cookies = as_user
    from open_webui.main import app  # noqa: PLC0415

    signers = frozenset(os.environ["BALANCER_ARNS"].split())
    keys_url, client = os.environ["BALANCER_KEYS_URL"], os.environ["CLIENT_ID"]
    return Identity(app, Signers(keys_url, signers, client))
