"""The catalog's numbers are those of the modules of the real configs, built without memory.

Weights, latent tokens and work are counted on PyTorch's meta device, which has no values.
"""

import csv
from collections.abc import Mapping
from dataclasses import asdict

import pytest
import torch
from diffusion.inputs import Call, Draw, denoiser_inputs
from diffusion.parts import models, parameters
from diffusion.shapes import Item, items, latent, temporal, three
from torch.utils.flop_counter import FlopCounterMode

from sizing.catalog import DATA, load_catalog
from sizing.model import denoiser as sized
from sizing.model.denoiser import latent_tokens, pass_work

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
NOT_COUNTED: Mapping[str, str] = {
    "mochi-1-preview": "it reads values of its mask, which a meta tensor lacks",
    "stable-diffusion-1.5": "the catalog counts heads as kernels compute them, wider than they are",
}
"""Denoisers whose work is not counted here, and the reason."""
PATCH = {"UNet2DConditionModel": 1, "SanaTransformer2DModel": 1}
"""Latent pixels of one side of a token by class; 2 for all others. Basis: their forward code."""
DEFAULTS = items(tiny=False)
OF_CLIPS = ("cosmos-predict2-2b-text2image", "cosmos-predict2-14b-text2image")
"""Models with the decoder's FLOP for a pixel of a clip, which are 23 % fewer than of an image."""
IMAGES = [name for name in MODELS if DEFAULTS[name].frames == 1 and name not in OF_CLIPS]


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


@pytest.mark.parametrize("model", MODELS)
def test_tokens_of_all_shapes_are_those_of_the_catalog(model: str) -> None:
    parts = MODELS[model]
    denoiser = CATALOG.denoiser(CATALOG.media_model(model).denoiser)
    patch = PATCH.get(parts.denoiser.class_name, 2)
    for item in three(DEFAULTS[model], temporal(parts)):
        size = latent(parts, item, 1)
        tokens = size.frames * (size.height // patch) * (size.width // patch)
        assert tokens == latent_tokens(denoiser, as_sized(item)), item.size


@pytest.mark.parametrize("model", [name for name in MODELS if name not in NOT_COUNTED])
def test_work_of_a_pass_is_that_of_the_catalog(model: str) -> None:
    """The FLOP of one pass differ by less than 3 %: embeddings and modulation are left out."""
    parts = MODELS[model]
    denoiser = CATALOG.denoiser(CATALOG.media_model(model).denoiser)
    module = parts.denoiser.module(META, torch.bfloat16)
    item = three(DEFAULTS[model], temporal(parts))[0]
    size = latent(parts, item, module.config.in_channels)
    call = Call(module.config, size, 1, item.text_tokens, Draw(META, torch.bfloat16))
    inputs = denoiser_inputs(parts.denoiser.class_name, call)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(**inputs, return_dict=False)
    work = pass_work(denoiser, as_sized(item))
    stated = work.linear_flop + work.convolution_flop + work.attention_flop
    assert counter.get_total_flops() == pytest.approx(stated, rel=0.03)


def as_sized(item: Item) -> sized.Item:
    """Return the item as sizing describes it."""
    return sized.Item(**asdict(item))


@pytest.mark.parametrize("model", IMAGES)
def test_work_of_an_image_decoder_is_that_of_the_catalog(model: str) -> None:
    parts, item = MODELS[model], DEFAULTS[model]
    module = parts.autoencoder.module(META, torch.bfloat16)
    channels = module.config.get("latent_channels") or module.config.z_dim
    size = latent(parts, item, channels)
    latents = Call(module.config, size, 1, 0, Draw(META, torch.bfloat16)).latents(channels)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.decode(latents, return_dict=False)
    stated = CATALOG.media_model(model).decode_flop_per_pixel
    counted = counter.get_total_flops() / (item.width * item.height)
    assert counted == pytest.approx(stated, rel=0.05)
