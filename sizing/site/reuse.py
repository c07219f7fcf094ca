"""Which resources does a site create, and which existing ones does it use, by plain ids?"""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict

Domain = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        max_length=180,
        examples=["ai.example.com"],
    ),
]
"""Pattern of a domain short enough for a service's name in front of it: 253 characters in total."""
HostedZoneId = Annotated[
    str, Field(pattern=r"^Z[A-Z0-9]{1,31}$", examples=["Z0123456789ABCDEFGHIJ"])
]
VpcId = Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$", examples=["vpc-0123456789abcdef0"])]
SubnetId = Annotated[
    str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$", examples=["subnet-0123456789abcdef0"])
]
GroupId = Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$", examples=["sg-0123456789abcdef0"])]
KeyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]+$",
        examples=["arn:aws:kms:us-east-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"],
    ),
]
Range = Annotated[str, Field(pattern=r"^[0-9.]+/[0-9]{1,2}$", examples=["10.20.0.0/16"])]


class UsedZone(Strict):
    """Existing public hosted zone of the account."""

    zone_id: HostedZoneId
    """Id of the public hosted zone, e.g. Z0123456789ABCDEFGHIJ."""
    domain: Domain
    """Domain of the services' names: the zone's domain, or a subdomain."""


class CreatedZone(Strict):
    """Public hosted zone that the stack creates."""

    domain: Domain
    """Domain of the new zone and of the services' names."""
    parent_zone_id: HostedZoneId | None = None
    """Zone of the account that delegates to the new zone. Without it, you delegate manually."""


class Dns(Strict):
    """Hosted zone of the services' names, which also validates their certificate."""

    use: UsedZone | None = None
    """Existing hosted zone."""
    create: CreatedZone | None = None
    """Hosted zone that the stack creates."""

    @property
    def domain(self) -> str:
        """Domain of the services' names. Each service has a name below it."""
        zone = self.use or self.create
        assert zone is not None, "one of the two is given"
        return zone.domain

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.use is None) == (self.create is None):
            raise FieldError((), "says both or neither", "either use or create")
        return self


class UsedNetwork(Strict):
    """Existing VPC with its route to the internet. The stack neither creates nor changes any part
    of it."""

    vpc_id: VpcId
    """Id of the VPC."""
    vpc_cidr: Range
    """IPv4 range of the VPC, which may call the endpoints that the stack opens to the network."""
    private_subnet_ids: dict[str, SubnetId]
    """Private subnet of each zone, by zone id."""
    private_subnet_cidrs: dict[str, Range] = Field(default_factory=dict)
    """Ranges of the private subnets, which are compared with the required addresses. When left out,
    they are not compared."""
    public_subnet_ids: dict[str, SubnetId] = Field(default_factory=dict)
    """Public subnets by zone id, for public load balancers."""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        ranges = {
            ("private_subnet_cidrs", zone): r for zone, r in self.private_subnet_cidrs.items()
        }
        for field, text in ({("vpc_cidr",): self.vpc_cidr} | ranges).items():
            try:
                IPv4Network(text)
            except ValueError as fault:
                raise FieldError(field, str(fault), "an IPv4 range like 10.0.0.0/16") from fault
        stated = self.private_subnet_cidrs
        if stated and stated.keys() != self.private_subnet_ids.keys():
            expected = "the range of each of private_subnet_ids, or none"
            raise FieldError(("private_subnet_cidrs",), "of other zones", expected)
        return self


class Network(Strict):
    use: UsedNetwork
    """Existing VPC."""


class ClusterPart(StrEnum):
    """Part that serves all workloads of a cluster, by the name of its add-on or chart."""

    vpc_cni = "vpc-cni"
    kube_proxy = "kube-proxy"
    coredns = "coredns"
    pod_identity = "eks-pod-identity-agent"
    node_monitoring = "eks-node-monitoring-agent"
    network_policies = "network-policies"
    """Agent of the VPC CNI that enforces network policies."""
    device_plugin = "nvidia-device-plugin"
    load_balancer_controller = "aws-load-balancer-controller"
    pod_autoscaler = "keda"
    node_autoscaler = "karpenter"
    """Karpenter with the definitions of its objects."""
    group_controller = "lws"
    """LeaderWorkerSet, for replicas over several nodes."""
    interconnect_plugin = "aws-efa-k8s-device-plugin"
    """EFA plugin for the nodes of those replicas. Its values name their types."""
    metrics = "prometheus"
    """Service and account prometheus-server of kube-system. It scrapes the engines by the labels
    namespace and component."""


ADDONS = (
    ClusterPart.vpc_cni,
    ClusterPart.kube_proxy,
    ClusterPart.coredns,
    ClusterPart.pod_identity,
    ClusterPart.node_monitoring,
    ClusterPart.network_policies,
)
"""Parts that every cluster of this product has."""
EKS_ADDONS = tuple(part for part in ADDONS if part is not ClusterPart.network_policies)
"""Parts that EKS knows as add-ons with versions. The policies' agent is part of the VPC CNI."""


OWN_STACK_ONLY = (ClusterPart.metrics, ClusterPart.interconnect_plugin)
"""Parts whose values name services or instance types of the stack."""


class UsedCluster(Strict):
    """Existing cluster in the network that the site uses."""

    name: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", examples=["platform"])
    """Name of the EKS cluster."""
    endpoint: str = Field(
        pattern=r"^https://[0-9A-Za-z.-]+$",
        examples=["https://0123456789ABCDEF0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com"],
    )
    """URL of the cluster's API."""
    certificate_authority: str = Field(
        pattern=r"^[0-9A-Za-z+/]+={0,2}$",
        min_length=20,
        examples=["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"],
    )
    """Certificate authority of the cluster in base64, as `aws eks describe-cluster` prints it."""
    security_group_id: GroupId
    """Security group that EKS assigned to the control plane and assigns to managed nodes."""
    load_balancer_controller_role: str | None = Field(
        default=None, pattern=r"^[\w+=,.@-]{1,64}$", examples=["load-balancer-controller"]
    )
    """Role of the cluster's load balancer controller, which is granted each target group. When left
    out, it must have access to all."""
    node_autoscaler_role: str | None = Field(
        default=None, pattern=r"^[\w+=,.@-]{1,64}$", examples=["karpenter"]
    )
    """Role of the cluster's Karpenter, which is granted the role and volume key of burst nodes.
    When left out, it must have access to all."""


class Cluster(Strict):
    """Cluster of the workloads. Without any key, the stack creates its own."""

    use: UsedCluster | None = None
    """Existing cluster."""
    stack: str | None = Field(
        default=None, pattern=r"^[\w.-]+/[\w.-]+/[\w.-]+$", examples=["acme/sizewright/platform"]
    )
    """Stack of this program that created the cluster and network: organization/project/stack."""
    provides: tuple[ClusterPart, ...] = ()
    """Parts that the owner of the cluster runs. This stack installs the others."""
    offers: tuple[ClusterPart, ...] = ()
    """Charts that this stack installs for workloads of other stacks too."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.use is not None and self.stack is not None:
            raise FieldError((), "names two clusters", "either use or stack")
        if self.provides and not self.elsewhere:
            raise FieldError(("provides",), "of no other cluster", "use or stack next to it")
        if self.offers and self.elsewhere:
            raise FieldError(("offers",), "offers parts of another cluster", "no use, no stack")
        for index, part in enumerate(self.offers):
            if part in ADDONS:
                raise FieldError(("offers", index), f"{part} is in every cluster", "a chart")
            if part in OWN_STACK_ONLY:
                message = f"{part} knows the services and nodes of its own stack only"
                raise FieldError(("offers", index), message, "a chart for all workloads")
        return self

    @property
    def elsewhere(self) -> bool:
        """True where the cluster has another owner."""
        return self.use is not None or self.stack is not None


class UsedKeys(Strict):
    """Existing KMS keys by class of data. The stack makes the keys that are left out."""

    cluster: KeyArn | None = None
    """Secrets of the Kubernetes cluster."""
    volumes: KeyArn | None = None
    """Volumes of the nodes."""
    data: KeyArn | None = None
    """Databases and buckets of data."""
    weights: KeyArn | None = None
    """Buckets of model weights."""
    logs: KeyArn | None = None
    """Logs of the cluster and the network, and messages of alerts."""


class Keys(Strict):
    use: UsedKeys
    """Existing keys. Their policies must let the services of their class use them."""
