"""Figures of a service before and after, one for each row, for text and Markdown."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from sizewright.layout.numbers import UNKNOWN, duration, milliseconds, number, share, usd
from sizewright.report.answer.paragraphs import losses
from sizewright.review.compare import ServiceChange
from sizewright.review.headline import Headline, headline
from sizing.plan.service.calibrated import estimate_name
from sizing.values.exact import Number

NO_SERVICE = "none"
"""Text for every figure of a side that does not have the service."""
Shown = Callable[[Headline], str]


ROWS: dict[str, Shown] = {
    "USD a month, at least (nodes only, list price)": lambda h: usd(h.usd_per_month_at_least),
    "GPUs": lambda h: number(h.gpus_total),
    "nodes": lambda h: number(h.nodes_total),
    "TTFT at the sized load": lambda h: _estimated(h, h.ttft_ms),
    "TPOT at the sized load": lambda h: _estimated(h, h.tpot_ms),
    "utilisation at the peak": lambda h: share(h.utilisation_at_peak),
    "survives": lambda h: UNKNOWN if h.survives is None else losses(h.survives),
}


_OF_TOKENS = ("TTFT at the sized load", "TPOT at the sized load")
_OF_ANSWERS: dict[str, Shown] = {"response of the percentile": lambda h: duration(h.response_s)}
_OF_ITEMS: dict[str, Shown] = {
    **_OF_ANSWERS,
    "queue empty after the peak": lambda h: (
        "no queue" if h.drain_s is None else duration(h.drain_s)
    ),
}
_WITHOUT_TOKENS = {label: shown for label, shown in ROWS.items() if label not in _OF_TOKENS}
MEDIA_ROWS: dict[str, Shown] = {**_WITHOUT_TOKENS, **_OF_ITEMS}
"""Rows of images and clips, which have no tokens."""
VECTOR_ROWS: dict[str, Shown] = {**_WITHOUT_TOKENS, **_OF_ANSWERS}
"""Rows of embeddings, whose answer is one vector."""


def _estimated(figures: Headline, ms: Number | None) -> str:
    """A time with the name of its estimate, because two sides may have different ones."""
    at = figures.quantile_percent
    return milliseconds(ms) + ("" if at is None else f" ({estimate_name(at)})")


def _rows(sides: Sequence[Headline]) -> Iterable[tuple[str, Shown]]:
    """Rows for the times of both sides: those of images and clips where either has them."""
    if any(side.makes_media for side in sides):
        return MEDIA_ROWS.items()
    return (VECTOR_ROWS if any(side.makes_vectors for side in sides) else ROWS).items()


def headline_rows(change: ServiceChange) -> Iterator[tuple[str, str, str]]:
    """Label, before and after of every figure, including unchanged ones."""
    before, after = headline(change.old), headline(change.new)
    for label, shown in _rows([side for side in (before, after) if side is not None]):
        old, new = (NO_SERVICE if side is None else shown(side) for side in (before, after))
        yield label, old, new


def headline_lines(change: ServiceChange) -> Iterator[str]:
    """Figures as aligned lines; an unchanged figure is written once."""
    width = max(map(len, (*ROWS, *MEDIA_ROWS)))
    for label, before, after in headline_rows(change):
        text = f"{before} -> {after}"
        if before == after:
            text = after if after == UNKNOWN else f"{after}, unchanged"
        yield f"  {label:<{width}}  {text}"
