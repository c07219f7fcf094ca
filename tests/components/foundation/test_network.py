import json

from components.foundation.network.network import Network, NetworkArgs
from components.naming import Tags
from sizewright.record import Recorded
from sizing.plan.stack.network import EndpointPlan, NetworkPlan
from tests.components.plans import ZONES, chat_plan, site
from tests.components.recording import children, named, of_type, recorded

PLAN = chat_plan("prod").network


def network(plan: NetworkPlan, preview: bool) -> Recorded:
    tags = Tags.of_site(site("prod"))
    args = NetworkArgs(
        plan=plan,
        region="us-east-1",
        roles=chat_plan("prod").roles,
        account_id="123456789012",
        logs_key_arn="arn:aws:kms:us-east-1:123456789012:key/logs",
        tags=tags,
    )
    return recorded(lambda: Network("net", args), preview)


def with_nat(*zones: str) -> NetworkPlan:
    subnets = [s.model_copy(update={"nat": s.zone in zones}) for s in PLAN.subnets]
    return PLAN.model_copy(update={"subnets": tuple(subnets)})


def gateway_by_zone(recording: Recorded) -> dict[str, str]:
    routes = [r for r in of_type(recording, "route:Route") if "natGatewayId" in r.inputs]
    return {
        route.name.removeprefix("net-private-").removesuffix("-route"): next(
            need.split("::")[1] for need in route.depends_on if "natGateway" in need
        )
        for route in routes
    }


def test_children(preview: bool) -> None:
    by_zone = [
        child
        for zone in ZONES
        for child in (
            f"Eip net-nat-{zone}",
            f"NatGateway net-nat-{zone}",
            f"Route net-private-{zone}-route",
            f"Route net-public-{zone}-route",
            f"RouteTable net-private-{zone}-table",
            f"RouteTable net-public-{zone}-table",
            f"RouteTableAssociation net-private-{zone}-table",
            f"RouteTableAssociation net-public-{zone}-table",
            f"Subnet net-private-{zone}",
            f"Subnet net-public-{zone}",
        )
    ]
    shared = [
        "DefaultSecurityGroup net-default-group",
        "Endpoints net-endpoints",
        "FlowLogs net-flow-logs",
        "InternetGateway net-internet",
        "Vpc net-vpc",
        "VpcEndpoint net-s3",
    ]
    assert children(network(PLAN, preview), "net") == sorted(by_zone + shared)


def test_addresses_and_zones_come_from_the_plan(preview: bool) -> None:
    recording = network(PLAN, preview)
    vpc = named(recording, "net-vpc").inputs
    assert vpc["cidrBlock"] == "10.0.0.0/16"
    assert vpc["enableDnsSupport"] is True
    assert vpc["enableDnsHostnames"] is True
    for plan in PLAN.subnets:
        private = named(recording, f"net-private-{plan.zone}", "Subnet").inputs
        public = named(recording, f"net-public-{plan.zone}", "Subnet").inputs
        assert private["availabilityZoneId"] == public["availabilityZoneId"] == plan.zone
        assert (private["cidrBlock"], public["cidrBlock"]) == (plan.private_cidr, plan.public_cidr)
        assert private["tags"]["kubernetes.io/role/internal-elb"] == "1"
        assert public["tags"]["kubernetes.io/role/elb"] == "1"
        assert "mapPublicIpOnLaunch" not in public


def test_each_zone_leaves_through_its_own_gateway(preview: bool) -> None:
    recording = network(PLAN, preview)
    assert gateway_by_zone(recording) == {zone: f"net-nat-{zone}" for zone in ZONES}


def test_a_zone_without_gateway_leaves_through_the_first(preview: bool) -> None:
    recording = network(with_nat(ZONES[1]), preview)
    assert [r.name for r in of_type(recording, "NatGateway")] == [f"net-nat-{ZONES[1]}"]
    assert gateway_by_zone(recording) == dict.fromkeys(ZONES, f"net-nat-{ZONES[1]}")


def test_without_gateways_there_is_no_way_out(preview: bool) -> None:
    recording = network(with_nat(), preview)
    assert gateway_by_zone(recording) == {}
    assert of_type(recording, "eip:Eip") == []


def test_weights_never_pass_the_gateways(preview: bool) -> None:
    recording = network(PLAN, preview)
    endpoint = named(recording, "net-s3")
    assert endpoint.inputs["serviceName"] == "com.amazonaws.us-east-1.s3"
    assert endpoint.inputs["vpcEndpointType"] == "Gateway"
    tables = [need for need in endpoint.depends_on if "routeTable" in need]
    assert tables == [f"aws:ec2/routeTable:RouteTable::net-private-{z}-table" for z in ZONES]


def test_default_group_lets_nothing_through(preview: bool) -> None:
    inputs = named(network(PLAN, preview), "net-default-group").inputs
    assert inputs["ingress"] == inputs["egress"] == []


def test_one_zone(preview: bool) -> None:
    recording = network(PLAN.model_copy(update={"subnets": PLAN.subnets[:1]}), preview)
    assert len(of_type(recording, "subnet:Subnet")) == 2


def test_services_are_reached_inside_the_network(preview: bool) -> None:
    recording = network(PLAN, preview)
    made = [r for r in of_type(recording, "vpcEndpoint") if r.name != "net-s3"]
    assert {r.inputs["serviceName"] for r in made} == {
        f"com.amazonaws.us-east-1.{service}"
        for service in ("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sts")
    }
    for endpoint in made:
        assert endpoint.inputs["vpcEndpointType"] == "Interface"
        assert endpoint.inputs["privateDnsEnabled"] is True
        subnets = [need for need in endpoint.depends_on if "subnet:Subnet" in need]
        assert subnets == [f"aws:ec2/subnet:Subnet::net-private-{zone}" for zone in ZONES]
        assert "aws:ec2/securityGroup:SecurityGroup::net-endpoints-group" in endpoint.depends_on
    (rule,) = of_type(recording, "securityGroupIngressRule")
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == (
        "10.0.0.0/16",
        443,
        443,
    )
    assert of_type(recording, "securityGroupEgressRule") == []


def test_without_endpoints_everything_leaves_through_the_gateways(preview: bool) -> None:
    recording = network(PLAN.model_copy(update={"interface_endpoints": ()}), preview)
    assert [r.name for r in of_type(recording, "vpcEndpoint")] == ["net-s3"]
    assert of_type(recording, "securityGroup:SecurityGroup") == []


def test_tables_are_reached_by_a_route_like_buckets(preview: bool) -> None:
    plan = PLAN.model_copy(update={"gateway_endpoints": (EndpointPlan(service="dynamodb"),)})
    recording = network(plan, preview)
    tables = [f"aws:ec2/routeTable:RouteTable::net-private-{zone}-table" for zone in ZONES]
    for service in ("dynamodb", "s3"):
        endpoint = named(recording, f"net-{service}", "vpcEndpoint")
        assert endpoint.inputs["vpcEndpointType"] == "Gateway"
        assert endpoint.inputs["serviceName"] == f"com.amazonaws.us-east-1.{service}"
        assert [need for need in endpoint.depends_on if "RouteTable" in need] == tables
    assert "net-dynamodb" not in {r.name for r in network(PLAN, preview).resources}


def test_flow_logs_are_encrypted_and_kept_as_planned(preview: bool) -> None:
    recording = network(PLAN, preview)
    group = named(recording, "net-flow-logs-group").inputs
    assert group["kmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/logs"
    assert group["retentionInDays"] == PLAN.flow_log_days == 365
    log = named(recording, "net-flow-logs-log")
    assert log.inputs["trafficType"] == "ALL"
    assert log.inputs["logDestinationType"] == "cloud-watch-logs"
    assert "aws:ec2/vpc:Vpc::net-vpc" in log.depends_on
    assert "aws:cloudwatch/logGroup:LogGroup::net-flow-logs-group" in log.depends_on
    assert "aws:iam/rolePolicy:RolePolicy::net-flow-logs-writer-policy" in log.depends_on


def test_flow_logs_are_written_by_the_service_for_this_account_only() -> None:
    recording = network(PLAN, preview=False)
    trust = json.loads(
        str(named(recording, "net-flow-logs-writer-role").inputs["assumeRolePolicy"])
    )
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    policy = json.loads(str(named(recording, "net-flow-logs-writer-policy").inputs["policy"]))
    (statement,) = policy["Statement"]
    assert all(resource.startswith("${aws:cloudwatch") for resource in statement["Resource"])
