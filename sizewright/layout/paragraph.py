"""Running text is wrapped for reading, on a terminal and in a pipe."""

import textwrap

from sizewright.layout.console import output_width

READABLE = 100
"""Most columns of a paragraph that is easy to read."""


def wrapped(text: str, indent: str = "") -> str:
    """Return the text in lines of at most the terminal's width, or 100 columns; no word is cut."""
    return textwrap.fill(
        text,
        width=max(min(output_width(), READABLE), 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
