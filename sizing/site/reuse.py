"""What a site creates itself or uses as it stands: plain ids, so that they decide what exists."""

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
"""Short enough for a service's name before it: 253 characters in all."""
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
    """A public hosted zone of the account that stands already."""

    zone_id: HostedZoneId
    """Id of the public hosted zone, e.g. Z0123456789ABCDEFGHIJ."""
    domain: Domain
    """Domain of the services' names: the zone's own, or one below it."""


class CreatedZone(Strict):
    """A public hosted zone of the stack's own."""

    domain: Domain
    """Domain of the new zone and of the services' names."""
    parent_zone_id: HostedZoneId | None = None
    """Zone of the account that delegates to it; without one, you delegate by hand."""


class Dns(Strict):
    """Where the services have their names, and their certificate is proven."""

    use: UsedZone | None = None
    """A hosted zone that stands."""
    create: CreatedZone | None = None
    """A hosted zone of the stack's own."""

    @property
    def domain(self) -> str:
        """Domain below which each service has its name."""
        zone = self.use or self.create
        assert zone is not None, "one of the two is given"
        return zone.domain

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.use is None) == (self.create is None):
            raise FieldError((), "says both or neither", "either use or create")
        return self


class UsedNetwork(Strict):
    """A VPC that stands, with its way out: nothing of it is made or changed."""

    vpc_id: VpcId
    """Id of the VPC."""
    vpc_cidr: Range
    """Its IPv4 range, which may call what the stack opens to the network."""
    private_subnet_ids: dict[str, SubnetId]
    """Private subnet of each zone, by zone id."""
    private_subnet_cidrs: dict[str, Range] = Field(default_factory=dict)
    """Their ranges, to compare with the address need; not compared when left out."""
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
    """A VPC that stands."""


class ClusterPart(StrEnum):
    """What runs in a cluster for all its workloads, by the name of its add-on or chart."""

    vpc_cni = "vpc-cni"
    kube_proxy = "kube-proxy"
    coredns = "coredns"
    pod_identity = "eks-pod-identity-agent"
    node_monitoring = "eks-node-monitoring-agent"
    network_policies = "network-policies"
    """The VPC CNI's agent that enforces them."""
    device_plugin = "nvidia-device-plugin"
    load_balancer_controller = "aws-load-balancer-controller"
    pod_autoscaler = "keda"
    node_autoscaler = "karpenter"
    """With the definitions of its objects."""
    group_controller = "lws"
    """LeaderWorkerSet, for replicas over several nodes."""
    interconnect_plugin = "aws-efa-k8s-device-plugin"
    """On the nodes that those replicas span, whose types its values name."""
    metrics = "prometheus"
    """As service and account prometheus-server of kube-system; it scrapes the engines, by the
    labels namespace and component."""


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
"""Those that EKS knows as add-ons with versions; the policies' agent is part of the VPC CNI."""


OWN_STACK_ONLY = (ClusterPart.metrics, ClusterPart.interconnect_plugin)
"""Parts whose values name services or instance types of the stack."""


class UsedCluster(Strict):
    """A cluster that stands, in the network that the site uses."""

    name: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", examples=["platform"])
    """Name of the EKS cluster."""
    endpoint: str = Field(
        pattern=r"^https://[0-9A-Za-z.-]+$",
        examples=["https://0123456789ABCDEF0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com"],
    )
    """URL of its API."""
    certificate_authority: str = Field(
        pattern=r"^[0-9A-Za-z+/]+={0,2}$",
        min_length=20,
        examples=["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"],
    )
    """Its certificate authority, base64, as `aws eks describe-cluster` prints it."""
    security_group_id: GroupId
    """The group that EKS gave its control plane and gives its managed nodes."""
    load_balancer_controller_role: str | None = Field(
        default=None, pattern=r"^[\w+=,.@-]{1,64}$", examples=["load-balancer-controller"]
    )
    """Name of its controller's role, to be granted each target group; it may write to all when
    left out."""
    node_autoscaler_role: str | None = Field(
        default=None, pattern=r"^[\w+=,.@-]{1,64}$", examples=["karpenter"]
    )
    """Name of its Karpenter's role, to be granted the role and the volumes' key of burst nodes; it
    may pass and use all when left out."""


class Cluster(Strict):
    """Where the workloads run; a cluster of the stack's own when neither is said."""

    use: UsedCluster | None = None
    """A cluster that stands."""
    stack: str | None = Field(
        default=None, pattern=r"^[\w.-]+/[\w.-]+/[\w.-]+$", examples=["acme/sizewright/platform"]
    )
    """Stack of this program that made cluster and network: organization/project/stack."""
    provides: tuple[ClusterPart, ...] = ()
    """What the owner of that cluster runs in it: this stack brings the rest."""
    offers: tuple[ClusterPart, ...] = ()
    """Charts that this stack's cluster gets for workloads of other stacks too."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.use is not None and self.stack is not None:
            raise FieldError((), "names two clusters", "either use or stack")
        if self.provides and not self.elsewhere:
            raise FieldError(("provides",), "of no other cluster", "use or stack beside it")
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
        """Whether the cluster is another owner's."""
        return self.use is not None or self.stack is not None


class UsedKeys(Strict):
    """KMS keys that stand, by class of data; the stack makes those that are left out."""

    cluster: KeyArn | None = None
    """Secrets of the Kubernetes cluster."""
    volumes: KeyArn | None = None
    """Volumes of the nodes."""
    data: KeyArn | None = None
    """Databases and buckets of data."""
    weights: KeyArn | None = None
    """Buckets of model weights."""
    logs: KeyArn | None = None
    """Logs of the cluster and the network."""


class Keys(Strict):
    use: UsedKeys
    """Keys that stand; their policies must let the services of their class use them."""
