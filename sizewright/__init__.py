"""The command line, and `build_stack`, the one function that a user's Pulumi program calls."""

import runpy
from pathlib import Path

__all__ = ["build_stack"]

_INSTALLED = Path(__file__).with_name("stack_program.py")
PROGRAM = _INSTALLED if _INSTALLED.is_file() else Path(__file__).parents[1] / "__main__.py"
"""Path of the Pulumi program: a module of the package in a wheel, at the top in this repository."""


def build_stack() -> None:
    """Register the infrastructure of the current stack: read its config, size, build.

    Raises pulumi.RunError for a stack or workload file that is refused.
    """
    runpy.run_path(str(PROGRAM), run_name="__main__")
