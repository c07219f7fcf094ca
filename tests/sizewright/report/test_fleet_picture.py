"""The fleet as SVG: its figures are the plan's, and the one in the README is current."""

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sizewright.layout.svg import NAMESPACE, Drawing
from sizewright.reading.stack.plan import read_plan
from sizewright.report.answer.fleet import WIDTH, fleet_picture
from sizewright.report.answer.fleet_zones import MOST_SQUARES, fold_of, zones_of
from sizing.catalog import load_catalog
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from tests.sizewright.conftest import ROOT, UNTIMED, Run

CHAT = ROOT / "tests/workloads/chat.yaml"
SPANNING = ROOT / "tests/program/spanning.yaml"
EIGHT_A_NODE = ROOT / "workloads/golden/text-to-text.yaml"
COMMITTED = ROOT / "docs/fleet.svg"
MANY = ("daily_users: 100_000", "daily_users: 43_200_000")
CHARACTER = 8
"""Pixels of a wide letter at the size of the text."""

Shapes = ElementTree.Element


def drawn(plan: Plan) -> Shapes:
    return ElementTree.fromstring(fleet_picture(plan))


def of_class(shapes: Shapes, *classes: str) -> list[Shapes]:
    return [shape for shape in shapes.iter() if shape.get("class") in classes]


def texts(shapes: Shapes) -> list[str]:
    return [text.text or "" for text in shapes.iter(f"{{{NAMESPACE}}}text")]


def columns(shapes: Shapes, service: ServicePlan) -> Iterator[tuple[str, Shapes]]:
    assert service.pool is not None
    for zone in service.pool.nodes_by_zone:
        [column] = [g for g in of_class(shapes, "zone") if g.get("id") == f"{service.name}-{zone}"]
        yield zone, column


def nodes(shapes: list[Shapes]) -> int:
    return sum(int(shape.get("data-nodes", "0")) for shape in shapes)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    many = tmp_path_factory.mktemp("many") / "many.yaml"
    text = CHAT.read_text("utf-8")
    assert MANY[0] in text
    many.write_text(text.replace(*MANY).replace("name: chat", "name: many", 1), "utf-8")
    files = {"chat": [CHAT], "many": [many], "all": [CHAT, SPANNING, EIGHT_A_NODE, UNTIMED]}
    return {name: read_plan(paths, ROOT / "Pulumi.dev.yaml") for name, paths in files.items()}


NAMES = ("chat", "many", "all")


def test_the_committed_picture_is_current(run: Run, tmp_path: Path) -> None:
    """`make golden` draws the picture again."""
    ended = run("size", "workloads/chat.yaml", "--svg", tmp_path / "fleet.svg")
    assert ended.code == 0
    assert (tmp_path / "fleet.svg").read_bytes() == COMMITTED.read_bytes()
    assert "docs/fleet.svg" in (ROOT / "README.md").read_text("utf-8")
    assert "workloads/chat.yaml --svg docs/fleet.svg" in (ROOT / "Makefile").read_text("utf-8")


def test_the_committed_squares_are_the_nodes_of_the_chat() -> None:
    """There are 12 needed and 3 spare nodes, 5 in each of three zones, with one GPU each."""
    shapes = ElementTree.fromstring(COMMITTED.read_text("utf-8"))
    zones = of_class(shapes, "zone")
    assert [len(of_class(zone, "needed", "spare")) for zone in zones] == [5, 5, 5]
    assert sum(len(of_class(zone, "needed")) for zone in zones) == 12
    assert sum(len(of_class(zone, "spare")) for zone in zones) == 3
    assert sum(len(list(zone.iter(f"{{{NAMESPACE}}}circle"))) for zone in zones) == 15
    reported = [texts(row) for row in of_class(shapes, "holds", "fails")]
    assert reported == [
        ["any 3 nodes lost", "12 left, 12 nodes needed", "enough"],
        ["the largest zone lost", "10 left, 12 nodes needed", "too few"],
        ["a new version rolls out", "12 left, 12 replicas needed", "enough"],
        ["one node in repair", "14 left, 12 replicas needed", "enough"],
    ]


@pytest.mark.parametrize("name", NAMES)
def test_squares_represent_the_nodes_of_the_plan(plans: dict[str, Plan], name: str) -> None:
    shapes = drawn(plans[name])
    for service in plans[name].services:
        if service.pool is None:
            continue
        by_zone = dict(columns(shapes, service))
        squares = {zone: of_class(by_zone[zone], "needed", "spare") for zone in by_zone}
        assert {z: nodes(s) for z, s in squares.items()} == service.pool.nodes_by_zone
        spare = [s for found in squares.values() for s in found if s.get("class") == "spare"]
        assert nodes(spare) == service.pool.nodes_spare
        assert max(map(len, squares.values())) <= MOST_SQUARES
        dots = sum(len(list(c.iter(f"{{{NAMESPACE}}}circle"))) for c in by_zone.values())
        assert dots == (service.pool.gpus_total if fold_of(service.pool) == 1 else 0)


def test_many_nodes_are_folded_and_counted(plans: dict[str, Plan]) -> None:
    shapes = drawn(plans["many"])
    assert plans["many"].services[0].pool is not None
    assert plans["many"].services[0].pool.nodes_total == 6000
    assert "a square is up to 50 nodes with 1 GPU each" in texts(shapes)
    assert texts(shapes).count("2,000 nodes") == 3


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_the_plan(plans: dict[str, Plan], name: str) -> None:
    expected = []
    for service in plans[name].services:
        pool = service.pool
        if pool is not None:
            losses = [pool.survives.nodes > 0, pool.survives.zones > 0]
            losses += [state.holds for state in service.states if state.state != "steady"]
            expected += ["holds" if each else "fails" for each in losses]
    rows = of_class(drawn(plans[name]), "holds", "fails")
    assert [row.get("class") for row in rows] == expected
    words = {"holds": "enough", "fails": "too few"}
    assert [texts(row)[-1] for row in rows] == [words[kind] for kind in expected]


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_what_is_left_is_as_long_as_its_figures_say(
    plans: dict[str, Plan], name: str
) -> None:
    """A bar ends before the line of needed nodes exactly where too few are left."""
    for row in of_class(drawn(plans[name]), "holds", "fails"):
        whole, left = [r for r in row.iter(f"{{{NAMESPACE}}}rect") if r.get("height") == "12"]
        [line] = row.iter(f"{{{NAMESPACE}}}line")
        end = float(left.get("x", "0")) + float(left.get("width", "0"))
        assert (end + 0.02 < float(line.get("x1", "0"))) is (row.get("class") == "fails")
        assert float(left.get("width", "0")) <= float(whole.get("width", "0"))


def test_a_spare_replica_over_two_nodes_is_drawn_in_one_zone(plans: dict[str, Plan]) -> None:
    spanning = plans["all"].services[1].pool
    assert spanning is not None and spanning.nodes_per_replica == 2
    assert sorted(zone.spare for zone in zones_of(spanning)) == [0, 0, 2]


@pytest.fixture(scope="module")
def wide(plans: dict[str, Plan]) -> Plan:
    """Plan with many nodes of the type with the longest names, in the most zones of a site."""
    service = plans["many"].services[0]
    pool = service.pool
    assert pool is not None
    longest = max(load_catalog().instance_types, key=lambda i: len(i.gpu) + len(i.name))
    update = {
        "gpu": longest.gpu,
        "instance_type": longest.name,
        "nodes_by_zone": {f"use1-az{number}": 1000 for number in range(1, 7)},
    }
    long = service.model_copy(update={"pool": pool.model_copy(update=update)})
    return plans["many"].model_copy(update={"services": (long,)})


@pytest.mark.parametrize("name", [*NAMES, "wide"])
def test_nothing_is_drawn_outside(plans: dict[str, Plan], wide: Plan, name: str) -> None:
    shapes = drawn({**plans, "wide": wide}[name])
    height = float(shapes.get("height", "0"))
    assert shapes.get("viewBox") == f"0 0 {WIDTH} {height:g}"
    for shape in shapes.iter():
        length = 0.0
        if shape.tag == f"{{{NAMESPACE}}}text" and shape.get("text-anchor") != "end":
            length = len(shape.text or "") * CHARACTER
        if shape.tag == f"{{{NAMESPACE}}}rect":
            length = float(shape.get("width", "0"))
        assert float(shape.get("x", "0")) + length <= WIDTH, shape.text
        assert float(shape.get("y", "0")) < height


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read_aloud_and_asks_for_nothing(plans: dict[str, Plan], name: str) -> None:
    shapes = drawn(plans[name])
    assert shapes.get("role") == "img"
    assert shapes.get("aria-labelledby") == "title desc"
    title, description = list(shapes)[:2]
    assert (title.tag, title.get("id")) == (f"{{{NAMESPACE}}}title", "title")
    assert (description.tag, description.get("id")) == (f"{{{NAMESPACE}}}desc", "desc")
    for service in plans[name].services:
        assert service.name in (description.text or "")
    assert {s.get("font-family") for s in shapes.iter()} == {None, "sans-serif"}
    ids = [shape.get("id") for shape in shapes.iter() if shape.get("id")]
    assert len(ids) == len(set(ids))
    text = fleet_picture(plans[name])
    assert "href" not in text and "<script" not in text and "<style" not in text


def test_the_picture_has_a_background(plans: dict[str, Plan]) -> None:
    """Guard: without one, dark text vanishes on a dark page."""
    paper = drawn(plans["chat"]).find(f"{{{NAMESPACE}}}rect")
    assert paper is not None
    size = (paper.get("width"), paper.get("height"), paper.get("fill"))
    assert size == (str(WIDTH), drawn(plans["chat"]).get("height"), "#f6f8fa")


def test_texts_are_escaped() -> None:
    hostile = "</text><script>&\"'\x1b[31m\x00"
    drawing = Drawing(hostile, hostile)
    drawing.add("text", hostile, class_=hostile)
    root = ElementTree.fromstring(drawing.text(10, 10))
    assert [child.tag for child in root] == [
        f"{{{NAMESPACE}}}{t}" for t in ("title", "desc", "text")
    ]
    assert all("</text><script>&\"'" in (child.text or "") for child in root)
    assert "</text><script>" in root[2].get("class", "")


def test_a_place_that_cannot_be_written_is_one_error(run: Run, tmp_path: Path) -> None:
    ended = run("size", CHAT, "--svg", tmp_path)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert str(tmp_path) in ended.err and "Traceback" not in ended.err


def test_a_service_without_a_pool_is_said_so(run: Run, tmp_path: Path) -> None:
    ended = run("size", UNTIMED, "--svg", tmp_path / "video.svg")
    assert ended.code == 6
    shapes = ElementTree.fromstring((tmp_path / "video.svg").read_text("utf-8"))
    assert texts(shapes) == ["over-nodes", "no GPU pool"]


def test_spare_nodes_are_dealt_evenly(chat: Callable[..., Path]) -> None:
    def spares(**pool: object) -> list[int]:
        known = read_plan([chat()], ROOT / "Pulumi.dev.yaml").services[0].pool
        assert isinstance(known, PoolPlan)
        return [zone.spare for zone in zones_of(known.model_copy(update=pool))]

    assert spares() == [1, 1, 1]
    uneven = {"use1-az1": 5, "use1-az2": 4, "use1-az4": 4}
    assert spares(nodes_by_zone=uneven, nodes_spare=1) == [1, 0, 0]
    assert spares(nodes_by_zone=uneven, nodes_spare=13) == [5, 4, 4]
    assert spares(nodes_spare=0) == [0, 0, 0]
