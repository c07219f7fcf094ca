"""File of one image or clip."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class ArtefactPlan(Part):
    """File of one image or clip, as its pixels and its format make it."""

    model: str | None
    """Model of the catalog whose defaults apply; null where none is known."""
    format: str
    """Format: png, jpeg, webp or h264."""
    width: int
    """Pixels of a row."""
    height: int
    """Pixels of a column."""
    frames: int
    """Frames of the file; 1 for an image."""
    frames_per_s: Number | None
    """Frames of a second; null for an image, and where the catalog does not know them."""
    clip_s: Number | None
    """Seconds of the clip; null without a rate of its frames."""
    bits_per_pixel: Number
    """Bits of the file for one pixel of one frame."""
    file_bytes: int
    """Bytes of the file."""
    low_file_bytes: int | None
    """Bytes of a small file in this format; null where the workload states bits per pixel."""
    high_file_bytes: int | None
    """Bytes of a large file in this format; null where no source states them."""
    answer_bytes: int
    """Bytes of the answer: the file, in base64 where a user waits for an image."""
    stated_file_ratio: Number | None
    """Interaction bytes of the workload over the bytes of the file; null where none are stated."""
    stated_answer_ratio: Number | None
    """Response bytes of the workload over the bytes of the answer; null where none are stated."""
