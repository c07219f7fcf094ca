"""Who sent a request? The load balancer says so in headers that it signs.

It runs in the image of Open WebUI with cryptography. The header `x-amzn-oidc-data` has the claims
of a user, signed by the load balancer (ES256), and `x-amzn-oidc-accesstoken` the user's token. Both
must name the same subject. Basis: vendor (AWS, authenticate users with an application load
balancer).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

CLAIMS, TOKEN = b"x-amzn-oidc-data", b"x-amzn-oidc-accesstoken"
"""Headers of the load balancer with the signed claims, and with the user's token."""
KEY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
KEY_S, KEYS_AT_MOST = 10, 8
"""Seconds to wait for a public key, and keys that are remembered."""
NUMBER_BYTES = 32
"""Bytes of each of the two numbers of a signature. Basis: vendor (RFC 7518, ES256)."""


class UnknownUserError(Exception):
    """Reason why nobody knows who sent a request, without any part of a token."""


@dataclass(frozen=True)
class User:
    """User whom the issuer of tokens has signed in."""

    subject: str
    name: str
    token: str = field(repr=False)

    @property
    def email(self) -> str:
        """Name of the user's account, which has the form of an address and is none."""
        return email_of(self.subject)


def email_of(subject: str) -> str:
    """Name of the account of a subject.

    Guard: a digest. Open WebUI takes accounts for one that differ in capital letters alone.
    """
    return f"{hashlib.sha256(subject.encode()).hexdigest()}@user.invalid"


class Signers:
    """Load balancers that may sign, and their public keys below an address."""

    def __init__(self, keys_url: str, signers: frozenset[str], client: str) -> None:
        self._keys_url, self._signers, self._client = keys_url, signers, client
        self._keys: dict[str, EllipticCurvePublicKey] = {}

    async def user(self, headers: list[tuple[bytes, bytes]]) -> User:
        """User of a request. Raises UnknownUserError."""
        given = {name: [v for n, v in headers if n.lower() == name] for name in (CLAIMS, TOKEN)}
        if any(len(values) != 1 for values in given.values()):
            raise UnknownUserError("the load balancer has signed nobody in")
        claims = await self._claims(given[CLAIMS][0].decode("latin-1"))
        token = given[TOKEN][0].decode("latin-1")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise UnknownUserError("the claims have no subject")
        if part(token, 1).get("sub") != subject:
            raise UnknownUserError("the token belongs to another user")
        name = next((str(claims[n]) for n in ("name", "email") if claims.get(n)), subject)
        return User(subject, name, token)

    async def _claims(self, signed: str) -> dict[str, Any]:
        """Claims of a user, signed by one of the load balancers. Raises UnknownUserError."""
        header, claims = part(signed, 0), part(signed, 1)
        if header.get("alg") != "ES256" or header.get("signer") not in self._signers:
            raise UnknownUserError("another load balancer has signed the claims")
        if header.get("client") != self._client:
            raise UnknownUserError("the claims are for another client")
        ends = header.get("exp")
        if not isinstance(ends, int | float) or ends < time.time():
            raise UnknownUserError("the claims have expired")
        message, _, signature = signed.rpartition(".")
        numbers = decoded(signature)
        if len(numbers) != 2 * NUMBER_BYTES:
            raise UnknownUserError("the signature has another length")
        first, second = (
            int.from_bytes(each, "big") for each in (numbers[:NUMBER_BYTES], numbers[NUMBER_BYTES:])
        )
        key = await self._key(str(header.get("kid")))
        try:
            key.verify(encode_dss_signature(first, second), message.encode(), ECDSA(SHA256()))
        except InvalidSignature:
            raise UnknownUserError("the signature is wrong") from None
        return claims

    async def _key(self, key_id: str) -> EllipticCurvePublicKey:
        """Public key of a load balancer. Raises UnknownUserError."""
        if not KEY_ID.fullmatch(key_id):
            raise UnknownUserError("the key has no name")
        if key_id not in self._keys:
            try:
                pem = await asyncio.to_thread(fetched, f"{self._keys_url}/{quote(key_id)}")
                key = load_pem_public_key(pem)
            except (OSError, ValueError):
                raise UnknownUserError("the public key is not known") from None
            if not isinstance(key, EllipticCurvePublicKey):
                raise UnknownUserError("the public key has another kind")
            while len(self._keys) >= KEYS_AT_MOST:
                self._keys.pop(next(iter(self._keys)))
            self._keys[key_id] = key
        return self._keys[key_id]


def fetched(address: str) -> bytes:
    """Public key at an address. Raises OSError."""
    with urlopen(address, timeout=KEY_S) as answer:
        body: bytes = answer.read(10_000)
        return body


def part(token: str, number: int) -> dict[str, Any]:
    """Header (0) or claims (1) of a token, not verified. Raises UnknownUserError."""
    parts = token.split(".")
    try:
        value = json.loads(decoded(parts[number])) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnknownUserError("a token cannot be read")
    return value


def decoded(text: str) -> bytes:
    """Bytes of base64url with or without padding. Raises UnknownUserError.

    Guard: load balancers pad, unlike the standard of tokens.
    """
    try:
        bare = text.rstrip("=")
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        raise UnknownUserError("a token cannot be read") from None
