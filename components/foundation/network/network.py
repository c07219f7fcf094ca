"""The network: one VPC, a public and a private subnet in each zone, NAT gateways as planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from components.foundation.network.endpoints import Endpoints, EndpointsArgs
from components.foundation.network.flow_logs import FlowLogs, FlowLogsArgs
from components.naming import Tags, partition
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.stack.network import NetworkPlan, SubnetPlan


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    plan: NetworkPlan
    region: str
    roles: RolesPlan
    account_id: str
    logs_key_arn: pulumi.Input[str]
    tags: Tags


@dataclass(frozen=True, kw_only=True)
class NetworkIds:
    """Identifiers of a network, made here or used, that its workloads require."""

    vpc_id: pulumi.Input[str]
    vpc_cidr: pulumi.Input[str]
    private_subnet_ids: Mapping[str, pulumi.Input[str]]
    """Ids of the private subnets by zone id."""
    public_subnet_ids: Mapping[str, pulumi.Input[str]]
    outlives: Sequence[pulumi.Resource]
    """Resources that must outlive everything in the network."""


class Network(pulumi.ComponentResource):
    """The VPC. Private subnets use NAT gateways, and endpoints for AWS where planned."""

    ids: NetworkIds
    vpc_id: pulumi.Output[str]
    private_subnet_ids: dict[str, pulumi.Output[str]]
    """Ids of the private subnets by zone id; the public ones are alike."""
    public_subnet_ids: dict[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Network", name, None, opts)
        self._name = name
        self._tags = args.tags
        self._child = pulumi.ResourceOptions(parent=self)
        vpc = self._vpc(args.plan.vpc_cidr)
        self.vpc_id = vpc.id
        self._lock_default_group()
        internet = self._internet_gateway()
        public = {plan.zone: self._public_subnet(plan, internet) for plan in args.plan.subnets}
        self.public_subnet_ids = {zone: subnet.id for zone, subnet in public.items()}
        gateways = {
            plan.zone: self._nat_gateway(plan.zone, public[plan.zone], internet)
            for plan in args.plan.subnets
            if plan.nat
        }
        self.private_subnet_ids = {}
        tables = []
        for plan in args.plan.subnets:
            subnet, table = self._private_subnet(plan)
            self._nat_route(plan.zone, table, gateways)
            self.private_subnet_ids[plan.zone] = subnet.id
            tables.append(table)
        for service in ("s3", *(plan.service for plan in args.plan.gateway_endpoints)):
            self._gateway_endpoint(service, args.region, tables)
        self._flow_logs(args)
        if args.plan.interface_endpoints:
            self._endpoints(args)
        self.ids = NetworkIds(
            vpc_id=self.vpc_id,
            vpc_cidr=args.plan.vpc_cidr,
            private_subnet_ids=self.private_subnet_ids,
            public_subnet_ids={zone: subnet.id for zone, subnet in public.items()},
            outlives=[self],
        )
        self.register_outputs({"vpc_id": self.vpc_id})

    def _vpc(self, cidr: str) -> ec2.Vpc:
        name = f"{self._name}-vpc"
        return ec2.Vpc(
            name,
            cidr_block=cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _lock_default_group(self) -> None:
        name = f"{self._name}-default-group"
        ec2.DefaultSecurityGroup(
            name,
            vpc_id=self.vpc_id,
            ingress=[],
            egress=[],
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _internet_gateway(self) -> ec2.InternetGateway:
        name = f"{self._name}-internet"
        return ec2.InternetGateway(
            name, vpc_id=self.vpc_id, tags=self._tags.named(name), opts=self._child
        )

    def _public_subnet(self, plan: SubnetPlan, internet: ec2.InternetGateway) -> ec2.Subnet:
        name = f"{self._name}-public-{plan.zone}"
        subnet = self._subnet(name, plan.zone, plan.public_cidr, "kubernetes.io/role/elb")
        table = self._table(name, subnet)
        ec2.Route(
            f"{name}-route",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=internet.id,
            opts=self._child,
        )
        return subnet

    def _private_subnet(self, plan: SubnetPlan) -> tuple[ec2.Subnet, ec2.RouteTable]:
        name = f"{self._name}-private-{plan.zone}"
        role = "kubernetes.io/role/internal-elb"
        subnet = self._subnet(name, plan.zone, plan.private_cidr, role)
        return subnet, self._table(name, subnet)

    def _subnet(self, name: str, zone: str, cidr: str, balancer_role: str) -> ec2.Subnet:
        return ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone_id=zone,
            cidr_block=cidr,
            tags={**self._tags.named(name), balancer_role: "1"},
            opts=self._child,
        )

    def _table(self, name: str, subnet: ec2.Subnet) -> ec2.RouteTable:
        table = ec2.RouteTable(
            f"{name}-table",
            vpc_id=self.vpc_id,
            tags=self._tags.named(f"{name}-table"),
            opts=self._child,
        )
        ec2.RouteTableAssociation(
            f"{name}-table", subnet_id=subnet.id, route_table_id=table.id, opts=self._child
        )
        return table

    def _nat_gateway(
        self, zone: str, subnet: ec2.Subnet, internet: ec2.InternetGateway
    ) -> ec2.NatGateway:
        name = f"{self._name}-nat-{zone}"
        after = pulumi.ResourceOptions(parent=self, depends_on=[internet])
        address = ec2.Eip(name, domain="vpc", tags=self._tags.named(name), opts=after)
        return ec2.NatGateway(
            name,
            subnet_id=subnet.id,
            allocation_id=address.allocation_id,
            tags=self._tags.named(name),
            opts=after,
        )

    def _nat_route(
        self, zone: str, table: ec2.RouteTable, gateways: dict[str, ec2.NatGateway]
    ) -> None:
        """Add the default route to the zone's gateway or the first one; none without gateways."""
        gateway = gateways.get(zone) or next(iter(gateways.values()), None)
        if gateway is None:
            return
        ec2.Route(
            f"{self._name}-private-{zone}-route",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateway.id,
            opts=self._child,
        )

    def _gateway_endpoint(self, service: str, region: str, tables: list[ec2.RouteTable]) -> None:
        name = f"{self._name}-{service}"
        ec2.VpcEndpoint(
            name,
            vpc_id=self.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{region}.{service}",
            route_table_ids=[table.id for table in tables],
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _flow_logs(self, args: NetworkArgs) -> None:
        FlowLogs(
            f"{self._name}-flow-logs",
            FlowLogsArgs(
                vpc_id=self.vpc_id,
                days=args.plan.flow_log_days,
                key_arn=args.logs_key_arn,
                roles=args.roles,
                account_id=args.account_id,
                partition=partition(args.region),
                tags=self._tags,
            ),
            self._child,
        )

    def _endpoints(self, args: NetworkArgs) -> None:
        Endpoints(
            f"{self._name}-endpoints",
            EndpointsArgs(
                plans=args.plan.interface_endpoints,
                region=args.region,
                vpc_id=self.vpc_id,
                vpc_cidr=args.plan.vpc_cidr,
                subnet_ids=list(self.private_subnet_ids.values()),
                tags=self._tags,
            ),
            self._child,
        )
