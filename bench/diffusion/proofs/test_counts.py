"""The catalog's numbers are those of the modules of the real configs, built without memory.

Weights, latent tokens and work are counted on PyTorch's meta device, which has shapes and no values.
"""

import csv
from collections.abc import Mapping

import pytest
import torch
from diffusion.inputs import Call, Draw, denoiser_inputs
from diffusion.parts import Parts, models, parameters
from diffusion.shapes import items, latent, temporal, three
from torch.utils.flop_counter import FlopCounterMode

from sizing.catalog import DATA, load_catalog
from sizing.model.denoiser import Item, latent_tokens, pass_work

MODELS = models(tiny=False)
CATALOG = load_catalog()
META = "meta"
ENCODERS_APART: Mapping[str, str] = {
    "hunyuanvideo": "the catalog counts the output layer of Llama-3-8B, which the pipeline skips",
    "qwen-image": "the catalog counts the vision tower, which reads no prompt",
    "sd3-medium": "the catalog leaves out the projection of CLIP-L, 589,824 weights",
    "sd3.5-large": "as sd3-medium",
    "sd3.5-medium": "as sd3-medium",
}
"""Models whose encoders here and in the catalog differ, and the reason."""
BY_HAND = ("mochi-1-preview",)
"""Denoisers that read values of their mask, which a meta tensor lacks."""
PADDED_HEADS = ("stable-diffusion-1.5",)
"""Denoisers whose heads the catalog counts as kernels compute them, wider than they are."""


def rows() -> dict[str, dict[str, str]]:
    with (DATA / "models.csv").open(encoding="utf-8", newline="") as lines:
        return {row["model"]: row for row in csv.DictReader(lines)}


ROWS = rows()


@pytest.mark.parametrize("model", MODELS)
def test_weights_of_the_denoiser_are_those_of_the_catalog(model: str) -> None:
    made = MODELS[model].denoiser.module(META, torch.bfloat16)
    assert parameters(made) == int(ROWS[model]["active_parameters"])


@pytest.mark.parametrize("model", MODELS)
def test_weights_of_the_autoencoder_are_those_of_the_catalog(model: str) -> None:
    made = MODELS[model].autoencoder.module(META, torch.bfloat16)
    assert parameters(made) == int(ROWS[model]["vae_parameters"])


@pytest.mark.parametrize("model", MODELS)
def test_weights_of_the_encoders_are_those_of_the_catalog(model: str) -> None:
    made = [part.module(META, torch.bfloat16) for part, _ in MODELS[model].encoders]
    counted, stated = sum(map(parameters, made)), int(ROWS[model]["text_encoder_parameters"])
    assert (counted != stated) == (model in ENCODERS_APART)
    assert counted == pytest.approx(stated, rel=0.15)


def asked(parts: Parts) -> list[Item]:
    """The three items of a model, as sizing describes them."""
    shapes = three(items(tiny=False)[parts.model], temporal(parts))
    return [
        Item(
            width=item.width,
            height=item.height,
            frames=item.frames,
            steps=item.steps,
            passes=item.passes,
            text_tokens=item.text_tokens,
        )
        for item in shapes
    ]


@pytest.mark.parametrize("model", MODELS)
def test_tokens_and_work_of_a_pass_are_those_of_the_catalog(model: str) -> None:
    """The FLOP of one pass differ by less than 3 %: embeddings and modulation are left out."""
    parts = MODELS[model]
    denoiser = CATALOG.denoiser(CATALOG.media_model(model).denoiser)
    module = parts.denoiser.module(META, torch.bfloat16)
    for item, wanted in zip(
        three(items(tiny=False)[model], temporal(parts)), asked(parts), strict=True
    ):
        size = latent(parts, item, module.config.in_channels)
        call = Call(module.config, size, 1, item.text_tokens, Draw(META, torch.bfloat16))
        inputs = denoiser_inputs(parts.denoiser.class_name, call)
        tokens = size.frames * size.height * size.width
        if denoiser.convolution_weights == 0 and module.config.get("patch_size", 1) != 1:
            tokens //= 4
        if "FLUX" in model.upper():
            tokens //= 4
        assert tokens == latent_tokens(denoiser, wanted), f"{model} {item.size}"
        if model in (*BY_HAND, *PADDED_HEADS):
            continue
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(**inputs, return_dict=False)
        work = pass_work(denoiser, wanted)
        stated = work.linear_flop + work.convolution_flop + work.attention_flop
        assert counter.get_total_flops() == pytest.approx(stated, rel=0.03), f"{model} {item.size}"


@pytest.mark.parametrize("model", MODELS)
def test_work_of_the_decoder_is_that_of_the_catalog(model: str) -> None:
    parts, item = MODELS[model], items(tiny=False)[model]
    module = parts.autoencoder.module(META, torch.bfloat16)
    channels = module.config.get("latent_channels") or module.config.z_dim
    size = latent(parts, item, channels)
    latents = Call(module.config, size, 1, 0, Draw(META, torch.bfloat16)).latents(channels)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.decode(latents, return_dict=False)
    pixels = item.width * item.height * item.frames
    stated = CATALOG.media_model(model).decode_flop_per_pixel
    assert counter.get_total_flops() / pixels == pytest.approx(stated, rel=0.1)
