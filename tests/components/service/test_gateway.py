import json

import pulumi

from components.naming import Tags
from components.service.access_logs import access_logs
from components.service.gateway import Gateway, GatewayArgs
from components.service.targets import PodTargets
from sizewright.record import Recorded
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.stack.network import AllowedPlan
from templates.engine import ENGINE_PORT
from templates.render import HEALTH_PATH
from tests.components.plans import applied_plan, chat_plan, public_plan, site
from tests.components.recording import before, children, named, of_type, recorded
from tests.components.stacks import stack

NOBODY_ELSE = AllowedPlan(cidrs=(), prefix_list_ids=())
A_VPN = AllowedPlan(cidrs=("10.99.0.0/16",), prefix_list_ids=("pl-0123456789abcdef0",))


def plan_of(environment: str = "prod") -> GatewayPlan:
    plan = chat_plan(environment).services[0].gateway
    assert isinstance(plan, GatewayPlan)
    return plan


def gateway(
    preview: bool,
    environment: str = "prod",
    service: str = "chat",
    plan: GatewayPlan | None = None,
    allowed: AllowedPlan = NOBODY_ELSE,
) -> Recorded:
    tags = Tags.of_site(site(environment))

    def program() -> None:
        kept = chat_plan(environment).access_logs
        assert kept is not None
        chosen = plan or plan_of(environment)
        logs = access_logs("logs", kept, "123456789012", tags, pulumi.ResourceOptions())
        args = GatewayArgs(
            plan=chosen,
            targets=PodTargets(
                plan=chosen,
                vpc_id="vpc-1",
                vpc_cidr="10.0.0.0/16",
                cluster_name="sizewright-test",
                node_group_id="sg-nodes",
                port=ENGINE_PORT,
                health_path=HEALTH_PATH,
            ),
            content=None,
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/made",
            service=service,
            vpc_id="vpc-1",
            vpc_cidr="10.0.0.0/16",
            allowed=allowed,
            subnet_ids=["subnet-1", "subnet-2"],
            logs=logs,
            logs_key_arn="arn:key",
            tags=tags.of_service(service),
        )
        Gateway("w", args)

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    assert children(gateway(preview), "w") == [
        "Listener w-https",
        "ListenerRule w-inference",
        "LoadBalancer w-balancer",
        "SecurityGroup w-group",
        "SecurityGroupEgressRule w-to-engines",
        "SecurityGroupIngressRule w-from-network",
        "SecurityGroupIngressRule w-into-nodes",
        "TargetGroup w-targets",
    ]


def test_a_vpn_and_a_peered_network_reach_an_internal_service(preview: bool) -> None:
    recording = gateway(preview, allowed=A_VPN)
    by_range = named(recording, "w-from-10-99-0-0-16").inputs
    by_list = named(recording, "w-from-pl-0123456789abcdef0").inputs
    assert (by_range["cidrIpv4"], by_range["fromPort"], by_range["toPort"]) == (
        "10.99.0.0/16",
        443,
        443,
    )
    assert (by_list["prefixListId"], by_list["toPort"]) == ("pl-0123456789abcdef0", 443)
    assert by_range["securityGroupId"] == by_list["securityGroupId"]


def test_the_balancer_takes_part_in_zonal_shift(preview: bool) -> None:
    assert named(gateway(preview), "w-balancer").inputs["enableZonalShift"] is True


def test_a_public_service_opens_to_its_own_ranges_only(preview: bool) -> None:
    recording = gateway(preview, plan=public(), allowed=A_VPN)
    opened = [r.name for r in of_type(recording, "IngressRule")]
    assert not [name for name in opened if "10-99" in name or "pl-" in name]


def test_balancer_is_internal(preview: bool) -> None:
    inputs = named(gateway(preview), "w-balancer").inputs
    assert inputs["internal"] is True
    assert inputs["loadBalancerType"] == "application"
    assert inputs["subnets"] == ["subnet-1", "subnet-2"]
    assert inputs["dropInvalidHeaderFields"] is True
    assert inputs["idleTimeout"] == plan_of().idle_timeout_s
    assert inputs["enableDeletionProtection"] is True
    assert inputs["desyncMitigationMode"] == "defensive"


def test_capacity_is_reserved_where_the_plan_says(preview: bool) -> None:
    assert plan_of().reserved_units is None
    assert "minimumLoadBalancerCapacity" not in named(gateway(preview), "w-balancer").inputs
    large = plan_of().model_copy(update={"reserved_units": 120})
    inputs = named(gateway(preview, plan=large), "w-balancer").inputs
    assert inputs["minimumLoadBalancerCapacity"] == {"capacityUnits": 120}


def test_requests_and_connections_are_logged(preview: bool) -> None:
    recording = gateway(preview)
    balancer = named(recording, "w-balancer")
    if not preview:
        bucket = {"$ref": "aws:s3/bucket:Bucket::logs-bucket", "property": "bucket"}
        assert balancer.inputs["accessLogs"] == {"bucket": bucket, "enabled": True}
    assert balancer.inputs["accessLogs"]["enabled"] is True
    assert balancer.inputs["connectionLogs"] == balancer.inputs["accessLogs"]
    assert "aws:s3/bucketPolicy:BucketPolicy::logs-policy" in before(recording, balancer)


def test_the_bucket_of_logs_takes_them_from_this_account_only() -> None:
    recording = gateway(preview=False)
    document = json.loads(str(named(recording, "logs-policy").inputs["policy"]))
    refused, written = document["Statement"]
    assert refused["Effect"] == "Deny"
    assert written == {
        "Sid": "LoadBalancerLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "${aws:s3/bucket:Bucket::logs-bucket.arn}/AWSLogs/123456789012/*",
    }


def test_the_bucket_of_logs_has_the_keys_that_load_balancers_can_use(preview: bool) -> None:
    recording = gateway(preview)
    (rule,) = named(recording, "logs-encryption").inputs["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    (kept,) = named(recording, "logs-lifecycle").inputs["rules"]
    assert kept["expiration"] == {"days": 365}


def test_deletion_protection_follows_the_plan(preview: bool) -> None:
    inputs = named(gateway(preview, "dev"), "w-balancer").inputs
    assert inputs["enableDeletionProtection"] is False


def test_nothing_is_open_beyond_the_network(preview: bool) -> None:
    recording = gateway(preview)
    rules = of_type(recording, "SecurityGroupIngressRule")
    rules += of_type(recording, "SecurityGroupEgressRule")
    assert {
        rule.name: (
            rule.inputs.get("cidrIpv4"),
            rule.inputs["fromPort"],
            rule.inputs["toPort"],
            rule.inputs["ipProtocol"],
        )
        for rule in rules
    } == {
        "w-from-network": ("10.0.0.0/16", 443, 443, "tcp"),
        "w-to-engines": ("10.0.0.0/16", 8000, 8000, "tcp"),
        "w-into-nodes": (None, 8000, 8000, "tcp"),
    }
    assert named(recording, "w-into-nodes").inputs["securityGroupId"] == "sg-nodes"
    group = named(recording, "w-group", "SecurityGroup").inputs
    assert not {"ingress", "egress"} & group.keys(), "rules are resources of their own"


def test_targets_are_engines_that_finish_their_answers(preview: bool) -> None:
    inputs = named(gateway(preview), "w-targets").inputs
    assert (inputs["targetType"], inputs["port"], inputs["protocol"]) == ("ip", 8000, "HTTP")
    assert inputs["deregistrationDelay"] == plan_of().deregistration_delay_s
    assert inputs["loadBalancingAlgorithmType"] == "least_outstanding_requests"
    assert "slowStart" not in inputs, "it does not go with least outstanding requests"
    assert inputs["healthCheck"] == {
        "path": "/health",
        "matcher": "200",
        "interval": 10,
        "timeout": 5,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
    }


def test_listener_speaks_tls_and_answers_404(preview: bool) -> None:
    inputs = named(gateway(preview), "w-https").inputs
    assert (inputs["port"], inputs["protocol"]) == (443, "HTTPS")
    assert inputs["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-Res-")
    assert inputs["certificateArn"] == "arn:aws:acm:us-east-1:123456789012:certificate/made"
    (action,) = inputs["defaultActions"]
    assert action["type"] == "fixed-response"
    assert action["fixedResponse"]["statusCode"] == "404"


def test_only_inference_is_forwarded(preview: bool) -> None:
    recording = gateway(preview)
    (rule,) = of_type(recording, "listenerRule:ListenerRule")
    (condition,) = rule.inputs["conditions"]
    paths = condition["pathPattern"]["values"]
    assert paths == ["/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/responses"]
    assert len(paths) <= 5, "a rule holds no more"
    assert not any("*" in path for path in paths), "/v1/load_lora_adapter is not for callers"
    assert [action["type"] for action in rule.inputs["actions"]] == ["forward"]
    assert "aws:lb/targetGroup:TargetGroup::w-targets" in rule.depends_on


def test_more_patterns_than_one_rule_holds_have_another_rule() -> None:
    plan = applied_plan()
    gateway_plan = plan.services[0].gateway
    assert gateway_plan is not None and len(gateway_plan.paths) == 6
    rules = of_type(stack(plan), "listenerRule:ListenerRule")
    found = list[str]()
    for rule in sorted(rules, key=lambda rule: rule.inputs["priority"]):
        (condition,) = rule.inputs["conditions"]
        values = condition["pathPattern"]["values"]
        assert 1 <= len(values) <= 5, "a rule holds no more"
        assert rule.inputs["actions"][0]["type"] == "jwt-validation"
        found += values
    assert found == [*gateway_plan.paths]
    assert [rule.inputs["priority"] for rule in rules] == [1, 2]


def test_name_prefix_fits(preview: bool) -> None:
    for service, prefix in (("chat", "chat-"), ("abcd-efgh", "abcd-"), ("a", "a-")):
        recording = gateway(preview, service=service)
        assert named(recording, "w-balancer").inputs["namePrefix"] == prefix
        assert named(recording, "w-targets").inputs["namePrefix"] == prefix


def public(**access: object) -> GatewayPlan:
    plan = public_plan(**access).services[0].gateway
    assert isinstance(plan, GatewayPlan)
    return plan


def test_public_ingress_is_https_from_the_requested_ranges_alone(preview: bool) -> None:
    recording = gateway(preview, plan=public())
    assert named(recording, "w-balancer").inputs["internal"] is False
    into = {
        rule.name: (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"])
        for rule in of_type(recording, "SecurityGroupIngressRule")
        if "cidrIpv4" in rule.inputs
    }
    assert into == {"w-from-0-0-0-0-0": ("0.0.0.0/0", 443, 443)}
    narrow = public().model_copy(update={"public_cidrs": ("192.0.2.0/24", "198.51.100.0/24")})
    ranges = of_type(gateway(preview, plan=narrow), "SecurityGroupIngressRule")
    assert {rule.inputs.get("cidrIpv4") for rule in ranges} == {
        "192.0.2.0/24",
        "198.51.100.0/24",
        None,
    }


def test_tokens_are_validated_before_anything_else(preview: bool) -> None:
    claim = {"name": "scope", "values": ["chat"], "format": "space-separated-values"}
    recording = gateway(preview, plan=public(claims=[claim]))
    validation = {
        "type": "jwt-validation",
        "order": 1,
        "jwtValidation": {
            "issuer": "https://issuer.example",
            "jwksEndpoint": "https://issuer.example/k",
            "additionalClaims": [claim],
        },
    }
    first, last = named(recording, "w-https").inputs["defaultActions"]
    assert first == validation
    assert (last["type"], last["order"]) == ("fixed-response", 2)
    first, last = named(recording, "w-inference", "ListenerRule").inputs["actions"]
    assert first == validation
    assert (last["type"], last["order"]) == ("forward", 2)


def test_the_balancer_reaches_the_issuers_keys(preview: bool) -> None:
    out = {
        rule.name: (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"])
        for rule in of_type(gateway(preview, plan=public()), "SecurityGroupEgressRule")
    }
    assert out == {
        "w-to-engines": ("10.0.0.0/16", 8000, 8000),
        "w-to-issuer": ("0.0.0.0/0", 443, 443),
    }


def test_public_ingress_has_a_firewall() -> None:
    recording = gateway(preview=False, plan=public())
    assert named(recording, "w-firewall-association").inputs["resourceArn"] == {
        "$ref": "aws:lb/loadBalancer:LoadBalancer::w-balancer",
        "property": "arn",
    }
    assert not of_type(gateway(preview=False), "wafv2")


def test_internal_ingress_may_require_tokens(preview: bool) -> None:
    plan = public(public=False, token_required=True)
    recording = gateway(preview, plan=plan)
    assert named(recording, "w-balancer").inputs["internal"] is True
    assert "w-from-network" in {r.name for r in recording.resources}
    assert named(recording, "w-https").inputs["defaultActions"][0]["type"] == "jwt-validation"


def test_an_encrypted_service_and_its_health_check_use_https(preview: bool) -> None:
    plain = plan_of().model_copy(update={"encrypted": True})
    inputs = named(gateway(preview, plan=plain), "w-targets").inputs
    assert inputs["protocol"] == "HTTPS"
    assert inputs["healthCheck"]["protocol"] == "HTTPS"
    assert inputs["port"] == 8000, "the same port, so that no rule changes"
