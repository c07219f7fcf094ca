"""Chunks of a text. It runs in OGX's image, without any other library."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORD = re.compile(r"\S+\s*")


def chunks(text: str, most: int, overlap: int) -> Iterator[str]:
    """Parts of a text with at most so many bytes. Each begins with the last bytes of the one
    before, up to the overlap.

    A part ends between words; a word that is longer is cut.
    """
    held, size, fresh = list[str](), 0, False
    for word in words(text, most):
        length = len(word.encode())
        if size + length > most:
            yield "".join(held).strip()
            held = tail(held, min(overlap, most - length))
            size, fresh = sum(len(each.encode()) for each in held), False
        held.append(word)
        size, fresh = size + length, True
    if fresh:
        yield "".join(held).strip()


def words(text: str, most: int) -> Iterator[str]:
    """Words with the space behind them, each of at most so many bytes."""
    for found in WORD.finditer(text):
        word = found.group()
        while len(word.encode()) > most:
            start = word.encode()[:most].decode(errors="ignore")
            yield start
            word = word[len(start) :]
        if word.strip():
            yield word


def tail(held: list[str], most: int) -> list[str]:
    """Last words of at most so many bytes together."""
    size, kept = 0, list[str]()
    for word in reversed(held):
        size += len(word.encode())
        if size > most:
            break
        kept.append(word)
    return kept[::-1]
