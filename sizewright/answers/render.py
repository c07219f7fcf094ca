"""`sizewright render --json`."""

from pydantic import RootModel


class RenderAnswer(RootModel[dict[str, str]]):
    """Text of each file by its path; ${wire:NAME} stands for a value made with the resources."""
