"""Size of an uploaded image, from its header alone."""

import struct
import zlib
from types import ModuleType

import pytest

from templates.programs import program


def loaded() -> ModuleType:
    """Program as pods have it, without its comments."""
    module = ModuleType("job_image")
    exec(compile(program("job_image").text, "job_image.py", "exec"), module.__dict__)
    return module


JOB_IMAGE = loaded()
NO_IMAGE = "its input is no PNG, JPEG or WebP image"


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(*sizes: tuple[int, int]) -> bytes:
    """PNG file that states its size once or more."""
    heads = [chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)) for size in sizes]
    return b"\x89PNG\r\n\x1a\n" + b"".join(heads) + chunk(b"IDAT", zlib.compress(b"\0"))


def jpeg(*sizes: tuple[int, int], marker: int = 0xC0, fill: bytes = b"") -> bytes:
    """JPEG file with a preview in its first segment, and its own size in the next ones."""
    preview = b"\xff\xc0\x00\x11\x08\x00\x01\x00\x01" * 3
    segments = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview + b"\xff\xd0"
    segments += b"\xff\xc4" + struct.pack(">H", 21) + bytes(19)
    for width, height in sizes:
        frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
        segments += fill + bytes((0xFF, marker)) + frame
    return b"\xff\xd8" + segments + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\xff\xd9"


def webp(form: bytes, content: bytes) -> bytes:
    body = b"WEBP" + form + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


LOSSY = webp(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14 | 1 << 28) + b"\0")
CANVAS = webp(b"VP8X", bytes(4) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"))


@pytest.mark.parametrize(
    "image",
    [
        png((640, 480)),
        jpeg((640, 480)),
        jpeg((640, 480), marker=0xC2),
        jpeg((640, 480), fill=b"\xff\xff"),
        LOSSY,
        LOSSLESS,
        CANVAS,
    ],
    ids=["png", "jpeg", "progressive", "filled", "lossy", "lossless", "canvas"],
)
def test_the_header_has_the_size(image: bytes) -> None:
    assert JOB_IMAGE.size_of(image) == (640, 480)
    assert JOB_IMAGE.fault_of(image) is None


@pytest.mark.parametrize("image", [png((640, 480), (9_000, 9_000)), jpeg((1, 1), (9_000, 9_000))])
def test_of_two_sizes_the_larger_one_counts(image: bytes) -> None:
    """Guard: some decoders read the last one."""
    assert "9000x9000" in str(JOB_IMAGE.fault_of(image))


def test_the_bound_is_a_number_of_pixels() -> None:
    assert JOB_IMAGE.MOST_PIXELS == 64_000_000
    assert JOB_IMAGE.fault_of(png((8_000, 8_000))) is None
    reason = "its input image has 8001x8000 pixels; at most 64 million are accepted"
    assert JOB_IMAGE.fault_of(png((8_001, 8_000))) == reason


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"a text that is no image",
        b"GIF89a" + bytes(20),
        png(),
        png((0, 480)),
        jpeg(),
        jpeg((640, 0)),
        b"\xff\xd8" + b"\xff" * 100,
        b"\xff\xd8" + b"\xff\xe0\0\0" * 100,
        webp(b"VP8 ", bytes(20)),
        webp(b"VP8L", bytes(20)),
        webp(b"ALPH", bytes(20)),
    ],
)
def test_other_files_are_no_image(image: bytes) -> None:
    assert JOB_IMAGE.fault_of(image) == NO_IMAGE


@pytest.mark.parametrize("image", [png((640, 480)), jpeg((640, 480)), LOSSY, LOSSLESS, CANVAS])
def test_a_file_that_ends_in_its_header_is_no_image(image: bytes) -> None:
    for length in range(len(image)):
        found = JOB_IMAGE.fault_of(image[:length])
        assert found in (NO_IMAGE, None)
        assert found == NO_IMAGE or length > 24
