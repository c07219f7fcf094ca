"""A rendered YAML document as plain values."""

from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Parser of libyaml, which takes a tenth of the time, where PyYAML was built with it."""


def document_values(text: str) -> Any:
    """Return the values of a YAML document.

    Raises yaml.YAMLError for a text that is not YAML.
    """
    return yaml.load(text, LOADER)
