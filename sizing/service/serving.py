"""How is the model served: which replicas, limits and engine flags?"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from sizing.catalog import Catalog, InstanceType
from sizing.fleet.zone_rollout import (
    gone_and_counted,
    replicas_by_zone,
    rollout_by_zone,
    zones_take_turns,
)
from sizing.locks.versions import image_reference
from sizing.model.memory import GPU_MEMORY_UTILISATION, UNQUANTISED
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.burst import AddedPlan
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.items.jobs import JobWorkerPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import (
    DraftPlan,
    EmbeddingServingPlan,
    GroupServingPlan,
    HostCacheServingPlan,
    ItemServingPlan,
    QuotaPlan,
    ServingPlan,
)
from sizing.plan.service.weights_import import ImportPlan
from sizing.plan.service.whole import ServicePlan
from sizing.replica.case import Case, Choice
from sizing.replica.fit import max_batched_tokens, max_num_seqs
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.item import item_of
from sizing.service.gateway import DRAIN_LIMIT_S, longest_answer_s
from sizing.service.prompt import prompt_plan
from sizing.service.request_limits import request_limits
from sizing.service.weights_import import weights_of
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.steps.diffusion import shared_cards
from sizing.values.exact import ceiling, exact, plain
from sizing.values.units import GIB, MIB
from sizing.workload import EngineName, EngineTraits, Precision, Workload
from sizing.workload.engines import unwatched
from sizing.workload.engines.traits import MemoryShare
from sizing.workload.kinds import EncoderPlacement, Kind, Runtime

COPY_IMAGE = "public.ecr.aws/aws-cli/aws-cli"
"""Item of data/pins.csv of the image that copies weights."""
BF16_CAPABILITY = Decimal("8.0")
DAEMON_CPU_MILLICORES, DAEMON_MEMORY_MIB = 500, 1024
"""Capacity of each node that remains free for log, network and device agents. Basis: assumed."""
SHARED_MEMORY_MIB_PER_GPU = 1024
"""Shared memory of the tensor-parallel workers, which exchange data through it. Basis: assumed."""
START_BYTES = GIB
"""Bytes of a card that an engine uses before it loads the weights. Basis: assumed, above 0.7 GiB of
a public log of SGLang on an RTX 3090 (2026-04)."""
MEMORY_STEP = 1000
"""Steps of a memory setting in one, so that it has three decimals. Basis: assumed."""
STOP_MARGIN_S = 30
"""Seconds to stop beyond the drain of the load balancer. A worker gives its job back within them.
Basis: assumed."""
TOKEN_BYTES = 16
"""Maximum bytes of a token of a text in a request. Basis: assumed; usual tokens have 3 to 5, and an
id in JSON has up to 8."""
NODE_START_S = 600
"""Seconds from an EC2 launch to a Ready node with its disks. Basis: assumed; 3 to 5 minutes are
usual."""
ENGINE_START_S = 600
"""Maximum start of the engine with its weights on the node. Basis: assumed."""
LOAD_MARGIN = 3
"""Maximum copy and read times of the weights over the planned ones. Basis: assumed."""
PIN_S_PER_GIB = Fraction(11, 100)
"""Seconds to pin one GiB of a cache in host memory. Basis: measured, 55.4 s for 511.96 GiB (vLLM
pull request 51081, 2026-08-04)."""


def allocatable(instance: InstanceType) -> tuple[int, int]:
    """Millicores and MiB of a node that pods may request.

    cpu = vCPU - (6 % of the first, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest)
    memory = 90 % of the nominal - 255 - 11 x max pods - 100 (eviction), less the daemons' share

    Basis: vendor, kubelet reservations of the EKS images; 90 % is assumed for firmware and kernel.
    """
    cores = instance.vcpu_count
    reserved = 60 + 10 * min(cores - 1, 1) + 5 * min(max(cores - 2, 0), 2)
    reserved += ceiling(Fraction(5, 2) * max(cores - 4, 0))
    pods = instance.max_pods or 110
    memory = int(instance.memory_gib * (GIB // MIB) * Decimal("0.9")) - 255 - 11 * pods - 100
    return cores * 1000 - reserved - DAEMON_CPU_MILLICORES, memory - DAEMON_MEMORY_MIB


def compute_precision(precision: Precision, capability: Decimal) -> str:
    """Precision of the engine's arithmetic: the weights' own format, or 16 bits for a quantised
    one.

    Basis: vendor; bfloat16 arithmetic from compute capability 8.0.
    """
    if precision in UNQUANTISED:
        return precision.value
    return "bf16" if capability >= BF16_CAPABILITY else "fp16"


def engine_image(
    traits: EngineTraits,
    precision: Precision,
    site: Site,
    catalog: Catalog,
    nodes_per_replica: int = 1,
) -> str:
    """Serving image by exact tag, and by digest where the lock or the site has one."""
    item = traits.image_item(precision, nodes_per_replica)
    repository, digest = item, None
    if nodes_per_replica == 1:
        repository = site.engine_image_repository or traits.repository
        digest = site.engine_image_digest
    return mirrored(image_reference(item, repository, catalog, digest), site.mirrors)


def service_image(service: ServicePlan) -> str:
    """Item of data/pins.csv for the image of a service that an engine serves."""
    if service.serving is None or service.choice is None or service.pool is None:
        raise ValueError(f"{service.name}: serving needs hardware")
    traits, precision = service.serving.engine.traits, Precision(service.choice.precision)
    return traits.image_item(precision, service.pool.nodes_per_replica)


def engines_of(services: Iterable[ServicePlan]) -> set[EngineName]:
    """Engines of these services."""
    return {service.serving.engine for service in services if service.serving is not None}


def copy_image(site: Site, catalog: Catalog) -> str:
    """Image that copies weights, by exact tag: the AWS CLI and the Python of its base."""
    return mirrored(image_reference(COPY_IMAGE, COPY_IMAGE, catalog), site.mirrors)


def serving_plan(
    case: Case,
    choice: Choice,
    *,
    pool: PoolPlan,
    volumes: VolumePlan,
    gateway: GatewayPlan | None,
    worker: JobWorkerPlan | None,
    rate: GpuRate,
    host_cache_gib: int | None = None,
) -> ServingPlan:
    """Return the floor of one service: Deployments, or groups of pods where a replica spans nodes.

    A service has a load balancer in front of its engines, or a worker next to each of them. The
    service of a stage has neither: other services call it.
    """
    one = _deployment_plan(
        case,
        choice,
        pool=pool,
        volumes=volumes,
        gateway=gateway,
        worker=worker,
        rate=rate,
        host_cache_gib=host_cache_gib,
    )
    instance, span = case.facts.instance, pool.nodes_per_replica
    if span == 1 or instance is None:
        return one
    # Guard: a leader with its weights waits for a member on a node that does not exist yet.
    start_s = one.start_s + NODE_START_S + one.copy_s
    return GroupServingPlan(
        **one.model_dump(exclude={"start_s"}),
        start_s=start_s,
        nodes_per_replica=span,
        gpus_per_pod=pool.gpus_per_replica // span,
        efa_interfaces=instance.efa_interfaces or 0,
        tensor_parallel=pool.tensor_parallel,
        pipeline_parallel=pool.pipeline_parallel,
    )


def _deployment_plan(
    case: Case,
    choice: Choice,
    *,
    pool: PoolPlan,
    volumes: VolumePlan,
    gateway: GatewayPlan | None,
    worker: JobWorkerPlan | None,
    rate: GpuRate,
    host_cache_gib: int | None = None,
) -> ServingPlan:
    """Return the floor Deployments of one service.

    Replicas fill every slot of the floor nodes, and a worker takes its part of the slot. Max
    unavailable is the spare replicas, and at least one node's replicas, because otherwise no node
    could ever be drained.
    """
    workload, facts, engine = case.workload, case.facts, case.workload.engine.name
    span = pool.nodes_per_replica
    if facts.instance is None or facts.gpu is None:
        raise ValueError("serving needs hardware")
    millicores, memory_mib = allocatable(facts.instance)
    capability = facts.gpu.compute_capability or Decimal(0)
    spare, by_zone = pool.replicas_total - pool.replicas_needed, replicas_by_zone(pool)
    name = facts.model.model if facts.model is not None else workload.name
    weights = weights_of(name, workload.model.source, engine.traits.weights_index)
    drafts = workload.engine.speculative
    limits = request_limits(
        workload=workload,
        catalog=case.catalog,
        tag=case.catalog.pin(engine.traits.image_item(facts.precision, span)).version,
        rate=rate,
        gpus_per_replica=pool.gpus_per_replica,
        max_num_seqs=max_num_seqs(workload, choice.fit),
        gateway=gateway,
    )
    return ServingPlan(
        engine=engine,
        pool=pool.name,
        replicas=pool.replicas_total,
        replicas_by_zone=by_zone,
        max_unavailable=max(spare, pool.replicas_per_node),
        rollout_by_zone=rollout_by_zone(by_zone, spare, survives_a_zone=pool.survives.any_zone),
        zones_take_turns=zones_take_turns(by_zone, spare),
        model=name,
        image=engine_image(engine.traits, facts.precision, case.site, case.catalog, span),
        copy_image=copy_image(case.site, case.catalog),
        weights_prefix=weights.prefix,
        weights_folder=weights.folder,
        weights_ready=weights.ready,
        wait_s=weights.wait_s,
        gpus_per_replica=pool.gpus_per_replica,
        cpu_millicores=millicores // pool.replicas_per_node
        - (0 if worker is None else worker.cpu_millicores),
        memory_mib=memory_mib // pool.replicas_per_node
        - (0 if worker is None else worker.memory_mib),
        shared_memory_mib=SHARED_MEMORY_MIB_PER_GPU * (pool.gpus_per_replica // span)
        + (host_cache_gib or 0) * (GIB // MIB),
        max_num_seqs=max_num_seqs(workload, choice.fit),
        max_model_len=longest_tokens(workload, choice),
        waiting=limits.waiting,
        in_flight=limits.in_flight,
        sequences_per_request=limits.sequences_per_request,
        limits_by=limits.by,
        keep_alive_s=limits.keep_alive_s,
        as_root=limits.as_root,
        encrypted=gateway is not None and gateway.encrypted,
        gpu_memory_utilisation=None
        if engine.traits.memory is None
        else memory_setting(
            engine.traits.memory, choice.fit.usable_bytes_per_gpu, facts.instance.gpu_memory_bytes
        ),
        compute_precision=compute_precision(facts.precision, capability),
        kv_precision=workload.engine.kv_precision
        if engine.traits.kv_formats and workload.kind.traits.generates
        else None,
        item=item_serving_plan(case, choice),
        embedding=embedding_serving_plan(case, choice),
        prompt=prompt_plan(workload, case.catalog),
        drafts=drafts and DraftPlan(method=drafts.method, tokens=drafts.draft_tokens),
        host_cache=None if host_cache_gib is None else HostCacheServingPlan(gib=host_cache_gib),
        unwatched=unwatched(workload.kind, engine, workload.latency),
        weights_path=volumes.weights_path,
        copy_s=ceiling(LOAD_MARGIN * exact(Decimal(str(volumes.download_s)))),
        start_s=ceiling(LOAD_MARGIN * exact(Decimal(str(volumes.load_s))))
        + ceiling(LOAD_MARGIN * PIN_S_PER_GIB * (host_cache_gib or 0))
        + ENGINE_START_S,
        stop_s=_drain_s(workload, gateway) + STOP_MARGIN_S,
    )


def longest_tokens(workload: Workload, choice: Choice) -> int | None:
    """Tokens of the longest sequence that the engine accepts; None where the engine decides."""
    return workload.request.context_tokens or choice.fit.max_context_tokens


def embedding_serving_plan(case: Case, choice: Choice) -> EmbeddingServingPlan | None:
    """Settings of an engine whose answers are vectors; None for other kinds.

    bytes of a request = texts of a full step x tokens of the longest text x 16

    Basis: arithmetic; the bytes of a token are assumed.
    """
    workload, model = case.workload, case.facts.model
    most, longest = max_batched_tokens(workload, choice.fit), longest_tokens(workload, choice)
    if most is None or longest is None:
        return None
    return EmbeddingServingPlan(
        max_batched_tokens=most,
        max_body_bytes=max_num_seqs(workload, choice.fit) * longest * TOKEN_BYTES,
        dimensions=None if model is None else model.dimensions,
    )


def _drain_s(workload: Workload, gateway: GatewayPlan | None) -> int:
    """Seconds in which a replica ends its answers after nothing new is sent to it."""
    if workload.access.service is not None:
        return min(ceiling(longest_answer_s(workload)), DRAIN_LIMIT_S)
    return 0 if gateway is None else gateway.deregistration_delay_s


def item_serving_plan(case: Case, choice: Choice) -> ItemServingPlan | None:
    """Settings of an engine that makes images or clips; None for text.

    Without them, a request that states no size and no steps gets the engine's defaults, which may
    take many times the sized seconds. Basis: as the item that was sized.
    """
    if case.made is None:
        return None
    item = item_of(case.workload, case.made.model)
    cards = shared_cards(choice.fit.tensor_parallel, item.passes)
    is_clip = case.workload.kind is Kind.video
    return ItemServingPlan(
        width=item.width,
        height=item.height,
        steps=item.steps,
        frames=item.frames if is_clip else None,
        max_pixels=None if is_clip else item.pixels,
        guidance_cards=cards.guidance,
        token_cards=cards.sequence,
        eager=case.workload.engine.runtime is Runtime.eager,
        offloaded=case.workload.model.encoder_placement is EncoderPlacement.offloaded,
    )


def memory_setting(share: MemoryShare, usable_bytes: int, card_bytes: int) -> float:
    """Engine's setting for memory, by which weights and KV cache get the sized bytes of a card.

    card: 0.90, the share that memory was sized with
    weights_and_kv: ceil(1,000 x usable / (card - 1 GiB)) / 1,000
    kv_of_rest: 0.90; of card - weights - runtime this is at least 0.90 x card - weights - runtime

    Basis: vendor (meaning of the settings); the 1 GiB is assumed.
    """
    match share:
        case MemoryShare.card | MemoryShare.kv_of_rest:
            return float(GPU_MEMORY_UTILISATION)
        case MemoryShare.weights_and_kv:
            steps = ceiling(Fraction(MEMORY_STEP * usable_bytes, card_bytes - START_BYTES))
            return plain(Fraction(steps, MEMORY_STEP))
        case _ as never:
            assert_never(never)


APPLICATION_JOBS = 2
"""Pods of an application, or of a page, besides those that answer: its setup, and the deletion of
due rows."""


def quota_plan(
    serving: ServingPlan,
    burst: AddedPlan | None,
    weights_import: ImportPlan | None,
    renditions: RenditionsPlan | None = None,
    answering: Sequence[ApplicationPlan | PagePlan | None] = (),
) -> QuotaPlan:
    """Limits of a service's namespace: its replicas, those of a rollout, and the pod of an import.

    Replicas are the service's own, those that terminate, and the burst's with their max
    unavailable. Those that terminate are the larger of max unavailable and a zone's replicas with
    those that rollouts of other zones take. GPUs = replicas x GPUs of one. Pods = replicas +
    import + workers of renditions and those of a zone + pods of an application, those that leave
    and 2 Jobs, and the same of a page + pods that keep documents and those of a zone; a group has
    as many pods as nodes.

    Basis: vendor. Kubernetes counts a terminating pod until its kubelet has ended it, and on a lost
    node until the node returns. It counts the successor at once, so without room for both no new
    pod starts.
    """
    taken = max(serving.max_unavailable, gone_and_counted(serving))
    pods_each = serving.nodes_per_replica if isinstance(serving, GroupServingPlan) else 1
    replicas = serving.replicas + taken
    if burst is not None:
        replicas += burst.replicas + burst.max_unavailable
    others, zones = 0, max(1, len(serving.replicas_by_zone))
    if renditions is not None and renditions.worker is not None:
        others = renditions.workers_total + -(-renditions.workers_total // zones)
    for each in answering:
        if each is not None and each.pods is not None:
            leaving = max(each.pods.taken_at_once, -(-each.pods_total // zones))
            others += each.pods_total + leaving + APPLICATION_JOBS
            documents = each.context if isinstance(each, ApplicationPlan) else None
            others += 0 if documents is None else documents.pods + -(-documents.pods // zones)
    return QuotaPlan(
        gpus=replicas * serving.gpus_per_replica,
        pods=replicas * pods_each + (weights_import is not None) + others,
    )
