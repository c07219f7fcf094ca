"""Explanations of the pods in a stack's lock."""

from sizing.explained.entry import Basis, Entry, Registry
from sizing.plan.stack.held import PodRevision

HELD: Registry = {
    PodRevision: {
        "pod.*": Entry(
            "part of the pod that the zone keeps until its turn in the update",
            "as locked",
            "{v}",
            Basis.given,
            "the stack's lock: templates_by_zone",
        ),
    },
}
