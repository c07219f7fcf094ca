"""Count the tokens of each user in each minute, and refuse a request that could exceed the limit.

It runs inside OGX's server with asyncpg, behind OGX's verification of the token. The counts are in
one table, which all processes share. A minute is one of the database's clock, and the tokens of a
call of an engine belong to the minute in which they are reserved.

Each call of an engine reserves the whole context of its model before it starts, the most that it
can compute.
At its end the reservation becomes the `usage` of the engine. Without a usage, such as that of an
answer that breaks off, the reservation stays. A request that calls no engine takes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from application_check import CONTEXT, App, Receive, RefusedError, Scope, Send, refuse
from application_database import COUNTS, FAULTS, connect, login_of
from application_secret import code_of, report

ANSWER_S = 5
"""Seconds for a connection and a statement. Basis: assumed; a statement takes milliseconds."""
UNAVAILABLE = 503
"""Status of an engine whose queue is full."""
RESERVE = (
    "WITH clock AS (SELECT floor(extract(epoch FROM now()))::bigint AS s),"
    f" taken AS (INSERT INTO {COUNTS} AS c (minute, owner_principal, tokens)"
    " SELECT s - s % 60, $1, $2::bigint FROM clock"
    " ON CONFLICT (minute, owner_principal) DO UPDATE SET tokens = c.tokens + excluded.tokens"
    " WHERE c.tokens + excluded.tokens <= $3 RETURNING c.tokens)"
    " SELECT s - s % 60 AS minute, 60 - s % 60 AS left_s, (SELECT tokens FROM taken) AS tokens"
    " FROM clock"
)
"""Guard: one statement compares and adds. Two at once wait for the row, and the second one compares
with what the first one left."""
SETTLE = f"UPDATE {COUNTS} SET tokens = tokens + $3 WHERE minute = $1 AND owner_principal = $2"
Call = Callable[[Any, Any], Awaitable[Any]]
"""Method of OGX's provider that calls an engine, with the provider and the request."""


class LimitError(RefusedError):
    """Request that its user's limit refuses."""

    def __init__(self, limit: int, left_s: int) -> None:
        message = f"limit of {limit} tokens per minute reached; try again in {left_s} s"
        super().__init__(429, message, code="rate_limit_exceeded", kind="tokens")
        self.headers = {"retry-after": str(left_s), **stated(limit, left_s)}


class CallError(Exception):
    """Call of an engine that is refused while OGX answers; its form is that of OpenAI's client."""

    def __init__(self, refused: RefusedError) -> None:
        super().__init__(refused.message)
        self.status_code = refused.status
        self.body = {"code": refused.code or "server_error", "message": refused.message}


class Reservation:
    """Tokens that are reserved for one call of an engine."""

    def __init__(
        self, owner: str, tokens: int, *, minute: int, left_s: int, remaining: int
    ) -> None:
        self.owner, self.tokens = owner, tokens
        self.minute, self.left_s, self.remaining = minute, left_s, remaining


class Counts:
    """Counts of all users, by one connection of this process."""

    def __init__(self, given: Mapping[str, str], limit: int) -> None:
        self._given, self.limit = given, limit
        self._turn = asyncio.Lock()
        self._connection: Any = None

    async def reserve(self, owner: str, tokens: int) -> Reservation:
        """Reserve the tokens of one call. Raises RefusedError."""
        try:
            row = await self._row(RESERVE, owner, tokens, self.limit)
        except FAULTS as fault:
            report("tokens_not_reserved", reason=code_of(fault))
            message = "tokens cannot be counted; try again"
            raise RefusedError(503, message, kind="server_error") from None
        if row["tokens"] is None:
            raise LimitError(self.limit, row["left_s"])
        return Reservation(
            owner,
            tokens,
            minute=row["minute"],
            left_s=row["left_s"],
            remaining=self.limit - row["tokens"],
        )

    async def settle(self, reserved: Reservation, tokens: int) -> None:
        """Let a reservation be the tokens that were used. Where that fails, it stays."""
        change = tokens - reserved.tokens
        try:
            await self._row(SETTLE, reserved.minute, reserved.owner, change)
        except FAULTS as fault:
            report("tokens_not_settled", reason=code_of(fault))

    async def _row(self, statement: str, *values: object) -> Any:
        """First row of a statement. Raises one of `FAULTS`.

        Guard: a connection whose statement was cancelled is not used again.
        """
        async with asyncio.timeout(ANSWER_S), self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._given, login_of(self._given))
            try:
                return await self._connection.fetchrow(statement, *values)
            except BaseException:
                self._connection.terminate()
                raise


class Request:
    """Reservations of one request. The first one is made before OGX answers."""

    def __init__(self, counts: Counts, first: Reservation) -> None:
        self._counts, self._first, self._unused = counts, first, [first]

    async def reserved(self) -> Reservation:
        """Reservation of the next call. OGX may call an engine several times for one request.

        Raises CallError.
        """
        if self._unused:
            return self._unused.pop()
        try:
            return await self._counts.reserve(self._first.owner, self._first.tokens)
        except RefusedError as refused:
            raise CallError(refused) from None

    def give_back(self, reserved: Reservation) -> None:
        """Keep the reservation of a call that an engine refused for the next one."""
        self._unused.append(reserved)

    async def settle(self, reserved: Reservation, tokens: int) -> None:
        await self._counts.settle(reserved, tokens)

    async def end(self) -> None:
        """Release what no call has used."""
        while self._unused:
            await self._counts.settle(self._unused.pop(), 0)


REQUEST: ContextVar[Request] = ContextVar("request")
"""Request that OGX answers."""


class TokenLimit:
    """ASGI application between OGX's verification of a token and its answer."""

    def __init__(self, app: App, counts: Counts) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its reservation, or refuse it.

        The check has put the context of the model into the scope of each request that names one.
        """
        names_model = scope["type"] == "http" and CONTEXT in scope
        if scope.get("method") != "POST" or not names_model:
            await self._app(scope, receive, send)
            return
        try:
            first = await self._counts.reserve(principal(scope), scope[CONTEXT])
        except RefusedError as refused:
            await refuse(send, refused)
            return
        request = Request(self._counts, first)
        before = REQUEST.set(request)
        try:
            await self._app(scope, receive, self._ending(send, request, first))
        finally:
            REQUEST.reset(before)
            await request.end()

    def _ending(self, send: Send, request: Request, first: Reservation) -> Send:
        """Sender that states the limit, and releases what is unused before the last message."""
        limit = stated(self._counts.limit, first.left_s, first.remaining)

        async def send_on(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in limit.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            elif not message.get("more_body", False):
                await request.end()
            await send(message)

        return send_on


def principal(scope: Scope) -> str:
    """User whom OGX has verified. Raises RefusedError where it has verified none."""
    owner = scope.get("principal")
    if not isinstance(owner, str) or not owner:
        raise RefusedError(401, "a limit of tokens needs a verified user")
    return owner


def stated(limit: int, left_s: int, remaining: int | None = None) -> dict[str, str]:
    """Headers of a limit by the names of OpenAI."""
    known = {} if remaining is None else {"remaining": str(remaining)}
    each = {"limit": str(limit), **known, "reset": f"{left_s}s"}
    return {f"x-ratelimit-{name}-tokens": value for name, value in each.items()}


def counted(call: Call) -> Call:
    """Method that calls an engine with a reservation, and settles it to the usage.

    Guard: the engine states the usage of a stream only where it is requested. A caller who has not
    requested it does not get it.
    """

    async def counted_call(provider: Any, params: Any) -> Any:
        request = REQUEST.get()
        reserved = await request.reserved()
        options = params.stream_options or {}
        if params.stream:
            counting = {"stream_options": {**options, "include_usage": True}}
            params = params.model_copy(update=counting)
        try:
            found = await call(provider, params)
        except Exception as fault:
            if is_refused(fault, streams=bool(params.stream)):
                request.give_back(reserved)
            raise
        if params.stream:
            return settled(found, request, reserved, wanted=bool(options.get("include_usage")))
        if found.usage is not None:
            await request.settle(reserved, found.usage.total_tokens)
        return found

    return counted_call


def is_refused(fault: Exception, *, streams: bool) -> bool:
    """True where an engine has refused a call before it computed a token.

    Guard: the status of a stream precedes its tokens, but an engine may compute a whole answer and
    then fail to parse it, which is a 400 too.
    """
    status = getattr(fault, "status_code", None)
    return status == UNAVAILABLE or (streams and isinstance(status, int) and 400 <= status < 500)


async def settled(
    chunks: AsyncIterator[Any], request: Request, reserved: Reservation, *, wanted: bool
) -> AsyncIterator[Any]:
    """Chunks of a stream as they come. The last one has the usage and no text."""
    is_open = True
    async for chunk in chunks:
        if chunk.usage is not None and not chunk.choices:
            if is_open:
                await request.settle(reserved, chunk.usage.total_tokens)
            is_open = False
            if not wanted:
                continue
        yield chunk
