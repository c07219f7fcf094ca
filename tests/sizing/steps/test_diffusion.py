"""Time of one image or clip: each term by hand, and the laws between them."""

from dataclasses import replace

import pytest

from sizing.catalog import Catalog
from sizing.model.denoiser import Item
from sizing.steps.diffusion import Cards, DiffusionModel, diffusion_model, shared_cards
from sizing.workload import Precision
from sizing.workload.kinds import Runtime

IMAGE = Item(1024, 1024, 1, 28, 1, 512)
CLIP = Item(848, 480, 49, 64, 2, 256)


def made(
    catalog: Catalog,
    model: str = "flux.1-dev",
    gpu: str = "h100",
    runtime: Runtime = Runtime.compiled,
    precision: Precision = Precision.bf16,
) -> DiffusionModel | None:
    row = catalog.media_model(model)
    assert row is not None
    return diffusion_model(
        row,
        catalog.denoiser(row.denoiser),
        catalog.gpu(gpu),
        catalog.media_coefficients,
        runtime=runtime,
        precision=precision,
        encoder_parameters=4.9e9,
    )


def timer(catalog: Catalog, **changes: object) -> DiffusionModel:
    found = made(catalog, **changes)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_terms_on_the_reference_card(catalog: Catalog) -> None:
    """FLUX.1 on an H100, whose watts per FLOP/s are the reference: no correction for power."""
    terms = timer(catalog).item(IMAGE).terms
    c = catalog.media_coefficients.coefficients
    tokens, text, peak = 4096, 512, 989e12
    row = catalog.denoiser("flux.1")
    linear = 2 * (row.token_weights * tokens + row.text_token_weights * text)
    attention = 4 * 57 * 3072 * (tokens + text) ** 2 * (1 + c.softmax_dim / 128)
    assert terms.linear_s == pytest.approx(28 * c.linear * linear / peak)
    assert terms.attention_s == pytest.approx(28 * c.attention * attention / peak)
    assert terms.hidden_s == pytest.approx(
        28 * c.compiled_hidden * 2 * 57 * 3072 * (tokens + text) / 3350e9
    )
    decode = 9_987_072 * 1024 * 1024
    assert terms.decode_s == pytest.approx(c.image_decode * decode / peak)
    assert terms.encode_s == pytest.approx(c.linear * 2 * 4.9e9 * text / peak + 2 * 4.9e9 / 3350e9)
    assert (terms.convolution_s, terms.launch_s, terms.exchange_s) == (0, 0, 0)
    assert terms.fixed_s == c.item_s


def test_a_card_with_more_power_for_each_flop_loses_less_of_its_peak(catalog: Catalog) -> None:
    c = catalog.media_coefficients.coefficients
    a100, h100 = (timer(catalog, gpu=gpu).item(IMAGE).terms for gpu in ("a100-80", "h100"))
    ratio = ((700 / 989) / (400 / 312)) ** c.power
    assert a100.linear_s / h100.linear_s == pytest.approx(
        max(c.linear * ratio, 1) / c.linear * 989 / 312
    )


def test_no_time_is_below_the_datasheet(catalog: Catalog) -> None:
    terms = timer(catalog, gpu="a10g").item(IMAGE).terms
    row = catalog.denoiser("flux.1")
    linear = 2 * (row.token_weights * 4096 + row.text_token_weights * 512)
    assert terms.linear_s == pytest.approx(28 * linear / 70e12)


def test_guidance_doubles_the_work_of_the_denoiser_only(catalog: Catalog) -> None:
    once = timer(catalog).item(IMAGE).terms
    twice = timer(catalog).item(replace(IMAGE, passes=2)).terms
    assert twice.linear_s == pytest.approx(2 * once.linear_s)
    assert twice.attention_s == pytest.approx(2 * once.attention_s)
    assert (twice.decode_s, twice.encode_s) == (once.decode_s, once.encode_s)


def test_eager_kernels_cost_launches_where_the_card_is_faster(catalog: Catalog) -> None:
    small = Item(256, 256, 1, 50, 2, 77)
    compiled = timer(catalog, model="stable-diffusion-1.5").item(small)
    eager = timer(catalog, model="stable-diffusion-1.5", runtime=Runtime.eager).item(small)
    launches = 50 * 38 * catalog.media_coefficients.coefficients.block_us * 1e-6
    assert eager.terms.launch_s > 0 and compiled.terms.launch_s == 0
    assert sum(eager.terms[:5]) == pytest.approx(launches)
    large = timer(catalog, runtime=Runtime.eager).item(IMAGE)
    assert large.terms.launch_s == 0


def test_eight_bits_help_compiled_matrix_products_only(catalog: Catalog) -> None:
    for runtime, gain in ((Runtime.compiled, 1979 / 989), (Runtime.eager, 1.0)):
        wide = timer(catalog, runtime=runtime).item(IMAGE).terms
        narrow = timer(catalog, runtime=runtime, precision=Precision.fp8).item(IMAGE).terms
        assert wide.linear_s / narrow.linear_s == pytest.approx(gain)
        assert wide.attention_s == narrow.attention_s


def test_single_precision_halves_the_rate(catalog: Catalog) -> None:
    wide = timer(catalog, precision=Precision.fp32).item(IMAGE).terms
    half = timer(catalog).item(IMAGE).terms
    assert wide.linear_s == pytest.approx(2 * half.linear_s)


@pytest.mark.parametrize(
    ("gpu", "precision"),
    [("t4", Precision.bf16), ("t4", Precision.fp32), ("inferentia2", Precision.bf16)],
)
def test_cards_that_cannot(catalog: Catalog, gpu: str, precision: Precision) -> None:
    assert made(catalog, gpu=gpu, precision=precision) is None


def test_cards_split_guidance_first() -> None:
    assert shared_cards(4, 2) == Cards(2, 2)
    assert shared_cards(4, 1) == Cards(1, 4)
    assert shared_cards(3, 2) == Cards(1, 3)
    assert shared_cards(1, 2) == Cards(1, 1)


def test_more_cards_are_faster_and_lose_a_share(catalog: Catalog) -> None:
    model = timer(catalog, model="mochi-1-preview")
    times = [model.item(CLIP, shared_cards(n, 2)).seconds_per_item for n in (1, 2, 4, 8)]
    assert times == sorted(times, reverse=True)
    for count, time in zip((2, 4, 8), times[1:], strict=True):
        assert time * count > times[0]
    guidance, sequence = model.item(CLIP, Cards(2, 1)), model.item(CLIP, Cards(1, 2))
    assert guidance.seconds_per_item < sequence.seconds_per_item


def test_a_generation_that_was_not_measured_has_a_wider_band(catalog: Catalog) -> None:
    known, other = timer(catalog).item(IMAGE), timer(catalog, gpu="b200").item(IMAGE)
    assert known.evidence.is_measured and not other.evidence.is_measured
    ratio = other.high_seconds_per_item / other.seconds_per_item
    assert ratio > known.high_seconds_per_item / known.seconds_per_item
    assert known.low_seconds_per_item < known.seconds_per_item < known.high_seconds_per_item
