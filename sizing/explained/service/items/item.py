"""Explanations of the time and memory of one image or clip."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.service.calibrated import bought_share
from sizing.plan.service.items.item import ItemPlan
from sizing.replica.traffic import jobs_at_once

TERMS = (
    "linear_s",
    "convolution_s",
    "attention_s",
    "hidden_s",
    "launch_s",
    "exchange_s",
    "encode_s",
    "decode_s",
    "fixed_s",
)
DEFAULTS = CATALOG + "media_models.csv, {s.item.model}"
DENOISERS = CATALOG + "denoisers.csv, the denoiser of {s.item.model}"


def _item(leaf: Leaf) -> ItemPlan:
    """Return the item of the leaf's service. Raises ValueError."""
    if leaf.sized.item is None:
        raise ValueError(f"{leaf.path} without an item")
    return leaf.sized.item


def _assumed(leaf: Leaf) -> tuple[str, ...]:
    return tuple(f"assumed: {text}" for text in _item(leaf).assumed)


def _stated(meaning: str, field: str) -> Explainer:
    """Explanation of a field that the request states, or the model's default."""

    def entry(leaf: Leaf) -> Entry:
        given = getattr(leaf.sized.inputs.request, field) is not None
        source = f"the workload file: request.{field}" if given else DEFAULTS
        basis = Basis.given if given else Basis.vendor
        return Entry(meaning, f"request.{field}, else the model's default", "{v}", basis, source)

    return entry


def _counted(meaning: str, symbols: str) -> Explainer:
    """Explanation of work that follows from the architecture."""

    def entry(leaf: Leaf) -> Entry:
        return Entry(
            meaning,
            symbols,
            "{v}",
            Basis.vendor,
            DENOISERS,
            remarks=_assumed(leaf),
            arithmetic=False,
        )

    return entry


def _fitted(meaning: str, symbols: str) -> Explainer:
    """Explanation of seconds that follow from fitted coefficients."""

    def entry(leaf: Leaf) -> Entry:
        found = _item(leaf)
        known = "this GPU generation measured"
        if found.basis != "measured":
            known = "this GPU generation known from its datasheet: a wider band"
        source = f"{leaf.fitted_source}, fitted {found.coefficients}; {known}"
        band = (found.low_s, found.high_s) if leaf.field == "seconds" else None
        return Entry(meaning, symbols, "{v}", Basis.fitted, source, band, arithmetic=False)

    return entry


def _card_bytes(leaf: Leaf) -> Entry:
    meaning = "bytes on each card, which holds the whole model"
    if _item(leaf).encoder_placement == "resident":
        return Entry(
            meaning,
            "weights + autoencoder + item at work",
            "{s.memory.weights_bytes} + {s.item.autoencoder_bytes} + {s.item.item_bytes}",
        )
    symbols = "weights without encoders + autoencoder + item; offloaded: at least the encoders"
    return Entry(meaning, symbols, "{v}", arithmetic=False)


def _sized_s(leaf: Leaf) -> Entry:
    held = leaf.sized.jobs is not None and leaf.sized.inputs.prompt is not None
    made, stages = "seconds x the band at the quantile", "time budgets of the stages of its prompt"
    if held and jobs_at_once(leaf.sized.inputs) > 1:
        made = f"max({made}, ({made} + {stages}) / 2): two jobs are in hand"
    elif held:
        made = f"{made} + {stages}, in which the worker waits"
    entry = _fitted("seconds of one item at the quantile that sizes the service", made)
    return entry(leaf) if callable(entry) else entry


ITEM: Registry = {
    ItemPlan: {
        "width": _stated("pixels of a row", "width"),
        "height": _stated("pixels of a column", "height"),
        "frames": _stated("frames of one item", "frames"),
        "steps": _stated("denoising steps of one item", "iterations"),
        "passes": _stated("passes of the denoiser in one step", "guidance"),
        "text_tokens": Entry(
            "tokens of the prompt, padding included",
            "as the model's pipeline pads",
            "{v}",
            Basis.vendor,
            DEFAULTS,
        ),
        "latent_tokens": _counted(
            "tokens of the latent in one pass",
            "ceil(width / side) x ceil(height / side) x (ceil((frames - 1) / token frames) + 1)",
        ),
        "cards": Entry(
            "cards that share one item",
            "GPUs a replica",
            "{s.choice.tensor_parallel}",
        ),
        "sequence_cards": _counted(
            "cards that share the tokens of one pass",
            "cards of an item / passes that run at the same time",
        ),
        "linear_flop": _counted(
            "FLOP of matrix products in one pass",
            "2 x (weights of a token x tokens + weights of a text token x text tokens)",
        ),
        "convolution_flop": _counted(
            "FLOP of convolutions in one pass", "2 x weights of convolutions x tokens"
        ),
        "attention_flop": _counted(
            "FLOP of attention in one pass",
            "4 x (joint width x (tokens + text)^2 + own width x tokens^2 + cross width x tokens"
            " x text)",
        ),
        "linear_s": _fitted(
            "seconds of matrix products on one card",
            "steps x passes / cards x multiple x FLOP / peak FLOP/s",
        ),
        "convolution_s": _fitted(
            "seconds of convolutions on one card",
            "steps x passes / cards x multiple x FLOP / peak FLOP/s",
        ),
        "attention_s": _fitted(
            "seconds of attention on one card",
            "steps x passes / cards x multiple x (1 + softmax / head) x FLOP / peak FLOP/s",
        ),
        "hidden_s": _fitted(
            "seconds of reads and writes of hidden states on one card",
            "steps x passes / cards x times x bytes / memory bandwidth",
        ),
        "launch_s": _fitted(
            "seconds that kernel launches add to the card's work",
            "max(0, steps x blocks x launch - the card's work)",
        ),
        "exchange_s": _fitted(
            "seconds of exchanges between the cards of one item",
            "steps x blocks x (start + hidden states / link)",
        ),
        "encode_s": _fitted(
            "seconds of the prompt's encoders, transfers included",
            "multiple x 2 x parameters x text tokens / peak FLOP/s + parameters x 2 / bandwidth",
        ),
        "decode_s": _fitted(
            "seconds of the decoder", "multiple x FLOP a pixel x pixels / peak FLOP/s"
        ),
        "fixed_s": _fitted("seconds of an item outside the model", "as fitted"),
        "seconds": Entry(
            "seconds of one item on its cards, as fitted",
            "the sum of its terms",
            " + ".join(f"{{s.item.{name}}}" for name in TERMS),
        ),
        "low_s": _fitted("P10 of the seconds of one item", "seconds x P10 of the band"),
        "high_s": _fitted("P90 of the seconds of one item", "seconds x P90 of the band"),
        "quantile_percent": bought_share,
        "sized_s": _sized_s,
        "max_utilisation": Entry(
            "share of the time in which a card may work",
            "capacity.max_utilisation, else 0.9",
            "{v}",
            Basis.assumed,
            "capacity.max_utilisation changes it; sizing/replica/item.py",
        ),
        "item_bytes": Entry(
            "bytes of an item at work on each card",
            "max(hidden states kept at once x tokens x width of a block x 2, pixels decoded at"
            " once x bytes)",
            "{v}",
            Basis.assumed,
            "sizing/replica/item.py",
            arithmetic=False,
        ),
        "autoencoder_bytes": Entry(
            "bytes of the autoencoder",
            "its parameters x 2",
            "{v}",
            Basis.vendor,
            CATALOG + "models.csv, {s.item.model}",
        ),
        "card_bytes": _card_bytes,
    },
}
