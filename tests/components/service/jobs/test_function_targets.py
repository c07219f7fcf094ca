"""A load balancer in front of the function that accepts jobs."""

from typing import Any

from sizewright.record import Recorded
from sizing.plan.service.gateway import JobGatewayPlan
from tests.components.plans import queued_plan
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

GATEWAY = "sw-queued-gateway"
BOTH = {"public": True, "both_balancers": True, "requests_per_key_per_min": 60}


def queued(preview: bool, **access: object) -> Recorded:
    return stack(queued_plan(**access), preview)


def gateway_plan(**access: object) -> JobGatewayPlan:
    plan = queued_plan(**access).services[0].gateway
    assert isinstance(plan, JobGatewayPlan)
    return plan


def test_children(preview: bool) -> None:
    """No port is open to or from nodes, and nothing registers pods."""
    recording = queued(preview)
    assert children(recording, GATEWAY) == [
        f"Listener {GATEWAY}-https",
        f"ListenerRule {GATEWAY}-inference",
        f"LoadBalancer {GATEWAY}-balancer",
        f"Permission {GATEWAY}-may-call",
        f"SecurityGroup {GATEWAY}-group",
        f"SecurityGroupEgressRule {GATEWAY}-to-issuer",
        f"SecurityGroupIngressRule {GATEWAY}-from-network",
        f"TargetGroup {GATEWAY}-targets",
        f"TargetGroupAttachment {GATEWAY}-target",
    ]
    assert not of_type(recording, "TargetGroupBinding")
    assert not [r for r in recording.resources if "targets-grant" in r.name]


def test_the_target_group_is_of_the_function(preview: bool) -> None:
    inputs = named(queued(preview), f"{GATEWAY}-targets").inputs
    assert inputs["targetType"] == "lambda"
    assert inputs["lambdaMultiValueHeadersEnabled"] is True, "the function sees every token"
    assert inputs["namePrefix"] == "queue-"
    assert not {"port", "protocol", "vpcId", "healthCheck", "stickiness"} & inputs.keys()
    assert "sizewright-cluster" not in str(inputs["tags"])


def test_only_this_target_group_may_call_the_function() -> None:
    recording = queued(False)
    permission = named(recording, f"{GATEWAY}-may-call").inputs
    function = "aws:lambda/function:Function::sw-queued-jobs-function-handler"
    targets = {"$ref": f"aws:lb/targetGroup:TargetGroup::{GATEWAY}-targets", "property": "arn"}
    assert permission == {
        "action": "lambda:InvokeFunction",
        "function": {"$ref": function, "property": "name"},
        "principal": "elasticloadbalancing.amazonaws.com",
        "sourceArn": targets,
    }
    attached = named(recording, f"{GATEWAY}-target").inputs
    assert attached["targetId"] == {"$ref": function, "property": "arn"}
    assert attached["targetGroupArn"] == targets


def test_the_function_is_attached_once_it_may_be_called(preview: bool) -> None:
    recording = queued(preview)
    waits = before(recording, named(recording, f"{GATEWAY}-target"))
    assert f"aws:lambda/permission:Permission::{GATEWAY}-may-call" in waits


def test_a_token_is_required_before_the_function_is_called(preview: bool) -> None:
    recording = queued(preview)
    rule: Any = named(recording, f"{GATEWAY}-inference").inputs
    first, last = rule["actions"]
    assert (first["type"], first["order"]) == ("jwt-validation", 1)
    assert first["jwtValidation"]["issuer"] == "https://issuer.example"
    assert (last["type"], last["order"]) == ("forward", 2)
    paths = rule["conditions"][0]["pathPattern"]["values"]
    assert paths == ["/v1/images/generations", "/v1/images/generations/*", "/v1/models"]
    listener: Any = named(recording, f"{GATEWAY}-https").inputs
    assert [action["type"] for action in listener["defaultActions"]] == [
        "jwt-validation",
        "fixed-response",
    ]


def test_each_of_two_load_balancers_has_its_own_targets(preview: bool) -> None:
    claim = {"name": "scope", "values": ["images"]}
    access = BOTH | {"claims": [claim]}
    recording = queued(preview, **access)
    names = {"sw-queued-public", GATEWAY}
    for kind, name in (
        ("targetGroup:TargetGroup", "targets"),
        ("permission:Permission", "may-call"),
        ("targetGroupAttachment:TargetGroupAttachment", "target"),
    ):
        assert {r.name for r in of_type(recording, kind)} == {f"{n}-{name}" for n in names}
    public, internal = gateway_plan(**access).balancers()
    for plan, name in ((public, "sw-queued-public"), (internal, GATEWAY)):
        balancer = named(recording, f"{name}-balancer").inputs
        assert balancer["internal"] is not plan.public
        assert balancer["idleTimeout"] == plan.idle_timeout_s
        attached = named(recording, f"{name}-target")
        assert f"aws:lb/targetGroup:TargetGroup::{name}-targets" in attached.depends_on
        rules = named(recording, f"{name}-inference")
        assert f"aws:lb/targetGroup:TargetGroup::{name}-targets" in rules.depends_on
