"""JSON on stdout: UTF-8, in the order given, the same bytes in every locale."""

import json

from sizewright.layout.console import write_bytes
from sizewright.reading.credentials import masked_value


def print_json(value: object) -> None:
    """Writes one JSON value and a line end; NaN and infinities raise ValueError."""
    text = json.dumps(masked_value(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(f"{text}\n".encode())
