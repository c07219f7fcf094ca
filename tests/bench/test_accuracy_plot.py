"""The picture of predicted against measured times: positions, and agreement with the page."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from accuracy_plot import GAP, LEFT, PANEL, TOP, Point, Scale, accuracy_plot

ROOT = Path(__file__).parents[2]
POINTS = [
    Point("vllm", 10.0, 10.0),
    Point("vllm", 20.0, 30.0),
    Point("vllm", 100.0, 90.0),
    Point("sglang", 10.0, 20.0),
]


def dots(svg: str) -> list[tuple[float, float]]:
    """Positions of all points, panel after panel."""
    paths = re.findall(r' d="([^"]+)"', svg)
    return [
        (float(x), float(y)) for path in paths for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path)
    ]


def test_a_right_prediction_lies_on_the_diagonal() -> None:
    svg = accuracy_plot(POINTS)
    (_, off), (x, y), *_ = dots(svg)
    start = LEFT + PANEL + GAP
    assert x - start == pytest.approx(TOP + PANEL - y, abs=0.1), "10 ms measured and predicted"
    assert off < y, "20 ms predicted is higher in its panel"


def test_the_axis_is_logarithmic() -> None:
    scale = Scale(1.0, 100.0)
    assert [scale.at(time) for time in (1, 10, 100)] == [0, PANEL / 2, PANEL]


def test_each_engine_has_a_panel_with_its_median_error() -> None:
    svg = accuracy_plot(POINTS)
    ElementTree.fromstring(svg)
    assert ">3 runs, median error 10.0 %<" in svg
    assert ">1 run, median error 100.0 %<" in svg
    assert len(dots(svg)) == 4
    assert svg == accuracy_plot(list(reversed(POINTS))), "the order of the runs does not matter"


@pytest.mark.parametrize("engine", ["vLLM", "TensorRT-LLM", "SGLang"])
def test_the_committed_picture_agrees_with_the_page(engine: str) -> None:
    """`make accuracy` draws the picture."""
    svg = (ROOT / "docs/accuracy.svg").read_text(encoding="utf-8")
    page = (ROOT / "docs/accuracy.md").read_text(encoding="utf-8")
    by_group = r"(?:[^|]+\|){4}"
    row = re.search(rf"\| one model, {engine} alone \| TPOT \|{by_group} (\S+) \| (\S+) \|", page)
    assert row is not None
    panel = re.search(rf">{engine}</text>\s*<text[^>]*>(\S+) runs, median error (\S+) %", svg)
    assert panel is not None
    assert panel.groups() == row.groups()
    assert len(dots(svg)) == 1582
