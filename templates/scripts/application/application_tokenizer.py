"""OGX's own command, with a tokenizer that needs no file from the internet.

It runs in OGX's image. OGX's store of vectors does not start without the tokenizer cl100k_base,
which it would load from the internet. It counts tokens of files with it, which nothing here does.
"""

from __future__ import annotations

from ogx.cli.ogx import main as ogx
from tiktoken import Encoding, registry

NAME = "cl100k_base"


def without_internet() -> None:
    """Let a byte be a token of that tokenizer."""
    ranks = {bytes([value]): value for value in range(256)}
    registry.ENCODINGS[NAME] = Encoding(
        NAME, pat_str=r"[\s\S]", mergeable_ranks=ranks, special_tokens={}
    )


def main() -> None:
    """Run OGX's command."""
    without_internet()
    ogx()


if __name__ == "__main__":
    main()
