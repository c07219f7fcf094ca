"""Lines of a new workload file whose arrivals and lengths come from a trace."""

import json
from collections.abc import Sequence
from decimal import Decimal

from sizewright.commands.change.starter import Guesses
from sizewright.layout.numbers import number, plural
from sizewright.reading.traces.trace_file import TraceFile
from sizing.replay.shape import EDGES_PERCENT, PEAK_PERCENT, TraceShape

BYTES_PER_TOKEN = 4
"""Bytes of a token of text. Basis: assumed (English text)."""
SHARE_DIGITS = Decimal("0.0001")


def traced_lines(read: TraceFile, shape: TraceShape, users: int, context: int | None) -> Guesses:
    """Return the lines of traffic and request, each with its source.

    `context` is the longest that the model accepts.
    """
    longest = min(shape.longest_tokens, context or shape.longest_tokens)
    return Guesses(_traffic(read, shape, users), _request(shape, longest))


def _traffic(read: TraceFile, shape: TraceShape, users: int) -> str:
    name, count = json.dumps(read.file, ensure_ascii=False), plural(shape.requests, "request")
    each = _plain(f"{shape.requests_per_day / users:.6g}")
    fullest = f"the fullest has {number(shape.fullest_ratio)} times the mean"
    comments = (
        f"From the trace {name} ({read.format.title}): {count} in",
        f"{number(shape.hours)} hours, {number(shape.requests_per_s)} requests/s on the mean.",
        "Assumed: each day is like the trace, and has no other hours.",
        f"The peak is the P{PEAK_PERCENT} of windows of {number(shape.window_s)} s; {fullest}.",
        f"A guess: {users:_} users, because a trace has none. The requests of one user",
        "are those of a day divided by them.",
    )
    fields = (
        f"daily_users: {users:_}",
        f"requests_per_user_per_day: {each}",
        f"peak_ratio: {shape.peak_ratio:.4f}",
    )
    return f"{_comments(comments)}traffic: {{{', '.join(fields)}}}\n"


def _comments(lines: Sequence[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _plain(written: str) -> str:
    """Return a number without an exponent, which a file of this product does not accept."""
    return f"{Decimal(written):f}"


def _request(shape: TraceShape, longest: int) -> str:
    edges = ", ".join(f"{percent:g}" for percent in EDGES_PERCENT)
    comments = [
        "From the trace: means of the requests between the percentiles 0,",
        f"{edges}.",
        "context_tokens is the longest request. Prompts of a trace are whole, so a conversation",
        "has one turn.",
        f"A guess: {BYTES_PER_TOKEN} bytes a token.",
    ]
    if longest < shape.longest_tokens:
        comments.insert(
            4,
            f"The model accepts {longest:_} tokens; the engine refuses longer requests, of up to "
            f"{shape.longest_tokens:_}.",
        )
    return f"""\
{_comments(comments)}\
request:
  input_tokens:
{_bars(shape.input_tokens)}
  output_tokens:
{_bars(shape.output_tokens)}
  context_tokens: {longest}
  request_bytes: {_bytes(shape.input_tokens)}
  response_bytes: {_bytes(shape.output_tokens)}
"""


def _bars(bars: Sequence[tuple[float, float]]) -> str:
    """Return the bars of a histogram as list items, whose shares add up to 1 exactly."""
    shares = [Decimal(share_).quantize(SHARE_DIGITS) for _, share_ in bars]
    shares[0] += 1 - sum(shares)
    lines = (
        f"    - {{tokens: {tokens:.2f}, share: {each}}}"
        for (tokens, _), each in zip(bars, shares, strict=True)
        if each > 0
    )
    return "\n".join(lines)


def _bytes(bars: Sequence[tuple[float, float]]) -> int:
    return max(1, round(BYTES_PER_TOKEN * sum(tokens * part for tokens, part in bars)))
