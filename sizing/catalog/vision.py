"""What does a language model that reads images compute for one image?"""

from sizing.catalog.records import Fact, PositiveInt


class VisionTower(Fact):
    """Part of a language model that turns an image into tokens. It resizes each image to a square.

    Basis: printed modules of each model, as `source` says.
    """

    model: str
    """Short name of the model in `models.csv`."""
    image_pixels: PositiveInt
    """Pixels of one side of the resized image."""
    patch_pixels: PositiveInt
    """Pixels of one side of a patch, which passes the layers as one token."""
    tokens: PositiveInt
    """Tokens of an image that the language model reads."""
    layers: PositiveInt
    """Number of layers."""
    hidden_size: PositiveInt
    """Width of the hidden state."""
    ffn_dim: PositiveInt
    """Width of a feed-forward layer, which has two matrices."""

    @property
    def names(self) -> tuple[str, ...]:
        """Short name of the model."""
        return (self.model,)

    @property
    def flop(self) -> int:
        """Floating-point operations of one image.

        layers x (2 x patches x (4 x hidden^2 + 2 x hidden x ffn) + 4 x patches^2 x hidden)

        Basis: arithmetic; four matrices and two products of attention, each patch with every other.
        """
        patches = (self.image_pixels // self.patch_pixels) ** 2
        weights = 4 * self.hidden_size**2 + 2 * self.hidden_size * self.ffn_dim
        return self.layers * (2 * patches * weights + 4 * patches**2 * self.hidden_size)
