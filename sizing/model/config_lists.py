"""Do the lists of a config.json match the layers of the model?"""

from sizing.model.config_keys import Config
from sizing.values.field_error import FieldError

PER_LAYER = (
    "layer_types",
    "layers_block_type",
    "attn_type_list",
    "mlp_layer_types",
    "moe_layer_freq",
    "hybrid_override_pattern",
)
"""Keys of lists with one entry for each layer."""


def check_lists(text: Config, layers: int) -> None:
    """Check the lists with one entry for each layer. Raises FieldError for another length."""
    for name in PER_LAYER:
        listed = text.get(name)
        if isinstance(listed, list | str) and len(listed) != layers:
            expected = f"{layers:,} entries, one for each layer"
            raise FieldError((name,), f"has {len(listed):,} entries", expected)


def layer_indexes(text: Config, name: str, layers: int) -> set[int]:
    """Layers that a list names by number. Raises FieldError for a number of no layer."""
    listed = text.get(name) or []
    if not isinstance(listed, list) or any(index not in range(layers) for index in listed):
        raise FieldError((name,), "names no layers", f"a list of numbers from 0 to {layers - 1:,}")
    return set(listed)
