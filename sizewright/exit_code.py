"""Exit codes: an interface that scripts rely on."""

from enum import IntEnum


class ExitCode(IntEnum):
    ok = 0
    """Done."""
    unexpected = 1
    """A defect of the product."""
    bad_input = 2
    """A file, name or option that cannot be used."""
    changes = 3
    """Changes are present; only with --detailed-exitcode."""
    gate_failed = 4
    """A check failed."""
    infeasible = 5
    """A workload that no hardware asked for can serve."""
    incomplete = 6
    """Part of the answer is unknown to this version."""
