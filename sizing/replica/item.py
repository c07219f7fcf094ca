"""How long does one image or clip take on the cards of a replica, and what does it hold?"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from sizing.catalog import Catalog, ModelFacts
from sizing.catalog.lookup import Facts
from sizing.catalog.media import Denoiser, MediaModel
from sizing.model.denoiser import HIDDEN_BYTES, Item, latent_tokens
from sizing.model.memory import ItemMemory, held_weights
from sizing.replica.traffic import jobs_at_once, stages_s
from sizing.steps.diffusion import Cards, ItemTime, diffusion_model, shared_cards
from sizing.values.exact import exact
from sizing.values.units import GB
from sizing.workload import Capacity, Workload
from sizing.workload.kinds import EncoderPlacement, Guidance

HIDDEN_STATES = 30
"""Hidden states of one block that a pass keeps at once, queries, keys, values and the feed-forward
layer included. Basis: vendor, HunyuanVideo's README (60 GB at 1280 x 720 with 129 frames)."""
DECODED_BYTES_PER_PIXEL = 1536
"""Bytes of the decoder's tensors for one pixel. Basis: vendor, three tensors of 256 channels in 16
bits (AutoencoderKL)."""
DECODED_PIXELS = 1024 * 1024
"""Pixels that are decoded at once. Basis: assumed; pipelines decode larger items in tiles."""
HOST_GB_PER_S = 25
"""GB/s from host memory to a card, over which offloaded parts and the model take turns. Basis:
assumed, a PCIe 4 slot with 16 lanes."""
DEFAULT_MAX_UTILISATION = Fraction(9, 10)
"""Maximum share of the time in which a card works. Basis: assumed, as for the calibrated method of
text."""


@dataclass(frozen=True)
class MadeModel:
    """Denoiser and defaults of a workload's model, and the assumptions for it."""

    model: MediaModel
    denoiser: Denoiser
    facts: ModelFacts
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class ItemEstimate:
    """Time of one item on the cards that share it."""

    item: Item
    time: ItemTime
    cards: Cards
    stages_s: float
    """Seconds of the stages of a job's prompt; 0 without a worker."""
    at_once: int
    """Jobs that the workers of one replica have in hand."""

    def seconds(self, share: float) -> float:
        """Seconds of its cards for one item, which this share of measurements does not exceed.

        max(seconds x band, (seconds x band + stages of a job's prompt) / jobs at once)

        The stages take their budgets.
        """
        made_s = self._made_s(share)
        return max(made_s, (made_s + self.stages_s) / self.at_once)

    def alone_s(self, share: float) -> float:
        """Seconds of one item without others, besides the stages that run apart from it."""
        return self._made_s(share) + (self.stages_s if self.at_once == 1 else 0.0)

    def _made_s(self, share: float) -> float:
        return self.time.seconds_per_item * self.time.band.at(share)

    def gpu_s(self, share: float) -> Fraction:
        """GPU-seconds of one item that this share of measurements does not exceed."""
        return exact(Fraction(self.seconds(share))) * self.cards.count


def made_model(workload: Workload, facts: Facts, catalog: Catalog) -> MadeModel | None:
    """Return the denoiser of a workload's model; None for text, and where it is unknown.

    A model without a name uses the denoiser of the catalog's model nearest in size. Basis: assumed,
    and reported.
    """
    if not workload.kind.traits.makes_media:
        return None
    model, assumed = facts.model, list[str]()
    if model is None:
        prefix = workload.kind.traits.model_kind
        known = {row.model for row in catalog.media_models}
        named = (m for m in catalog.models if m.kind.startswith(prefix) and m.model in known)
        model = nearest_in_size(named, facts.parameters)
        assumed += [f"the architecture of {model.model}"] if model is not None else []
    row = None if model is None else catalog.media_model(model.model)
    if model is None or row is None:
        return None
    return MadeModel(row, catalog.denoiser(row.denoiser), model, tuple(assumed))


def nearest_in_size(models: Iterable[ModelFacts], parameters: Fraction) -> ModelFacts | None:
    """Return the dense model with the nearest number of parameters; of equals the first by name."""
    known = [m for m in models if m.parameters is not None and m.experts is None]
    return min(
        known, key=lambda m: (abs(exact(m.parameters or 0) - parameters), m.model), default=None
    )


def item_of(workload: Workload, model: MediaModel) -> Item:
    """Return the item that a request makes; the model's defaults fill what it leaves out."""
    request = workload.request
    passes = model.passes
    if request.guidance is not None:
        passes = 2 if request.guidance is Guidance.classifier_free else 1
    return Item(
        width=int(request.width or model.width),
        height=int(request.height or model.height),
        frames=int(request.frames or model.frames),
        steps=int(request.iterations or model.steps),
        passes=passes,
        text_tokens=model.text_tokens,
    )


def item_memory(workload: Workload, made: MadeModel) -> ItemMemory:
    """Return the memory of one item.

    item = max(states x tokens x width of a block x bytes, pixels decoded at once x bytes)

    Basis: assumed, see the constants.
    """
    item, denoiser = item_of(workload, made.model), made.denoiser
    tokens = latent_tokens(denoiser, item) + item.text_tokens
    hidden = HIDDEN_STATES * HIDDEN_BYTES * tokens * ceil(denoiser.hidden_width / denoiser.blocks)
    decoded = DECODED_BYTES_PER_PIXEL * min(item.width * item.height, DECODED_PIXELS)
    return ItemMemory(
        item_bytes=max(hidden, decoded),
        autoencoder_bytes=HIDDEN_BYTES * (made.facts.vae_parameters or 0),
        encoder_placement=workload.model.encoder_placement,
    )


def item_estimate(
    workload: Workload, made: MadeModel, facts: Facts, catalog: Catalog, *, cards: int
) -> ItemEstimate | None:
    """Return the time of one item on this many cards of the type. Return None without hardware, and
    where the catalog lacks a rate of the card."""
    if facts.instance is None or facts.gpu is None:
        return None
    held = held_weights(workload.model, facts.parameters, facts.precision, made.facts)
    placement = workload.model.encoder_placement
    separate, offloaded = EncoderPlacement.separate, EncoderPlacement.offloaded
    timer = diffusion_model(
        made.model,
        made.denoiser,
        facts.gpu,
        catalog.media_coefficients,
        runtime=workload.engine.runtime,
        precision=facts.precision,
        encoder_parameters=0.0 if placement is separate else float(held.encoder_parameters),
        gpu_share=float(facts.instance.gpu_share),
    )
    if timer is None:
        return None
    item = item_of(workload, made.model)
    split = shared_cards(cards, item.passes)
    transfer_s = held.bytes / GB / HOST_GB_PER_S if placement is offloaded else 0.0
    staged_s = 0.0 if workload.jobs is None else float(stages_s(workload))
    time = timer.item(item, split, transfer_s=transfer_s)
    return ItemEstimate(item, time, split, staged_s, jobs_at_once(workload))


def utilisation_limit(capacity: Capacity | None) -> Fraction:
    """Return the share of the time in which a card may work."""
    limit = capacity.max_utilisation if capacity is not None else None
    return DEFAULT_MAX_UTILISATION if limit is None else exact(limit)
