"""The replicas of a service in the cluster."""

import operator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import (
    BUDGET,
    CONTAINER,
    DEPLOYMENT,
    GROUPS,
    INIT_CONTAINER,
    JOB,
    LEADER,
    QUOTA,
    SCALED_OBJECT,
    WORKER,
    Reaches,
)
from sizing.values.exact import Number


class LimitsBy(StrEnum):
    """What holds requests to their limits."""

    engine = "engine"
    """Options of the engine's own."""
    admission = "admission"
    """Our check inside the engine's server, where this version lacks an option."""
    nothing = "nothing"
    """Nobody: nothing says that this version could."""


class ServingPlan(Part):
    """The floor: a Deployment in each zone, in every replica slot of its nodes, spares included.

    The bucket holds a checkpoint in the stated precision; the engine reads the format from it.
    """

    pool: Annotated[str, Reaches(DEPLOYMENT, "spec.template.spec.nodeSelector")]
    replicas: int
    """Replicas of all zones."""
    replicas_by_zone: Annotated[dict[str, int], Reaches(DEPLOYMENT, "spec.replicas")]
    max_unavailable: Annotated[int, Reaches(BUDGET, "spec.maxUnavailable")]
    """Replicas that drains may take at once, over all zones."""
    rollout_by_zone: Annotated[
        dict[str, int], Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable")
    ]
    """Replicas of each zone that a rollout takes at once."""
    zones_take_turns: bool
    """Whether a rollout must take one zone after another to stay within the spare replicas."""
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
    waiting: int
    """Requests that may wait before a full batch."""
    in_flight: Annotated[int, Reaches(DEPLOYMENT, CONTAINER)]
    """Sequences that run or wait at most; 503 beyond."""
    sequences_per_request: Annotated[int | None, Reaches(DEPLOYMENT, CONTAINER)]
    """Most sequences of one request: its prompts x its answers; null where nothing counts them."""
    limits_by: LimitsBy
    """What holds requests to these limits."""
    keep_alive_s: Annotated[int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.env")]
    """Seconds that the engine keeps an idle connection; null where it cannot be asked for it."""
    as_root: Annotated[bool, Reaches(DEPLOYMENT, f"{CONTAINER}.0.securityContext")]
    """Whether the engine runs as root: its image has no other user, as far as is known."""
    encrypted: Annotated[
        bool,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.readinessProbe.httpGet"),
        Reaches(DEPLOYMENT, "spec.template.spec.volumes"),
        Field(default=False, exclude_if=operator.not_),
    ]
    """Whether the engine serves HTTPS."""
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


class GroupServingPlan(ServingPlan):
    """The floor of a service whose replicas span nodes: a LeaderWorkerSet in each zone.

    Its numbers of GPUs and bytes are of one pod, `gpus_per_replica` apart.
    """

    pool: Annotated[
        str, Reaches(GROUPS, f"{LEADER}.nodeSelector"), Reaches(GROUPS, f"{WORKER}.nodeSelector")
    ]
    replicas_by_zone: Annotated[dict[str, int], Reaches(GROUPS, "spec.replicas")]
    nodes_per_replica: Annotated[int, Reaches(GROUPS, "spec.leaderWorkerTemplate.size")]
    rollout_by_zone: Annotated[
        dict[str, int],
        Reaches(GROUPS, "spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable"),
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
    in_flight: Annotated[int, Reaches(GROUPS, f"{LEADER}.containers")]
    sequences_per_request: Annotated[int | None, Reaches(GROUPS, f"{LEADER}.containers")]
    keep_alive_s: Annotated[int | None, Reaches(GROUPS, f"{LEADER}.containers.0.env")]
    as_root: Annotated[bool, Reaches(GROUPS, f"{WORKER}.containers.0.securityContext")]
    encrypted: Annotated[
        bool,
        Reaches(GROUPS, f"{LEADER}.containers.0.readinessProbe.httpGet"),
        Reaches(GROUPS, f"{LEADER}.volumes"),
        Field(default=False, exclude_if=operator.not_),
    ]
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
