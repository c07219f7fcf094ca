"""How large is the KV cache in a node's host memory, and why may there be none?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog import Ability, InstanceType
from sizing.model.memory import Fit, kv_copies
from sizing.plan.part import Reason, Rejected
from sizing.replica.case import Case, Choice, gpus_per_node
from sizing.service.serving import SHARED_MEMORY_MIB_PER_GPU, allocatable
from sizing.values.exact import ceiling, short
from sizing.values.units import GB, GIB, MIB
from sizing.workload.engines.traits import Setting

ENGINE_MIB_PER_GPU = 9 * 1024
"""MiB of host memory that the engine itself takes for each GPU: interpreter, libraries, CUDA.

Basis: measured, 35.0 GiB of four workers on GB200 with vLLM 0.26.0 (vLLM issue 53042, 2026-08-20),
rounded up for each. Other machines are assumed to be alike.
"""


@dataclass(frozen=True)
class Room:
    """Host memory of one replica, in MiB, and the GiB of it that the cache takes."""

    memory_mib: int
    """MiB of the replica's pod."""
    shared_mib: int
    """MiB of shared memory of the workers."""
    engine_mib: int
    """MiB of the engine itself."""

    @property
    def gib(self) -> int:
        """Whole GiB of the cache: (memory - shared memory - engine) / 1,024, rounded down."""
        left = self.memory_mib - self.shared_mib - self.engine_mib
        return max(left // (GIB // MIB), 0)


def room_of(instance: InstanceType, tensor_parallel: int) -> Room:
    """Return the host memory of one of the replicas that share a node evenly.

    Basis: as `allocatable`; the tensor-parallel group of a replica shares its cache.
    """
    replicas = max(gpus_per_node(instance) // tensor_parallel, 1)
    return Room(
        allocatable(instance)[1] // replicas,
        SHARED_MEMORY_MIB_PER_GPU * tensor_parallel,
        ENGINE_MIB_PER_GPU * tensor_parallel,
    )


def unkept(case: Case, fit: Fit) -> Rejected | None:
    """Reason against a cache in the host memory of this type; None where it works or where the
    workload has none."""
    workload, instance = case.workload, case.facts.instance
    if workload.engine.kv_offload is None or instance is None:
        return None
    traits, precision = workload.engine.name.traits, case.facts.precision
    tag = case.catalog.pin(traits.image_item(precision)).version
    engine = workload.engine.name
    if not case.catalog.can(engine, tag, Ability.host_cache):
        flag = traits.option(Setting.host_cache)
        return Rejected(
            option=f"{engine} {tag} with a KV cache in host memory",
            instance_type=instance.name,
            reason=Reason.engine,
            numbers=f"nothing states what {flag} does in this version",
        )
    if case.catalog.host_link(instance.family) is None:
        return Rejected(
            option=f"{instance.name} with a KV cache in host memory",
            instance_type=instance.name,
            reason=Reason.unknown_fact,
            numbers=f"the catalog has no link between host memory and GPUs of {instance.family}",
        )
    return _too_small(case, fit, instance)


def _too_small(case: Case, fit: Fit, instance: InstanceType) -> Rejected | None:
    """Rejection of a type whose cache would hold less than the longest sequence."""
    room, context = room_of(instance, fit.tensor_parallel), context_bytes(case, fit)
    if room.gib * GIB >= context:
        return None
    left = max(room.memory_mib - room.shared_mib - room.engine_mib, 0)
    return Rejected(
        option=f"{instance.name} with a KV cache in host memory",
        instance_type=instance.name,
        reason=Reason.host_memory,
        numbers=(
            f"one context takes {short(context / GB)} GB; of {room.memory_mib:,} MiB of a replica "
            f"the engine takes {room.engine_mib:,} and shared memory {room.shared_mib:,}, which "
            f"leaves {left:,} MiB ({short(left * MIB / GB)} GB)"
        ),
    )


def context_bytes(case: Case, fit: Fit) -> int:
    """Bytes of KV cache of the longest sequence, with the copies of a tensor-parallel group."""
    longest, each = case.need.longest_tokens, case.need.kv_bytes_per_token
    tokens = longest if longest is not None else fit.max_context_tokens
    if tokens is None or each is None:
        raise ValueError(f"{case.workload.name}: a cache in host memory without known sizes")
    return ceiling(Fraction(tokens) * each * kv_copies(case.need.shape, fit.tensor_parallel))


def host_cache_gib(case: Case, choice: Choice) -> int | None:
    """GiB of a replica's cache in host memory; None where the workload has none."""
    if case.workload.engine.kv_offload is None or case.facts.instance is None:
        return None
    return room_of(case.facts.instance, choice.fit.tensor_parallel).gib
