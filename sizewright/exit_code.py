"""Exit codes, an interface for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    ok = 0
    """The command succeeded."""
    unexpected = 1
    """The product has a defect."""
    bad_input = 2
    """A file, name or option cannot be used."""
    changes = 3
    """Changes are present; only with --detailed-exitcode."""
    gate_failed = 4
    """A check failed."""
    infeasible = 5
    """None of the requested hardware can serve a workload."""
    incomplete = 6
    """Part of the answer is unknown to this version."""
