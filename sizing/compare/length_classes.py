"""Which classes of prompt length can a workload's requests be split into?"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise

from sizing.values.exact import ceiling, exact
from sizing.workload import Length, Request, Traffic, Workload

PLACES = 18
"""Decimal places of a number in a workload file."""
Part = tuple[int, int]
"""First and last bar of a class, counted from 0."""
Partition = tuple[Part, ...]


@dataclass(frozen=True)
class LengthClass:
    """Requests of neighbouring bars of a histogram of prompt lengths."""

    request: Request
    """Request of the class, with its own bars and the context of its longest prompt. The shares of
    the bars add up to 1."""
    share: Fraction
    """Share of all requests."""

    @property
    def bars(self) -> Sequence[Length]:
        lengths = self.request.input_tokens
        return lengths if isinstance(lengths, tuple) else ()

    def workload(self, whole: Workload) -> Workload:
        """Return the workload with only the requests of the class."""
        return whole.model_copy(update={"request": self.request})

    def traffic(self, whole: Traffic) -> Traffic:
        """Return the traffic of the class alone, as a workload file states it, to 18 decimal
        places.

        The same users send a share of their requests: requests a day x share, pauses / share
        """
        update = {
            "requests_per_user_per_day": _decimal(
                exact(whole.requests_per_user_per_day) * self.share
            )
        }
        if whole.think_time_s is not None:
            update["think_time_s"] = _decimal(exact(whole.think_time_s) / self.share)
        return whole.model_copy(update=update)


def bars_of(request: Request) -> tuple[Length, ...]:
    """Histogram of prompt lengths, shortest first, each length once; empty without a histogram."""
    if not isinstance(request.input_tokens, tuple):
        return ()
    bars = dict[Fraction, Length]()
    for bar in sorted(request.input_tokens, key=lambda bar: bar.tokens):
        known = bars.get(exact(bar.tokens))
        share = bar.share if known is None else known.share + bar.share
        bars[exact(bar.tokens)] = bar.model_copy(update={"share": share})
    return tuple(bars.values())


def why_whole(request: Request) -> str | None:
    """Return why the requests cannot be split by prompt length; None where they can.

    The length of the answer is unknown when a request is routed.
    """
    bars, answer = bars_of(request), request.output_mean
    if not bars or answer is None:
        unknown = "request.input_tokens is no histogram: it gives no share of each length"
        return "a request for vectors has texts of several lengths" if bars else unknown
    if len(bars) == 1:
        return "all prompts are of one length"
    if request.turns > 1:
        return "a conversation grows from short prompts to long ones and would lose its cache"
    if request.shared_prefix_tokens > bars[0].tokens:
        return (
            f"the shared prefix of {request.shared_prefix_tokens:,} tokens is longer than "
            f"the shortest prompts, of {bars[0].tokens:,}"
        )
    longest, context = bars[-1].tokens, request.context_tokens
    if context is not None and context < longest + answer:
        return (
            f"request.context_tokens of {context:,} does not hold the longest prompts, of "
            f"{longest:,} tokens, with the mean answer"
        )
    return None


def length_class(request: Request, first: int, last: int) -> LengthClass:
    """Return the class of the bars from `first` to `last`, shortest first.

    context = the workload's - (longest prompt of all - longest prompt of the class)

    Basis: arithmetic; prompt and answer are independent, because two histograms contain no more.
    """
    bars = bars_of(request)
    own, context = bars[first : last + 1], request.context_tokens
    if context is not None:
        context = ceiling(context - exact(bars[-1].tokens) + exact(own[-1].tokens))
    weights = [sum((exact(bar.share) for bar in part), Fraction(0)) for part in (own, bars)]
    scaled = tuple(
        bar.model_copy(update={"share": _decimal(exact(bar.share) / weights[0])}) for bar in own
    )
    part = request.model_copy(update={"input_tokens": scaled, "context_tokens": context})
    return LengthClass(part, weights[0] / weights[1])


def partitions(bars: int, classes: int) -> list[Partition]:
    """Return every way to cut this many bars into classes of neighbours."""
    cuts = combinations(range(1, bars), classes - 1)
    return [tuple((start, end - 1) for start, end in pairwise((0, *cut, bars))) for cut in cuts]


def _decimal(value: Fraction) -> Decimal:
    return Decimal(round(value * 10**PLACES)).scaleb(-PLACES)
