"""The gate over a recorded resource graph: a sound graph, and each kind of fault."""

from dataclasses import replace

import pytest

from sizewright.gates.gates import Gate
from sizewright.gates.graph import graph, group_rules
from sizewright.record import Recorded, RecordedResource

ROLE = RecordedResource(
    type="aws:iam/role:Role",
    name="role",
    parent="sizewright:index:Box::box",
    inputs={},
)
BOX = replace(ROLE, type="sizewright:index:Box", name="box", parent=None, custom=False)
PROVIDER = replace(ROLE, type="pulumi:providers:aws", name="aws", parent=None)
NOBODY = {"$ref": "aws:iam/role:Role::nobody", "property": "arn"}


def _graph(role: RecordedResource, outputs: dict[str, object] | None = None) -> Gate:
    return graph(Recorded((BOX, PROVIDER, role), outputs or {}))


def test_sound_graph() -> None:
    user = replace(
        ROLE,
        inputs={
            "policy": "${aws:username} ${aws:iam/role:Role::role.arn}",
            "box": {"$ref": "sizewright:index:Box::box", "property": "id"},
        },
        depends_on=("pulumi:providers:aws::aws",),
    )
    assert _graph(user).passed is True


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (replace(ROLE, parent=None), "has no parent"),
        (replace(ROLE, parent="x::y"), "its parent x::y is not registered"),
        (replace(ROLE, inputs={"a": [{"b": NOBODY}]}), "Role::nobody is not registered"),
        (
            replace(ROLE, inputs={"a": ["at ${aws:iam/role:Role::nobody.arn}/x"]}),
            "Role::nobody is not registered",
        ),
        (replace(ROLE, depends_on=("x::y",)), "x::y is not registered"),
        (replace(ROLE, inputs={"a": [{"b": "s3://${wire:bucket}"}]}), "a leftover wire"),
    ],
)
def test_unsound_graph(broken: RecordedResource, said: str) -> None:
    gate = _graph(broken)
    assert gate.passed is False and said in gate.detail


def test_stack_outputs_must_resolve_and_something_must_exist() -> None:
    assert _graph(ROLE, {"arn": NOBODY}).passed is False
    assert graph(Recorded((), {})).passed is False


@pytest.mark.parametrize(("rules", "passed"), [(59, True), (60, False)])
def test_a_security_group_with_more_rules_than_aws_takes_fails(rules: int, passed: bool) -> None:
    """One rule is EKS's own; rules of another group do not count."""
    rule = replace(
        ROLE,
        type="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        inputs={"securityGroupId": {"$ref": "aws:eks/cluster:Cluster::sw", "property": "group"}},
    )
    other = replace(rule, name="other", inputs={"securityGroupId": "sg-other"})
    graph_of = Recorded((*(replace(rule, name=f"rule-{n}") for n in range(rules)), other), {})
    gate = group_rules(graph_of)
    assert gate.passed is passed and f"{rules + 1} inbound rules" in gate.detail
