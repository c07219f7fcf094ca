"""How many tokens of a prompt come from host memory, and is a model's cache kept there?"""

from sizing.catalog import Catalog, InstanceType
from sizing.catalog.architecture import Architecture, Kernel
from sizing.model.memory import Need, kv_copies
from sizing.steps.host_cache import NO_HOST_CACHE, HostCache, copy_ms_per_token
from sizing.values.field_error import FieldError
from sizing.workload import KvOffload, Workload

FIELD = ("engine", "kv_offload")
UNEVEN = (Kernel.window, Kernel.sparse, Kernel.linear)
"""Layers with caches of their own kind. Basis: vendor (vLLM issue 56871, 2026-09-14): with several
groups of caches, the host cache holds one group's part of its bytes, and may never hit."""


def check_host_cache(workload: Workload, shape: Architecture | None) -> None:
    """Raises FieldError where the model's KV cache is not known to be kept in host memory."""
    if workload.engine.kv_offload is None:
        return
    if shape is None:
        message = "the KV cache of the model is not known, because its architecture is not"
        raise FieldError(FIELD, message, "none, or a model of the catalog or of a config.json")
    uneven = [kernel.value for kernel in UNEVEN if kernel in shape.kernels]
    if uneven:
        message = f"a model with {' and '.join(uneven)} fills the host cache of vLLM only in part"
        raise FieldError(FIELD, message, "none, or a model whose layers all cache alike")


def host_cache_of(
    offload: KvOffload | None,
    need: Need,
    instance: InstanceType,
    catalog: Catalog,
    tensor_parallel: int,
) -> HostCache:
    """Return the host cache of a replica on this type; none where the type's link is unknown."""
    if offload is None or need.kv_bytes_per_token is None:
        return NO_HOST_CACHE
    link = catalog.host_link(instance.family)
    if link is None:
        return NO_HOST_CACHE
    return HostCache(
        low=float(offload.low),
        expected=float(offload.hit_ratio),
        high=float(offload.high),
        copy_ms_per_token=copy_ms_per_token(
            need.kv_bytes_per_token,
            float(kv_copies(need.shape, tensor_parallel)),
            tensor_parallel,
            float(link.gb_per_s) * float(instance.gpu_share),
        ),
    )
