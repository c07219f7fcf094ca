"""Explanations of the file of one image or clip."""

from math import inf

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.service.stores.artefact import answers_in_json
from sizing.values.exact import short

FILE_DEFAULTS = CATALOG + "media_models.csv, {s.artefact.model}"
FORMATS = CATALOG + "media_formats.csv, {s.artefact.format}"
PIXELS = "{s.artefact.width} * {s.artefact.height} * {s.artefact.frames}"


def answer_bytes(leaf: Leaf) -> str:
    """Name in a formula of the bytes of an answer: stated, else those of the file; with a route
    their mean over all models."""
    if leaf.sized.route is not None:
        return "{s.route.response_bytes}"
    stated = leaf.sized.inputs.request.response_bytes is not None
    return "{w.request.response_bytes}" if stated else "{s.artefact.answer_bytes}"


def request_bytes(leaf: Leaf) -> str:
    """Name in a formula of the bytes of a request; with a route their mean over all models."""
    routed = leaf.sized.route is not None
    return "{s.route.request_bytes}" if routed else "{w.request.request_bytes}"


def _file(leaf: Leaf) -> ArtefactPlan:
    """Return the file of the leaf's service. Raises ValueError."""
    if leaf.sized.artefact is None:
        raise ValueError(f"{leaf.path} without a file")
    return leaf.sized.artefact


def file_remarks(leaf: Leaf) -> tuple[str, ...]:
    """Return what the pixels say of the stated bytes of an interaction."""
    file, data = leaf.sized.artefact, leaf.sized.inputs.data
    if file is None or data is None or data.interaction_bytes is None:
        return ()
    return (_compared(f"the stated {data.interaction_bytes:,.0f} bytes", file, 1.0),)


def answer_remarks(leaf: Leaf) -> tuple[str, ...]:
    """Return what the pixels say of the stated bytes of an answer."""
    file, stated = leaf.sized.artefact, leaf.sized.inputs.request.response_bytes
    if file is None or stated is None:
        return ()
    return (
        _compared(f"the stated {stated:,.0f} bytes", file, file.answer_bytes / file.file_bytes),
    )


def _compared(stated: str, file: ArtefactPlan, multiple: float) -> str:
    """Sentence on stated bytes next to those of the file, times a multiple for base64."""
    ratio = file.stated_file_ratio if multiple == 1.0 else file.stated_answer_ratio
    times = 0.0 if ratio is None else float(ratio)
    item = f"{file.width} x {file.height} x {file.frames} pixels in {file.format}"
    text = f"{stated} are {short(times)} x the {short(file.file_bytes * multiple)} bytes of {item}"
    if file.low_file_bytes is None:
        return f"{text} at the stated bits a pixel"
    low, high = file.low_file_bytes / file.file_bytes, inf
    if file.high_file_bytes is not None:
        high = file.high_file_bytes / file.file_bytes
    if low <= times <= high:
        return f"{text}: explained, within the format's range"
    return f"{text}: {'more' if times > high else 'less'} than the format's range, so check them"


def _assumed_item(leaf: Leaf) -> tuple[str, ...]:
    if leaf.sized.inputs.model.name is not None or _file(leaf).model is None:
        return ()
    return (f"assumed: the item of {_file(leaf).model}, the model nearest in size",)


def _pixels(meaning: str, field: str) -> Explainer:
    """Explanation of pixels that the request states, else of the model's default."""

    def entry(leaf: Leaf) -> Entry:
        given = getattr(leaf.sized.inputs.request, field) is not None
        source = f"the workload file: request.{field}" if given else FILE_DEFAULTS
        basis = Basis.given if given else Basis.vendor
        remarks = () if given else _assumed_item(leaf)
        symbols = f"request.{field}, else the model's default"
        return Entry(meaning, symbols, "{v}", basis, source, remarks=remarks)

    return entry


def _bits(leaf: Leaf) -> Entry:
    if leaf.sized.inputs.request.bits_per_pixel is not None:
        basis, source = Basis.given, "the workload file: request.bits_per_pixel"
    else:
        basis, source = Basis.vendor, FORMATS
    symbols = "request.bits_per_pixel, else that of the format"
    return Entry("bits of the file for one pixel of one frame", symbols, "{v}", basis, source)


def _file_bytes(leaf: Leaf) -> Entry:
    file = _file(leaf)
    low, high = file.low_file_bytes, file.high_file_bytes
    return Entry(
        "bytes of the file of one item",
        "width x height x frames x bits per pixel / 8",
        f"ceil({PIXELS} * {{s.artefact.bits_per_pixel}} / {{artefact.BITS_PER_BYTE}})",
        source=FORMATS,
        band=None if low is None or high is None else (low, high),
        remarks=(*_assumed_item(leaf), *file_remarks(leaf)),
    )


def _bound_bytes(which: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        meaning = f"bytes of a {which} file in this format"
        symbols = f"width x height x frames x {which} bits per pixel / 8"
        return Entry(meaning, symbols, "{v}", Basis.vendor, FORMATS, arithmetic=False)

    return entry


def _answer(leaf: Leaf) -> Entry:
    if answers_in_json(leaf.sized.inputs):
        symbols, numbers = (
            "bytes of the file x 4 / 3 (base64)",
            "ceil({s.artefact.file_bytes} * 4 / 3)",
        )
    else:
        symbols, numbers = "bytes of the file", "{s.artefact.file_bytes}"
    return Entry("bytes of an answer", symbols, numbers, remarks=answer_remarks(leaf))


ARTEFACT: Registry = {
    ArtefactPlan: {
        "width": _pixels("pixels of a row of the file", "width"),
        "height": _pixels("pixels of a column of the file", "height"),
        "frames": _pixels("frames of the file", "frames"),
        "frames_per_s": _pixels("frames of a second of the clip", "frames_per_s"),
        "clip_s": Entry(
            "seconds of the clip",
            "frames / frames a second",
            "{s.artefact.frames} / {s.artefact.frames_per_s}",
        ),
        "bits_per_pixel": _bits,
        "file_bytes": _file_bytes,
        "low_file_bytes": _bound_bytes("small"),
        "high_file_bytes": _bound_bytes("large"),
        "answer_bytes": _answer,
        "stated_file_ratio": Entry(
            "stated bytes of an interaction over those of the file",
            "data.interaction_bytes / bytes of the file",
            "{w.data.interaction_bytes} / {s.artefact.file_bytes}",
        ),
        "stated_answer_ratio": Entry(
            "stated bytes of an answer over those that follow from the file",
            "request.response_bytes / bytes of the answer",
            "{w.request.response_bytes} / {s.artefact.answer_bytes}",
        ),
    },
}
