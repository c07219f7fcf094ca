"""How do templates become text?"""

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent
_SURROGATES = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


@cache
def environment() -> Environment:
    """Return the environment of all templates. An undefined value is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["json.dumps_function"] = _double_quoted
    made.filters["shell"] = shlex.quote
    return made


def _double_quoted(value: object, **options: Any) -> str:
    """JSON that YAML reads as the same value: YAML does not join surrogate pairs."""

    def joined(pair: re.Match[str]) -> str:
        character: str = json.loads(f'"{pair[0]}"')
        return f"\\U{ord(character):08x}"

    return _SURROGATES.sub(joined, json.dumps(value, **options))
