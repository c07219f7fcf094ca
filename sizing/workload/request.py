"""What does one request contain: tokens, bytes, turns?"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Count, Positive, PositiveCount
from sizing.workload.kinds import Guidance, MediaFormat


class Length(Strict):
    """Bar of a histogram of lengths."""

    tokens: Positive
    """Tokens of the requests in this bar."""
    share: Positive
    """Share of all requests, 0 to 1. The shares of one histogram add up to 1."""


Lengths = tuple[Length, ...]
SHARES_OFF = Decimal("0.001")
"""Maximum difference of the sum of a histogram's shares from 1. Basis: assumed; room for
rounding."""


def mean_tokens(lengths: Decimal | Lengths) -> Decimal:
    """Mean of a length that is one number or a histogram, to a millionth of a token."""
    if isinstance(lengths, Decimal):
        return lengths
    weights = sum((bar.share for bar in lengths), Decimal(0))
    total = sum((bar.tokens * bar.share for bar in lengths), Decimal(0))
    return (total / weights).quantize(Decimal("0.000001"))


def variation(lengths: Decimal | Lengths) -> float:
    """Squared coefficient of variation of a length; 0 for a mean, whose variation is unknown."""
    if isinstance(lengths, Decimal):
        return 0.0
    weights = float(sum(bar.share for bar in lengths))
    mean = float(mean_tokens(lengths))
    square = sum(float(bar.tokens) ** 2 * float(bar.share) for bar in lengths) / weights
    return max(square / mean**2 - 1, 0.0)


def _add_to_one(name: str, lengths: Lengths) -> None:
    """Check that the shares of a histogram add up to 1. Raises FieldError."""
    total = sum((bar.share for bar in lengths), Decimal(0))
    if abs(total - 1) <= SHARES_OFF:
        return
    hint = "write shares of 1, not percentages" if abs(total - 100) <= 100 * SHARES_OFF else ""
    message = f"the shares of the histogram add to {plain(total):g}"
    raise FieldError((name,), message, "shares that add to 1", hint)


Pixels = Annotated[PositiveCount | None, Field(ge=16, le=16_384, exclude_if=absent)]


class Request(Strict):
    tokens: Positive | None = None
    """Mean tokens of one request, prompt and answer together."""
    input_tokens: Positive | Annotated[Lengths, Field(min_length=1)] | None = None
    """Tokens that a request adds to the prompt: a mean, or a histogram of tokens and share. For an
    embedding, the tokens of one text."""
    output_tokens: Positive | Annotated[Lengths, Field(min_length=1)] | None = None
    """Tokens of the answer: a mean, or a histogram of tokens and share."""
    turns: PositiveCount = 1
    """Mean requests of one conversation. Each prompt repeats the previous turns."""
    shared_prefix_tokens: Count = Field(default=0, ge=0)
    """Tokens at the start of the prompt that all requests share."""
    context_tokens: PositiveCount | None = None
    """Maximum tokens of prompt and answer together that the engine accepts."""
    iterations: PositiveCount | None = None
    """Denoising steps of one image or clip. When left out, the model's default applies."""
    width: Pixels = None
    """Pixels of a row of the image or clip. When left out, the model's default applies."""
    height: Pixels = None
    """Pixels of a column. When left out, the model's default applies."""
    frames: Annotated[PositiveCount | None, Field(le=100_000, exclude_if=absent)] = None
    """Frames of one clip. When left out, the model's default applies."""
    guidance: Annotated[Guidance | None, Field(exclude_if=absent)] = None
    """Guidance of an image or video model. When left out, the model's own applies."""
    format: Annotated[MediaFormat | None, Field(exclude_if=absent)] = None
    """Format of the file: png for images and h264 for clips when left out."""
    frames_per_s: Annotated[Positive | None, Field(le=240, exclude_if=absent)] = None
    """Frames of one second of a clip. When left out, the model's default applies."""
    bits_per_pixel: Annotated[Positive | None, Field(le=64, exclude_if=absent)] = None
    """Bits of the file for one pixel of one frame, as you measured. When left out, those of the
    format apply."""
    request_bytes: Positive | None = None
    """Mean bytes of one request."""
    response_bytes: Positive | None = None
    """Mean bytes of one response. When left out, those of an image or clip follow from its
    pixels."""

    @model_validator(mode="after")
    def _shares_add_to_one(self) -> Self:
        for name in ("input_tokens", "output_tokens"):
            lengths = getattr(self, name)
            if isinstance(lengths, tuple):
                _add_to_one(name, lengths)
        return self

    @model_validator(mode="after")
    def _tokens_once(self) -> Self:
        split = (self.input_tokens is not None, self.output_tokens is not None)
        if self.tokens is not None and any(split):
            raise FieldError(
                ("tokens",), "given twice", "tokens, or input_tokens with output_tokens"
            )
        if split[1] and not split[0]:
            expected = "input_tokens and output_tokens together"
            raise FieldError(("input_tokens",), "missing", expected)
        if any(split) and self.shared_prefix_tokens > mean_tokens(self.input_tokens or Decimal(0)):
            expected = "at most input_tokens, of which it is a part"
            raise FieldError(("shared_prefix_tokens",), "longer than the prompt", expected)
        if self.tokens is not None and (self.turns > 1 or self.shared_prefix_tokens):
            lacking = "turns" if self.turns > 1 else "shared_prefix_tokens"
            expected = "input_tokens and output_tokens instead of tokens"
            raise FieldError((lacking,), "needs input_tokens and output_tokens", expected)
        longest, total = self.context_tokens, self.total_tokens
        if longest is not None and total is not None and longest < total:
            raise FieldError(
                ("context_tokens",), "shorter than the mean request", f"at least {total}"
            )
        return self

    @property
    def item_field(self) -> str | None:
        """First stated field that only images and clips have; None where none is stated."""
        names = ("width", "height", "frames", "guidance")
        names_of_files = ("format", "frames_per_s", "bits_per_pixel")
        stated = (n for n in names + names_of_files if getattr(self, n) is not None)
        return next(stated, None)

    @property
    def output_mean(self) -> Decimal | None:
        """Mean tokens of the answer."""
        return None if self.output_tokens is None else mean_tokens(self.output_tokens)

    @property
    def history_tokens(self) -> Decimal:
        """Tokens of earlier turns in the mean prompt: (turns - 1) / 2 x (input + output)."""
        if self.input_tokens is None or self.output_tokens is None:
            return Decimal(0)
        turn = mean_tokens(self.input_tokens) + mean_tokens(self.output_tokens)
        return turn * (self.turns - 1) / 2

    @property
    def prompt_tokens(self) -> Decimal | None:
        """Mean tokens of the whole prompt, earlier turns included."""
        if self.input_tokens is None:
            return None
        return mean_tokens(self.input_tokens) + self.history_tokens + self.retrieved_tokens

    @property
    def retrieved_tokens(self) -> Decimal:
        """Mean tokens of documents in the prompt, which no other request shares."""
        return Decimal(0)

    @property
    def retrievals(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """Tokens of documents in a prompt, and the share of prompts that have them."""
        return ((Decimal(0), Decimal(1)),)

    @property
    def total_tokens(self) -> Decimal | None:
        """Mean tokens of one request, whole prompt and answer together. An embedding has no
        answer."""
        if self.prompt_tokens is not None:
            return self.prompt_tokens + (self.output_mean or 0)
        return self.tokens
