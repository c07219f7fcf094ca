"""JSON on stdout, in UTF-8 and in the given order; its bytes are the same in every locale."""

import json

from sizewright.layout.console import write_bytes
from sizewright.reading.credentials import masked_value


def print_json(value: object) -> None:
    """Write one JSON value and a line end; NaN and infinities raise ValueError."""
    text = json.dumps(masked_value(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(f"{text}\n".encode())
