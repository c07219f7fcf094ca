"""What does the KV cache in host memory save, at both ends of its hits?"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from sizing.model.memory import kv_copies
from sizing.plan.service.host_memory.host_cache import HostCachePlan, HostHitsPlan
from sizing.replica.case import Case, Choice
from sizing.replica.methods import MethodEstimate, estimate, gpus_at_rate
from sizing.replica.rate import prompt_hits
from sizing.service.host_memory.room import context_bytes, room_of
from sizing.values.exact import exact, plain
from sizing.values.units import GIB
from sizing.workload import KvOffload


def host_cache_plan(
    case: Case, choice: Choice, known: MethodEstimate | None, load: Fraction
) -> HostCachePlan | None:
    """Return the cache in host memory with both ends of its effect; None where the workload has
    none. Without a calibrated estimate, the effect is unknown."""
    offload, instance, each = (
        case.workload.engine.kv_offload,
        case.facts.instance,
        case.need.kv_bytes_per_token,
    )
    if offload is None or instance is None or each is None:
        return None
    link = case.catalog.host_link(instance.family)
    if link is None:
        raise ValueError(f"{instance.name} has no link between host memory and GPUs")
    cards = choice.fit.tensor_parallel
    room, copies = room_of(instance, cards), kv_copies(case.need.shape, cards)
    ends = (("low", offload.low), ("expected", offload.hit_ratio), ("high", offload.high))
    without = _gpus(case, choice, None, load) if known is not None else None
    return HostCachePlan(
        memory_mib=room.memory_mib,
        engine_mib=room.engine_mib,
        gib=room.gib,
        tokens=int(room.gib * GIB / (each * copies)),
        context_bytes=context_bytes(case, choice.fit),
        link_gb_per_s=plain(exact(link.gb_per_s) * instance.gpu_share),
        link_source=link.source,
        link_was_read=not link.unverified,
        gpus_needed_without=without,
        hits=() if known is None else tuple(_hits(case, choice, known, end, load) for end in ends),
    )


def _hits(
    case: Case, choice: Choice, known: MethodEstimate, end: tuple[str, Decimal], load: Fraction
) -> HostHitsPlan:
    """Effect of one end of the hits on the mean prompt, and on the GPUs, at the estimate that
    sizes."""
    replica, (name, ratio) = known.replica, end
    hits = prompt_hits(replica.steps, replica.lengths, float(ratio), replica.safe.times.slower)
    return HostHitsPlan(
        name=name,
        hit_ratio=plain(exact(ratio)),
        tokens=hits.tokens,
        computing_ms=hits.computing_ms,
        copying_ms=hits.copying_ms,
        saved_ms=hits.saved_ms,
        gpus_needed=_gpus(case, choice, ratio, load),
    )


def _gpus(case: Case, choice: Choice, ratio: Decimal | None, load: Fraction) -> int | None:
    """GPUs needed if this share hit for certain, or without the cache; None where no rate meets
    the targets."""
    offload = None if ratio is None else KvOffload(hit_ratio=ratio)
    engine = case.workload.engine.model_copy(update={"kv_offload": offload})
    workload = case.workload.model_copy(update={"engine": engine})
    found = estimate(replace(case, workload=workload), choice, load)
    if found is None:
        return None
    return gpus_at_rate(found.replica, found.replica.safe.rate, load)
