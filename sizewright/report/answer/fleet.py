"""A picture of the fleet: each service's nodes by zone, and the failures that they survive."""

from sizewright.layout.numbers import number, plural
from sizewright.layout.svg import Drawing, Shape
from sizewright.report.answer import paragraphs as answer
from sizewright.report.answer.failures import Failure, failures
from sizewright.report.answer.fleet_zones import FAINT, caption, draw_zones, legend, pattern
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan

WIDTH = 840
MARGIN = 28
INNER = WIDTH - 2 * MARGIN
LINE = 22
BAR_LEFT, BAR = 262, 220
INK, PAPER, TRACK = "#1f2328", "#f6f8fa", "#d1d9e0"
HOLDS, FAILS = "#1a7f37", "#bc4c00"


def fleet_picture(plan: Plan) -> str:
    """Return one SVG file for all services of a plan, with its own background."""
    drawing = Drawing("The fleet by zone, and what survives", _description(plan))
    paper = drawing.add("rect", width=WIDTH, height=0, rx=8, fill=PAPER, stroke=TRACK)
    pattern(drawing)
    bottom = MARGIN
    with drawing.group(font_family="sans-serif", font_size=14, fill=INK):
        for service in plan.services:
            bottom = _service(drawing, service, bottom) + MARGIN
        if any(service.pool for service in plan.services):
            legend(drawing, MARGIN, bottom)
            _needed_mark(drawing, bottom)
            bottom += 2 * MARGIN
    paper.set("height", str(bottom))
    return drawing.text(WIDTH, bottom)


def _description(plan: Plan) -> str:
    """Return the picture in words."""
    sentences = []
    for service in plan.services:
        pool = service.pool
        words = ["It gets no GPU pool."]
        if pool is not None:
            words = [answer.needed(service, pool), answer.where(service, pool)]
            words += [answer.survives(pool)]
            words += [f"{f.name}: {f.figures}, {f.verdict}." for f in failures(service, pool)]
        sentences.append(f"{service.name}: {' '.join(words)}")
    return " ".join(sentences)


def _service(drawing: Drawing, service: ServicePlan, top: int) -> int:
    """Draw one service below `top`, and return its lower end."""
    pool = service.pool
    heading: Shape = {"font_size": 18, "font_weight": "bold"}
    drawing.add("text", service.name, x=MARGIN, y=top + 16, **heading)
    if pool is None:
        _line(drawing, top + 40, "no GPU pool")
        return top + 40
    _line(drawing, top + 40, _fleet(pool))
    _line(drawing, top + 40 + LINE, _load(service, pool), FAINT)
    _line(drawing, top + 40 + 2 * LINE, caption(pool), FAINT)
    below = top + 40 + 4 * LINE
    bottom = draw_zones(drawing, service.name, pool, left=MARGIN, top=below, width=INNER) + MARGIN
    for failure in failures(service, pool):
        _failure(drawing, failure, bottom)
        bottom += LINE + 8
    return bottom


def _fleet(pool: PoolPlan) -> str:
    gpus = f"{plural(pool.gpus_total, 'GPU')} ({pool.gpu})"
    return f"{gpus} on {pool.nodes_total:,} x {pool.instance_type}"


def _load(service: ServicePlan, pool: PoolPlan) -> str:
    """Number of needed nodes, with the load that they are sized for."""
    load = service.capacity.load if service.capacity else "mean"
    needed = f"{plural(pool.nodes_needed, 'node')} needed for the {load} load"
    rates = service.traffic.requests_per_s_mean, service.traffic.requests_per_s_peak
    mean, peak = (number(rate) for rate in rates)
    rates_text = f"{mean} requests/s on the mean, {peak} at the peak"
    return f"{needed} + {pool.nodes_spare:,} spare; {rates_text}"


def _line(drawing: Drawing, y: int, text: str, fill: str = INK) -> None:
    drawing.add("text", text, x=MARGIN, y=y, fill=fill)


def _failure(drawing: Drawing, failure: Failure, top: int) -> None:
    """Draw a mark, the loss, a bar of what remains, a line at what is needed, and the figures."""
    middle = top + 6
    with drawing.group(class_="holds" if failure.holds else "fails"):
        _mark(drawing, MARGIN + 9, middle, failure.holds)
        drawing.add("text", failure.name, x=MARGIN + 28, y=top + 11)
        _bar(drawing, failure, middle)
        drawing.add("text", failure.figures, x=BAR_LEFT + BAR + 14, y=top + 11)
        edge: Shape = {"text_anchor": "end", "font_weight": "bold", "fill": _colour(failure.holds)}
        drawing.add("text", failure.verdict, x=WIDTH - MARGIN, y=top + 11, **edge)


def _mark(drawing: Drawing, x: int, y: int, holds: bool) -> None:
    """Draw a tick in a circle, or a cross in a square."""
    shape: Shape = {"fill": "#ffffff", "stroke": _colour(holds), "stroke_width": 1.5}
    if holds:
        drawing.add("circle", cx=x, cy=y, r=9, **shape)
        path = f"M{x - 4} {y}l3 4l5 -8"
    else:
        drawing.add("rect", x=x - 9, y=y - 9, width=18, height=18, **shape)
        path = f"M{x - 4} {y - 4}l8 8m0 -8l-8 8"
    stroke: Shape = {"stroke": _colour(holds), "stroke_width": 2.5, "stroke_linecap": "round"}
    drawing.add("path", d=path, fill="none", **stroke)


def _bar(drawing: Drawing, failure: Failure, middle: int) -> None:
    whole: Shape = {"x": BAR_LEFT, "y": middle - 6, "height": 12}
    drawing.add("rect", **whole, width=BAR, fill=TRACK)
    left = BAR * failure.left / failure.total
    drawing.add("rect", **whole, width=left, fill=_colour(failure.holds))
    at = BAR_LEFT + BAR * failure.needed / failure.total
    ends: Shape = {"x1": at, "x2": at, "y1": middle - 10, "y2": middle + 10}
    drawing.add("line", **ends, stroke=INK, stroke_width=2)


def _needed_mark(drawing: Drawing, top: int) -> None:
    """Draw the legend of the bars' line, next to the legend of the squares."""
    with drawing.group(class_="legend"):
        ends: Shape = {"x1": 470, "x2": 470, "y1": top + 1, "y2": top + 21}
        drawing.add("line", **ends, stroke=INK, stroke_width=2)
        drawing.add("text", "needed nodes", x=480, y=top + 16)


def _colour(holds: bool) -> str:
    return HOLDS if holds else FAILS
