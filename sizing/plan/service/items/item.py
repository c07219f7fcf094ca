"""Time and memory of one image or clip."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class ItemPlan(Part):
    """One image or clip on the cards of a replica, whichever method sized the service."""

    model: str
    """Model of the catalog whose architecture counts."""
    basis: str
    """measured: this GPU generation is in the fit. datasheet: the same terms with a wider band."""
    coefficients: str
    """Date of the coefficients."""
    assumed: tuple[str, ...]
    """Assumptions where the workload has no value."""
    runtime: str
    """Way in which the kernels run: eager, compiled or tensorrt."""
    encoder_placement: str
    """Memory that holds the prompt's encoders: resident, separate or offloaded."""
    width: int
    """Pixels of a row."""
    height: int
    """Pixels of a column."""
    frames: int
    """Frames of one item; 1 for an image."""
    steps: int
    """Denoising steps."""
    passes: int
    """Passes of one step."""
    text_tokens: int
    """Tokens of the prompt, padding included."""
    latent_tokens: int
    """Tokens of the latent in one pass."""
    cards: int
    """Cards that share one item."""
    sequence_cards: int
    """Cards that share the tokens of one pass."""
    linear_flop: Number
    """FLOP of matrix products in one pass."""
    convolution_flop: Number
    """FLOP of convolutions in one pass."""
    attention_flop: Number
    """FLOP of attention in one pass."""
    linear_s: Number
    """Seconds of matrix products on one card."""
    convolution_s: Number
    """Seconds of convolutions on one card."""
    attention_s: Number
    """Seconds of attention on one card."""
    hidden_s: Number
    """Seconds of reads and writes of hidden states on one card."""
    launch_s: Number
    """Seconds that kernel launches add."""
    exchange_s: Number
    """Seconds of exchanges between cards."""
    encode_s: Number
    """Seconds of the prompt's encoders, transfers included."""
    decode_s: Number
    """Seconds of the decoder."""
    fixed_s: Number
    """Seconds outside the model."""
    seconds: Number
    """Seconds of one item, as fitted."""
    low_s: Number
    """P10 of the seconds of one item."""
    high_s: Number
    """P90 of the seconds of one item."""
    quantile_percent: Number
    """Quantile of the band that sizes the service, percent."""
    sized_s: Number
    """Seconds of one item at that quantile."""
    max_utilisation: Number
    """Share of the time in which a card may work."""
    item_bytes: int
    """Bytes of the item at work on each card."""
    autoencoder_bytes: int
    """Bytes of the autoencoder."""
    card_bytes: int
    """Bytes on each card, model included."""
