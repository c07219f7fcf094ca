"""Is a model a mixture of experts, and how many does it have?"""

from sizing.model.config_keys import EXPERTS, PER_TOKEN, Config, number, positive, refused
from sizing.values.field_error import FieldError

EXPERT_WIDTH = ("moe_intermediate_size", "moe_ffn_hidden_size")
"""Keys for the width of one expert."""


def experts_of(text: Config) -> int:
    """Number of routed experts of one layer. A dense model has 0, and may state null, 0 or 1.

    Raises FieldError for a mixture that does not state its experts, or those of one token.
    """
    counts = [_count(text, name) for name in EXPERTS if text.get(name) is not None]
    mixed = next((name for name in (*PER_TOKEN, *EXPERT_WIDTH) if _stated(text, name)), None)
    if not counts and mixed is not None:
        raise _unstated(text, EXPERTS, f"{mixed} says that it has experts")
    experts = max(counts, default=0)
    if experts < 2:
        return 0
    if experts_per_token(text) is None:
        raise _unstated(text, PER_TOKEN, f"it has {experts} experts")
    return experts


def experts_per_token(text: Config) -> int | None:
    """Number of routed experts of one token; the largest number where the file lists one a
    layer."""
    for name in PER_TOKEN:
        listed = text.get(name)
        each = listed if isinstance(listed, list) else [listed]
        if any(value is not None for value in each):
            return max(positive({name: value}, name) or 1 for value in each)
    return None


def _stated(text: Config, name: str) -> bool:
    return text.get(name) not in (None, 0, False, [])


def _unstated(text: Config, names: tuple[str, ...], why: str) -> FieldError:
    """Return the error for the name that the file has with the value null."""
    expected = f"a whole number above 0 under {' or '.join(names)}"
    named = next((name for name in names if name in text), names[0])
    return FieldError((named,), f"the config.json does not state it, but {why}", expected)


def _count(text: Config, name: str) -> int:
    """Return a stated number that may be 0. Raises FieldError where it is no number."""
    found = number(text, name)
    if found is None or found < 0:
        raise refused(name, text[name], least=0)
    return found
