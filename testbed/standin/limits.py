"""Limits that AWS checks when a resource is made or changed, beyond its inputs alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from testbed.standin.schema import opened
from testbed.standin.world import Thing, World

LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
ACTIONS = {LISTENER: "defaultActions", RULE: "actions"}


def refusals(token: str, inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Reasons why AWS refuses these inputs.

    Basis: vendor (Elastic Load Balancing API: TargetGroupAssociationLimit; a target group can be
    used with one load balancer).
    """
    if token not in ACTIONS:
        return
    balancer, wanted = _balancer(token, inputs, world), _target_groups(token, inputs)
    for other in (*world.of_type(LISTENER), *world.of_type(RULE)):
        shared = wanted & _target_groups(other.type, other.inputs)
        if shared and _balancer(other.type, other.inputs, world) != balancer:
            limit = "TargetGroupAssociationLimit: The following target groups cannot be associated"
            yield f"{limit} with more than one load balancer: {', '.join(sorted(shared))}"


def _target_groups(token: str, inputs: Mapping[str, Any]) -> set[str]:
    """ARNs of target groups that the actions forward to."""
    found = set[str]()
    for action in opened(inputs.get(ACTIONS[token])) or []:  # type: ignore[attr-defined]
        if isinstance(arn := action.get("targetGroupArn"), str):
            found.add(arn)
    return found


def _balancer(token: str, inputs: Mapping[str, Any], world: World) -> object:
    """ARN of the load balancer to which the listener, or the rule's listener, belongs."""
    if token == LISTENER:
        return inputs.get("loadBalancerArn")
    listener: Thing | None = world.find(LISTENER, str(inputs.get("listenerArn")))
    return None if listener is None else listener.inputs.get("loadBalancerArn")
