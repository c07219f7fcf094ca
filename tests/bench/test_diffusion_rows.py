"""Rows of own measurements of images and clips are rows that sizing can predict.

The measurements need PyTorch; `make prove-torch` tests them.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from diffusion.rows import (
    COLUMNS,
    ENGINES,
    Machine,
    lacking,
    row_id,
    rows_by_id,
    seconds_per_item,
    write,
)

from sizewright.measured.media import media_case
from sizewright.measured.media_table import NEEDED, MediaRun, media_of
from sizewright.measured.run import table_cells
from sizing.catalog import load_catalog

ROOT = Path(__file__).parents[2]
CATALOG = load_catalog()
PARTS = json.loads((ROOT / "bench/data/diffusion_parts.json").read_text(encoding="utf-8"))


def machine(card: str) -> Machine:
    return Machine(card, "580.1", "700.00", "2.15.0", "0.42.1", "5.18.1", "2026-11-30")


def name(made: Machine) -> str:
    return row_id("flux.1-dev", "1024x1024x1", "bf16", "eager", made)


def row(card: str = "NVIDIA H200", **changes: str) -> dict[str, str]:
    made = machine(card)
    return {
        "id": name(made),
        "workload": "image",
        "engine": ENGINES["eager"],
        "engine_version": made.versions,
        "model": "flux.1-dev",
        "weight_prec": "bf16",
        "act_prec": "bf16",
        "gpu": made.gpu,
        "n_gpus": "1",
        "resolution": "1024x1024",
        "frames": "1",
        "steps": "28",
        "load_type": "serial",
        "concurrency": "1",
        "sec_per_item": "6.5",
        "notes": "random weights; parts timed apart",
    } | changes


@pytest.mark.parametrize(
    ("card", "gpu"),
    [
        ("NVIDIA H200", "h200"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA B200", "b200"),
    ],
)
def test_rows_are_predicted_for_the_card(card: str, gpu: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    compiled = {"engine": ENGINES["compiled"], "weight_prec": "fp8", "act_prec": "fp8"}
    for each in (row(card), row(card, **compiled, id="compiled")):
        write(table, each)
    eager, fast = media_of(table_cells(table, NEEDED))
    assert isinstance(eager, MediaRun) and isinstance(fast, MediaRun)
    known = CATALOG.gpu(gpu).name
    assert media_case(eager, CATALOG).group == ("flux.1", known, "eager", "bf16")
    assert media_case(fast, CATALOG).group == ("flux.1", known, "compiled", "fp8")


def test_a_row_without_a_time_is_counted_and_not_predicted(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    write(table, row(sec_per_item="", reason="denoiser: out of memory"))
    (read,) = media_of(table_cells(table, NEEDED))
    assert not isinstance(read, MediaRun)
    assert read.reason == "items_s and sec_per_item: both are empty"


def test_a_table_grows_and_knows_its_rows(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    assert rows_by_id(table) == {}
    write(table, row())
    write(table, row("NVIDIA L40S"))
    assert list(rows_by_id(table)) == [
        "flux.1-dev_1024x1024x1_bf16_eager_h200_torch-2.15.0_diffusers-0.42.1",
        "flux.1-dev_1024x1024x1_bf16_eager_l40s_torch-2.15.0_diffusers-0.42.1",
    ]
    assert list(tmp_path.iterdir()) == [table]
    assert set(NEEDED) <= set(COLUMNS)
    table.write_text("id\nfirst\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has other columns; expected id, workload,"):
        rows_by_id(table)


def test_a_row_with_a_reason_is_measured_again_after_the_others(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    ids = ["full", "whole", "new", "late"]
    write(table, row(id="full", sec_per_item="", reason="denoiser: out of memory"))
    write(table, row(id="whole"))
    write(table, row(id="late", sec_per_item="", reason="vae: not measured"))
    assert lacking(ids, rows_by_id(table)) == ["new", "full", "late"]
    write(table, row(id="full"))
    assert lacking(ids, rows_by_id(table)) == ["new", "late"]
    assert [each["id"] for each in table_cells(table, NEEDED)] == ["whole", "late", "full"]


@pytest.mark.parametrize(
    "change", [{"card": "NVIDIA L40S"}, {"torch": "2.16.0"}, {"diffusers": "0.43.0"}]
)
def test_a_row_of_another_card_or_version_is_measured(
    change: dict[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    write(table, row())
    made = machine("NVIDIA H200")
    assert lacking([name(made)], rows_by_id(table)) == []
    other = name(replace(made, **change))
    assert lacking([other], rows_by_id(table)) == [other]


def test_seconds_of_an_item_are_those_of_its_parts() -> None:
    assert seconds_per_item(200, 50, 400, steps=28, passes=2) == pytest.approx(6.1)


def test_each_part_has_a_source_and_each_model_is_in_the_catalog() -> None:
    named = [*PARTS["encoders"].values(), *PARTS["autoencoders"].values()]
    named += [model["denoiser"] for model in PARTS["models"].values()]
    assert all(part["source"] and part["tiny"] for part in named)
    for model_name, model in PARTS["models"].items():
        assert CATALOG.media_model(model_name) is not None
        assert set(model["encoders"]) <= set(PARTS["encoders"])
        assert model["autoencoder"] in PARTS["autoencoders"]
