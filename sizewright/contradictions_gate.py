"""The gate over what an answer says against itself: nothing passes that nobody accepted."""

from collections.abc import Iterator

from sizewright.gates import Gate
from sizing.contradictions import unmatched
from sizing.plan import Plan, ServicePlan

REMEDY = "change the workload, or write under `accept` why it is right"


def contradictions(plan: Plan) -> Iterator[Gate]:
    """Each contradiction is accepted with a sentence, and each accepted one occurs."""
    for service in plan.services:
        if service.pool is not None:
            yield _gate(service)


def _gate(service: ServicePlan) -> Gate:
    name = f"contradictions of {service.name}"
    open_ones = [each for each in service.contradictions if each.accepted is None]
    idle = [code.value for code in unmatched(service)]
    faults = [f"{each.code.value}: {each.text}" for each in open_ones]
    if open_ones:
        faults.append(REMEDY)
    if idle:
        faults.append(f"accept names {', '.join(idle)}, which does not occur: remove it")
    if faults:
        return Gate(name, False, " ".join(faults))
    accepted = [f"{each.code.value}: {each.accepted}" for each in service.contradictions]
    return Gate(name, True, f"accepted: {'; '.join(accepted)}" if accepted else "none")
