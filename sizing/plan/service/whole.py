"""One service in full."""

from sizing.plan.part import Part, Rejected
from sizing.plan.service.capacity import (
    CalibratedPlan,
    CapacityPlan,
    ChoicePlan,
    MethodPlan,
    OwnRunsPlan,
    RolloutPlan,
    StatePlan,
    TrafficPlan,
)
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.latency import Contradiction, LatencyPlan
from sizing.plan.service.memory import MemoryPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import (
    BurstPlan,
    GroupServingPlan,
    ImportPlan,
    QuotaPlan,
    ServingPlan,
)
from sizing.plan.service.stores import BucketPlan, DatabasePlan, StoragePlan, TransferPlan
from sizing.workload import Workload


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
    own_runs: OwnRunsPlan | None
    """What the calibration file beside the workload did; null without one."""
    methods: tuple[MethodPlan, ...]
    """Side by side."""
    latency: LatencyPlan | None
    """Whether the latency targets hold; null without targets or without a pool."""
    contradictions: tuple[Contradiction, ...]
    """What in this answer refutes another part of it; empty without a pool."""
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
