"""The same wiring claims for stages of prompts: every number reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.claims import Claim
from sizing.plan.reaches import DEPLOYMENT, TABLE
from tests.program.wiring import ROOT, Group, Wiring, cases

FOLDER = ROOT / "tests" / "program"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


def of_stages(claim: Claim) -> bool:
    parts = {"prompt", "callers", "owner_index"}
    return bool(parts & {*claim.path}) and claim.value not in (None, ())


def stages(file: str) -> Wiring:
    return Wiring(
        lambda: read_plan([FOLDER / f"{file}.yaml"], FOLDER / "Pulumi.public.yaml"), of_stages
    )


PROMPTED, QUEUED = stages("prompted"), stages("prompted-queue")
"""Services whose stages the engine's server runs, and the worker next to it."""


@pytest.mark.parametrize(("wiring", "group"), cases(PROMPTED, QUEUED))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


@pytest.mark.parametrize("wiring", [PROMPTED, QUEUED])
def test_the_claims_cover_the_stages(wiring: Wiring) -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert wiring.leaves >= {
        "callers",
        "max_characters",
        "service",
        "model",
        "budget_ms",
        "output_tokens",
        "on_failure",
        "instruction",
    }


def test_earlier_prompts_have_an_index_that_only_this_stack_has() -> None:
    reached = {(str(c.path[-1]), c.reaches.resource_type) for c in QUEUED.claims}
    assert reached >= {
        ("history", DEPLOYMENT),
        ("owner_index", DEPLOYMENT),
        ("owner_index", TABLE),
    }
    assert not {"history", "owner_index"} & PROMPTED.leaves


@pytest.mark.parametrize(("wiring", "answering"), [(PROMPTED, 4), (QUEUED, 3)])
def test_the_stack_has_one_load_balancer_and_an_engine_for_each_stage(
    wiring: Wiring, answering: int
) -> None:
    types = [resource.type for resource in wiring.baseline().resources]
    assert types.count(BALANCER) == 1
    assert types.count("kubernetes:core/v1:Service") == answering
    assert types.count("kubernetes:core/v1:Namespace") == 4
