"""A zone that gets no capacity stops nothing but itself, and deletes nothing that still serves."""

from dataclasses import dataclass

import pytest
from pulumi import automation

from testbed.engine import Stack
from tests.engine.conftest import MakeStack

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
REFUSED = (
    "creating EKS Node Group: unexpected state 'CREATE_FAILED': "
    "AsgInstanceLaunchFailures: InsufficientInstanceCapacity"
)


@dataclass
class Short:
    """A first `up` in which one zone of the pool got no node, and the one after it."""

    stack: Stack
    zone: str
    made: set[str]
    """Names of what the first run made."""
    later: set[str]
    """Names of what the second run made."""


@pytest.fixture(scope="module")
def short(make_stack: MakeStack) -> Short:
    stack = make_stack()
    zone = "use1-az1"
    refused = f"sw-g6-xlarge-{zone}"
    stack.world.refused[refused] = REFUSED
    with pytest.raises(automation.CommandError, match="InsufficientInstanceCapacity"):
        stack.up()
    made = {thing.name for thing in stack.things()}
    del stack.world.refused[refused]
    stack.up()
    return Short(stack, zone, made, {thing.name for thing in stack.things()} - made)


def test_all_that_is_independent_of_the_failed_zone_is_made_in_that_run(short: Short) -> None:
    mine = {name for name in short.later if not name.endswith(short.zone)}
    assert mine == set(), "waited for a zone that it does not need"
    for name in ("sw-chat-registration-binding", "sw-chat-serving-service"):
        assert name in short.made
    groups = {name for name in short.made if name.startswith("sw-g6-xlarge-use1")}
    assert len(groups) == 2


def test_the_next_up_makes_the_rest(short: Short) -> None:
    assert f"sw-g6-xlarge-{short.zone}" in short.later
