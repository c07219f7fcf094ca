"""Which other sizes and codecs of a clip does a service make?"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import PositiveCount
from sizing.workload.kinds import Kind

if TYPE_CHECKING:
    from sizing.workload.whole import Workload

THUMBNAIL = "thumbnail"
"""Name of the thumbnail among the variants of a clip."""


def is_even(height: int) -> int:
    """Return the height. Raises FieldError for an odd one: codecs halve the colours' resolution."""
    if height % 2:
        message = f"{height} is odd, and the codecs halve the resolution of colours"
        raise FieldError((), message, f"{height - 1} or {height + 1}")
    return height


Height = Annotated[PositiveCount, Field(ge=16, le=4_320, examples=[360]), AfterValidator(is_even)]
"""Pixels of a column: an even number."""


class Codec(StrEnum):
    """Codec of a rendition."""

    h264 = "h264"
    """Plays everywhere."""
    h265 = "h265"
    """Smaller files than H.264, for more CPU time. Not every browser plays it."""
    av1 = "av1"
    """Smaller files than H.264. Newer devices play it."""


class Rendition(Strict):
    """One more file of each clip."""

    height: Height
    """Pixels of a column. The width keeps the shape of the clip."""
    codec: Annotated[Codec, Field(examples=["av1"])] = Codec.h264
    """Codec: h264, h265 or av1."""

    @property
    def name(self) -> str:
        """Name of the variant, such as h264-360."""
        return f"{self.codec.value}-{self.height}"


class Renditions(Strict):
    """Further files that CPU workers make of each clip with ffmpeg."""

    videos: Annotated[tuple[Rendition, ...], Field(max_length=8, examples=[[{"height": 360}]])] = ()
    """Renditions of the clip by height and codec, at most 8."""
    thumbnail_height: Annotated[Height | None, Field(exclude_if=absent)] = None
    """Pixels of a column of a picture in JPEG, the frame in the middle of the clip. When left out,
    there is no thumbnail."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.videos and self.thumbnail_height is None:
            raise FieldError((), "it makes no file", "videos, thumbnail_height or both")
        names = [each.name for each in self.videos]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise FieldError(("videos", index), f"{name} is listed twice", "each once")
        return self


def renditions_are_of_clips(workload: "Workload") -> None:
    """Raises FieldError where a service has no clips to make renditions of, or smaller ones."""
    if workload.renditions is None:
        return
    if workload.kind is not Kind.video:
        message = f"{workload.kind.value} makes no clips"
        raise FieldError(("renditions",), message, "kind: video")
    if workload.data is None:
        expected = "data.retention_days, after which results expire"
        raise FieldError(("data",), "a bucket keeps clips and their renditions", expected)
    if workload.request.height is not None:
        fit_the_clip(workload.renditions, workload.request.height)


def fit_the_clip(renditions: Renditions, height: int) -> None:
    """Raises FieldError for a rendition that is higher than the clip. No detail would be added."""
    for index, each in enumerate(renditions.videos):
        if each.height > height:
            _too_high(("renditions", "videos", index, "height"), height)
    if renditions.thumbnail_height is not None and renditions.thumbnail_height > height:
        _too_high(("renditions", "thumbnail_height"), height)


def _too_high(field: tuple[str | int, ...], height: int) -> None:
    raise FieldError(field, f"the clip has {height} pixels of height", f"at most {height}")
