"""A picture of predicted against measured times per output token, with a panel for each engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from statistics import median

from sizewright.layout.svg import Drawing

PANEL, GAP, LEFT, TOP = 240, 30, 50, 84
"""Pixels: side of a panel, space between two, space for the axis and for the titles."""
HEIGHT = TOP + PANEL + 60
TICKS_MS = (3, 10, 30, 100, 300)
TITLE = "Time per output token of models that the fit has not seen"
AXES = (
    "Right: measured, ms. Up: predicted, ms. Both are logarithmic. Dashed: wrong by a factor of 2."
)
INK, PALE, DOT, GROUND = "#1b1f24", "#8c959f", "#0a5bb5", "#ffffff"
NAMES = {"vllm": "vLLM", "sglang": "SGLang", "tensorrt-llm": "TensorRT-LLM"}
"""Names of the engines as their projects write them."""
FACTOR = 2
"""Factor of the dashed lines, which are at it and at its inverse."""


@dataclass(frozen=True)
class Point:
    """One measured run, and the prediction of a fit without its model."""

    engine: str
    measured_ms: float
    predicted_ms: float


def accuracy_plot(points: Sequence[Point]) -> str:
    """Return an SVG with a panel for each engine: measured TPOT to the right, predicted TPOT
    upwards.

    Both axes are logarithmic and alike, so the diagonal is an exact prediction. A dashed line is a
    prediction that is wrong by a factor of 2.
    """
    engines = sorted({point.engine for point in points})
    times = [time for point in points for time in (point.measured_ms, point.predicted_ms)]
    scale = Scale(min(times) / 1.1, max(times) * 1.1)
    width = LEFT + len(engines) * (PANEL + GAP)
    said = f"{len(points):,} runs; the model of each run is left out of the fit that predicts it."
    drawing = Drawing(TITLE, said)
    drawing.add("rect", width=width, height=HEIGHT, fill=GROUND)
    with drawing.group(font_family="sans-serif", font_size=12, fill=INK):
        drawing.add("text", TITLE, x=LEFT, y=24, font_size=14)
        for index, engine in enumerate(engines):
            own = [point for point in points if point.engine == engine]
            _panel(drawing, LEFT + index * (PANEL + GAP), engine, own, scale, is_first=index == 0)
        drawing.add("text", AXES, x=LEFT, y=HEIGHT - 14)
    return drawing.text(width, HEIGHT)


@dataclass(frozen=True)
class Scale:
    """Scale of a time on an axis of one panel."""

    low_ms: float
    high_ms: float

    def at(self, time_ms: float) -> float:
        """Pixels from the start of the axis."""
        return PANEL * log10(time_ms / self.low_ms) / log10(self.high_ms / self.low_ms)


def _panel(
    drawing: Drawing, x: int, engine: str, points: Sequence[Point], scale: Scale, *, is_first: bool
) -> None:
    errors = [abs(point.predicted_ms / point.measured_ms - 1) * 100 for point in points]
    runs = "1 run" if len(points) == 1 else f"{len(points):,} runs"
    drawing.add("text", NAMES.get(engine, engine), x=x, y=TOP - 26, font_weight="bold")
    drawing.add("text", f"{runs}, median error {median(errors):.1f} %", x=x, y=TOP - 8)
    drawing.add("rect", x=x, y=TOP, width=PANEL, height=PANEL, fill="none", stroke=PALE)
    for tick in TICKS_MS:
        if scale.low_ms <= tick <= scale.high_ms:
            at = scale.at(tick)
            drawing.add("text", f"{tick}", x=x + at, y=TOP + PANEL + 18, text_anchor="middle")
            if is_first:
                drawing.add("text", f"{tick}", x=x - 8, y=TOP + PANEL - at + 4, text_anchor="end")
    for factor in (1 / FACTOR, 1, FACTOR):
        _diagonal(drawing, x, scale, factor)
    dots = "".join(
        f"M{x + scale.at(p.measured_ms):.1f} {TOP + PANEL - scale.at(p.predicted_ms):.1f}h0"
        for p in sorted(points, key=lambda p: (p.measured_ms, p.predicted_ms))
    )
    drawing.add("path", d=dots, stroke=DOT, stroke_width=3, stroke_linecap="round", opacity=0.45)


def _diagonal(drawing: Drawing, x: int, scale: Scale, factor: float) -> None:
    """The line on which a prediction is `factor` times the measured time."""
    low = max(scale.low_ms, scale.low_ms / factor)
    high = min(scale.high_ms, scale.high_ms / factor)
    ends = [(x + scale.at(t), TOP + PANEL - scale.at(t * factor)) for t in (low, high)]
    (x1, y1), (x2, y2) = ends
    dashes = "none" if factor == 1 else "4 4"
    drawing.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=INK, stroke_dasharray=dashes)
