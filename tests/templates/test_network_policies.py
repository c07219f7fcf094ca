"""What the pods may receive from and send to."""

import json

from sizing.plan.whole import Plan
from templates.engine import ENGINE_PORT
from tests.components.plans import chat_plan, public_plan
from tests.templates.rendered import FLOOR, PLAN, document


def test_nothing_comes_in_or_goes_out_unasked() -> None:
    spec = document(PLAN, "network-policy-default")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_engine_receives_from_its_balancer_and_reaches_names_roles_and_weights() -> None:
    spec = document(PLAN, "network-policy-engine")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (received,) = spec["ingress"]
    ranges = [source["ipBlock"]["cidr"] for source in received["from"]]
    assert ranges == [subnet.private_cidr for subnet in PLAN.network.subnets]
    assert received["ports"] == [{"protocol": "TCP", "port": ENGINE_PORT}]
    requested = {
        json.dumps(target): [(port["protocol"], port["port"]) for port in rule["ports"]]
        for rule in spec["egress"]
        for target in rule["to"]
    }
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    assert requested == {
        json.dumps(dns): [("UDP", 53), ("TCP", 53)],
        json.dumps({"ipBlock": {"cidr": "169.254.170.23/32"}}): [("TCP", 80)],
        json.dumps({"ipBlock": {"cidr": "0.0.0.0/0"}}): [("TCP", 443)],
    }


def test_the_engine_s_rules_select_its_pods() -> None:
    selector = document(PLAN, "network-policy-engine")["spec"]["podSelector"]
    labels = document(PLAN, FLOOR)["spec"]["template"]["metadata"]["labels"]
    assert selector["matchLabels"].items() <= labels.items()
    (component,) = selector["matchExpressions"]
    assert (component["operator"], component["values"]) == ("In", ["floor", "burst"])
    assert labels[component["key"]] in component["values"]


def test_a_public_load_balancer_calls_from_the_public_subnets() -> None:
    def callers(plan: Plan) -> list[str]:
        (rule,) = document(plan, "network-policy-engine")["spec"]["ingress"]
        return [source["ipBlock"]["cidr"] for source in rule["from"]]

    opened, closed = public_plan(), chat_plan()
    assert callers(opened) == [subnet.public_cidr for subnet in opened.network.subnets]
    assert callers(closed) == [subnet.private_cidr for subnet in closed.network.subnets]


def test_pods_answer_both_balancers_while_both_serve() -> None:
    """Guard: a policy that names the new balancer's subnets alone would cut off the old one."""
    plan = public_plan(both_balancers=True)
    policy = document(plan, "network-policy-engine")
    blocks = [
        source["ipBlock"]["cidr"]
        for rule in policy["spec"]["ingress"]
        for source in rule.get("from", ())
        if "ipBlock" in source
    ]
    assert {*plan.network.public_cidrs, *plan.network.private_cidrs} <= {*blocks}
