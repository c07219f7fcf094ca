"""Credentials by their shape: output masks them, and input files with them are refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sizing.values.field_error import FieldPath

LONGEST_LOOKED_AT = 10_000
"""Characters of a value that are masked before it is cut. Basis: assumed; keys are shorter."""


@dataclass(frozen=True)
class Shape:
    """Shape of one kind of credential, and the text that output shows instead."""

    name: str
    pattern: re.Pattern[str]
    shown: str
    refused: bool = True
    """True where any input with the shape is refused. False where it has other uses, and only
    addresses with it are refused."""


def _shape(name: str, pattern: str, shown: str, *, refused: bool = True) -> Shape:
    return Shape(name, re.compile(pattern, re.ASCII), shown, refused)


PASSWORD = "a user name and a password"
SHAPES = (
    _shape("a Hugging Face token", r"\bhf_[A-Za-z0-9]{16,}", "hf_..."),
    _shape("an AWS access key", r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", r"\1..."),
    _shape("a GitHub token", r"\b(gh[pousr]_)[A-Za-z0-9]{20,}", r"\1..."),
    _shape("a GitHub token", r"\bgithub_pat_\w{20,}", "github_pat_..."),
    _shape("a GitLab token", r"\bglpat-[\w-]{16,}", "glpat-..."),
    _shape("a Slack token", r"\b(xox[abeprs]-)[\w-]{10,}", r"\1..."),
    _shape("an NVIDIA API key", r"\bnvapi-[\w-]{20,}", "nvapi-..."),
    _shape("a Docker Hub token", r"\bdckr_[po]at_[\w-]{20,}", "dckr_..."),
    _shape("an API key", r"\bsk-[\w-]{40,}", "sk-..."),
    _shape("an npm token", r"\bnpm_[A-Za-z0-9]{30,}", "npm_..."),
    _shape("a PyPI token", r"\bpypi-AgE[\w-]{20,}", "pypi-..."),
    _shape("a Pulumi token", r"\bpul-[0-9a-f]{40}\b", "pul-..."),
    _shape("a Vault token", r"\bhvs\.[\w-]{20,}", "hvs...."),
    _shape("a Google API key", r"\bAIza[\w-]{30,}", "AIza..."),
    _shape("a JSON Web Token", r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*", "eyJ..."),
    _shape("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\w+/=\s\\]*", "-----BEGIN..."),
    _shape(PASSWORD, r"://[^\s/?#@:]*:(?!\d+[/?#])[^\s@]*@(?:[^\s/?#@]*@)?", "://...@"),
    _shape(
        "a signed address",
        r"(?i)([?&](?:x-amz-(?:signature|security-token|credential)|sig|access_token|password|"
        r"api_?key|token)=)(?!\.\.\.)[^&\s'\"]+",
        r"\1...",
    ),
    _shape("a user name", r"://[^\s/?#@]+@", "://...@", refused=False),
    _shape(
        PASSWORD,
        r"(?<![\w./:-])(?!mailto:)[\w.+-]+:[^\s@/'\"]+@(?!sha256:)(?=[\w-]+[.:/])",
        "...@",
        refused=False,
    ),
)
"""Shapes of credentials. Basis: vendor (the prefixes that each issuer documents for secret
scanning). Addresses: RFC 3986, whose user information ends before the first slash, and unescaped
passwords."""

ADDRESS_WORDS = ("issuer", "mirror", "reference", "repository", "uri", "url")
"""Parts of keys whose values are addresses."""


def masked(text: str) -> str:
    """Return `text` with dots instead of credentials; masking twice gives the same text."""
    for shape in SHAPES:
        text = shape.pattern.sub(shape.shown, text)
    return text


def masked_value(value: object) -> object:
    """Return the same JSON value with all its texts and keys masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked(str(key)): masked_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_value(item) for item in value]
    return value


def credential_in(text: str, *, is_address: bool = False) -> str | None:
    """Kind of the first credential that an input must not contain, or None."""
    refusing = (shape for shape in SHAPES if shape.refused or is_address)
    return next((shape.name for shape in refusing if shape.pattern.search(text)), None)


def credentials_of(data: object, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str, bool]]:
    """Path and kind of every credential in plain data; True where the key itself contains it."""
    if isinstance(data, str):
        is_address = any(word in str(step) for step in path for word in ADDRESS_WORDS)
        if kind := credential_in(data, is_address=is_address):
            yield path, kind, False
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from credentials_of(item, (*path, index))
    elif isinstance(data, dict):
        for key, item in data.items():
            if kind := credential_in(key):
                yield (*path, key), kind, True
            yield from credentials_of(item, (*path, key))
