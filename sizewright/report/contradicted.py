"""The first line of every answer: which of its parts refute each other."""

from collections.abc import Iterator

from sizewright.report.table import Table
from sizing.contradictions import unmatched
from sizing.plan import Plan, ServicePlan

ACCEPTED = " (accepted)"


def first_line(*plans: Plan, sides: tuple[str, ...] = ()) -> Iterator[str]:
    """`contradictions: chat methods_disagree, single_zone (accepted)`; nothing where none is.

    With `sides`, the name of each plan stands before its services.
    """
    names = sides or ("",) * len(plans)
    parts = [
        f"{side}{service.name}: {codes(service)}"
        for side, plan in zip(names, plans, strict=True)
        for service in plan.services
        if service.contradictions
    ]
    if parts:
        yield f"contradictions in {'; '.join(parts)}"


def codes(service: ServicePlan) -> str:
    """The codes of a service's contradictions, those that it accepts marked."""
    return ", ".join(
        f"{each.code.value}{ACCEPTED if each.accepted is not None else ''}"
        for each in service.contradictions
    )


def contradiction_table(service: ServicePlan) -> Table:
    """One row a contradiction: code, what contradicts what, why it is accepted."""
    rows = [
        (each.code.value, each.text, each.accepted or "not accepted")
        for each in service.contradictions
    ]
    rows += [
        (code.value, "does not occur", "accepted for nothing: remove it")
        for code in unmatched(service)
    ]
    return Table(f"{service.name}: contradictions", rows, ("code", "what", "accepted because"))
