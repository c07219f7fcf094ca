"""The same wiring claims for an application with two models, and what its preview builds."""

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.reaches import DEPLOYMENT
from tests.program.wiring import ROOT, Group, Wiring, cases

FILES = [ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small")]
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
ROUTE = Wiring(
    lambda: read_plan(FILES, ROOT / "Pulumi.dev.yaml"),
    lambda claim: {"route", "callers"} & {*claim.path} and claim.value not in (None, ()),
)
"""The route, and the callers of the service behind it."""


def test_the_route_has_claims() -> None:
    assert ROUTE.leaves == {"callers", "prompt_bytes"}


@pytest.mark.parametrize(("wiring", "group"), cases(ROUTE))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_preview_has_one_balancer_and_engines_of_both() -> None:
    balancers = [each.name for each in ROUTE.baseline().resources if each.type == BALANCER]
    assert len(balancers) == 1 and "assistant-small" not in balancers[0]
    spaces = {
        each.inputs["metadata"]["namespace"]
        for each in ROUTE.baseline().resources
        if each.type == DEPLOYMENT
    }
    assert spaces >= {"assistant", "assistant-small"}
