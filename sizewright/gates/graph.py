"""Is a recorded resource graph sound? Every reference must resolve and every child have a
parent."""

import re
from collections import Counter
from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizewright.record import Recorded

REFERENCE = re.compile(r"\$\{([\w./:-]+::[\w/-]+)\.[^}]+\}")
"""A reference inside a longer text: ${type::name.property}."""
WIRE = "${wire:"
RULE_LIMIT = 60
"""Most inbound rules of one security group. Basis: vendor (VPC quota L-0EA8095F, 2026-11)."""
EKS_RULES = 1
"""Rules that EKS itself keeps in a cluster's group: the rule from the group to itself."""


def graph(recorded: Recorded) -> Gate:
    """Check the graph, and report the first few faults or its size."""
    faults = list(_faults(recorded))
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        return Gate("resource graph", False, "; ".join(faults[:3]) + more)
    count = sum(resource.custom for resource in recorded.resources)
    within = f"{count} in {len(recorded.resources) - count} components"
    detail = f"{within}: every reference resolves, every child has a parent"
    return Gate("resource graph", bool(count), detail if count else "no resource was registered")


def group_rules(recorded: Recorded) -> Gate:
    """Check the security group with the most inbound rules, including EKS's own rule.

    A prefix list counts as one here, and in AWS as its maximum number of entries.
    """
    groups = Counter(
        str(resource.inputs.get("securityGroupId"))
        for resource in recorded.resources
        if resource.type.endswith(":SecurityGroupIngressRule")
    )
    most = max(groups.values(), default=0) + EKS_RULES
    detail = f"{most} inbound rules in the fullest security group, at most {RULE_LIMIT}"
    passed = most <= RULE_LIMIT
    if not passed:
        detail += "; state wider ranges in allowed_cidrs, or a prefix list, or use a second stack"
    return Gate("security group rules", passed, detail, "VPC quota L-0EA8095F")


def _faults(recorded: Recorded) -> Iterator[str]:
    known = {resource.key for resource in recorded.resources}
    for resource in recorded.resources:
        key = resource.key
        if resource.parent is None:
            if resource.custom and not resource.type.startswith("pulumi:providers:"):
                yield f"{key} has no parent"
        elif resource.parent not in known:
            yield f"{key}: its parent {resource.parent} is not registered"
        targets = (*resource.depends_on, *_references(resource.inputs))
        yield from (f"{key}: {t} is not registered" for t in targets if t not in known)
        if any(WIRE in text for text in _texts(resource.inputs)):
            yield f"{key}: a leftover wire"
    for target in _references(recorded.outputs):
        if target not in known:
            yield f"stack output: {target} is not registered"


def _references(value: object) -> Iterator[str]:
    match value:
        case {"$ref": str(target)}:
            yield target
        case dict():
            for child in value.values():
                yield from _references(child)
        case list():
            for child in value:
                yield from _references(child)
        case str():
            yield from REFERENCE.findall(value)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, child in value.items():
                yield key
                yield from _texts(child)
        case list():
            for child in value:
                yield from _texts(child)
