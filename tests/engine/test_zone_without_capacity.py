"""A zone without capacity stops only itself, and nothing that serves is deleted."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.engine import Stack
from tests.components.plans import CHAT
from tests.engine.conftest import DEV, MakeStack

REFUSED = (
    "creating EKS Node Group: unexpected state 'CREATE_FAILED': "
    "AsgInstanceLaunchFailures: InsufficientInstanceCapacity"
)
ZONE, OTHERS = "use1-az1", ("use1-az2", "use1-az4")
OLD, NEW = "sw-g6-xlarge", "sw-g6e-xlarge"


@dataclass
class Short:
    """A first `up` with one zone without nodes, the next `up`, and a move to another card."""

    made: set[str]
    """Names of the resources of the first run."""
    later: set[str]
    """Names of the resources of the second run."""
    moved: set[str]
    """Names of the resources after a move in which no zone got a node of the other card.

    Guard: such a move does not continue on errors, as `docs/node-updates.md` requires. The engine
    would delete resources that the program no longer has although their successors do not exist."""
    back: str
    """Error of the engine on the return to the card that serves."""


def written(folder: Path, card: str) -> Path:
    path = folder / "chat.yaml"
    requested: dict[str, Any] = CHAT | {"hardware": {"instance_type": card}}
    path.write_text(json.dumps(requested, indent=1), "utf-8")
    return path


def names(stack: Stack) -> set[str]:
    return {thing.name for thing in stack.things()}


@pytest.fixture(scope="module")
def short(make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory) -> Short:
    folder = tmp_path_factory.mktemp("workloads")
    stack = make_stack(DEV, (written(folder, "g6.xlarge"),))
    refused = stack.world.refused
    refused[f"{OLD}-{ZONE}"] = REFUSED
    assert "InsufficientInstanceCapacity" in stack.up_that_fails()
    made = names(stack)
    refused.clear()
    stack.up()
    later = names(stack) - made
    written(folder, "g6e.xlarge")
    refused |= {f"{NEW}-{zone}": REFUSED for zone in (ZONE, *OTHERS)}
    assert "InsufficientInstanceCapacity" in stack.up_that_fails(continue_on_error=False)
    moved = names(stack)
    written(folder, "g6.xlarge")
    return Short(made, later, moved, stack.up_that_fails())


def test_all_that_is_independent_of_the_failed_zone_is_made_in_that_run(short: Short) -> None:
    waited = {name for name in short.later if not name.endswith(ZONE)}
    assert waited == set(), "waited for a zone that it does not need"
    assert {"sw-chat-registration-binding", "sw-chat-serving-service"} <= short.made
    assert {f"{OLD}-{zone}" for zone in OTHERS} <= short.made


def test_the_next_up_makes_what_failed(short: Short) -> None:
    assert f"{OLD}-{ZONE}" in short.later


def test_nodes_that_serve_stay_where_the_new_card_gets_no_capacity(short: Short) -> None:
    assert {f"{OLD}-{zone}" for zone in (ZONE, *OTHERS)} <= short.moved
    assert short.back == ""
