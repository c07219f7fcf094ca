"""Nodes of a fleet as squares, one column for each zone; patterns and dashes mark spare nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

from sizewright.layout.numbers import plural
from sizewright.layout.svg import Drawing, Shape
from sizing.plan.service.pool import PoolPlan

SQUARE = 22
PITCH = 27
HEAD = 44
MOST_SQUARES = 60
"""Most squares of one zone. Where a zone has more nodes, one square represents several."""
MOST_DOTS = 9
"""Most GPUs of a node that are drawn as dots."""
NEEDED, SPARE, FAINT = "#0550ae", "#8250df", "#59636e"
FOLDS: tuple[int, ...] = tuple(step * 10**power for power in range(12) for step in (1, 2, 5))


@dataclass(frozen=True)
class Zone:
    """Nodes of one zone. All of them serve, so any of them can be the spare ones."""

    name: str
    needed: int
    spare: int


def zones_of(pool: PoolPlan) -> list[Zone]:
    """Zones with their spare nodes; each spare replica is in the zone with the most other nodes."""
    needed, spare = dict(pool.nodes_by_zone), dict.fromkeys(pool.nodes_by_zone, 0)
    span = pool.nodes_per_replica
    for _ in range(pool.nodes_spare // span):
        zone = max(needed, key=lambda name: needed[name])
        spare[zone] += span
        needed[zone] -= span
    return [Zone(zone, needed[zone], spare[zone]) for zone in needed]


def fold_of(pool: PoolPlan) -> int:
    """Number of nodes per square: 1, 2, 5, 10, 20 and so on."""
    largest = max(pool.nodes_by_zone.values())
    return next(fold for fold in FOLDS if largest <= fold * MOST_SQUARES)


def caption(pool: PoolPlan) -> str:
    """Meaning of one square."""
    fold, gpus = fold_of(pool), plural(pool.gpus_per_node, "GPU")
    span = f"; a replica takes {pool.nodes_per_replica} nodes" if pool.nodes_per_replica > 1 else ""
    if fold > 1:
        return f"a square is up to {fold:,} nodes with {gpus} each{span}"
    dots = ", a dot is a GPU" if pool.gpus_per_node <= MOST_DOTS else ""
    return f"a square is a node with {gpus}{dots}{span}"


def draw_zones(
    drawing: Drawing, name: str, pool: PoolPlan, *, left: int, top: int, width: int
) -> int:
    """Draw the columns below `top`, and return the lower end of the tallest one."""
    zones, fold = zones_of(pool), fold_of(pool)
    column = width // len(zones)
    across = (column - SQUARE) // PITCH
    dots = pool.gpus_per_node if fold == 1 and pool.gpus_per_node <= MOST_DOTS else 0
    tallest = 0
    for index, zone in enumerate(zones):
        squares = [*_folded("needed", zone.needed, fold), *_folded("spare", zone.spare, fold)]
        with drawing.group(id=f"{name}-{zone.name}", class_="zone"):
            _head(drawing, zone, left + index * column, top)
            for place, (kind, nodes) in enumerate(squares):
                x = left + index * column + place % across * PITCH
                y = top + HEAD + place // across * PITCH
                _square(drawing, kind, nodes, x, y)
                _dots(drawing, dots, kind, x, y)
        tallest = max(tallest, -(-len(squares) // across))
    return top + HEAD + tallest * PITCH


def pattern(drawing: Drawing) -> None:
    """Define the stripes of spare nodes."""
    unit: Shape = {"width": 6, "height": 6, "patternUnits": "userSpaceOnUse"}
    tilted: Shape = {"patternTransform": "rotate(45)", **unit}
    with drawing.group("defs"), drawing.group("pattern", id="spare", **tilted):
        drawing.add("rect", width=6, height=6, fill="#ffffff")
        drawing.add("rect", width=2, height=6, fill=SPARE, fill_opacity=0.45)


def legend(drawing: Drawing, left: int, top: int) -> None:
    """Draw a square of each kind with its meaning."""
    words = {"needed": "needed node", "spare": "spare node, any of them: all serve"}
    for index, (kind, word) in enumerate(words.items()):
        x = left + index * 150
        with drawing.group(class_="legend"):
            _square(drawing, kind, 0, x, top)
            drawing.add("text", word, x=x + SQUARE + 8, y=top + 16)


def _folded(kind: str, nodes: int, fold: int) -> Iterator[tuple[str, int]]:
    """Squares of `fold` nodes each; the last one has the remaining nodes."""
    for first in range(0, nodes, fold):
        yield kind, min(fold, nodes - first)


def _head(drawing: Drawing, zone: Zone, x: int, top: int) -> None:
    drawing.add("text", zone.name, x=x, y=top, font_weight="bold")
    for index, text in enumerate(
        (plural(zone.needed + zone.spare, "node"), f"{zone.spare:,} spare")
    ):
        drawing.add("text", text, x=x, y=top + 17 * (index + 1), fill=FAINT, font_size=13)


def _square(drawing: Drawing, kind: str, nodes: int, x: int, y: int) -> None:
    """Draw a filled square for a needed node, or a striped, round and dashed one for a spare
    node."""
    shape: Shape = {
        "x": x + 1,
        "y": y + 1,
        "width": SQUARE - 2,
        "height": SQUARE - 2,
        "class": kind,
    }
    if nodes:
        shape["data-nodes"] = nodes
    if kind == "needed":
        drawing.add("rect", **shape, rx=2, fill=NEEDED, stroke=NEEDED)
    else:
        edge: Shape = {"stroke": SPARE, "stroke_width": 1.5, "stroke_dasharray": "4 2"}
        drawing.add("rect", **shape, rx=7, fill="url(#spare)", **edge)


def _dots(drawing: Drawing, count: int, kind: str, x: int, y: int) -> None:
    """Draw GPUs in rows of at most three."""
    across = 1 if count == 1 else 2 if count <= 4 else 3
    rows = -(-count // across)
    for index in range(count):
        drawing.add(
            "circle",
            cx=x + SQUARE / 2 + (index % across - (across - 1) / 2) * 6,
            cy=y + SQUARE / 2 + (index // across - (rows - 1) / 2) * 6,
            r=1.8,
            fill="#ffffff" if kind == "needed" else "#3b1f7a",
        )
