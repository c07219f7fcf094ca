"""Replicas of a service in the cluster."""

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
    LEADER,
    QUOTA,
    WORKER,
    Reaches,
)
from sizing.plan.service.prompt import PromptPlan
from sizing.values.exact import Number
from sizing.values.strict import absent
from sizing.workload import DraftMethod, EngineName


class LimitsBy(StrEnum):
    """Enforcement of the limits of requests."""

    engine = "engine"
    """Options of the engine enforce them."""
    admission = "admission"
    """A check of this product in the engine's server enforces them, without such options."""
    worker = "worker"
    """The worker next to the engine sends one job at a time."""
    nothing = "nothing"
    """Nothing enforces them: no source states that this version can."""


class DraftPlan(Part):
    """Drafts of speculative decoding."""

    method: Annotated[DraftMethod, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Method that drafts tokens."""
    tokens: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Drafted tokens that a step verifies for each sequence."""


class HostCacheServingPlan(Part):
    """KV cache of a replica in host memory."""

    gib: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """GiB of the cache, for all GPUs of the replica together."""


class ItemServingPlan(Part):
    """Settings of an engine that makes images or clips: the sized item, and the cards for it."""

    width: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Pixels of a row where a request states no size."""
    height: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Pixels of a column where a request states no size."""
    steps: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Denoising steps where a request states none."""
    frames: Annotated[
        int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args"), Field(exclude_if=absent)
    ] = None
    """Frames of a clip where a request states none; left out for images."""
    max_pixels: Annotated[
        int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args"), Field(exclude_if=absent)
    ] = None
    """Maximum pixels of one image. Larger requests get 400. It is left out for clips, whose size
    the engine does not limit; the job API limits theirs."""
    guidance_cards: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """GPUs that compute the passes of one step at the same time."""
    token_cards: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """GPUs that share the tokens of one pass."""
    eager: Annotated[bool, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """True where kernels run one by one, without compilation."""
    offloaded: Annotated[bool, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """True where encoders and denoiser take the card in turns."""


class EmbeddingServingPlan(Part):
    """Settings of an engine whose answers are vectors, and of the check in front of it."""

    max_batched_tokens: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    """Maximum tokens of one step."""
    max_body_bytes: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.env")]
    """Maximum bytes of a request. Larger ones get 413."""
    dimensions: Annotated[
        int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.env"), Field(exclude_if=absent)
    ] = None
    """Elements of a vector, and the most that a request may state; left out where they are
    unknown."""


class ServingPlan(Part):
    """Floor: a Deployment in each zone, in every replica slot of its nodes, spares included.

    The bucket contains a checkpoint in the stated precision, and the engine reads the format from
    it.
    """

    engine: Annotated[
        EngineName, Field(default=EngineName.vllm, exclude_if=lambda name: name is EngineName.vllm)
    ]
    """Serving engine; left out where it is vLLM."""
    pool: Annotated[str, Reaches(DEPLOYMENT, "spec.template.spec.nodeSelector")]
    replicas: int
    """Replicas of all zones."""
    replicas_by_zone: Annotated[dict[str, int], Reaches(DEPLOYMENT, "spec.replicas")]
    max_unavailable: Annotated[int, Reaches(BUDGET, "spec.maxUnavailable")]
    """Replicas that drains may remove at once, over all zones."""
    rollout_by_zone: Annotated[
        dict[str, int], Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable")
    ]
    """Replicas of each zone that a rollout replaces at once."""
    zones_take_turns: bool
    """True where a rollout must change one zone after another to stay within the spare replicas."""
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
    """Requests that may wait for a full batch."""
    in_flight: Annotated[int, Reaches(DEPLOYMENT, CONTAINER)]
    """Maximum sequences that run or wait. Further requests get 503."""
    sequences_per_request: Annotated[int | None, Reaches(DEPLOYMENT, CONTAINER)]
    """Maximum sequences of one request: prompts x answers, or the texts of an embedding; null where
    nothing counts them."""
    limits_by: LimitsBy
    """Enforcement of these limits."""
    keep_alive_s: Annotated[int | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.env")]
    """Seconds that the engine keeps an idle connection; null where it has no option for it."""
    as_root: Annotated[bool, Reaches(DEPLOYMENT, f"{CONTAINER}.0.securityContext")]
    """True where the engine runs as root: no other user of its image is known."""
    encrypted: Annotated[
        bool,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.readinessProbe.httpGet"),
        Reaches(DEPLOYMENT, "spec.template.spec.volumes"),
        Field(default=False, exclude_if=operator.not_),
    ]
    """True where the engine serves HTTPS."""
    gpu_memory_utilisation: Annotated[Number | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    compute_precision: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    kv_precision: Annotated[str | None, Reaches(DEPLOYMENT, f"{CONTAINER}.0.args")]
    drafts: Annotated[DraftPlan | None, Field(default=None, exclude_if=absent)]
    """Speculative decoding; left out where nothing is drafted."""
    host_cache: Annotated[HostCacheServingPlan | None, Field(default=None, exclude_if=absent)]
    """KV cache in host memory; left out where only the GPUs cache."""
    item: Annotated[ItemServingPlan | None, Field(default=None, exclude_if=absent)]
    """Settings of an engine that makes images; left out for text."""
    embedding: Annotated[EmbeddingServingPlan | None, Field(default=None, exclude_if=absent)]
    """Settings of an engine whose answers are vectors; left out for other kinds."""
    prompt: Annotated[PromptPlan | None, Field(default=None, exclude_if=absent)]
    """Stages in front of the model; left out where it gets each prompt as it is."""
    unwatched: Annotated[str | None, Field(default=None, exclude_if=absent)]
    """Alerts on requests that the service lacks, and the reason; left out where it has all."""
    weights_prefix: Annotated[str, Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args")]
    """Prefix of the files in the bucket."""
    weights_folder: Annotated[
        str,
        Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.args"),
    ]
    """Folder of the service on each node."""
    weights_ready: Annotated[str, Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.args")]
    """Object that is uploaded last."""
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
    """Floor of a service whose replicas span nodes: a LeaderWorkerSet in each zone.

    Its numbers of GPUs and bytes are for one pod, except `gpus_per_replica`.
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
    gpu_memory_utilisation: Annotated[Number | None, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    compute_precision: Annotated[str, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
    kv_precision: Annotated[str | None, Reaches(GROUPS, f"{WORKER}.containers.0.args")]
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


class QuotaPlan(Part):
    """Limits of all pods in a service's namespace together.

    A replica that stops counts until it is gone, and its successor already counts.
    """

    gpus: Annotated[int, Reaches(QUOTA, "spec.hard.requests.nvidia.com/gpu")]
    pods: Annotated[int, Reaches(QUOTA, "spec.hard.pods")]
