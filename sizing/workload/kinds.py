"""Choices of a workload file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sizing.values.field_error import FieldError

UNSUPPORTED = {
    "reranking is": ("rerank", "reranker", "reranking", "classify", "classification"),
    "audio is": ("audio", "speech", "asr", "tts", "transcription"),
}
"""Requests of users that this version does not size, by the words in their files."""


class Kind(StrEnum):
    text = "text"
    """Text in, text out, one turn."""
    chat = "chat"
    """Conversations: text in, text out, turn after turn."""
    image = "image"
    """Text in, image out."""
    video = "video"
    """Text in, video out."""
    embedding = "embedding"
    """Text in, vector out: one pass over the text, and no decoding."""

    @property
    def traits(self) -> "Traits":
        """What follows from the kind."""
        return TRAITS[self]


class Precision(StrEnum):
    fp32 = "fp32"
    """32-bit floating point."""
    bf16 = "bf16"
    """16-bit brain floating point; needs compute capability 8.0."""
    fp16 = "fp16"
    """16-bit floating point."""
    fp8 = "fp8"
    """8-bit floating point."""
    int8 = "int8"
    """8-bit integer."""
    fp4 = "fp4"
    """4-bit floating point with block scales (NVFP4, MXFP4)."""
    int4 = "int4"
    """4-bit integer with group scales (AWQ, GPTQ)."""
    nf4 = "nf4"
    """4-bit normal float (QLoRA, bitsandbytes)."""


class Runtime(StrEnum):
    """Way in which the kernels of an image or video model run."""

    eager = "eager"
    """PyTorch, kernel by kernel."""
    compiled = "compiled"
    """PyTorch with compiled and fused kernels."""
    tensorrt = "tensorrt"
    """TensorRT engines."""


class Guidance(StrEnum):
    """Way in which an image or video model follows the prompt."""

    classifier_free = "classifier_free"
    """Each step runs twice, with and without the prompt."""
    distilled = "distilled"
    """Each step runs once."""


class MediaFormat(StrEnum):
    """Format in which the engine writes the file of an image or a clip."""

    png = "png"
    """Image without loss. The engine does not compress it unless a request asks it to."""
    jpeg = "jpeg"
    """Image with loss."""
    webp = "webp"
    """Image with loss, smaller than JPEG at the same quality."""
    h264 = "h264"
    """Clip in MP4. The engine writes no other codec."""


class StorageClass(StrEnum):
    """Storage class of older files. Classes that restore a file first are not offered."""

    standard_ia = "standard_ia"
    """Infrequent access: less for storage, more for each read. At least 30 days."""
    intelligent_tiering = "intelligent_tiering"
    """S3 moves each file by its reads."""
    glacier_ir = "glacier_ir"
    """Archive that is read at once. At least 90 days are charged."""


class EncoderPlacement(StrEnum):
    """Memory that holds the prompt's encoders of an image or video model."""

    resident = "resident"
    """The card of the model."""
    separate = "separate"
    """Other cards, which another service provides."""
    offloaded = "offloaded"
    """Host memory: they take the card in turns with the model."""


class InTransit(StrEnum):
    """Protection of requests between load balancer and engine."""

    tls = "tls"
    """The engine serves HTTPS with a certificate that each pod creates for itself."""


class Method(StrEnum):
    given = "given"
    """The user measured the rate of one GPU."""
    textbook = "textbook"
    """2 x parameters x tokens / peak FLOP/s, as in published designs."""
    calibrated = "calibrated"
    """A sum of physical terms fitted to measured runs, and a queue in front of each replica."""


class Load(StrEnum):
    mean = "mean"
    """Size for the daily mean."""
    peak = "peak"
    """Size for the peak rate."""


def supported(value: Any) -> Any:
    """Return the value. The error of an unsupported kind names the supported ones."""
    *others, last = Kind
    for what, words in UNSUPPORTED.items():
        if isinstance(value, str) and value.strip().lower() in words:
            raise FieldError((), f"{what} not supported", f"{', '.join(others)} or {last}")
    return value


@dataclass(frozen=True)
class Traits:
    """What follows from the kind of a workload; a new kind needs a row in `TRAITS`."""

    model_kind: str
    """How the kind of its models begins in the catalog."""
    makes_media: bool
    """True where answers are files that a bucket keeps."""
    textbook_work: str | None
    """Field of the request that the textbook rule counts; None where the rule has no form."""
    targets: tuple[str, ...] = ("ttft_ms", "tpot_ms")
    """Fields of the latency that state its targets."""
    formats: tuple[MediaFormat, ...] = ()
    """Formats of its files, the default first; empty where answers are no files."""
    generates: bool = True
    """False where the model reads a text and generates nothing: its answer is a vector."""


LANGUAGE = Traits("llm", False, "total_tokens")
IMAGES = (MediaFormat.png, MediaFormat.jpeg, MediaFormat.webp)
CLIPS = (MediaFormat.h264,)
TRAITS = {
    Kind.text: LANGUAGE,
    Kind.chat: LANGUAGE,
    Kind.image: Traits("image", True, "iterations", ("response_s",), IMAGES),
    Kind.video: Traits("video", True, None, ("response_s",), CLIPS),
    Kind.embedding: Traits("embedding", False, "total_tokens", ("response_s",), generates=False),
}
