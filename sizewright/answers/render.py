"""`sizewright render --json`."""

from pydantic import RootModel


class RenderAnswer(RootModel[dict[str, str]]):
    """Text of each file by its path; ${wire:NAME} stands for a value made with the resources.

    The key schema_version, which is no path, has the version of this form.
    """
