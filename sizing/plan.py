"""The answer: plain numbers with their unit in the name, and where each one goes.

A leaf annotated with `Reaches` claims that it decides a property of a resource; the wiring test
changes every such leaf and looks for the change.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from sizing.exact import Number
from sizing.site import Site
from sizing.workload import Workload

SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Reaches:
    """The property a leaf decides: Pulumi token, and path in camelCase with dots."""

    resource_type: str
    path: str


NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
TARGETS = "aws:lb/targetGroup:TargetGroup"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
FIREWALL = "aws:wafv2/webAcl:WebAcl"
AURORA = "aws:rds/cluster:Cluster"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
KEY = "aws:kms/key:Key"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
KUBERNETES = "pulumi:providers:kubernetes"
STACK_REFERENCE = "pulumi:pulumi:StackReference"
ROLE = "aws:iam/role:Role"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA = "kubernetes:core/v1:ResourceQuota"
JOB = "kubernetes:batch/v1:Job"
RELEASE = "kubernetes:helm.sh/v3:Release"
RECORD = "aws:route53/record:Record"
ZONE = "aws:route53/zone:Zone"
CERTIFICATE = "aws:acm/certificate:Certificate"
SCALED_OBJECT = "kubernetes:keda.sh/v1alpha1:ScaledObject"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
CONTAINER = "spec.template.spec.containers"
GROUPS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
LEADER = "spec.leaderWorkerTemplate.leaderTemplate.spec"
WORKER = "spec.leaderWorkerTemplate.workerTemplate.spec"
PLACEMENT = "aws:ec2/placementGroup:PlacementGroup"
INIT_CONTAINER = "spec.template.spec.initContainers"


class Part(BaseModel):
    """One frozen part of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Reason(StrEnum):
    memory = "memory"
    """Weights and one request do not fit on the cards."""
    gpu_memory_minimum = "gpu_memory_minimum"
    """The card has less memory than the workload asks for."""
    engine = "engine"
    """The engine does not run this precision on this GPU."""
    offering = "offering"
    """The region or zone does not sell the instance type."""
    zones = "zones"
    """There are too few zones for the redundancy that is asked for."""
    tensor_parallel = "tensor_parallel"
    """The model's heads or the node's GPUs cannot be split so."""
    interconnect = "interconnect"
    """Nodes of this type have no fast path between them."""
    gateway_limit = "gateway_limit"
    """The load balancer does not wait as long as the longest answer takes."""
    latency = "latency"
    """No rate meets the latency targets, however small."""
    dearer = "dearer"
    """Another option costs less."""
    unknown_price = "unknown_price"
    """Nothing says what it costs, which is never taken for nothing."""
    volume_limit = "volume_limit"
    """A volume or the instance cannot read that fast."""
    local_storage = "local_storage"
    """The node's own disks hold the weights, or cannot."""
    store_limit = "store_limit"
    """The data outgrow the store."""
    not_binding = "not_binding"
    """Another rule asks for more."""
    unknown_fact = "unknown_fact"
    """The catalog lacks the fact, and nothing is guessed."""
    stale_lock = "stale_lock"
    """The lock was made for another model or instance type."""
    nearest = "nearest"
    """Not taken by itself: the nearest change that would be feasible."""
    not_in_this_version = "not_in_this_version"
    """The product does not size or build this yet."""


class Rejected(Part):
    """An option that was not taken, and the numbers why."""

    option: str
    """What was not taken."""
    reason: Reason
    """Why, in one word."""
    numbers: str
    """Why, in numbers."""


class TrafficPlan(Part):
    requests_per_s_mean: Number
    requests_per_s_peak: Number | None
    """Requests a second at the busiest moment; null without a peak."""
    users_online_peak: Number | None
    requests_in_flight_peak: Number | None


class CapacityPlan(Part):
    method: str
    """given, textbook or calibrated."""
    load: str
    """mean or peak: the load that is sized for."""
    request_s: Number
    """GPU-seconds of one request."""
    requests_per_gpu_per_s: Number
    users_per_gpu_per_day: Number
    peak_flop_per_s: Number | None
    passes: Number | None
    """Forward passes of one request that the textbook rule counts."""
    requests_per_replica_per_s: dict[str, Number]
    """What each constraint of the calibrated method allows; empty by other methods."""
    saturation_requests_per_s: Number | None
    """Of one replica with every slot taken; null by other methods."""
    locked: bool
    """Whether the rates are those of the lock."""
    gpus_at_mean: int
    """GPUs that the daily mean needs, before packing."""
    gpus_at_peak: int | None
    """GPUs that the peak needs, before packing; null without a peak."""


class SidePlan(Part):
    """One side of the calibrated band, at the load of one needed replica."""

    gpus_needed: int | None
    """Null where no rate meets the targets on this side."""
    requests_per_replica_per_s: Number
    """The most within every target."""
    saturation_requests_per_s: Number
    """Of one replica with every slot taken."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, for the share of requests that the latency's
    percentile asks for; null where none ends."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, for that share; null where none ends."""


class BandPlan(Part):
    """An estimate with its band; null where no number of replicas is enough."""

    low: Number | None
    """P10"""
    median: Number | None
    """P50"""
    high: Number | None
    """P90"""


class CalibratedPlan(Part):
    """What the calibrated method says of the chosen replica, whichever method sized it."""

    basis: str
    """measured: this engine on this generation of GPU; datasheet: the same terms, a wider band."""
    coefficients: str
    """Date of the coefficients."""
    assumed: tuple[str, ...]
    """What the workload does not say."""
    prompt_tokens: Number
    """Tokens of the mean prompt, earlier turns included."""
    cached_tokens: Number
    """Of those, tokens that the replica still has."""
    output_tokens: Number
    """Tokens of the mean answer."""
    most_sequences: int
    percentile: Number
    imbalance_ratio: Number
    """Requests of the fullest replica above the mean one's, where conversations stay."""
    in_flight_peak: Number | None
    """Requests running or waiting at the busiest moment, all replicas; users online are others."""
    replicas_without_headroom: BandPlan
    """For the mean request, each replica as busy as the targets allow; not rounded."""
    median: SidePlan
    """At the median of the estimate."""
    safe: SidePlan
    """At its safe side, which sizes."""


class MethodPlan(Part):
    """What one method answers to the same question on the same hardware."""

    method: str
    """given, textbook or calibrated."""
    gpus_needed: int
    """GPUs needed by that method, before packing."""
    ratio: Number
    """Over the answer's own GPUs needed."""
    remark: str
    """What it takes or leaves out."""


class StatePlan(Part):
    """The fleet in one state: steady, during a rollout, or with a node in repair."""

    state: str
    """steady, a rollout, or a node in repair."""
    replicas: int
    """That serve."""
    holds: bool
    """Whether they are as many as are needed."""
    utilisation_at_peak: Number | None
    """Share of its rate that the peak asks for; null without a peak."""


class RolloutPlan(Part):
    """How a new version reaches every replica."""

    surge_replicas: int
    """More than the fleet at once: none, as every slot is taken."""
    replicas_at_once: int
    """Replicas that change at the same time."""
    cold_start_s: Number
    """Until a replica serves: its weights copied, the engine started."""
    duration_s: Number


class CachePlan(Part):
    """Attention layers that cache alike."""

    layers: int
    bytes_per_token: int
    """Of one layer, one copy."""
    window_tokens: int | None
    """Tokens that such a layer keeps; null keeps all."""


class MemoryPlan(Part):
    parameters: Number
    """Parameters of the model."""
    encoder_parameters: Number
    """Parameters of the encoders beside it."""
    nominal_bits_per_parameter: int
    """What the format's name says, without scales."""
    sixteen_bit_parameters: Number
    """Parameters that a quantised format leaves in 16 bits."""
    bits_per_parameter: Number
    """Of all others, scales included."""
    kv_copies: Number | None
    """How often a tensor-parallel group holds the same KV bytes."""
    weights_bytes: int
    kv_bytes_per_token: int | None
    """What a new token adds; layers with a window later drop it again."""
    caches: tuple[CachePlan, ...]
    """Empty when the architecture is unknown."""
    state_bytes_per_sequence: int | None
    """Constant state of linear layers."""
    kv_bytes_per_sequence: Number | None
    """Of the mean sequence at its end, one copy."""
    max_sequences: int | None
    """Mean sequences that a replica holds at once; null when unknown."""
    max_context_tokens: int | None
    """Longest sequence that a replica holds, tokens; null when unknown."""
    usable_bytes_per_gpu: int | None
    """Bytes of one card that the engine may use."""
    stage_imbalance: Number | None
    """Layers of the fullest stage over the mean stage; 1 without a pipeline."""
    tokens_per_sequence: Number | None


class Survives(Part):
    nodes: int
    """Nodes that may go, whichever they are."""
    zones: int
    """Zones that may go, whichever they are."""


class CapacitySource(StrEnum):
    on_demand = "on_demand"
    """Bought by the second where the zone has any left."""
    reservations = "reservations"
    """On-demand capacity reservations, one in each zone."""
    blocks = "blocks"
    """Capacity blocks: bought for days, each in one zone."""


class PoolPlan(Part):
    """One service's nodes; services of the same name of a pool share node groups (`Plan.pools`)."""

    name: str
    """Instance type, replica size and source of capacity, in a form fit for Kubernetes."""
    capacity_source: CapacitySource
    """How its nodes are bought."""
    reservation_by_zone: dict[str, str]
    """Ids of what was bought ahead; empty on demand."""
    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    gpus_needed: int
    """GPUs needed, before packing."""
    gpus_total: int
    nodes_needed: int
    nodes_spare: int
    nodes_total: int
    """Nodes in all, spare ones included."""
    nodes_by_zone: dict[str, int]
    """Nodes of each zone."""
    survives: Survives
    """Losses that leave the nodes that are needed."""
    nodes_left_after_zone: int
    """Nodes left when the fullest zone is gone."""
    binding: str
    """The constraint that needs most GPUs."""
    gpus_by_constraint: dict[str, int]
    """GPUs that each constraint alone would need."""
    redundancy_binding: str
    """The redundancy rule that asks for most nodes."""
    nodes_by_rule: dict[str, int]
    """Nodes that each redundancy rule alone would need."""
    nodes_at_peak: int | None
    """Nodes in all, redundancy included, had the peak been sized for."""
    gpus_per_node: int
    gpu_memory_bytes: int
    vcpu_per_node: int
    memory_gib_per_node: int
    max_pods_per_node: int | None
    tensor_parallel: int
    """GPUs of one node that share each layer."""
    pipeline_parallel: int
    """Stages that the layers are cut into; 1 unless a replica spans nodes."""
    nodes_per_replica: int
    gpus_per_replica: int
    replicas_per_node: int
    """Replicas, or one part of one that spans nodes."""
    replicas_needed: int
    replicas_total: int
    utilisation_at_mean: Number
    """Share of the fleet's rate that the daily mean asks for."""
    utilisation_at_peak: Number | None
    """Share of the fleet's rate that the peak asks for, above 1 when it is short."""


class StoragePlan(Part):
    weights_bytes: int
    profile_bytes: int | None
    interaction_bytes_per_day: int | None
    indexed_bytes_per_day: int | None
    indexed_bytes_per_month: int | None
    retained_bytes: int | None
    writes_per_s_mean: Number | None
    writes_per_s_peak: Number | None


class TransferPlan(Part):
    ingress_mbit_per_s: Number | None
    egress_mbit_per_s: Number | None
    ingress_mbit_per_s_peak: Number | None
    egress_mbit_per_s_peak: Number | None


class WeightsOn(StrEnum):
    nvme = "nvme"
    """The node's local disks as one array: empty on each new node, no volume to pay for."""
    gp3 = "gp3"
    """A second EBS volume of the node."""


class VolumePlan(Part):
    """Disks of a GPU node, as one service would have them."""

    weights_on: WeightsOn
    """Which disks hold the weights."""
    weights_path: str
    """Where the file system that holds the weights is mounted on the node."""
    root_gib: int
    """GiB of the root volume."""
    held_gib: int
    """GiB that the weights take on a node, a second version and room included."""
    nvme_gib: int | None
    """GiB of the node's local disks together; null without any."""
    weights_gib: int | None
    """Of the gp3 volume; null without one, as its rates are."""
    weights_iops: int | None
    weights_mib_per_s: int | None
    wanted_mib_per_s: int
    """MiB/s that reads the weights in the asked-for time."""
    sustained_mib_per_s: int
    """MiB/s that the node reads the weights at."""
    load_s: Number
    """Seconds to read the weights at the rate that the node sustains."""
    copy_mib_per_s: int
    """MiB/s that the weights are copied to the node at."""
    download_s: Number
    """Seconds to copy the weights to a new node."""


class PoolVolumePlan(VolumePlan):
    """Disks of a pool's nodes, for all its services."""

    weights_on: Annotated[
        WeightsOn,
        Reaches(TEMPLATE, "userData"),
        Reaches(NODE_CLASS, "spec.userData"),
        Reaches(NODE_CLASS, "spec.instanceStorePolicy"),
    ]
    weights_path: Annotated[
        str, Reaches(TEMPLATE, "userData"), Reaches(NODE_CLASS, "spec.userData")
    ]
    root_gib: Annotated[
        int,
        Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.0.ebs.volumeSize"),
    ]
    weights_gib: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.volumeSize"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.volumeSize"),
    ]
    weights_iops: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.iops"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.iops"),
    ]
    weights_mib_per_s: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.throughput"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.throughput"),
    ]


class ClaimPlan(Part):
    """A claim that a caller's token must have, with one of these values."""

    name: Annotated[str, Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]
    format: Annotated[str, Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]
    values: Annotated[tuple[str, ...], Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]


class TokenPlan(Part):
    """Which callers' tokens are let through."""

    issuer: Annotated[
        str,
        Reaches(RULE, "actions.0.jwtValidation.issuer"),
        Reaches(LISTENER, "defaultActions.0.jwtValidation.issuer"),
    ]
    jwks_url: Annotated[
        str,
        Reaches(RULE, "actions.0.jwtValidation.jwksEndpoint"),
        Reaches(LISTENER, "defaultActions.0.jwtValidation.jwksEndpoint"),
    ]
    claims: tuple[ClaimPlan, ...]
    """Claims that the tokens must have."""


class FirewallPlan(Part):
    """What one key, and one address, may ask."""

    requests_per_key: Annotated[
        int, Reaches(FIREWALL, "rules.0.statement.rateBasedStatement.limit")
    ]
    """In a window."""
    window_s: Annotated[
        int,
        Reaches(FIREWALL, "rules.0.statement.rateBasedStatement.evaluationWindowSec"),
        Reaches(FIREWALL, "rules.1.statement.rateBasedStatement.evaluationWindowSec"),
    ]
    binding: str
    """The limit that decides: requests or tokens."""
    requests_by_limit: dict[str, int]
    """Requests of one key in a window that each limit alone allows."""
    tokens_per_key: int | None
    """Most tokens that those requests can use; null without a limit of tokens."""
    requests_per_address: Annotated[
        int, Reaches(FIREWALL, "rules.1.statement.rateBasedStatement.limit")
    ]
    """In a window."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]


class GatewayPlan(Part):
    public: Annotated[bool, Reaches(BALANCER, "internal")]
    public_cidrs: Annotated[
        tuple[str, ...],
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
    ]
    """Ranges that reach a public load balancer; none of an internal one."""
    token: TokenPlan | None
    """Null where callers need none."""
    firewall: FirewallPlan | None
    """Limits by key and address; null of an internal service."""
    longest_answer_s: Number
    """Seconds that the longest answer takes."""
    idle_timeout_s: Annotated[int, Reaches(BALANCER, "idleTimeout")]
    routing: Annotated[str, Reaches(TARGETS, "loadBalancingAlgorithmType")]
    sticky: Annotated[bool, Reaches(TARGETS, "stickiness.enabled")]
    """Whether a conversation stays with its replica."""
    sticky_s: Annotated[int, Reaches(TARGETS, "stickiness.cookieDuration")]
    deregistration_delay_s: Annotated[int, Reaches(TARGETS, "deregistrationDelay")]
    capacity_units: int | None
    """Load balancer capacity units at the peak; null without one."""
    reserved_units: Annotated[
        int | None, Reaches(BALANCER, "minimumLoadBalancerCapacity.capacityUnits")
    ]
    """Capacity units that stand ready without traffic; null where the balancer grows by itself."""
    health_interval_s: Annotated[int, Reaches(TARGETS, "healthCheck.interval")]
    health_timeout_s: Annotated[int, Reaches(TARGETS, "healthCheck.timeout")]
    health_checks: Annotated[
        int,
        Reaches(TARGETS, "healthCheck.unhealthyThreshold"),
        Reaches(TARGETS, "healthCheck.healthyThreshold"),
    ]
    """Checks in a row that change a replica's state."""
    blind_s: int
    """Longest time for which a dead replica still gets requests."""
    certificate_arn: Annotated[str | None, Reaches(LISTENER, "certificateArn")]
    protected: Annotated[bool, Reaches(BALANCER, "enableDeletionProtection")]


class DatabasePlan(Part):
    stored_bytes: int
    """Bytes that it holds when retention is full."""
    min_acu: Annotated[Number, Reaches(AURORA, "serverlessv2ScalingConfiguration.minCapacity")]
    max_acu: Annotated[Number, Reaches(AURORA, "serverlessv2ScalingConfiguration.maxCapacity")]
    instances: Annotated[int, Reaches("aws:rds/clusterInstance:ClusterInstance", "")]
    backup_days: Annotated[int, Reaches(AURORA, "backupRetentionPeriod")]
    engine_version: Annotated[str, Reaches(AURORA, "engineVersion")]
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    protected: Annotated[bool, Reaches(AURORA, "deletionProtection")]


class BucketPlan(Part):
    """One object bucket; `expire_days` is null when its objects are kept."""

    role: Annotated[str, Reaches("aws:s3/bucket:Bucket", "")]
    stored_bytes: int
    """Bytes that it holds when retention is full."""
    expire_days: Annotated[int | None, Reaches(LIFECYCLE, "rules.0.expiration.days")]
    noncurrent_days: Annotated[
        int, Reaches(LIFECYCLE, "rules.0.noncurrentVersionExpiration.noncurrentDays")
    ]
    """Days for which a replaced or deleted object can be brought back."""
    protected: Annotated[bool, Reaches("aws:s3/bucket:Bucket", "forceDestroy")]


class ServingPlan(Part):
    """The floor Deployment: it fills every replica slot of the floor nodes, spare ones included.

    The bucket holds a checkpoint in the stated precision; the engine reads the format from it.
    """

    pool: Annotated[str, Reaches(DEPLOYMENT, "spec.template.spec.nodeSelector")]
    replicas: Annotated[int, Reaches(DEPLOYMENT, "spec.replicas")]
    max_unavailable: Annotated[
        int,
        Reaches(BUDGET, "spec.maxUnavailable"),
        Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable"),
    ]
    model: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    image: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.image")]
    copy_image: Annotated[str, Reaches(DEPLOYMENT, "spec.template.spec.initContainers.0.image")]
    gpus_per_replica: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.limits.nvidia.com/gpu"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.args"),
    ]
    cpu_millicores: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.cpu")]
    memory_mib: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.memory"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.limits.memory"),
    ]
    shared_memory_mib: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.volumes")]
    max_num_seqs: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    max_model_len: Annotated[int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    gpu_memory_utilisation: Annotated[Number, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    compute_precision: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    kv_precision: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    weights_prefix: Annotated[str, Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args")]
    """Of the bucket, below which the files are."""
    weights_folder: Annotated[
        str,
        Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.args"),
    ]
    """Of the service on each node."""
    weights_ready: Annotated[str, Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args")]
    """The object that is uploaded last."""
    wait_s: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args"),
        Reaches(DEPLOYMENT, "spec.progressDeadlineSeconds"),
    ]
    weights_path: Annotated[str, Reaches(DEPLOYMENT, "spec.template.spec.volumes")]
    copy_s: Annotated[int, Reaches(DEPLOYMENT, "spec.progressDeadlineSeconds")]
    start_s: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.startupProbe.failureThreshold"),
        Reaches(DEPLOYMENT, "spec.progressDeadlineSeconds"),
    ]
    stop_s: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds")]


class ChoicePlan(Part):
    """The hardware, who chose it, and what its nodes cost."""

    instance_type: str
    """EC2 instance type."""
    tensor_parallel: int
    precision: str
    """Precision of the weights."""
    chosen_by: str
    """workload, lock or ranking."""
    usd_per_hour: Number | None
    """Of one node on demand; null where no source says it."""
    price_source: str | None
    """Where the price is from."""
    price_checked: str | None
    """Day on which it was."""
    rates_for: str | None
    """Digest of what the calibrated rates follow from, for the lock; null by other methods."""
    pool_usd_per_month: Number | None
    """Nodes alone; all else comes on top."""


class GroupServingPlan(ServingPlan):
    """The floor of a service whose replicas span nodes: a LeaderWorkerSet in each zone.

    Its numbers of GPUs and bytes are of one pod, `gpus_per_replica` apart.
    """

    pool: Annotated[
        str, Reaches(GROUPS, f"{LEADER}.nodeSelector"), Reaches(GROUPS, f"{WORKER}.nodeSelector")
    ]
    replicas: int
    groups_by_zone: Annotated[dict[str, int], Reaches(GROUPS, "spec.replicas")]
    nodes_per_replica: Annotated[int, Reaches(GROUPS, "spec.leaderWorkerTemplate.size")]
    max_unavailable: Annotated[int, Reaches(BUDGET, "spec.maxUnavailable")]
    rollout_groups: Annotated[
        int, Reaches(GROUPS, "spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable")
    ]
    model: Annotated[str, Reaches(GROUPS, f"{LEADER}.containers.0.args")]
    image: Annotated[
        str,
        Reaches(GROUPS, f"{LEADER}.containers.0.image"),
        Reaches(GROUPS, f"{WORKER}.containers.0.image"),
    ]
    copy_image: Annotated[str, Reaches(GROUPS, f"{WORKER}.initContainers.0.image")]
    gpus_per_replica: int
    gpus_per_pod: Annotated[
        int,
        Reaches(GROUPS, f"{LEADER}.containers.0.resources.limits.nvidia.com/gpu"),
        Reaches(GROUPS, f"{WORKER}.containers.0.resources.limits.nvidia.com/gpu"),
    ]
    efa_interfaces: Annotated[
        int,
        Reaches(GROUPS, f"{LEADER}.containers.0.resources.limits.vpc.amazonaws.com/efa"),
        Reaches(GROUPS, f"{WORKER}.containers.0.resources.limits.vpc.amazonaws.com/efa"),
    ]
    tensor_parallel: Annotated[int, Reaches(GROUPS, f"{LEADER}.containers.0.args")]
    pipeline_parallel: Annotated[int, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    cpu_millicores: Annotated[int, Reaches(GROUPS, f"{LEADER}.containers.0.resources.requests.cpu")]
    memory_mib: Annotated[
        int,
        Reaches(GROUPS, f"{LEADER}.containers.0.resources.requests.memory"),
        Reaches(GROUPS, f"{WORKER}.containers.0.resources.limits.memory"),
    ]
    shared_memory_mib: Annotated[int, Reaches(GROUPS, f"{LEADER}.volumes")]
    max_num_seqs: Annotated[int, Reaches(GROUPS, f"{LEADER}.containers.0.args")]
    max_model_len: Annotated[int | None, Reaches(GROUPS, f"{LEADER}.containers.0.args")]
    gpu_memory_utilisation: Annotated[Number, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    compute_precision: Annotated[str, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    kv_precision: Annotated[str, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    weights_prefix: Annotated[str, Reaches(GROUPS, f"{LEADER}.initContainers.0.args")]
    weights_folder: Annotated[
        str,
        Reaches(GROUPS, f"{WORKER}.initContainers.0.args"),
        Reaches(GROUPS, f"{WORKER}.containers.0.args"),
    ]
    weights_ready: Annotated[str, Reaches(GROUPS, f"{WORKER}.initContainers.0.args")]
    wait_s: Annotated[int, Reaches(GROUPS, f"{WORKER}.initContainers.0.args")]
    weights_path: Annotated[str, Reaches(GROUPS, f"{WORKER}.volumes")]
    copy_s: int
    start_s: Annotated[int, Reaches(GROUPS, f"{LEADER}.containers.0.startupProbe.failureThreshold")]
    stop_s: Annotated[
        int,
        Reaches(GROUPS, f"{LEADER}.terminationGracePeriodSeconds"),
        Reaches(GROUPS, f"{WORKER}.terminationGracePeriodSeconds"),
    ]


class ImportPlan(Part):
    """The Job that copies the model's files from their source into the bucket of weights."""

    source: str
    """hub, s3 or image; which one in particular is an input."""
    prefix: Annotated[str, Reaches(JOB, f"{CONTAINER}.0.args")]
    image: Annotated[str, Reaches(JOB, f"{CONTAINER}.0.image")]
    most_bytes: Annotated[int, Reaches(JOB, f"{CONTAINER}.0.args")]
    """More are refused: the nodes have no room for them."""
    import_s: Number
    """Seconds that the import takes."""
    deadline_s: Annotated[int, Reaches(JOB, "spec.activeDeadlineSeconds")]
    scratch_gib: Annotated[int | None, Reaches(JOB, "spec.template.spec.volumes")]
    """GiB of the node's disk for the files of an image; null for what is streamed."""


class BurstPlan(Part):
    """The burst Deployment: from none to `replicas`, on nodes that come and go with them."""

    nodes: int
    gpus: int
    """The ceiling less the floor."""
    replicas: Annotated[int, Reaches(SCALED_OBJECT, "spec.maxReplicaCount")]
    max_unavailable: Annotated[
        int,
        Reaches(BUDGET, "spec.maxUnavailable"),
        Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable"),
    ]
    in_flight_sized: Number
    """Requests in flight on one replica for which it is sized."""
    in_flight_target: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.threshold"),
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.query"),
    ]
    """Requests in flight on one replica, waiting ones included, beyond which another is wanted."""
    cooldown_s: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.cooldownPeriod"),
        Reaches(
            SCALED_OBJECT,
            "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown"
            ".stabilizationWindowSeconds",
        ),
    ]


class QuotaPlan(Part):
    """What all pods of a service's namespace together may ask of the cluster.

    A replica that leaves counts until it is gone, and its successor counts already.
    """

    gpus: Annotated[int, Reaches(QUOTA, "spec.hard.requests.nvidia.com/gpu")]
    pods: Annotated[int, Reaches(QUOTA, "spec.hard.pods")]


class ServicePlan(Part):
    name: str
    """Name of the service."""
    kind: str
    """text, chat, image or video."""
    inputs: Workload
    """What the workload file says, defaults filled in."""
    traffic: TrafficPlan
    """Requests and users."""
    capacity: CapacityPlan | None
    """The rate of one GPU; null where no method is given."""
    calibrated: CalibratedPlan | None
    """What the calibrated method says; null where it has no form for it."""
    methods: tuple[MethodPlan, ...]
    """Side by side."""
    choice: ChoicePlan | None
    """The hardware and its price; null without a pool."""
    states: tuple[StatePlan, ...]
    """The fleet in each of its states."""
    rollout: RolloutPlan | None
    """How a new version is rolled out; null without an engine."""
    memory: MemoryPlan
    """What the model takes of a card."""
    pool: PoolPlan | None
    """Its nodes; null where nothing serves it."""
    rejected: tuple[Rejected, ...]
    """Options that were not taken."""
    storage: StoragePlan
    """Bytes that it keeps."""
    network: TransferPlan
    """Bytes that it moves."""
    cost: None = None
    """Null: this version does not price."""
    volumes: VolumePlan | None
    """Disks of its nodes; null without a pool."""
    gateway: GatewayPlan | None
    """Its load balancer; null without an engine."""
    database: DatabasePlan | None
    """Its database; null where it keeps no data."""
    buckets: tuple[BucketPlan, ...]
    """Its buckets."""
    weights_import: ImportPlan | None
    """How its bucket of weights is filled; null where you fill it."""
    serving: GroupServingPlan | ServingPlan | None
    """Its engine; null where this version builds none."""
    quota: QuotaPlan | None
    """Bounds of its namespace; null without an engine."""
    burst: BurstPlan | None
    """Null without `capacity.burst_gpus`."""


class NodeAddressPlan(Part):
    """Private addresses that one node takes for itself and its pods."""

    pods: int
    """Pods that take an address."""
    interfaces: int
    """Network interfaces that the pods need."""
    addresses_per_interface: int
    """The interface's own and those for pods."""


class BurstPoolPlan(Part):
    """Nodes that Karpenter may add to a pool, and takes away again."""

    nodes: int
    """Nodes that may be added at most."""
    gpus: Annotated[int, Reaches(NODE_POOL, "spec.limits.nvidia.com/gpu")]
    zones: Annotated[
        tuple[str, ...],
        Reaches(NODE_POOL, "spec.template.spec.requirements"),
        Reaches(NODE_CLASS, "spec.subnetSelectorTerms"),
    ]
    image: Annotated[str, Reaches(NODE_CLASS, "spec.amiSelectorTerms.0.alias")]
    idle_s: Annotated[int, Reaches(NODE_POOL, "spec.disruption.consolidateAfter")]
    node_hours: Annotated[int, Reaches(NODE_POOL, "spec.template.spec.expireAfter")]
    drain_s: Annotated[int, Reaches(NODE_POOL, "spec.template.spec.terminationGracePeriod")]


class InterconnectPlan(Part):
    """The fast path between nodes that share a replica."""

    first_interface: Annotated[str, Reaches(TEMPLATE, "networkInterfaces.0.interfaceType")]
    """Of network card 0, which bears the node's address: efa where the card can."""
    efa_only_interfaces: Annotated[int, Reaches(TEMPLATE, "networkInterfaces")]
    """One on each other card; they take no address."""
    placement: Annotated[str | None, Reaches(PLACEMENT, "strategy")]
    """Of the nodes of one zone; null where capacity bought ahead decides it."""


class NodePool(Part):
    """GPU nodes of one instance type and source, shared by the services that use them."""

    name: str
    """Instance type, replica size and source of capacity, in a form fit for Kubernetes."""
    instance_type: Annotated[str, Reaches(TEMPLATE, "instanceType")]
    ami_type: Annotated[str, Reaches(NODE_GROUP, "amiType")]
    ami_release: Annotated[str | None, Reaches(NODE_GROUP, "releaseVersion")]
    gpu: Annotated[str, Reaches(NODE_GROUP, "labels.sizewright.dev/gpu")]
    nodes_by_zone: Annotated[
        dict[str, int],
        Reaches(NODE_GROUP, "scalingConfig.desiredSize"),
        Reaches(NODE_GROUP, "scalingConfig.minSize"),
        Reaches(NODE_GROUP, "scalingConfig.maxSize"),
    ]
    repairs_at_once: Annotated[
        int, Reaches(NODE_GROUP, "nodeRepairConfig.maxParallelNodesRepairedCount")
    ]
    """Of one zone's nodes: all zones together stay within the spare, where there is one each."""
    repair_stops_above: Annotated[
        int, Reaches(NODE_GROUP, "nodeRepairConfig.maxUnhealthyNodeThresholdCount")
    ]
    """Unhealthy nodes of one zone beyond which a person must look."""
    updated_at_once: Annotated[int, Reaches(NODE_GROUP, "updateConfig.maxUnavailable")]
    """Nodes of one zone that a new image or version takes; zones follow one another."""
    update_timeout_s: int
    """Seconds after which the update of one zone's nodes is given up."""
    capacity_source: Annotated[CapacitySource, Reaches(NODE_GROUP, "capacityType")]
    reservation_by_zone: Annotated[
        dict[str, str],
        Reaches(
            TEMPLATE,
            "capacityReservationSpecification.capacityReservationTarget.capacityReservationId",
        ),
    ]
    volumes: PoolVolumePlan
    """Disks of its nodes."""
    addresses: NodeAddressPlan
    """Addresses of one node."""
    interconnect: InterconnectPlan | None
    """Null unless a replica spans nodes."""
    burst: BurstPoolPlan | None
    """Nodes above the floor; null without a burst."""
    services: tuple[str, ...]
    """Services that run on it."""

    @property
    def nodes_at_most(self) -> int:
        """Nodes of the floor and of the burst together."""
        return sum(self.nodes_by_zone.values()) + (self.burst.nodes if self.burst else 0)

    def nodes_at_most_in(self, zone: str) -> int:
        """Nodes that may stand in a zone: all of the burst may come to the same one."""
        floor, burst = self.nodes_by_zone.get(zone, 0), self.burst
        return floor + (burst.nodes if burst is not None and zone in burst.zones else 0)


class SystemPool(Part):
    """Nodes for what the cluster itself runs."""

    instance_type: Annotated[str, Reaches(TEMPLATE, "instanceType")]
    ami_type: Annotated[str, Reaches(NODE_GROUP, "amiType")]
    nodes_total: Annotated[int, Reaches(NODE_GROUP, "scalingConfig.desiredSize")]
    root_gib: Annotated[int, Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize")]
    addresses: NodeAddressPlan
    """Addresses of one node."""


class AddressPlan(Part):
    """Private addresses of one zone: by whom they are taken, needed with the spare, there."""

    gpu_nodes: int
    """Addresses of GPU nodes."""
    pods: int
    """Addresses of pods."""
    system_nodes: int
    """Addresses of system nodes."""
    load_balancers: int
    """Addresses of load balancers."""
    endpoints: int
    """Addresses of interface endpoints."""
    databases: int
    """Addresses of database instances."""
    control_plane: int
    """Addresses that the control plane takes."""
    needed: int
    """Addresses needed in all, the spare included."""
    capacity: int | None
    """Null where the subnet's range is not known."""
    smallest_prefix: int
    """Prefix of the smallest subnet that would hold what is needed."""


class SubnetPlan(Part):
    zone: Annotated[str, Reaches("aws:ec2/subnet:Subnet", "availabilityZoneId")]
    private_cidr: Annotated[
        str, Reaches("aws:ec2/subnet:Subnet", "cidrBlock"), Reaches(NETWORK_POLICY, "spec.ingress")
    ]
    public_cidr: Annotated[str, Reaches("aws:ec2/subnet:Subnet", "cidrBlock")]
    nat: Annotated[bool, Reaches("aws:ec2/natGateway:NatGateway", "")]
    addresses: AddressPlan
    """Addresses of the private subnet."""


class EndpointPlan(Part):
    service: Annotated[str, Reaches(ENDPOINT, "serviceName")]
    """The AWS service behind it: the end of the endpoint's service name."""


class UsedSubnetPlan(Part):
    """A zone's private subnet that stands; its id is null where another stack knows it."""

    zone: str
    """Zone id."""
    subnet_id: Annotated[str | None, Reaches(NODE_GROUP, "subnetIds")]
    public_subnet_id: str | None
    """Public subnet of the zone, for public load balancers."""
    private_cidr: str | None
    """Null where nobody stated it."""
    addresses: AddressPlan
    """Addresses of the subnet."""


class UsedNetworkPlan(Part):
    """A VPC that stands; its id is null where another stack knows it."""

    vpc_id: Annotated[str | None, Reaches(TARGETS, "vpcId")]
    subnets: tuple[UsedSubnetPlan, ...]
    """Private subnets, one a zone."""


class NetworkPlan(Part):
    """One of `used` and `subnets` is empty."""

    vpc_cidr: Annotated[
        str,
        Reaches("aws:ec2/vpc:Vpc", "cidrBlock"),
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
        Reaches("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "cidrIpv4"),
    ]
    used: UsedNetworkPlan | None
    """The VPC that stands; null where one is made."""
    subnets: tuple[SubnetPlan, ...]
    """Subnets that are made, one pair a zone."""
    interface_endpoints: tuple[EndpointPlan, ...]
    """Private ways to AWS services."""
    flow_log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]

    @property
    def zones(self) -> tuple[SubnetPlan | UsedSubnetPlan, ...]:
        """The private subnets, whoever made them."""
        return self.subnets if self.used is None else self.used.subnets

    @property
    def private_cidrs(self) -> list[str]:
        """Ranges of the private subnets; the network's where they are not known."""
        known = [zone.private_cidr for zone in self.zones if zone.private_cidr is not None]
        return known or [self.vpc_cidr]

    @property
    def public_cidrs(self) -> list[str]:
        """Ranges of the public subnets; the network's where they are not known."""
        return [subnet.public_cidr for subnet in self.subnets] or [self.vpc_cidr]


class UsedKeysPlan(Part):
    """ARNs of keys that stand, by class of data; null where the stack makes its own."""

    cluster: Annotated[
        str | None, Reaches("aws:eks/cluster:Cluster", "encryptionConfig.provider.keyArn")
    ]
    volumes: Annotated[str | None, Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.kmsKeyId")]
    data: Annotated[str | None, Reaches(AURORA, "kmsKeyId")]
    weights: Annotated[
        str | None,
        Reaches(ENCRYPTION, "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId"),
    ]
    logs: Annotated[str | None, Reaches(LOGS, "kmsKeyId")]


class KeysPlan(Part):
    """The KMS keys of the stack, one a class of data that it has."""

    used: UsedKeysPlan | None
    """Keys that stand, by ARN."""
    made: tuple[str, ...]
    """Classes of data whose key the stack makes."""
    deletion_days: Annotated[int, Reaches(KEY, "deletionWindowInDays")]
    protected: bool
    """Whether the keys are protected from deletion."""


class UsedClusterPlan(Part):
    """A cluster that stands."""

    name: Annotated[str, Reaches(NODE_GROUP, "clusterName")]
    endpoint: Annotated[str, Reaches(KUBERNETES, "kubeconfig")]
    certificate_authority: Annotated[str, Reaches(KUBERNETES, "kubeconfig")]
    security_group_id: Annotated[
        str, Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupId")
    ]
    load_balancer_controller_role: Annotated[
        str | None, Reaches("aws:iam/rolePolicy:RolePolicy", "role")
    ]
    node_autoscaler_role: Annotated[str | None, Reaches("aws:iam/rolePolicy:RolePolicy", "role")]


class StackPlan(Part):
    name: Annotated[str, Reaches(STACK_REFERENCE, "name")]


class AccessPlan(Part):
    """Who gets into the cluster's API."""

    creator: Annotated[
        bool,
        Reaches("aws:eks/cluster:Cluster", "accessConfig.bootstrapClusterCreatorAdminPermissions"),
    ]
    """Whether whoever makes the cluster administers it."""
    policies: Annotated[
        dict[str, str],
        Reaches("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "policyArn"),
    ]
    """Access policy by role."""


class ClusterPlan(Part):
    """With `used` and `stack` null it is made here."""

    used: UsedClusterPlan | None
    """The cluster that stands, by its ids."""
    stack: StackPlan | None
    """Stack of this program that made cluster and network."""
    access: AccessPlan
    """Who gets into the cluster that is made."""
    controller_elsewhere: bool
    """Whether the cluster's owner runs the load balancer controller."""
    node_autoscaler_elsewhere: bool
    """Whether the cluster's owner runs Karpenter."""
    kubernetes_version: Annotated[
        str, Reaches("aws:eks/cluster:Cluster", "version"), Reaches(NODE_GROUP, "version")
    ]
    end_of_support: str
    """Day on which the version's standard support ends."""
    node_groups: int
    """Managed node groups of the stack."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    protected: Annotated[bool, Reaches("aws:eks/cluster:Cluster", "deletionProtection")]


class UsedZonePlan(Part):
    zone_id: Annotated[str, Reaches(RECORD, "zoneId")]


class CreatedZonePlan(Part):
    domain: Annotated[str, Reaches(ZONE, "name")]
    parent_zone_id: Annotated[str | None, Reaches(RECORD, "zoneId")]
    protected: bool
    """Whether the zone is protected from deletion."""


class DnsPlan(Part):
    """Names of the services, and the certificate for them; one of `used` and `created` is null."""

    used: UsedZonePlan | None
    """The hosted zone that stands."""
    created: CreatedZonePlan | None
    """The hosted zone that is made."""
    hosts: Annotated[dict[str, str], Reaches(RECORD, "name")]
    """Name by service."""
    certificate_domain: Annotated[str | None, Reaches(CERTIFICATE, "domainName")]
    """Of the certificate that is made; null where the site has one."""


class RolesPlan(Part):
    """What the account asks of every IAM role."""

    path: Annotated[str, Reaches(ROLE, "path")]
    permissions_boundary_arn: Annotated[str | None, Reaches(ROLE, "permissionsBoundary")]


class ChartPlan(Part):
    """A Helm release at an exact version."""

    chart: Annotated[str, Reaches(RELEASE, "chart")]
    version: Annotated[str, Reaches(RELEASE, "version")]
    repository: Annotated[str, Reaches(RELEASE, "repositoryOpts.repo")]
    timeout_s: Annotated[int, Reaches(RELEASE, "timeout")]


class ControllerPlan(ChartPlan):
    """A Helm release whose pods stand in for each other."""

    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class OciChartPlan(ChartPlan):
    """A Helm release from an OCI registry, which has no index of charts."""

    repository: Annotated[str, Reaches(RELEASE, "chart")]


class NodeAutoscalerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicas")]


class PodAutoscalerPlan(ChartPlan):
    replicas: Annotated[
        int,
        Reaches(RELEASE, "values.operator.replicaCount"),
        Reaches(RELEASE, "values.metricsServer.replicaCount"),
    ]


class MetricsPlan(ChartPlan):
    """The Prometheus that the pod autoscaler asks; it scrapes engines and nothing else."""

    scrape_s: Annotated[int, Reaches(RELEASE, "values.server.global.scrape_interval")]
    kept_hours: Annotated[int, Reaches(RELEASE, "values.server.retention")]
    services: Annotated[tuple[str, ...], Reaches(RELEASE, "values.scrapeConfigs.engines")]
    """Services that burst: what it scrapes is in their namespaces."""


class GroupControllerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class InterconnectPluginPlan(ChartPlan):
    """Offers EFA interfaces to pods."""

    instance_types: Annotated[
        tuple[str, ...], Reaches(RELEASE, "values.supportedInstanceLabels.values")
    ]


class BurstServicesPlan(Part):
    """What adds replicas and nodes while the load asks for them; null where the cluster's owner
    runs it, or nothing would use it."""

    node_definitions: OciChartPlan | None
    """Chart of the definitions that Karpenter's objects need."""
    node_autoscaler: NodeAutoscalerPlan | None
    """Karpenter."""
    pod_autoscaler: PodAutoscalerPlan | None
    """KEDA."""
    metrics: MetricsPlan | None
    """Prometheus."""


class ClusterServicesPlan(Part):
    """What runs in the cluster beside the services; null where nothing would use it."""

    device_plugin: ChartPlan | None
    """Offers GPUs to pods."""
    load_balancer_controller: ControllerPlan | None
    """Registers pods with load balancers."""
    group_controller: GroupControllerPlan | None
    """Keeps the pods of a replica over several nodes together."""
    interconnect_plugin: InterconnectPluginPlan | None
    """Offers the fast path between nodes."""
    burst: BurstServicesPlan | None
    """What adds replicas and nodes under load."""


class Plan(Part):
    """What a stack needs, number by number; names end in the unit."""

    schema_version: str = SCHEMA_VERSION
    """Version of this form."""
    catalog_digest: str
    """Digest of the catalog's files."""
    site: Site
    """Where it runs, as the stack file says, defaults filled in."""
    services: tuple[ServicePlan, ...]
    """One a workload file, in the order given."""
    pools: tuple[NodePool, ...]
    """Node groups, shared by the services of the same type and source of capacity."""
    system: SystemPool | None
    """Null where the cluster is another owner's."""
    network: NetworkPlan
    """The network, made or used."""
    keys: KeysPlan
    """KMS keys, made or used."""
    dns: DnsPlan | None
    """Names and certificate; null without a hosted zone."""
    roles: RolesPlan
    """What every IAM role has."""
    cluster: ClusterPlan
    """The EKS cluster, made or used."""
    cluster_services: ClusterServicesPlan
    """What runs in the cluster beside the services."""
    access_logs: BucketPlan | None
    """Bucket of the load balancers' logs; null where there is none."""
    unverified: tuple[str, ...]
    """Pins that nobody has checked against their registry."""

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the plan's canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def service(self, name: str) -> ServicePlan:
        """The service of that name. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values, the form of `size --json`."""
        return self.model_dump(mode="json")
