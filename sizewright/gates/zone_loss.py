"""What happens to evictions and rollouts while a zone has failed?"""

from sizewright.gates.gates import Gate
from sizing.plan.whole import Plan

GUIDE = "docs/outages.md"


def zone_loss(plan: Plan) -> Gate | None:
    """A remark on services with replicas in several zones; None where there is no such service.

    Basis: measured on the control plane of the testbed (tests/cluster/test_outage.py).
    """
    spread = [
        service.name
        for service in plan.services
        if service.serving is not None and len(service.serving.replicas_by_zone) > 1
    ]
    if not spread:
        return None
    detail = (
        f"replicas of {', '.join(spread)} in a failed zone count as ready for up to 80 s, and an "
        "eviction or a rollout may take needed ones; a loss that takes all spares then blocks "
        f"evictions until the zone returns; {GUIDE} has the commands for a hot-fix"
    )
    return Gate("loss of a zone", None, detail, GUIDE)
