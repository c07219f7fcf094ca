"""Rows of a table of throughputs: their names, shapes and cards, and reasons without an answer."""

import csv
import json
from pathlib import Path

import pytest

from sizewright.measured import media as module
from sizewright.measured.media import MediaCase, media_case
from sizewright.measured.media_table import MediaRun, media_of
from sizewright.measured.prediction import Unanswerable
from sizewright.measured.run import Unread
from sizing.catalog import Catalog, load_catalog
from sizing.steps.diffusion import Cards
from tests.sizewright.conftest import Run

COLUMNS = [
    "id",
    "workload",
    "source_id",
    "model",
    "engine",
    "engine_version",
    "weight_prec",
    "act_prec",
    "gpu",
    "n_gpus",
    "resolution",
    "frames",
    "steps",
    "load_type",
    "concurrency",
    "items_s",
    "sec_per_item",
    "notes",
]
GOOD = {
    "id": "good",
    "workload": "image",
    "model": "FLUX.1-dev",
    "engine": "diffusers",
    "weight_prec": "bf16",
    "gpu": "H100-SXM-80GB",
    "n_gpus": "1",
    "resolution": "1024x1024",
    "steps": "28",
    "load_type": "serial",
    "sec_per_item": "6.7",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def read(**changes: str) -> MediaRun | Unread:
    (row,) = media_of([dict.fromkeys(COLUMNS, "") | GOOD | changes])
    return row


def case(catalog: Catalog, **changes: str) -> MediaCase:
    found = read(**changes)
    assert isinstance(found, MediaRun)
    return media_case(found, catalog)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("SD1.5", "stable-diffusion-1.5"),
        ("stable-diffusion-xl", "sdxl-1.0-base"),
        ("SDXL LCM", "sdxl-lcm"),
        ("Cosmos-Predict2-14B-V2W", "cosmos-predict2-14b-video2world"),
        ("Wan2.2-T2V-A14B", "wan2.2-t2v-a14b"),
        ("Wan-AI/Wan2.2-T2V-A14B-Diffusers", "wan2.2-t2v-a14b"),
        ("Qwen/Qwen-Image", "qwen-image"),
        ("Mochi-1-preview", "mochi-1-preview"),
    ],
)
def test_names_of_models(catalog: Catalog, name: str, model: str) -> None:
    assert case(catalog, model=name).model.model.model == model


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("H100-SXM-80GB", "h100"),
        ("H100-PCIe-80GB", "h100-pcie"),
        ("H100-NVL-94GB", "h100-nvl"),
        ("B200-SXM-180GB", "b200"),
        ("NVIDIA L40S", "l40s"),
        ("RTX-6000-Ada-48GB", "rtx-6000-ada"),
        ("RTX PRO 6000", "rtx-pro-6000"),
        ("GB200-NVL72", "gb200"),
        ("L4", "l4"),
    ],
)
def test_names_of_gpus(catalog: Catalog, name: str, gpu: str) -> None:
    assert case(catalog, gpu=name).model.card.name == catalog.gpu(gpu).name


@pytest.mark.parametrize(
    ("changes", "runtime", "precision"),
    [
        ({}, "eager", "bf16"),
        ({"engine": "xDiT torch.compile"}, "compiled", "bf16"),
        ({"engine": "TensorRT", "weight_prec": "", "act_prec": "fp8"}, "tensorrt", "fp8"),
        ({"weight_prec": "int8 dynamic (w8a8)"}, "eager", "int8"),
        ({"weight_prec": "int8 weight-only"}, "eager", "bf16"),
        ({"weight_prec": "bf16 (assumed)"}, "eager", "bf16"),
        ({"weight_prec": "NVFP4"}, "eager", "fp4"),
    ],
)
def test_runtime_and_precision(
    catalog: Catalog, changes: dict[str, str], runtime: str, precision: str
) -> None:
    made = case(catalog, **changes).model
    assert (made.runtime, made.precision) == (runtime, precision)


@pytest.mark.parametrize(
    ("changes", "cards"),
    [
        ({"n_gpus": "4", "notes": "parallel=ulysses2xring2"}, Cards(1, 4)),
        ({"n_gpus": "4", "model": "Mochi-1-preview", "notes": "parallel=cfg x ring"}, Cards(2, 2)),
        ({"n_gpus": "6", "model": "ConsisID", "notes": "ulysses 1 ring 3 cfg 2"}, Cards(2, 3)),
        ({"n_gpus": "6", "model": "ConsisID", "notes": "ulysses 2 ring 3 cfg 1"}, Cards(1, 6)),
        ({"n_gpus": "8", "model": "SD3-medium"}, Cards(2, 4)),
        ({"n_gpus": "8", "load_type": "offline_max", "items_s": "16"}, Cards(1, 1)),
    ],
)
def test_cards_of_one_item(catalog: Catalog, changes: dict[str, str], cards: Cards) -> None:
    assert case(catalog, **changes).cards == cards


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 6.7),
        ({"n_gpus": "8", "load_type": "offline_max", "items_s": "16", "sec_per_item": ""}, 0.5),
        ({"load_type": "static_batch", "concurrency": "4", "sec_per_item": "8"}, 2),
        ({"load_type": "static_batch", "concurrency": "4", "items_s": "0.5"}, 2),
    ],
)
def test_seconds_of_one_item(changes: dict[str, str], seconds: float) -> None:
    found = read(**changes)
    assert isinstance(found, MediaRun) and found.seconds_per_item == seconds


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({"resolution": "512x768"}, (512, 768, 1, 28)),
        ({"resolution": "", "steps": ""}, (1024, 1024, 1, 28)),
        ({"model": "Wan2.2-T2V-A14B", "resolution": "720p", "steps": "40"}, (1280, 720, 81, 40)),
        (
            {
                "source_id": "cosmos-predict2",
                "model": "Cosmos-Predict2-2B-V2W",
                "resolution": "720p 10 fps dense",
                "steps": "",
            },
            (1280, 704, 61, 36),
        ),
        (
            {
                "source_id": "paraattention",
                "model": "Mochi-1-preview",
                "resolution": "",
                "frames": "84",
                "steps": "",
            },
            (848, 480, 84, 28),
        ),
    ],
)
def test_shape_of_one_item(
    catalog: Catalog, changes: dict[str, str], shape: tuple[int, ...]
) -> None:
    item = case(catalog, **changes).item
    assert (item.width, item.height, item.frames, item.steps) == shape


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "nobody"}, "no catalog row of model nobody"),
        ({"model": "llama-3.1-8b"}, "the catalog lacks the denoiser of llama-3.1-8b"),
        ({"gpu": "H100-XYZ"}, "no catalog row of GPU H100-XYZ"),
        ({"weight_prec": "autoquant"}, "precision autoquant"),
        ({"weight_prec": ""}, "precision not stated"),
        ({"resolution": "large"}, "resolution large"),
        ({"resolution": "720p sparse attention"}, "sparse or 8-bit attention is not modelled"),
        ({"engine": "ParaAttention first block cache"}, "reuse of earlier steps is not modelled"),
        ({"gpu": "T4"}, "the catalog has no datasheet rates of NVIDIA T4 in bf16"),
        (
            {"model": "Cosmos-Predict2-14B-V2W", "gpu": "L40S"},
            "cosmos-predict2-14b-video2world needs 56.38 GB by its own documents, and NVIDIA L40S "
            "has 48.0: the time of offloading is not modelled",
        ),
    ],
)
def test_reasons_without_an_answer(catalog: Catalog, changes: dict[str, str], reason: str) -> None:
    with pytest.raises(Unanswerable) as fault:
        case(catalog, **changes)
    assert str(fault.value) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"workload": "llm"}, "workload llm: only image and video rows here"),
        ({"sec_per_item": ""}, "items_s and sec_per_item: both are empty"),
        (
            {"n_gpus": "many"},
            "n_gpus: found 'many'; expected a number above 0 and below 1,000,000,000,000",
        ),
    ],
)
def test_rows_that_are_no_items(changes: dict[str, str], reason: str) -> None:
    assert read(**changes) == Unread("good", reason)


def test_names_mean_facts_of_the_catalog(catalog: Catalog) -> None:
    with (module.DATA / "media_names.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(r["kind"], r["name"]) for r in rows] == sorted((r["kind"], r["name"]) for r in rows)
    for row in rows:
        if row["kind"] == "model":
            assert catalog.media_model(row["means"]) is not None, row
    with (module.DATA / "media_shapes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            assert catalog.media_model(row["model"]) is not None, row


def test_the_command_answers_a_table_without_configs(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "throughput.csv"
    rows = [GOOD, GOOD | {"id": "llm", "workload": "llm"}, GOOD | {"id": "gpu", "gpu": "X"}]
    with table.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    ended = run("accuracy", table, "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    good, llm, gpu = found["rows"]
    assert good["measured_seconds_per_item"] == 6.7
    low, middle, high = (good[f"{s}_seconds_per_item"] for s in ("low", "predicted", "high"))
    assert 0 < low < middle < high and good["reason"] is None
    assert llm["reason"] == "workload llm: only image and video rows here"
    assert gpu["measured_seconds_per_item"] == 6.7 and gpu["predicted_seconds_per_item"] is None
    assert found["summary"]["all"]["answered"] == 1
    assert found["summary"]["all"]["seconds_per_item"]["rows"] == 1
    assert found["fitted"] == load_catalog().media_coefficients.fitted
    shown = run("accuracy", table).out
    assert "item measured" in shown and "6.7 s" in shown
