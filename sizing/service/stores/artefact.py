"""How many bytes has the file of one image or clip?"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sizing.catalog.media import FormatBytes
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.replica.case import Case
from sizing.replica.item import item_of
from sizing.service.stores.tiers import check_sizes
from sizing.values.exact import Exact, ceiling, exact, plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.workload import Data, Kind, Workload
from sizing.workload.kinds import MediaFormat

BITS_PER_BYTE = 8
JSON_RATIO = Fraction(4, 3)
"""Bytes of a file in base64 over its own. Basis: arithmetic, 4 characters for 3 bytes; padding and
the rest of the JSON answer are below 1 kB."""


@dataclass(frozen=True)
class Frame:
    """Pixels of one item, and the rate of its frames; the rate is None for images."""

    width: int
    height: int
    frames: int
    frames_per_s: Fraction | None

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.width * self.height * self.frames


def format_of(workload: Workload) -> MediaFormat:
    """Return the format of a workload's items: its own, else the first of its kind."""
    return workload.request.format or workload.kind.traits.formats[0]


def artefact_plan(case: Case) -> ArtefactPlan | None:
    """Bytes of the file of one item, and of its answer.

    bytes = width x height x frames x bits per pixel / 8

    Return None for text, and where the pixels of an item are not known. Basis: arithmetic; the
    bits per pixel are those of the format (`sizing/catalog/data/media_formats.csv`) or measured by
    the user.
    """
    frame = frame_of(case)
    if frame is None:
        return None
    request = case.workload.request
    name = format_of(case.workload)
    bits = case.catalog.media_format(name)
    stated = request.bits_per_pixel
    size = ceiling(_bytes(frame, stated or bits.bits_per_pixel))
    low, high = (None, None) if stated is not None else _range(frame, bits)
    answer = ceiling(size * (JSON_RATIO if answers_in_json(case.workload) else 1))
    clip_s = None if frame.frames_per_s is None else frame.frames / frame.frames_per_s
    return ArtefactPlan(
        model=None if case.made is None else case.made.model.model,
        format=name.value,
        width=frame.width,
        height=frame.height,
        frames=frame.frames,
        frames_per_s=plain_or_none(frame.frames_per_s),
        clip_s=plain_or_none(clip_s),
        bits_per_pixel=plain(stated or bits.bits_per_pixel),
        file_bytes=size,
        low_file_bytes=low,
        high_file_bytes=high,
        answer_bytes=answer,
        stated_file_ratio=_ratio(_interaction_bytes(case.workload), size),
        stated_answer_ratio=_ratio(request.response_bytes, answer),
    )


def answers_in_json(workload: Workload) -> bool:
    """True where the answer has the file in base64: images while the user waits."""
    return workload.kind.traits.makes_media and workload.jobs is None


def with_derived_bytes(workload: Workload, file: ArtefactPlan | None) -> Workload:
    """Return the workload with the bytes of an answer and of an interaction that it leaves out.

    The rows of an application have other bytes (`sizing/service/application/api.py`).
    Raises FieldError where data are stored whose bytes are not known.
    """
    request, data = workload.request, workload.data
    if request.response_bytes is None and file is not None:
        answer = Decimal(file.answer_bytes)
        request = request.model_copy(update={"response_bytes": answer})
    if data is not None and data.interaction_bytes is None and workload.application is None:
        data = _with_interactions(data, file)
    if data is not None:
        check_sizes(data)
    if request is workload.request and data is workload.data:
        return workload
    return workload.model_copy(update={"request": request, "data": data})


def _with_interactions(data: Data, file: ArtefactPlan | None) -> Data:
    if file is None:
        message = "the pixels of an item are not known, and its bytes neither"
        expected = "bytes of an item, or request.width and request.height (and frames of a clip)"
        raise FieldError(("data", "interaction_bytes"), message, expected)
    return data.model_copy(update={"interaction_bytes": Decimal(file.file_bytes)})


def frame_of(case: Case) -> Frame | None:
    """Pixels that the request states; the model's defaults fill what it leaves out. None for text,
    and where they are not known."""
    workload, made = case.workload, case.made
    request, video = workload.request, workload.kind is Kind.video
    if not workload.kind.traits.makes_media:
        return None
    rate = request.frames_per_s
    if made is not None:
        item = item_of(workload, made.model)
        usual = made.model.frames_per_s
        rate = rate or (None if usual is None else Decimal(usual))
        width, height, frames = item.width, item.height, item.frames
    else:
        frames = (request.frames or 0) if video else 1
        width, height = request.width or 0, request.height or 0
    if not width * height * frames:
        return None
    return Frame(width, height, frames, exact(rate) if video and rate is not None else None)


def _bytes(frame: Frame, bits_per_pixel: Exact) -> Fraction:
    return frame.pixels * exact(bits_per_pixel) / BITS_PER_BYTE


def _range(frame: Frame, bits: FormatBytes) -> tuple[int, int | None]:
    """Bytes of a small and of a large file; None where the source states no large one."""
    high = bits.high_bits_per_pixel
    return (
        ceiling(_bytes(frame, bits.low_bits_per_pixel)),
        None if high is None else ceiling(_bytes(frame, high)),
    )


def _interaction_bytes(workload: Workload) -> Decimal | None:
    return None if workload.data is None else workload.data.interaction_bytes


def _ratio(stated: Decimal | None, physical: Exact) -> float | int | None:
    """Stated bytes over those that follow from the pixels; None where none are stated."""
    return None if stated is None else plain(exact(stated) / exact(physical))
