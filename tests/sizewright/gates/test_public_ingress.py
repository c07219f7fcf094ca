"""The gate over public ingress: sound graphs pass, and each broken one fails."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from sizewright.gates.public_ingress import public_ingress
from sizewright.record import Recorded, RecordedResource
from tests.components.plans import chat_plan, public_plan
from tests.components.stacks import stack

BALANCER = "sw-chat-public-balancer"
INTERNAL = "sw-chat-gateway-balancer"
LISTENER = "sw-chat-public-https"
RULE = "sw-chat-public-inference"
Change = Callable[[RecordedResource], RecordedResource | None]


@cache
def public() -> Recorded:
    return stack(public_plan())


@cache
def internal() -> Recorded:
    return stack(chat_plan())


def changed(graph: Recorded, name: str, change: Change) -> Recorded:
    """Graph with each resource of that name changed or removed."""
    assert any(r.name == name for r in graph.resources), name
    after = [change(r) if r.name == name else r for r in graph.resources]
    return replace(graph, resources=tuple(r for r in after if r is not None))


def with_inputs(**inputs: Any) -> Change:
    return lambda resource: replace(resource, inputs={**resource.inputs, **inputs})


def gone(_: RecordedResource) -> None:
    return None


def test_sound_graphs_pass() -> None:
    closed = public_ingress(internal(), chat_plan())
    assert (closed.passed, closed.detail) == (True, "nothing is open to the internet")
    opened = public_ingress(public(), public_plan())
    assert opened.passed is True
    assert opened.detail == "1 public service, each with tokens, firewall and HTTPS alone"


ANY_TOKEN = [
    {
        "type": "jwt-validation",
        "order": 1,
        "jwtValidation": {"issuer": "https://issuer.example", "jwksEndpoint": "https://x.example"},
    }
]
NO_TOKENS = [{"type": "fixed-response", "order": 1}]
LATE_TOKENS = [{"type": "forward", "order": 1}, {"type": "jwt-validation", "order": 2}]
WRONG_PUBLIC = {
    "no token on the listener": (LISTENER, with_inputs(defaultActions=NO_TOKENS), "validate"),
    "no token on the rule": (RULE, with_inputs(actions=NO_TOKENS), f"{RULE} does not validate"),
    "token after forward": (RULE, with_inputs(actions=LATE_TOKENS), "does not validate tokens"),
    "any token on the listener": (
        LISTENER,
        with_inputs(defaultActions=ANY_TOKEN),
        f"{LISTENER} asks for no claims: any token of the issuer opens it",
    ),
    "any token on the rule": (
        RULE,
        with_inputs(actions=ANY_TOKEN),
        f"{RULE} asks for no claims: any token of the issuer opens it",
    ),
    "no firewall": ("sw-chat-public-firewall-association", gone, "has no aws:wafv2"),
    "plain HTTP": (LISTENER, with_inputs(protocol="HTTP"), "is not HTTPS on port 443"),
    "another port": (LISTENER, with_inputs(port=8443), "is not HTTPS on port 443"),
    "no certificate": (LISTENER, with_inputs(certificateArn=None), "has no certificate"),
    "a second open port": (
        "sw-chat-public-from-0-0-0-0-0",
        with_inputs(fromPort=80),
        "opens another port than 443",
    ),
}


@pytest.mark.parametrize("fault", WRONG_PUBLIC)
def test_unguarded_public_ingress_fails(fault: str) -> None:
    name, change, said = WRONG_PUBLIC[fault]
    gate = public_ingress(changed(public(), name, change), public_plan())
    assert gate.passed is False
    assert said in gate.detail


WRONG_INTERNAL = {
    "public without a request": (INTERNAL, with_inputs(internal=False), "no workload asks"),
    "scheme left out": (
        INTERNAL,
        lambda r: replace(r, inputs={k: v for k, v in r.inputs.items() if k != "internal"}),
        "no workload asks for it",
    ),
    "group open to all": (
        "sw-chat-gateway-from-network",
        with_inputs(cidrIpv4="0.0.0.0/0"),
        "lets the internet into what is not",
    ),
    "group open to all of IPv6": (
        "sw-chat-gateway-from-network",
        with_inputs(cidrIpv4=None, cidrIpv6="::/0"),
        "lets the internet into what is not",
    ),
    "public endpoint of the cluster": (
        "sw-cluster-control-plane",
        with_inputs(vpcConfig={"endpointPublicAccess": True}),
        "has a public endpoint",
    ),
    "nodes with public addresses": (
        "sw-network-private-use1-az1",
        with_inputs(mapPublicIpOnLaunch=True),
        "is open to the internet",
    ),
    "load balancer made by a controller": (
        "sw-chat-serving-service",
        with_inputs(spec={"type": "LoadBalancer"}),
        "is of type LoadBalancer",
    ),
}


@pytest.mark.parametrize("fault", WRONG_INTERNAL)
def test_ingress_that_nobody_requested_fails(fault: str) -> None:
    name, change, said = WRONG_INTERNAL[fault]
    gate = public_ingress(changed(internal(), name, change), chat_plan())
    assert gate.passed is False
    assert said in gate.detail
