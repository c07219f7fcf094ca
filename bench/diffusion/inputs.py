"""Which tensors does a pipeline of diffusers give to each part?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from diffusion.shapes import Latent

GUIDANCE = 3.5
TIMESTEP = 500.0
"""Values of no effect on the time."""


@dataclass(frozen=True)
class Draw:
    """Random tensors on one device."""

    device: str
    dtype: torch.dtype

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.device, dtype=self.dtype)

    def full(self, value: float, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.full(shape, value, device=self.device, dtype=dtype or self.dtype)


@dataclass(frozen=True)
class Call:
    """Item that a denoiser is called for."""

    config: Any
    latent: Latent
    batch: int
    text_tokens: int
    draw: Draw

    def latents(self, channels: int | None = None) -> torch.Tensor:
        """Latent with the axes batch, channel, frame where there is one, height, width."""
        size = self.latent
        frames = (size.frames,) if size.has_frames else ()
        number = self.config.in_channels if channels is None else channels
        return self.draw.normal(self.batch, number, *frames, size.height, size.width)

    def packed(self) -> torch.Tensor:
        """Latent whose squares of 2 x 2 pixels are one token each."""
        tokens = self.latent.height // 2 * (self.latent.width // 2)
        return self.draw.normal(self.batch, tokens, self.config.in_channels)

    def text(self, width: int) -> torch.Tensor:
        return self.draw.normal(self.batch, self.text_tokens, width)

    def each(self, value: float) -> torch.Tensor:
        """One value for each item of the batch."""
        return self.draw.full(value, self.batch)

    def mask(self) -> torch.Tensor:
        """Mask of a prompt that fills all its tokens."""
        return self.draw.full(1, self.batch, self.text_tokens, dtype=torch.bool)


Inputs = dict[str, Any]


def _unet(call: Call) -> Inputs:
    config = call.config
    inputs = {
        "sample": call.latents(),
        "timestep": call.draw.full(TIMESTEP),
        "encoder_hidden_states": call.text(config.cross_attention_dim),
    }
    if config.addition_embed_type == "text_time":
        numbers = 6
        width = config.projection_class_embeddings_input_dim
        width -= numbers * config.addition_time_embed_dim
        inputs["added_cond_kwargs"] = {
            "text_embeds": call.draw.normal(call.batch, width),
            "time_ids": call.draw.full(1024, call.batch, numbers),
        }
    return inputs


def _sd3(call: Call) -> Inputs:
    return {
        "hidden_states": call.latents(),
        "encoder_hidden_states": call.text(call.config.joint_attention_dim),
        "pooled_projections": call.draw.normal(call.batch, call.config.pooled_projection_dim),
        "timestep": call.each(TIMESTEP),
    }


def _flux(call: Call) -> Inputs:
    image = call.packed()
    inputs = {
        "hidden_states": image,
        "encoder_hidden_states": call.text(call.config.joint_attention_dim),
        "timestep": call.each(TIMESTEP / 1000),
        "img_ids": call.draw.full(1, image.shape[1], len(call.config.axes_dims_rope)),
        "txt_ids": call.draw.full(0, call.text_tokens, len(call.config.axes_dims_rope)),
    }
    if call.config.guidance_embeds:
        inputs["guidance"] = call.each(GUIDANCE)
    return inputs


def _flux1(call: Call) -> Inputs:
    pooled = call.draw.normal(call.batch, call.config.pooled_projection_dim)
    return _flux(call) | {"pooled_projections": pooled}


def _flux2(call: Call) -> Inputs:
    return {"guidance": None} | _flux(call)


def _mochi(call: Call) -> Inputs:
    return {
        "hidden_states": call.latents(),
        "encoder_hidden_states": call.text(call.config.text_embed_dim),
        "encoder_attention_mask": call.mask(),
        "timestep": call.each(TIMESTEP),
    }


def _hunyuan(call: Call) -> Inputs:
    pooled = call.draw.normal(call.batch, call.config.pooled_projection_dim)
    return _mochi(call) | {"pooled_projections": pooled, "guidance": call.each(1000 * GUIDANCE)}


def _cogvideox(call: Call) -> Inputs:
    inputs = {
        "hidden_states": call.latents().transpose(1, 2).contiguous(),
        "encoder_hidden_states": call.text(call.config.text_embed_dim),
        "timestep": call.each(TIMESTEP),
    }
    if call.config.use_rotary_positional_embeddings:
        size = call.latent
        tokens = size.frames * (size.height // 2) * (size.width // 2)
        shape = tokens, call.config.attention_head_dim
        inputs["image_rotary_emb"] = (call.draw.normal(*shape), call.draw.normal(*shape))
    return inputs


def _wan(call: Call) -> Inputs:
    return {
        "hidden_states": call.latents(),
        "encoder_hidden_states": call.text(call.config.text_dim),
        "timestep": call.each(TIMESTEP),
    }


def _cosmos(call: Call) -> Inputs:
    """A denoiser with 17 channels gets 16, and a mask of the frames that are given."""
    size, inputs = call.latent, {}
    channels = call.config.out_channels
    if call.config.in_channels > channels:
        shape = call.batch, 1, size.frames, size.height, size.width
        inputs = {"condition_mask": call.draw.full(0, *shape), "fps": 16}
    return inputs | {
        "hidden_states": call.latents(channels),
        "encoder_hidden_states": call.text(call.config.text_embed_dim),
        "timestep": call.each(TIMESTEP / 1000),
        "padding_mask": call.draw.full(0, 1, 1, 8 * size.height, 8 * size.width),
    }


def _sana(call: Call) -> Inputs:
    return {
        "hidden_states": call.latents(),
        "encoder_hidden_states": call.text(call.config.caption_channels),
        "encoder_attention_mask": call.mask(),
        "timestep": call.each(TIMESTEP),
    }


def _qwen_image(call: Call) -> Inputs:
    grid = (1, call.latent.height // 2, call.latent.width // 2)
    return {
        "hidden_states": call.packed(),
        "encoder_hidden_states": call.text(call.config.joint_attention_dim),
        "timestep": call.each(TIMESTEP / 1000),
        "img_shapes": [[grid]] * call.batch,
    }


OF_CLASS: Mapping[str, Callable[[Call], Inputs]] = {
    "CogVideoXTransformer3DModel": _cogvideox,
    "CosmosTransformer3DModel": _cosmos,
    "Flux2Transformer2DModel": _flux2,
    "FluxTransformer2DModel": _flux1,
    "HunyuanVideoTransformer3DModel": _hunyuan,
    "MochiTransformer3DModel": _mochi,
    "QwenImageTransformer2DModel": _qwen_image,
    "SD3Transformer2DModel": _sd3,
    "SanaTransformer2DModel": _sana,
    "UNet2DConditionModel": _unet,
    "WanTransformer3DModel": _wan,
}
"""Inputs of each class of denoisers. Basis: the pipelines of diffusers 0.42.1."""


def denoiser_inputs(class_name: str, call: Call) -> Inputs:
    """Return the keyword arguments of one call of a denoiser."""
    return OF_CLASS[class_name](call)
