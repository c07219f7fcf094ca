"""Start an engine's server with this product's limits, which its command has no flags for.

It replaces the command. Arguments: the function that the command calls, MODULE:FUNCTION, then the
command's own words. All else comes from the environment, and each variable may be absent:
ADMISSION_IN_FLIGHT requests the check, whose module lies in ADMISSION_FOLDER. SERVER_KEEP_ALIVE_S
is how long an idle connection is kept. ENGINE_OPTIONS is written to ENGINE_OPTIONS_FILE.
ENGINE_WEIGHTS_LINK becomes a link to ENGINE_WEIGHTS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> Any:
    """Call the engine's function as its command would.

    Guard: the engine's other processes import this file too, and must not start another server.
    """
    entry, *words = sys.argv[1:]
    module, _, function = entry.partition(":")
    make_files(os.environ)
    limit_servers(os.environ)
    sys.argv = words
    return getattr(import_module(module), function)()


def make_files(given: Mapping[str, str]) -> None:
    """Write the file of options, which is JSON and therefore YAML, and the link to the weights."""
    if "ENGINE_OPTIONS" in given:
        Path(given["ENGINE_OPTIONS_FILE"]).write_text(given["ENGINE_OPTIONS"], encoding="utf-8")
    if "ENGINE_WEIGHTS" in given:
        link = Path(given["ENGINE_WEIGHTS_LINK"])
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(given["ENGINE_WEIGHTS"])


def limit_servers(given: Mapping[str, str]) -> None:
    """Put the limits into every server that this process configures.

    Basis: vendor (the engines serve an ASGI application with uvicorn.Config).
    Guard: the image may have a PYTHONPATH of its own, so the check's folder is added here.
    """
    options, check = dict[str, Any](), None
    if "SERVER_KEEP_ALIVE_S" in given:
        options["timeout_keep_alive"] = int(given["SERVER_KEEP_ALIVE_S"])
    if "ADMISSION_IN_FLIGHT" in given:
        sys.path.append(given["ADMISSION_FOLDER"])
        check = import_module("admission").Admission
    uvicorn: Any = import_module("uvicorn")
    config = uvicorn.Config

    def limited(app: Any, *arguments: Any, **others: Any) -> Any:
        return config(check(app) if check else app, *arguments, **{**others, **options})

    uvicorn.Config = limited


if __name__ == "__main__":
    sys.exit(main())
