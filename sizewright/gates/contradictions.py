"""Gate over the contradictions of an answer: each of them must be accepted."""

from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.contradictions import unmatched
from sizing.workload import Method

REMEDY = "change the workload, or write under `accept` why it is right"


def contradictions(plan: Plan) -> Iterator[Gate]:
    """Check that each contradiction is accepted with a sentence, and each accepted one occurs."""
    for service in plan.services:
        if service.pool is not None:
            yield _gate(service)


def measured_rates(plan: Plan) -> Iterator[Gate]:
    """Check that a given rate names the model and GPU of its measurement; not judged without them.

    A model or GPU that differs from the measured one is refused as bad input.
    """
    for service in plan.services:
        capacity = service.inputs.capacity
        if capacity is None or capacity.method is not Method.given:
            continue
        name, measured = f"measured rate of {service.name}", capacity.measured_on
        if measured is None:
            text = "capacity.measured_on does not say with which model and GPU it was measured"
            yield Gate(name, None, text)
        else:
            yield Gate(name, True, f"measured with {measured.model} on {measured.gpu}")


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
