"""Start an engine's server with this product's check in front of its handlers.

It replaces the command of an engine that has no flag for such a check. Arguments: the function that
the command calls, MODULE:FUNCTION, then the command's own words. ADMISSION_IN_FLIGHT requests the
check, whose module lies in ADMISSION_FOLDER.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any


def main() -> Any:
    """Call the engine's function as its command would.

    Guard: the engine's other processes import this file too, and must not start another server.
    """
    entry, *words = sys.argv[1:]
    module, _, function = entry.partition(":")
    if "ADMISSION_IN_FLIGHT" in os.environ:
        put_check_in_front()
    sys.argv = words
    return getattr(import_module(module), function)()


def put_check_in_front() -> None:
    """Wrap the application of every server that this process configures.

    Basis: vendor (the engine serves an ASGI application with uvicorn.Config).
    Guard: the image may have a PYTHONPATH of its own, so the folder is added here.
    """
    sys.path.append(os.environ["ADMISSION_FOLDER"])
    uvicorn: Any = import_module("uvicorn")
    admission: Any = import_module("admission")
    config = uvicorn.Config

    def checked(app: Any, *arguments: Any, **options: Any) -> Any:
        return config(admission.Admission(app), *arguments, **options)

    uvicorn.Config = checked


if __name__ == "__main__":
    sys.exit(main())
