"""The first line of every answer names the parts of the answer that contradict each other."""

from collections.abc import Iterator

from sizewright.layout.table import Table, table_text
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.contradictions import unmatched

ACCEPTED = " (accepted)"


def first_line(*plans: Plan, labels: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield `contradictions in chat: methods_disagree, single_zone (accepted)`, if there are any.

    With `labels`, the label of each plan comes before its services.
    """
    names = labels or ("",) * len(plans)
    parts = [
        f"{label}{service.name}: {codes(service)}"
        for label, plan in zip(names, plans, strict=True)
        for service in plan.services
        if service.contradictions
    ]
    if parts:
        text = f"contradictions in {'; '.join(parts)}"
        yield table_text(Table("", [(text,)]))


def before_and_after(old: Plan | None, new: Plan | None) -> Iterator[str]:
    """The line that names the contradictions before and after a change."""
    if old is not None and new is not None:
        yield from first_line(old, new, labels=("before, ", "after, "))


def codes(service: ServicePlan) -> str:
    """Codes of a service's contradictions; the accepted ones are marked."""
    return ", ".join(
        f"{each.code.value}{ACCEPTED if each.accepted is not None else ''}"
        for each in service.contradictions
    )


def contradiction_table(service: ServicePlan) -> Table:
    """One row for each contradiction: its code, its text, and why it is accepted."""
    rows = [
        (each.code.value, each.text, each.accepted or "not accepted")
        for each in service.contradictions
    ]
    rows += [
        (code.value, "does not occur", "accepted without effect: remove it")
        for code in unmatched(service)
    ]
    return Table(f"{service.name}: contradictions", rows, ("code", "what", "accepted because"))
