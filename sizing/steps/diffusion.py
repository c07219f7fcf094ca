"""How long does one image or clip take, and how certain is the time?"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from sizing.catalog.bands import Band
from sizing.catalog.coefficients import Evidence
from sizing.catalog.media import Denoiser, MediaModel
from sizing.catalog.media_coefficients import MediaCoefficientSet
from sizing.catalog.records import Gpu
from sizing.model.denoiser import HIDDEN_BYTES, Item, PassWork, latent_tokens, pass_work
from sizing.steps.card import MS, Card, card
from sizing.values.units import TERA
from sizing.workload import Precision
from sizing.workload.kinds import Runtime

US = 1e-6
REFERENCE_W_PER_TFLOPS = 700 / 989
"""Watts per dense 16-bit TFLOP/s of the reference card. Basis: vendor, H100 SXM."""
LEAST_MULTIPLE = 1.0
"""Lowest multiple of a datasheet time, whatever the card's power."""
EXCHANGES = 4
"""Hidden states that cross the link in each block of a split sequence: queries, keys, values and
the result. Basis: DeepSpeed-Ulysses."""
SINGLE_PRECISION_SHARE = 0.5
"""Rate of FP32 over 16 bits on tensor cores from Ampere on. Basis: vendor (TF32)."""
NO_SINGLE_PRECISION = ("volta", "other")
"""Generations without TF32."""
EIGHT_BITS = (Precision.fp8, Precision.int8)
NEW_KERNELS = ("hopper", "blackwell")
"""Generations with attention kernels for their own tensor cores. Basis: vendor (FlashAttention 3,
cuDNN)."""


class ItemTerms(NamedTuple):
    """Seconds of one item, by cause; they add up to its time."""

    linear_s: float
    convolution_s: float
    attention_s: float
    hidden_s: float
    """Seconds of reads and writes of hidden states outside matrix products."""
    launch_s: float
    """Seconds that kernel launches add to the card's own work."""
    exchange_s: float
    """Seconds of exchanges between the cards of one item."""
    encode_s: float
    decode_s: float
    fixed_s: float


@dataclass(frozen=True)
class ItemTime:
    """Time of one item on its cards.

    Basis: fitted (data/media_coefficients.json). Where the fit does not include this GPU
    generation, only the datasheet counts, and the band is wider.
    """

    terms: ItemTerms
    band: Band
    evidence: Evidence

    @property
    def seconds_per_item(self) -> float:
        """Median seconds of an item."""
        return sum(self.terms)

    @property
    def low_seconds_per_item(self) -> float:
        """P10 of the seconds of an item."""
        return self.seconds_per_item * self.band.low

    @property
    def high_seconds_per_item(self) -> float:
        """P90 of the seconds of an item."""
        return self.seconds_per_item * self.band.high


@dataclass(frozen=True)
class Cards:
    """Cards that work on one item, and how they share it."""

    guidance: int = 1
    """Cards that compute the passes of one step at the same time."""
    sequence: int = 1
    """Cards that share the tokens of one pass."""

    @property
    def count(self) -> int:
        return self.guidance * self.sequence


def shared_cards(count: int, passes: int) -> Cards:
    """Return the split of an item over this many cards: guidance first, then the sequence.

    Basis: measured. Splitting the guidance loses least, since its passes exchange only results.
    """
    guidance = passes if passes > 1 and count % passes == 0 else 1
    return Cards(guidance, count // guidance)


@dataclass(frozen=True)
class DiffusionModel:
    """Times of one model on one kind of card. Build it once and use it often."""

    model: MediaModel
    denoiser: Denoiser
    card: Card
    watts_per_tflops: float | None
    """Power limit over the dense 16-bit rate; None where it is unknown."""
    runtime: Runtime
    precision: Precision
    encoder_parameters: float
    coefficients: MediaCoefficientSet
    hopper_attention: bool = False
    """True where attention runs in kernels for this generation."""

    def item(
        self, wanted: Item, cards: Cards | None = None, batch: int = 1, transfer_s: float = 0.0
    ) -> ItemTime:
        """Return the time of one item of a batch.

        steps x max(arithmetic + hidden states, launches) + exchanges + encoder + decoder + rest

        Basis: fitted. The cards split passes and tokens; one of them encodes and decodes.
        """
        split = cards or Cards()
        work = pass_work(self.denoiser, wanted)
        lost = 1 + self.coefficients.coefficients.split_loss * (split.sequence - 1)
        own = wanted.passes / split.guidance / split.sequence * wanted.steps * lost
        parts = [own * seconds for seconds in self._pass_s(work)]
        launches = self._launch_s() * wanted.steps / batch
        known = self.coefficients.coefficients
        linear, convolution, attention, hidden = parts
        terms = ItemTerms(
            linear_s=linear,
            convolution_s=convolution,
            attention_s=attention,
            hidden_s=hidden,
            launch_s=max(0.0, launches - sum(parts)),
            exchange_s=self._exchange_s(wanted, split, batch),
            encode_s=self._encode_s(wanted) + transfer_s,
            decode_s=self._decode_s(wanted),
            fixed_s=known.item_s / batch,
        )
        evidence = Evidence.measured
        if self.card.family not in self.coefficients.measured:
            evidence = Evidence.generation
        return ItemTime(terms, self.coefficients.band_of(evidence), evidence)

    def _pass_s(self, work: PassWork) -> tuple[float, float, float, float]:
        """Seconds of one pass on one card: linear, convolutions, attention, hidden states."""
        c = self.coefficients.coefficients
        eager = self.runtime is Runtime.eager
        rate = self._rate(Precision.bf16 if eager and self._eight_bit else self.precision)
        attention = c.attention * (1 + c.softmax_dim / self.denoiser.head_dim)
        attention *= c.hopper_attention if self.hopper_attention else 1.0
        times = c.eager_hidden if eager else c.compiled_hidden
        return (
            self._multiple(c.linear) * work.linear_flop / rate,
            self._multiple(c.convolution) * work.convolution_flop / rate,
            self._multiple(attention) * work.attention_flop / self._wide_rate,
            times * work.hidden_bytes / self._bytes_per_s,
        )

    @property
    def _eight_bit(self) -> bool:
        """True where arithmetic is in 8 bits. Basis: measured. Eager runtimes gain nothing from
        it, because each conversion is a kernel of its own."""
        return self.precision in EIGHT_BITS

    def _launch_s(self) -> float:
        """Seconds to launch the kernels of one step, whose passes run as one batch."""
        c = self.coefficients.coefficients
        return c.block_us * US * self.denoiser.blocks if self.runtime is Runtime.eager else 0.0

    def _exchange_s(self, wanted: Item, split: Cards, batch: int) -> float:
        """Seconds of exchanges where the tokens are split.

        steps x blocks x (start + exchanges x hidden state / cards x (cards - 1) / cards / link)
        """
        if split.sequence == 1:
            return 0.0
        c, n = self.coefficients.coefficients, split.sequence
        eager = self.runtime is Runtime.eager
        start = c.eager_exchange_us if eager else c.compiled_exchange_us
        tokens = latent_tokens(self.denoiser, wanted) + wanted.text_tokens
        sent = EXCHANGES * HIDDEN_BYTES * self.denoiser.hidden_width * tokens * (n - 1) / n**2
        each = sent * wanted.passes / split.guidance / (self.card.link_bytes_per_ms * MS)
        return wanted.steps * (self.denoiser.blocks * start * US / batch + each)

    def _encode_s(self, wanted: Item) -> float:
        """Seconds of the prompt's encoders: their arithmetic, and one read of their weights."""
        c, parameters = self.coefficients.coefficients, self.encoder_parameters
        flop = 2.0 * parameters * wanted.text_tokens
        read = HIDDEN_BYTES * parameters / self._bytes_per_s
        return self._multiple(c.linear) * flop / self._wide_rate + read

    def _decode_s(self, wanted: Item) -> float:
        """Seconds of the autoencoder's decoder, which one card runs alone."""
        c = self.coefficients.coefficients
        multiple = c.image_decode if wanted.frames == 1 else c.video_decode
        flop = float(self.model.decode_flop_per_pixel) * wanted.pixels
        return self._multiple(multiple) * flop / self._wide_rate

    def _multiple(self, fitted: float) -> float:
        """Multiple of the datasheet time on this card.

        fitted x (reference watts per TFLOP/s / watts per TFLOP/s)^power, at least 1

        Basis: fitted. Cards with more power for each FLOP/s hold higher clocks.
        """
        if self.watts_per_tflops is None:
            return max(fitted, LEAST_MULTIPLE)
        ratio = REFERENCE_W_PER_TFLOPS / self.watts_per_tflops
        power = self.coefficients.coefficients.power
        return max(fitted * math.pow(ratio, power), LEAST_MULTIPLE)

    @property
    def _bytes_per_s(self) -> float:
        return self.card.bytes_per_ms * MS

    @property
    def _wide_rate(self) -> float:
        """FLOP/s of everything but the denoiser's weights, which run in 16 or 32 bits."""
        single = self.precision is Precision.fp32
        return self._rate(Precision.fp32 if single else Precision.bf16)

    def _rate(self, precision: Precision) -> float:
        """Dense FLOP/s of the card in this precision."""
        if precision is Precision.fp32:
            return self.card.flop_per_ms[Precision.bf16] * MS * SINGLE_PRECISION_SHARE
        return self.card.flop_per_ms[precision] * MS


def computes(gpu: Gpu, precision: Precision) -> bool:
    """True where pipelines run the precision on the accelerator.

    Basis: vendor (PyTorch builds for CUDA; BF16 from compute capability 8.0 on).
    """
    return gpu.vendor == "NVIDIA" and (precision is not Precision.bf16 or bool(gpu.bf16))


def diffusion_model(
    model: MediaModel,
    denoiser: Denoiser,
    gpu: Gpu,
    coefficients: MediaCoefficientSet,
    *,
    runtime: Runtime,
    precision: Precision,
    encoder_parameters: float,
    gpu_share: float = 1.0,
    hopper_attention: bool = False,
) -> DiffusionModel | None:
    """Return the times of a model on a card. Return None where the datasheet lacks a rate, for a
    precision that the card cannot compute, and for accelerators that are not NVIDIA's.

    `hopper_attention` is True for engines with attention kernels for Hopper and later cards. Basis:
    assumed False, since PyTorch's own attention is FlashAttention 2.
    """
    at_best = card(gpu, gpu_share)
    if at_best is None or not computes(gpu, precision):
        return None
    if precision is Precision.fp32 and at_best.family in NO_SINGLE_PRECISION:
        return None
    peak = at_best.flop_per_ms[Precision.bf16] * MS / TERA / gpu_share
    watts = None if gpu.tdp_w is None else gpu.tdp_w / peak
    return DiffusionModel(
        model,
        denoiser,
        at_best,
        watts,
        runtime,
        precision,
        encoder_parameters,
        coefficients,
        hopper_attention and at_best.family in NEW_KERNELS,
    )
