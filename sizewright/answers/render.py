"""The answer of `sizewright render --json`."""

from pydantic import RootModel


class RenderAnswer(RootModel[dict[str, str]]):
    """Text of each file by its path; ${wire:NAME} is a value that exists only after creation.

    The key schema_version is not a path. It contains the version of this output format.
    """
