"""Work of one pass, against the shapes of the models' own configs and published figures."""

import pytest

from sizing.catalog import Catalog
from sizing.model.denoiser import Item, latent_tokens, pass_work


def item(catalog: Catalog, model: str, **changes: int) -> Item:
    """The model's default item, with changes."""
    row = catalog.media_model(model)
    assert row is not None
    given = {
        name: getattr(row, name)
        for name in ("width", "height", "frames", "steps", "passes", "text_tokens")
    }
    return Item(**{**given, **changes})


@pytest.mark.parametrize(
    ("model", "changes", "tokens"),
    [
        ("flux.1-dev", {}, 64 * 64),
        ("sdxl-1.0-base", {}, 128 * 128),
        ("sana-1.6b-4k", {}, 128 * 128),
        ("hunyuanvideo", {}, 45 * 80 * 33),
        ("mochi-1-preview", {}, 44_520),
        ("mochi-1-preview", {"frames": 49}, 14_310),
        ("cogvideox-5b", {}, 30 * 45 * 13),
        ("wan2.2-ti2v-5b", {}, 22 * 40 * 31),
        ("flux.1-dev", {"width": 1000, "height": 1000}, 63 * 63),
    ],
)
def test_tokens_of_a_latent(
    catalog: Catalog, model: str, changes: dict[str, int], tokens: int
) -> None:
    row = catalog.media_model(model)
    assert row is not None
    assert latent_tokens(catalog.denoiser(row.denoiser), item(catalog, model, **changes)) == tokens


@pytest.mark.parametrize(
    ("denoiser", "weights", "of_text"),
    [
        ("flux.1", 57 * 12 * 3072**2, 57 * 12 * 3072**2),
        ("flux.2-klein-4b", 25 * 13 * 3072**2, 25 * 13 * 3072**2),
        ("sd3.5-large", 38 * 12 * 2432**2, 38 * 12 * 2432**2),
        ("cogvideox-5b", 42 * 12 * 3072**2, 42 * 12 * 3072**2),
        ("hunyuanvideo", 60 * 12 * 3072**2, 60 * 12 * 3072**2),
        ("mochi-1", 48 * (4 * 3072**2 + 3 * 3072 * 8192), 48 * (4 + 4) * 3072 * 1536),
        ("wan-14b", 40 * (6 * 5120**2 + 2 * 5120 * 13824), 40 * 2 * 5120**2),
        ("cosmos-predict2-2b", 28 * 14 * 2048**2, 28 * 2 * 1024 * 2048),
        ("qwen-image", 60 * 12 * 3072**2, 60 * 12 * 3072**2),
    ],
)
def test_weights_of_a_token_follow_from_the_widths(
    catalog: Catalog, denoiser: str, weights: int, of_text: int
) -> None:
    """The rest is the embeddings of patches, prompts and outputs. The last block has no text."""
    row = catalog.denoiser(denoiser)
    assert row.token_weights == pytest.approx(weights, rel=0.01)
    assert row.text_token_weights == pytest.approx(of_text, rel=0.06)


@pytest.mark.parametrize(
    ("model", "teraflop", "attention_share"),
    [("sd3.5-large", 31.1, 0.23), ("flux.1-dev", 74.4, 0.20), ("hunyuanvideo", 12_068, 0.87)],
)
def test_published_work_of_a_pass(
    catalog: Catalog, model: str, teraflop: float, attention_share: float
) -> None:
    row = catalog.media_model(model)
    assert row is not None
    work = pass_work(catalog.denoiser(row.denoiser), item(catalog, model))
    total = work.linear_flop + work.attention_flop
    assert total == pytest.approx(teraflop * 1e12, rel=0.01)
    assert work.attention_flop / total == pytest.approx(attention_share, abs=0.01)


def test_a_token_passes_no_more_weights_than_the_model_has(catalog: Catalog) -> None:
    for row in catalog.media_models:
        denoiser, parameters = catalog.denoiser(row.denoiser), catalog.model(row.model).parameters
        assert parameters is not None
        if not denoiser.convolution_weights:
            assert denoiser.token_weights < parameters, row.model


def test_an_item_fits_the_kind_of_its_model(catalog: Catalog) -> None:
    for row in catalog.media_models:
        is_video = catalog.model(row.model).kind.startswith("video")
        assert is_video == (row.frames > 1) == (row.frames_per_s is not None), row.model
    used = {row.denoiser for row in catalog.media_models}
    assert used == {row.name for row in catalog.denoisers}
