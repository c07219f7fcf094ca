"""Width and height that the header of a PNG, JPEG or WebP file states.

It runs next to `job_worker.py`, without any other library. Nothing is decoded: a small file may
have so many pixels that decoding it would end the engine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

MOST_PIXELS = 64_000_000
"""Most pixels of an input image. Basis: assumed; 192 MB when decoded, and the engine makes it as
small as its item."""
SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG segments that state a size. Basis: vendor (ITU-T T.81, table B.1)."""
SCAN = 0xDA
"""Marker before the pixels of a JPEG file."""
ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a segment."""


def fault_of(image: bytes) -> str | None:
    """Reason why no engine gets this image; None where one may."""
    try:
        width, height = size_of(image)
    except (struct.error, IndexError):
        width, height = 0, 0
    if not width * height:
        return "its input is no PNG, JPEG or WebP image"
    if width * height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 1_000_000} million"
        return f"its input image has {width}x{height} pixels; at most {most} are accepted"
    return None


def size_of(image: bytes) -> tuple[int, int]:
    """Width and height; zeros where the file has none of the forms.

    Raises struct.error or IndexError for a file that ends early.
    """
    if image[:8] == b"\x89PNG\r\n\x1a\n":
        return _largest(_png(image))
    if image[:2] == b"\xff\xd8":
        return _largest(_jpeg(image))
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return _webp(image)
    return 0, 0


def _largest(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Guard: a file may state its size twice, and decoders differ in which one they read."""
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _png(image: bytes) -> Iterator[tuple[int, int]]:
    """Sizes before the pixels."""
    at = 8
    while (form := image[at + 4 : at + 8]) != b"IDAT":
        length, width, height = struct.unpack_from(">I4xII", image, at)
        if form == b"IHDR":
            yield width, height
        at += 12 + length


def _jpeg(image: bytes) -> Iterator[tuple[int, int]]:
    """Sizes before the pixels."""
    at = 2
    while image[at] == 0xFF and (marker := image[at + 1]) != SCAN:
        if marker == 0xFF or marker in ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length, height, width = struct.unpack_from(">HxHH", image, at + 2)
        if marker in SIZES:
            yield width, height
        at += 2 + length


def _webp(image: bytes) -> tuple[int, int]:
    """Size of the canvas, or of the only frame."""
    form = image[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(image[at : at + 3], "little") for at in (24, 27))
        return (width + 1, height + 1) if len(image) >= 30 else (0, 0)
    if form == b"VP8L" and image[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", image, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and image[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", image, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
