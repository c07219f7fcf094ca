"""Lookups of the catalog, and refusals of its reader."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from sizing.catalog import DATA, Catalog, UnknownName, load_catalog, zone_id_prefix


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in DATA.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_zones_that_sell_a_type(catalog: Catalog) -> None:
    assert catalog.zones_selling("p6-b200.48xlarge", "us-east-1") == ("use1-az6",)
    assert catalog.zones_selling("p5en.48xlarge", "us-east-1") == ("use1-az2", "use1-az6")
    for family in ("g6", "g6e"):
        assert catalog.zones_selling(f"{family}.xlarge", "eu-west-1") == ()
    assert catalog.zones_selling("g6.xlarge", "eu-central-1") is None, "sold, zones unknown"
    assert catalog.zones_selling("p5.48xlarge", "eu-central-1") == (), "known not to be sold"
    assert catalog.zones_selling("p6e-gb200.36xlarge", "us-east-1") is None, "nothing known"
    assert catalog.zones_selling("g6.xlarge", "us-esat-1") is None, "no such region"
    assert catalog.region_zones("us-east-1") == tuple(f"use1-az{n}" for n in range(1, 7))
    assert catalog.region_zones("eu-central-1") is None


@pytest.mark.parametrize(
    ("region", "prefix"),
    [("us-east-1", "use1"), ("ap-southeast-2", "apse2"), ("ca-central-1", "cac1")],
)
def test_zone_id_prefix(region: str, prefix: str) -> None:
    assert zone_id_prefix(region) == prefix


@pytest.mark.parametrize(
    "name",
    ["llama-3.1-8b", "Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct", "LLAMA-3.1-8B-INSTRUCT"],
)
def test_a_model_answers_to_all_its_names(catalog: Catalog, name: str) -> None:
    assert catalog.model(name).hf_repo == "meta-llama/Llama-3.1-8B-Instruct"


def test_a_gpu_answers_to_alias_and_name(catalog: Catalog) -> None:
    assert catalog.gpu("L40S") is catalog.gpu("nvidia l40s")
    assert catalog.gpu("a100-40").memory_bytes < catalog.gpu("a100-80").memory_bytes
    for gpu in catalog.gpus:
        for alias in gpu.aliases:
            assert alias == alias.lower()
            assert catalog.gpu(alias) is gpu


def test_an_unknown_name_suggests_near_ones(catalog: Catalog) -> None:
    with pytest.raises(UnknownName, match=r"unknown instance type 'g6.xlarg'.*g6\.xlarge") as fault:
        catalog.instance_type("g6.xlarg")
    assert (fault.value.kind, fault.value.name) == ("instance type", "g6.xlarg")
    assert fault.value.nearest[0] == "g6.xlarge"
    assert len(fault.value.nearest) <= 3
    with pytest.raises(UnknownName) as fault:
        catalog.gpu("a100")
    assert {"a100-40", "a100-80"} <= set(fault.value.nearest), "ambiguous, so not an alias"
    with pytest.raises(LookupError) as plain:
        catalog.model("zzzzzz")
    assert str(plain.value) == "unknown model 'zzzzzz'"
    with pytest.raises(UnknownName):
        catalog.pin("")


@pytest.mark.parametrize(
    ("engine", "precision", "gpu", "answer"),
    [
        ("vllm", "bf16", "t4", False),
        ("vllm", "fp16", "t4", True),
        ("vllm", "fp8", "t4", False),
        ("vllm", "int4", "t4", True),
        ("vllm", "fp16", "v100-32", False),
        ("vllm", "fp8", "a10g", True),
        ("vllm", "int8", "h100", True),
        ("vllm", "int8", "b300", False),
        ("vllm", "nf4", "l4", True),
        ("sglang", "fp4", "h100", False),
        ("sglang", "fp4", "b200", True),
        ("tensorrt-llm", "nf4", "h100", False),
        ("tensorrt-llm", "int4", "b200", False),
        ("tensorrt-llm", "int8", "h100", None),
        ("vllm", "bf16", "trainium2", False),
        ("llama.cpp", "fp16", "l4", None),
    ],
)
def test_what_runs_where(
    catalog: Catalog, engine: str, precision: str, gpu: str, answer: bool | None
) -> None:
    assert catalog.runs(engine, precision, catalog.gpu(gpu)) is answer


def test_a_gpu_without_known_capability_is_not_guessed(catalog: Catalog) -> None:
    blank = catalog.gpu("l4").model_copy(update={"compute_capability": None})
    assert catalog.runs("vllm", "fp16", blank) is None


def test_the_catalog_is_frozen(catalog: Catalog) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        catalog.gpus[0].name = "other"  # type: ignore[misc]


def test_the_digest_follows_the_bytes(catalog: Catalog, folder: Path) -> None:
    assert load_catalog(folder).digest == catalog.digest
    edit(folder / "gpus.csv", "no BF16 and no FP8", "neither BF16 nor FP8")
    assert load_catalog(folder).digest != catalog.digest


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("gpus.csv", "gpu,aliases", "gpu,colour", r"gpus\.csv:1: unknown columns \['colour'\]"),
        ("pins.csv", "version,", "item,", r"pins\.csv:1: a column occurs twice"),
        ("pins.csv", "notes", "version", r"pins\.csv:1: a column occurs twice"),
        ("models.csv", ",tied_embeddings", "", r"models\.csv:1: missing columns \['tied_e"),
        ("gpus.csv", ",l40s,", ",l4,", r"gpus\.csv:\d+: 'l4' is on line \d+ too"),
        ("instance_types.csv", "g5.xlarge,", "g5.2xlarge,", r"'g5\.2xlarge' is on line \d+ too"),
        ("models.csv", "qwen3-14b,", "qwen3-8b,", r"models\.csv:\d+: 'qwen3-8b' is on line"),
        ("engines.csv", "vllm,fp16", "vllm,bf16", r"engines\.csv:\d+: 'vllm bf16' is on line"),
        ("instance_types.csv", "NVIDIA L40S", "NVIDIA L50S", r"types\.csv:\d+: 'NVIDIA L50S' is"),
        ("instance_types.csv", "on_demand spot", "on_demand rent", r"types\.csv:\d+: .*purchase"),
        ("gpus.csv", ",22888,", ",22888.5,", r"gpus\.csv:\d+: "),
        ("pins.csv", "2026-12-02", "02.12.2026", r"pins\.csv:\d+: .*end_of_support"),
        ("pins.csv", "AL2023_ARM_64_NVIDIA,", "", r"pins\.csv:\d+: 7 of 8 cells"),
    ],
)
def test_a_faulty_file_is_refused_by_file_and_line(
    folder: Path, file: str, old: str, new: str, message: str
) -> None:
    edit(folder / file, old, new)
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        load_catalog(folder)
