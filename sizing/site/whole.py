"""Where do services run? The site of one stack, from the keys of its stack file."""

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.site.access import ClusterAccess
from sizing.site.monitoring import Alerts, Metrics, MetricsStore
from sizing.site.page_client import PageClient
from sizing.site.resource_tags import check_tags
from sizing.site.reuse import Cluster, ClusterPart, Dns, Keys, Network
from sizing.site.signing_key import SigningKey
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.workload import REGION, Workload, ZoneId
from sizing.workload.source import SHA256_EXAMPLE

REPOSITORY = r"^[a-z0-9.-]+\.[a-z]{2,}(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"
"""Pattern of a registry with a dot in its name, and a repository of lower-case parts."""
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$", examples=["111122223333"])]
Arn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$",
        examples=[
            "arn:aws:acm:us-east-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"
        ],
    ),
]

PolicyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+$",
        examples=["arn:aws:iam::111122223333:policy/boundary"],
    ),
]
_PLACE = r"[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]+)?(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
Upstream = Annotated[str, Field(pattern=rf"^{_PLACE}$", max_length=256, examples=["docker.io"])]
"""Registry, or a registry and the first parts of a name, without a scheme."""
Mirror = Annotated[
    str,
    Field(
        pattern=rf"^(oci://|https://)?{_PLACE}$",
        max_length=256,
        examples=["111122223333.dkr.ecr.us-east-1.amazonaws.com/docker-hub"],
    ),
]
"""Address of a mirror. A scheme is used for charts only, where the copy has another one."""
SecretName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253, examples=["registry"])
]
PrefixListId = Annotated[
    str, Field(pattern=r"^pl-[0-9a-f]{8,17}$", examples=["pl-0123456789abcdef0"])
]
ALLOWED_LIMIT = 50
"""Maximum ranges of one list. Basis: vendor, a security group has 60 inbound rules (VPC quota
L-0EA8095F); the rest is the product's own."""


class Environment(StrEnum):
    dev = "dev"
    """Trial environment: nothing is protected from deletion, and there is one NAT gateway."""
    prod = "prod"
    """Production environment: stores, keys and load balancers are protected, and each zone has a
    NAT gateway."""


LOG_DAYS = {Environment.dev: 14, Environment.prod: 365}
"""Days that logs of the network, the control plane and the databases are kept. Basis: assumed; a
year covers late investigations."""


class Site(Strict):
    """Site of the `sizewright:` keys of a `Pulumi.<stack>.yaml`."""

    region: str = Field(pattern=REGION, examples=["us-east-1"])
    """AWS region, e.g. us-east-1."""
    zones: tuple[ZoneId, ...] = Field(min_length=1, max_length=6)
    """Availability zones by zone id, e.g. use1-az1: names like us-east-1a differ by account."""
    environment: Environment
    """Environment of the stack."""
    account_ids: tuple[AccountId, ...] = ()
    """AWS account of the stack, in a list of one. Building requires it, and sizing does not."""
    certificate_arn: Arn | None = None
    """ACM certificate of the HTTPS listeners. When left out, it is created in `dns`. Sizing does
    not require it."""
    dns: Dns | None = None
    """Hosted zone of the services' names. Without it, services use the names of their load
    balancers."""
    network: Network | None = None
    """Existing VPC. When left out, the stack creates one."""
    cluster: Cluster = Field(default_factory=Cluster)
    """Existing cluster, or the parts that the created cluster offers to other stacks."""
    access: ClusterAccess | None = None
    """Roles with access to the created cluster. When left out, only its creator has access."""
    keys: Keys | None = None
    """Existing KMS keys. The stack creates the keys that are left out."""
    metrics: Annotated[Metrics | None, Field(exclude_if=absent)] = None
    """Metrics and where they are kept. When left out, Prometheus runs only where a service
    bursts."""
    alerts: Annotated[Alerts | None, Field(exclude_if=absent)] = None
    """Receivers of alerts. When left out, alerts are visible in Prometheus only."""
    vpc_cidr: str = Field(
        default="10.0.0.0/16", pattern=r"^[0-9.]+/1[6-8]$", examples=["10.0.0.0/16"]
    )
    """IPv4 range of the created network, /16 to /18."""
    kubernetes_version: str | None = Field(
        default=None, pattern=r"^1\.[0-9]{2}$", examples=["1.35"]
    )
    """EKS version. When left out, the catalog's pin applies."""
    ami_release: str | None = Field(
        default=None, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+-[0-9]{8}$", examples=["1.35.0-20261101"]
    )
    """Release of the EKS GPU image, e.g. 1.35.0-20261101. When left out, EKS chooses it."""
    engine_image_repository: str | None = Field(
        default=None,
        pattern=REPOSITORY,
        max_length=256,
        examples=["111122223333.dkr.ecr.us-east-1.amazonaws.com/vllm/vllm-openai"],
    )
    """Registry and name of a copy of the serving image, e.g. a pull-through cache. When left out,
    the engine's own registry is used. Services of a stack with it have the same engine."""
    engine_image_digest: str | None = Field(
        default=None, pattern=r"^sha256:[0-9a-f]{64}$", examples=[SHA256_EXAMPLE]
    )
    """Digest of the serving image. When left out, only the tag is used."""
    mirrors: dict[Upstream, Mirror] = Field(
        default_factory=dict,
        examples=[{"docker.io": "111122223333.dkr.ecr.us-east-1.amazonaws.com/docker-hub"}],
    )
    """Copies of registries by address prefix. Images and charts come from the copy with the longest
    matching prefix."""
    image_pull_secrets: tuple[SecretName, ...] = Field(default=(), max_length=10)
    """Existing secrets with registry credentials. They must be in kube-system and in each service's
    namespace."""
    token_issuer: str | None = Field(
        default=None, pattern=r"^\S+$", max_length=256, examples=["https://login.example.com"]
    )
    """Issuer of the callers' tokens, the claim iss."""
    token_jwks_url: str | None = Field(
        default=None,
        pattern=r"^https://[^\s/?#@]+([/?#]\S*)?$",
        max_length=256,
        examples=["https://login.example.com/keys"],
    )
    """Public HTTPS address of the issuer's key set. It has at most 10 keys and uses RS256."""
    page_client: Annotated[PageClient | None, Field(exclude_if=absent)] = None
    """Client by which the balancers of chat pages sign people in at the issuer of tokens."""
    signing_key: Annotated[SigningKey | None, Field(exclude_if=absent)] = None
    """Key pair that signs the addresses of services with a `cdn`."""
    public_cidrs: tuple[str, ...] = Field(default=("0.0.0.0/0",), min_length=1, max_length=50)
    """IPv4 ranges that may reach public services. When left out, every address may."""
    allowed_cidrs: tuple[str, ...] = Field(
        default=(), max_length=ALLOWED_LIMIT, examples=[["10.8.0.0/16"]]
    )
    """IPv4 ranges outside the network that may reach the cluster's API and internal services, e.g.
    a VPN."""
    allowed_prefix_list_ids: tuple[PrefixListId, ...] = Field(
        default=(), max_length=5, examples=[["pl-0123456789abcdef0"]]
    )
    """Managed prefix lists whose ranges have the same access. Each counts with its maximum number
    of entries against the rules of a security group."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags for every resource, in addition to the program's own."""
    required_tags: tuple[str, ...] = ()
    """Keys that `tags` must have. A site without one of them is refused."""
    permissions_boundary_arn: PolicyArn | None = None
    """IAM permissions boundary of every role of the stack."""
    role_path: str = Field(
        default="/", pattern=r"^/([!-.0-~]+/)*$", max_length=512, examples=["/platform/"]
    )
    """IAM path of the roles of the stack, e.g. /platform/. A role keeps its original path."""

    @property
    def uses_network(self) -> bool:
        """True where the network exists already, by itself or with another stack's cluster."""
        return self.network is not None or self.cluster.stack is not None

    @property
    def metrics_store(self) -> MetricsStore:
        """Place of the metrics of the stack."""
        return MetricsStore.none if self.metrics is None else self.metrics.store

    @property
    def measures_all(self) -> bool:
        """True where a Prometheus scrapes the engines of each service, whether or not it bursts."""
        return self.metrics_store is not MetricsStore.none

    @property
    def protected(self) -> bool:
        """True where the resources of the stack are protected from deletion."""
        return self.environment is Environment.prod

    def keeps(self, workload: Workload) -> bool:
        """True where the stores and the load balancer of a service are protected from deletion."""
        return self.protected and not workload.retire

    def must_survive_a_zone(self, workloads: Iterable[Workload]) -> bool:
        """True where parts that these workloads depend on must survive the loss of a zone.

        This holds in prod whatever the workloads require, and elsewhere where one requires it. NAT
        gateways and databases follow it. System nodes are in every zone without it.
        """
        return self.protected or any(w.redundancy.must_survive_a_zone for w in workloads)

    @model_validator(mode="after")
    def _zones_once(self) -> Self:
        for index, zone in enumerate(self.zones):
            if zone in self.zones[:index]:
                raise FieldError(("zones", index), f"{zone} is named twice", "each zone id once")
        return self

    @model_validator(mode="after")
    def _network_of_the_cluster(self) -> Self:
        cluster, network = self.cluster, self.network
        if cluster.use is not None and network is None:
            expected = "the VPC of the cluster that is used"
            raise FieldError(("cluster", "use"), "needs network.use next to it", expected)
        if cluster.stack is not None and network is not None:
            raise FieldError(("network",), "comes with cluster.stack", "no network next to it")
        if cluster.elsewhere and self.kubernetes_version is None:
            expected = "the version of the cluster that is used, for its nodes"
            raise FieldError(("cluster",), "needs kubernetes_version next to it", expected)
        if cluster.stack is not None and "vpc_cidr" not in self.model_fields_set:
            raise FieldError(("cluster", "stack"), "needs vpc_cidr next to it", "as in that stack")
        if cluster.elsewhere and self.access is not None:
            raise FieldError(("access",), "comes from the owner of the cluster", "no access")
        if network is not None:
            self._zones_of(network)
        return self

    def _zones_of(self, network: Network) -> None:
        if "vpc_cidr" in self.model_fields_set:
            raise FieldError(
                ("vpc_cidr",), "belongs to a network that the stack creates", "network.use.vpc_cidr"
            )
        missing = [zone for zone in self.zones if zone not in network.use.private_subnet_ids]
        if missing:
            field = ("network", "use", "private_subnet_ids")
            raise FieldError(field, f"lacks {', '.join(missing)}", "a subnet for each of zones")

    @model_validator(mode="after")
    def _metrics_have_an_owner(self) -> Self:
        field, store = ("metrics", "store"), self.metrics_store
        if store is MetricsStore.in_cluster and self.cluster.elsewhere:
            message = "in_cluster belongs to a cluster that the stack makes"
            raise FieldError(field, message, "existing, with prometheus in cluster.provides")
        if store is MetricsStore.existing and ClusterPart.metrics not in self.cluster.provides:
            message = "no other owner runs Prometheus in the cluster"
            expected = "prometheus in cluster.provides, or store: in_cluster"
            raise FieldError(field, message, expected)
        if self.alerts is not None and self.cluster.elsewhere:
            message = "the owner of the cluster sends the alerts of its Prometheus"
            raise FieldError(
                ("alerts",),
                message,
                "no such key",
                "`sizewright render` writes the rules for the owner's Prometheus",
            )
        if self.alerts is not None and store is not MetricsStore.in_cluster:
            expected = "metrics: {store: in_cluster}"
            raise FieldError(("alerts",), "nothing sends alerts without metrics", expected)
        return self

    @model_validator(mode="after")
    def _issuer_with_its_keys(self) -> Self:
        if (self.token_issuer is None) != (self.token_jwks_url is None):
            lacking = "token_issuer" if self.token_issuer is None else "token_jwks_url"
            raise FieldError((lacking,), "missing", "token_issuer and token_jwks_url together")
        return self

    @model_validator(mode="after")
    def _secret_is_near(self) -> Self:
        key = self.signing_key
        if key is not None and key.region != self.region:
            message = f"the secret is in {key.region}, the stack in {self.region}"
            expected = f"a secret of {self.region}, e.g. a replica"
            raise FieldError(("signing_key", "secret_arn"), message, expected)
        return self

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for field in ("public_cidrs", "allowed_cidrs"):
            for index, cidr in enumerate(getattr(self, field)):
                try:
                    IPv4Network(cidr)
                except ValueError as fault:
                    expected = "an IPv4 range like 198.51.100.0/24"
                    raise FieldError((field, index), str(fault), expected) from fault
        return self

    @model_validator(mode="after")
    def _allowed_once(self) -> Self:
        """Guard: AWS refuses a second rule for the same source of a security group."""
        network = self.vpc_cidr if self.network is None else self.network.use.vpc_cidr
        for field in ("allowed_cidrs", "allowed_prefix_list_ids"):
            sources = getattr(self, field)
            for index, source in enumerate(sources):
                if source in (*sources[:index], network):
                    message = f"{source} is allowed already"
                    expected = "each source once, and not the network's own range"
                    raise FieldError((field, index), message, expected)
        return self

    @model_validator(mode="after")
    def _tags_that_aws_takes(self) -> Self:
        check_tags(self.tags)
        return self

    @model_validator(mode="after")
    def _tagged(self) -> Self:
        missing = [key for key in self.required_tags if not self.tags.get(key)]
        if missing:
            keys = ", ".join(missing)
            raise FieldError(("tags",), f"lacks {keys}", "a value for each of required_tags")
        return self
