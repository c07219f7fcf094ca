"""Answers of the engines in a cache that speaks the protocol of Valkey and Redis.

It runs in OGX's image with botocore, without any other library. CACHE_HOST and CACHE_PORT are the
cache, CACHE_NAME its name, CACHE_USER its user, and CACHE_TTL_S the seconds for which answers are
kept. CACHE_AUTHORITIES is a file of the authorities of its certificate, for tests.
The connection uses TLS, and a token of IAM instead of a password.

All answers of a user are one hash, whose key is a digest of the user. They expire together, and
one command deletes them. The cache may lose anything at any time, and an error is no answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import botocore
import botocore.session
from application_secret import AWS_ERRORS, code_of, report
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

KEY = "answers:"
"""Beginning of the key of a user's answers."""
TOKEN_S = 900
"""Seconds for which a token is valid. Basis: vendor (ElastiCache, authentication with IAM)."""
CONNECT_S = 5
"""Seconds for a connection. Basis: assumed; requests do not wait for it."""
PAUSE_S = 1
"""Seconds between two attempts to connect. Basis: assumed."""
MOST_BYTES = 2**20
"""Bytes of a reply at most. Basis: assumed; an answer has far fewer."""


class CacheError(OSError):
    """The cache refuses a command, or its reply cannot be read."""


FAULTS = (OSError, EOFError, asyncio.LimitOverrunError, ValueError)
"""What a cache that is slow, down or wrong raises."""
AUTHORITIES = Path(botocore.__file__).with_name("cacert.pem")
"""Authorities of AWS and others, which botocore brings: those of the image are not known."""


def key_of(owner: str) -> str:
    """Key of a user's answers, which does not name the user."""
    return KEY + hashlib.sha256(owner.encode()).hexdigest()


def token(given: Mapping[str, str]) -> str:
    """Token of IAM for one connection: a signed request that nobody sends.

    Raises one of `AWS_ERRORS`. Basis: vendor (ElastiCache guide, authentication with IAM).
    """
    credentials = botocore.session.get_session().get_credentials()
    if credentials is None:
        raise CacheError("no credentials")
    query = f"Action=connect&User={given['CACHE_USER']}&ResourceType=ServerlessCache"
    request = AWSRequest("GET", f"https://{given['CACHE_NAME']}/?{query}")
    signer = SigV4QueryAuth(credentials, "elasticache", given["AWS_REGION"], expires=TOKEN_S)
    signer.add_auth(request)
    return str(request.url).removeprefix("https://")


class Connection:
    """Connection to the cache. A fault leaves it unusable, because replies may follow."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def opened(cls, given: Mapping[str, str]) -> Connection:
        """Connection with TLS as the cache's user. Raises one of `FAULTS` or `AWS_ERRORS`."""
        password = await asyncio.to_thread(token, given)
        authorities = ssl.create_default_context(cafile=given.get("CACHE_AUTHORITIES", AUTHORITIES))
        host, port = given["CACHE_HOST"], int(given["CACHE_PORT"])
        connection = cls(*await asyncio.open_connection(host, port, ssl=authorities))
        try:
            await connection.replies(("AUTH", given["CACHE_USER"], password))
        except BaseException:
            connection.close()
            raise
        return connection

    async def replies(self, *commands: Sequence[str | bytes]) -> list[object]:
        """Replies of commands that are sent together. Raises one of `FAULTS`."""
        self._writer.write(b"".join(encoded(command) for command in commands))
        await self._writer.drain()
        return [await self._reply() for _ in commands]

    async def _reply(self) -> object:
        line = (await self._reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise CacheError(rest.partition(b" ")[0].decode("ascii", "replace"))
        length = int(rest)
        if kind not in b"$*" or length > MOST_BYTES:
            raise CacheError("a reply of another form")
        if length < 0:
            return None
        if kind == b"*":
            return [await self._reply() for _ in range(length)]
        return (await self._reader.readexactly(length + 2))[:-2]

    def close(self) -> None:
        self._writer.close()


def encoded(command: Sequence[str | bytes]) -> bytes:
    """Command as the protocol writes it: its words with their lengths."""
    words = [word.encode() if isinstance(word, str) else word for word in command]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n%b" % (len(words), b"".join(parts))


class Answers:
    """Answers of all users, by one connection of this process.

    A request never waits longer than the deadline, and never for a new connection.
    """

    def __init__(self, given: Mapping[str, str], deadline_s: float) -> None:
        self._given, self._deadline_s = given, deadline_s
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._tried_at = float("-inf")

    async def find(self, owner: str, digest: str) -> bytes | None:
        """Answer to a request; None where there is none, or the cache does not say."""
        found = await self._ask(("HGET", key_of(owner), digest))
        return found[0] if found and isinstance(found[0], bytes) else None

    async def keep(self, owner: str, digest: str, answer: bytes) -> None:
        """Keep an answer. Where that fails, nobody has it.

        Guard: a hash without an expiry would stay, so that both are one transaction. Only the first
        answer of a hash decides when it expires.
        """
        key, ttl_s = key_of(owner), self._given["CACHE_TTL_S"]
        put = (("HSET", key, digest, answer), ("EXPIRE", key, ttl_s, "NX"))
        await self._ask(("MULTI",), *put, ("EXEC",))

    async def _ask(self, *commands: Sequence[str | bytes]) -> list[object]:
        """Replies of the cache; none where it is slow or down."""
        try:
            async with asyncio.timeout(self._deadline_s), self._turn:
                if self._connection is None:
                    self._open()
                    return []
                return await self._exchanged(self._connection, commands)
        except FAULTS as fault:
            report("cache_fault", reason=reason_of(fault))
            return []

    async def _exchanged(
        self, connection: Connection, commands: Sequence[Sequence[str | bytes]]
    ) -> list[object]:
        try:
            return await connection.replies(*commands)
        except BaseException:
            self._connection = None
            connection.close()
            raise

    def _open(self) -> None:
        """Begin to connect, unless that has begun or was tried just now."""
        is_due = time.monotonic() - self._tried_at >= PAUSE_S
        if is_due and (self._opening is None or self._opening.done()):
            self._tried_at = time.monotonic()
            self._opening = asyncio.create_task(self._opened())

    async def _opened(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                self._connection = await Connection.opened(self._given)
        except (*FAULTS, *AWS_ERRORS) as fault:
            report("cache_not_reached", reason=reason_of(fault))


def reason_of(fault: BaseException) -> str:
    """Reason of a fault: the code of the cache's own error, else its name."""
    return str(fault) if isinstance(fault, CacheError) else code_of(fault)


async def erased(given: Mapping[str, str], owner: str) -> tuple[int, int]:
    """Delete the answers of a user; return how many hashes were deleted, and how many are left.

    Raises one of `FAULTS` or `AWS_ERRORS`.
    """
    key = key_of(owner)
    async with asyncio.timeout(CONNECT_S):
        connection = await Connection.opened(given)
        try:
            deleted, left = await connection.replies(("DEL", key), ("EXISTS", key))
        finally:
            connection.close()
    return int(str(deleted)), int(str(left))
