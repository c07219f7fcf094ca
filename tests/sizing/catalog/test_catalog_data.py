"""The catalog's own invariants. They do not prove that a source is right."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from sizing.catalog import DATA, Catalog, load_catalog
from sizing.catalog.records import Fact, ModelFacts, Record
from sizing.model.rows import architecture_of
from sizing.values.units import MIB
from sizing.workload import Codec, EngineName, Kind
from sizing.workload.kinds import MediaFormat
from templates.scripts.jobs.rendition_ffmpeg import ENCODERS

ZONED_REGIONS = {"use1": "us-east-1", "usw2": "us-west-2", "euw1": "eu-west-1"}

MEMORY_OF_ITS_OWN = {
    "g6f.2xlarge": "a quarter of an L4",
    "g6f.4xlarge": "half of an L4",
    "g6f.large": "an eighth of an L4",
    "g6f.xlarge": "an eighth of an L4",
    "gr6f.4xlarge": "half of an L4",
}

KV_IS_NOT_THE_DENSE_FORMULA = {
    "mla": "one latent and one rotary vector per layer",
    "mla_sparse": "one latent and one rotary vector per layer",
    "mqa_compressed": "compressed cache, no formula confirmed",
    "hybrid_linear": "only some layers keep a cache, no formula confirmed",
    "mixed_sliding": "head_dim unknown, no formula confirmed",
    None: "attention unknown, no formula confirmed",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def records(catalog: Catalog) -> Iterator[Record]:
    yield from catalog.instance_types
    yield from catalog.gpus
    yield from catalog.models
    yield from catalog.denoisers
    yield from catalog.media_models
    yield from catalog.media_formats
    yield from catalog.vision_towers
    yield from catalog.engines
    yield from catalog.pins


def facts(catalog: Catalog) -> Iterator[Fact]:
    yield from catalog.instance_types
    yield from catalog.gpus
    yield from catalog.models
    yield from catalog.denoisers
    yield from catalog.media_models
    yield from catalog.media_formats
    yield from catalog.vision_towers


def test_every_row_of_the_sources_is_carried(catalog: Catalog) -> None:
    assert len(catalog.instance_types) == 80
    assert len(catalog.gpus) == 28, "22 of EC2, and 6 on which images or clips were measured"
    assert len(catalog.models) == 91


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.name)
def test_files_are_sorted_one_row_a_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(lines))
    assert len(rows) == len(lines)
    key = 2 if path.name == "engines.csv" else 1
    keys = [row[:key] for row in rows[1:]]
    assert keys == sorted(keys)


def test_every_row_names_its_source(catalog: Catalog) -> None:
    for row in records(catalog):
        assert row.source.strip()
        assert row.checked is None or re.fullmatch(r"\d{4}-\d\d-\d\d", row.checked)
        assert not re.search(r"/(work|tmp|home|root)/|://|unverified", row.source), row.source


def test_checked_is_never_fresher_than_the_source(catalog: Catalog) -> None:
    for row in facts(catalog):
        dates = re.findall(r"20\d\d-\d\d-\d\d", row.source)
        assert row.checked == min(dates, default=None), row.source


def test_unverified_names_columns_that_hold_a_value(catalog: Catalog) -> None:
    flagged = 0
    for row in facts(catalog):
        for column in row.unverified:
            field = re.sub("_mib$", "_bytes", column)
            assert getattr(row, field) is not None, (row, column)
            flagged += 1
    assert flagged > 50


def test_recalled_numbers_stay_flagged(catalog: Catalog) -> None:
    assert "memory_bandwidth_gb_per_s" in catalog.gpu("rtx-pro-6000").unverified
    assert "tdp_w" in catalog.gpu("a10g").unverified
    assert "parameters" in catalog.model("llama-4-scout-17b-16e").unverified
    for model in catalog.models:
        assert model.parameters_basis != "recalled" or "parameters" in model.unverified
        if model.source.startswith("config recalled") and model.layers is not None:
            assert "layers" in model.unverified, model.model


def test_memory_of_an_instance_is_that_of_its_gpu(catalog: Catalog) -> None:
    for row in catalog.instance_types:
        gpu = catalog.gpu(row.gpu)
        differs = row.gpu_memory_bytes != gpu.memory_bytes
        assert differs == (row.name in MEMORY_OF_ITS_OWN), row.name
        if differs:
            assert row.gpu_memory_bytes == int(gpu.memory_bytes // MIB * row.gpu_count) * MIB


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("g5.xlarge", 22888),
        ("g6.xlarge", 22888),
        ("g6e.xlarge", 45776),
        ("g6f.large", 2861),
        ("g6f.2xlarge", 5722),
        ("gr6f.4xlarge", 11444),
        ("g7e.2xlarge", 98304),
        ("p4d.24xlarge", 40960),
        ("p4de.24xlarge", 81920),
        ("p5.4xlarge", 81920),
        ("p5en.48xlarge", 144384),
        ("p6-b200.48xlarge", 183359),
        ("p6-b300.48xlarge", 275040),
        ("trn2.48xlarge", 98304),
        ("inf1.xlarge", 8192),
    ],
)
def test_memory_is_real_mib(catalog: Catalog, name: str, mib: int) -> None:
    assert catalog.instance_type(name).gpu_memory_bytes == mib * 1_048_576


def test_a_slice_is_neither_none_nor_a_whole_gpu(catalog: Catalog) -> None:
    for row in catalog.instance_types:
        if row.family in {"g6f", "gr6f"}:
            assert 0 < row.gpu_count < 1
        else:
            assert row.gpu_count == int(row.gpu_count) >= 1
    assert catalog.instance_type("g6f.large").gpu_count == Decimal("0.125")


def test_rates_are_dense_and_of_the_right_part(catalog: Catalog) -> None:
    assert catalog.gpu("l40s").fp8_tflops == 733
    assert catalog.gpu("l4").fp8_tflops == 242
    assert catalog.gpu("h100").fp8_tflops == 1979
    assert catalog.gpu("a100-80").int8_tops == 624
    assert catalog.gpu("a10g").fp16_tflops == 70
    assert catalog.gpu("a10g").int8_tops == 140
    assert catalog.gpu("rtx-pro-6000").memory_bandwidth_gb_per_s == 1597
    assert catalog.gpu("b300").int8_tops == Decimal("153.5")
    for gpu in catalog.gpus:
        if gpu.vendor == "NVIDIA" and gpu.fp8_tflops and gpu.fp16_tflops:
            assert gpu.fp8_tflops <= gpu.fp16_tflops * Decimal("2.03"), gpu.name


def test_capability_agrees_with_the_formats(catalog: Catalog) -> None:
    for gpu in catalog.gpus:
        if gpu.vendor == "AWS":
            assert gpu.compute_capability is None
            continue
        assert gpu.compute_capability is not None
        assert gpu.bf16 == (gpu.compute_capability >= 8), gpu.name
        assert gpu.native_fp8 == (gpu.compute_capability >= Decimal("8.9")), gpu.name
        assert gpu.native_fp4 == (gpu.compute_capability >= 10), gpu.name


def test_the_label_counts_where_cards_sum_to_something_else(catalog: Catalog) -> None:
    labels = {"g6e.24xlarge": 200, "g6e.48xlarge": 400}
    labels |= {"p6-b200.48xlarge": 3200, "p6-b300.48xlarge": 6400}
    for name, label in labels.items():
        assert catalog.instance_type(name).network_gbit_per_s == label
    assert catalog.instance_type("g6.xlarge").network_gbit_per_s == Decimal("2.5")


def test_max_pods_count_the_default_card_only(catalog: Catalog) -> None:
    pods = {"p5.48xlarge": 100, "p5en.48xlarge": 198, "p5.4xlarge": 118, "trn1.32xlarge": 247}
    for name, most in pods.items():
        assert catalog.instance_type(name).max_pods == most


def test_bursts_are_not_below_baselines(catalog: Catalog) -> None:
    for row in catalog.instance_types:
        if row.ebs_max_mbit_per_s and row.ebs_baseline_mbit_per_s:
            assert row.ebs_max_mbit_per_s >= row.ebs_baseline_mbit_per_s, row.name
        if row.network_burst_gbit_per_s and row.network_gbit_per_s:
            assert row.network_burst_gbit_per_s >= row.network_gbit_per_s, row.name


def test_what_no_public_price_sells_on_demand_is_a_capacity_block(catalog: Catalog) -> None:
    for name in ("p5e.48xlarge", "trn2.48xlarge", "trn2u.48xlarge", "p6e-gb200.36xlarge"):
        assert catalog.instance_type(name).purchase == ("capacity_block",)
    assert "on_demand" in catalog.instance_type("p6-b200.48xlarge").purchase


def test_zones_agree_with_regions(catalog: Catalog) -> None:
    for row in catalog.instance_types:
        sold = {ZONED_REGIONS[zone.partition("-")[0]] for zone in row.zone_ids}
        assert sold == set(row.regions) & set(ZONED_REGIONS.values()), row.name


def dense_kv_bytes(model: ModelFacts) -> int:
    assert model.layers and model.kv_heads and model.head_dim
    return 2 * model.layers * model.kv_heads * model.head_dim * 2


def test_kv_bytes_follow_from_the_shape(catalog: Catalog) -> None:
    for model in catalog.models:
        if model.kind != "llm" and (model.is_encoder or not model.is_embedding):
            assert model.kv_bytes_per_token_16bit == 0, model.model
        elif model.attention not in KV_IS_NOT_THE_DENSE_FORMULA:
            assert model.kv_bytes_per_token_16bit == dense_kv_bytes(model), model.model
        elif model.attention in {"mla", "mla_sparse"}:
            assert model.layers and model.mla_latent_dim and model.mla_rope_dim
            latent = model.layers * (model.mla_latent_dim + model.mla_rope_dim) * 2
            assert model.kv_bytes_per_token_16bit == latent, model.model
        else:
            assert model.kv_bytes_per_token_16bit is None, model.model


def test_models_of_vectors_have_dimensions_and_no_others(catalog: Catalog) -> None:
    """Guard: no model of the catalog projects its hidden state to another length."""
    for model in catalog.models:
        expected = model.hidden_size if model.is_embedding else None
        assert model.dimensions == expected, model.model
    known = {m.model: m.dimensions for m in catalog.models if m.is_embedding}
    assert (known["bge-m3"], known["qwen3-embedding-4b"]) == (1024, 2560)


@pytest.mark.parametrize(
    ("name", "kv_bytes"),
    [("llama-3.1-8b", 131072), ("llama-3.1-70b", 327680), ("deepseek-v3", 70272)],
)
def test_kv_bytes_vectors(catalog: Catalog, name: str, kv_bytes: int) -> None:
    assert catalog.model(name).kv_bytes_per_token_16bit == kv_bytes


def test_computed_parameters_agree_with_the_published_size(catalog: Catalog) -> None:
    widths = {"fp16": 2, "bf16": 2, "fp8": 1}
    for model in catalog.models:
        if model.parameters and model.native_weights_gib and model.native_dtype in widths:
            gib = Decimal(model.parameters * widths[model.native_dtype]) / 1024**3
            slack = max(Decimal("0.006"), gib / 30)
            assert abs(gib - model.native_weights_gib) < slack, model.model


def test_weights_only_below_the_native_capability(catalog: Catalog) -> None:
    fp8 = catalog.support("vllm", "fp8")
    assert fp8 is not None
    assert fp8.min_compute_capability == 8
    assert fp8.native_compute_capability == Decimal("8.9")


def test_models_of_an_engine_of_media(catalog: Catalog) -> None:
    """Every listed model can be sized, and only some start from an image."""
    listed = catalog.listed("vllm-omni")
    media = {model.model: model for model in catalog.media_models}
    assert set(listed) <= set(media)
    assert {name for name in listed if media[name].frames > 1} == {
        "cosmos3-nano",
        "cosmos3-super",
        "wan2.1-t2v-1.3b",
        "wan2.1-t2v-14b",
        "wan2.2-t2v-a14b",
        "wan2.2-ti2v-5b",
    }
    assert {name for name, row in listed.items() if row.takes_image} == {
        "cosmos3-nano",
        "cosmos3-super",
        "flux.2-dev",
        "flux.2-klein-4b",
        "flux.2-klein-9b",
        "wan2.2-ti2v-5b",
    }


def test_pins(catalog: Catalog) -> None:
    assert catalog.pin("kubernetes-1.34").end_of_support == "2026-12-02"
    assert catalog.pin("kubernetes-1.35").end_of_support == "2027-03-27"
    assert catalog.pin("kubernetes-1.36").end_of_support is None
    assert catalog.pin("vllm/vllm-openai").version == "v0.30.0"
    assert not catalog.pin("aurora-postgresql").verified
    # the tag was read, its contents were not
    groups = EngineName.vllm.traits.groups
    assert groups is not None and not catalog.pin(groups.image).verified
    assert catalog.pin("lambda-runtime-python").end_of_support == "2029-06-30"
    worker = catalog.pin("public.ecr.aws/lambda/python")
    assert worker.version.startswith("3.13.") and not worker.verified
    for pin in catalog.pins:
        assert "sha256" not in pin.version, "digests are resolved, never written here"
        assert pin.version != "latest"
        assert (pin.repository is not None) == pin.item.startswith("chart:"), pin.item
        assert (pin.repository or "https://").startswith(("https://", "oci://"))


def test_no_mixture_is_a_dense_architecture(catalog: Catalog) -> None:
    mixtures = [
        m
        for m in catalog.models
        if m.kind == "llm" and m.parameters and (m.active_parameters or m.parameters) < m.parameters
    ]
    assert len(mixtures) >= 12
    for model in mixtures:
        shape = architecture_of(model)
        assert shape is None or shape.experts is not None, model.model
    assert architecture_of(catalog.model("kimi-k2.6")) is None


def test_each_format_of_a_kind_has_its_bits_in_order(catalog: Catalog) -> None:
    known = {row.format: row for row in catalog.media_formats}
    assert set(known) == set(MediaFormat)
    for kind in Kind:
        assert all(known[name].kind is kind for name in kind.traits.formats)
    assert {name for kind in Kind for name in kind.traits.formats} == set(MediaFormat)
    for row in known.values():
        high = row.high_bits_per_pixel or row.bits_per_pixel
        assert row.low_bits_per_pixel < row.bits_per_pixel <= high <= 24


def test_the_work_of_each_codec_is_measured(catalog: Catalog) -> None:
    known = {row.work: row for row in catalog.rendition_work}
    assert set(known) == {"decode", *Codec} == {"decode", *ENCODERS}
    for row in known.values():
        low, high = row.low_cpu_s_per_megapixel, row.high_cpu_s_per_megapixel
        assert low < row.cpu_s_per_megapixel < high < 1
        assert (row.bits_per_pixel is None) is (row.work == "decode")


def test_bits_of_a_pixel_follow_from_the_rates_in_the_notes(catalog: Catalog) -> None:
    """Mbit/s over pixels a second, as the notes of each row state them."""
    hd = 1280 * 720 * 30
    h264 = catalog.media_format("h264")
    bits = (h264.low_bits_per_pixel, h264.bits_per_pixel, h264.high_bits_per_pixel)
    assert [round(float(value or 0) * hd / 1e6, 2) for value in bits] == [3, 5, 8]
    png = 2_003_016_524 / 4_091_841_959 * 24
    assert round(png, 2) == float(catalog.media_format("png").low_bits_per_pixel)


@pytest.mark.parametrize(
    ("model", "text_parameters"),
    [("gemma-3-4b", 3_880_263_168), ("gemma-3-27b", 27_009_346_304)],
)
def test_a_vision_tower_is_what_a_model_has_besides_its_text(
    catalog: Catalog, model: str, text_parameters: int
) -> None:
    """Parameters of the layers against all parameters less those of the text, from another source.

    The rest are embeddings of patches and positions, and the matrix into the language model.
    """
    tower, facts = catalog.vision_tower(model), catalog.model(model)
    assert tower is not None and facts.parameters is not None
    weights = 4 * tower.hidden_size**2 + 2 * tower.hidden_size * tower.ffn_dim
    assert tower.layers * weights == pytest.approx(facts.parameters - text_parameters, rel=0.03)
    assert str(text_parameters) in facts.notes
    patches = (tower.image_pixels / tower.patch_pixels) ** 2
    assert (patches, patches / tower.tokens) == (4_096, 16)


def test_the_operations_of_a_vision_tower_are_those_of_its_layers(catalog: Catalog) -> None:
    """2 x 4,096 patches x 411 million weights, and two products of 4,096 x 4,096 in 27 layers."""
    tower = catalog.vision_tower("gemma-3-4b")
    assert tower is not None
    assert tower.flop == pytest.approx(3.368e12 + 2.087e12, rel=0.001)
