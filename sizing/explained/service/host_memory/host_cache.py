"""Explanations of the KV cache in host memory."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.service.calibrated import fitted
from sizing.plan.service.host_memory.host_cache import HostCachePlan, HostHitsPlan

SOURCE = "sizing/service/host_memory/room.py"
TOKEN_BYTES = "{s.memory.kv_bytes_per_token} * {s.memory.kv_copies}"


def _plan(leaf: Leaf) -> HostCachePlan:
    """Cache in host memory of the leaf's service. Raises ValueError."""
    if leaf.sized.host_cache is None:
        raise ValueError(f"{leaf.path} without a cache in host memory")
    return leaf.sized.host_cache


def _hits(leaf: Leaf) -> tuple[HostHitsPlan, str]:
    """End of the hits that has the leaf, and its place in a formula."""
    index = leaf.keys[-2]
    return _plan(leaf).hits[int(index)], f"s.host_cache.hits[{index}]"


def _context(leaf: Leaf) -> Entry:
    request = leaf.sized.inputs.request
    if request.context_tokens is not None:
        tokens, source = "{w.request.context_tokens}", "request.context_tokens"
    elif request.total_tokens is not None:
        tokens, source = "{w.request.total_tokens}", "tokens of the mean request"
    else:
        tokens, source = "{s.memory.max_context_tokens}", "longest sequence that fits"
    return Entry(
        "bytes of KV cache of the longest sequence, which the cache must hold",
        f"{source} x bytes of a token x copies in the tensor-parallel group",
        f"ceil({tokens} * {TOKEN_BYTES})",
    )


def _link(leaf: Leaf) -> Entry:
    found = _plan(leaf)
    return Entry(
        "GB/s between host memory and one GPU in one direction, nominal",
        "the lower one of card and host; a slice of a card has its share",
        "{v}",
        Basis.vendor if found.link_was_read else Basis.assumed,
        f"{CATALOG}host_links.csv: {found.link_source}",
    )


def _ratio(leaf: Leaf) -> Entry:
    hits, _ = _hits(leaf)
    field = {"low": "low_hit_ratio", "expected": "hit_ratio", "high": "high_hit_ratio"}[hits.name]
    offload = leaf.sized.inputs.engine.kv_offload
    stated = offload is not None and getattr(offload, field) is not None
    name = f"engine.kv_offload.{field if stated else 'hit_ratio'}"
    sizes = {
        "low": "it sizes the service above the median of the band",
        "expected": "it applies at the median of the band",
        "high": "it is shown for comparison",
    }[hits.name]
    return Entry(
        "share of the prompt tokens that the GPU's cache lacks and the host memory has"
        f" ({hits.name} end)",
        name,
        "{v}",
        Basis.given,
        f"the workload file: {name}",
        remarks=(sizes,),
    )


def _tokens(leaf: Leaf) -> Entry:
    _, at = _hits(leaf)
    exact = _is_one_length(leaf)
    return Entry(
        "tokens of the mean prompt that come from host memory",
        "hit ratio x (tokens of the prompt - tokens in the GPU's cache)",
        f"{{{at}.hit_ratio}}"
        " * max({s.calibrated.prompt_tokens} - {s.calibrated.cached_tokens}, 0)",
        Basis.given,
        "the workload file: engine.kv_offload",
        arithmetic=exact,
    )


def _copying(leaf: Leaf) -> Entry:
    _, at = _hits(leaf)
    return Entry(
        "milliseconds to copy the KV cache of these tokens from host memory to the GPUs",
        "tokens x bytes of a token x copies / (GPUs x GB/s of the link x 0.65 x 10^6)",
        f"{{{at}.tokens}} * {TOKEN_BYTES} / ({{s.pool.gpus_per_replica}}"
        " * {s.host_cache.link_gb_per_s} * {host_cache.COPY_SHARE} * 1000000)",
        Basis.measured,
        "share of the link that copies reach: vLLM blog, 2026-01-08, on an H100; other links are"
        " assumed to be alike",
    )


def _saved(leaf: Leaf) -> Entry:
    hits, at = _hits(leaf)
    slow = "copying takes longer than computing, so the hits save nothing"
    return Entry(
        "milliseconds of computing that a prompt saves, less those of copying",
        "mean of max(computing - copying, 0) over the lengths of prompts",
        f"max({{{at}.computing_ms}} - {{{at}.copying_ms}}, 0)",
        Basis.fitted,
        leaf.fitted_source,
        remarks=(slow,) if hits.saves_nothing else (),
        arithmetic=_is_one_length(leaf),
    )


def _is_one_length(leaf: Leaf) -> bool:
    """True where all prompts count with their mean; a histogram has a time for each length."""
    return not isinstance(leaf.sized.inputs.request.input_tokens, tuple)


def _at_end(meaning: str, symbols: str, field: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        hits, found = _hits(leaf)[0], _plan(leaf).hits
        ends = [getattr(each, field) for each in found]
        known = [value for value in ends if value is not None]
        band = (min(known), max(known)) if known else None
        return fitted(leaf, f"{meaning} ({hits.name} end of the hits)", symbols, band)

    return entry


HOST_CACHE: Registry = {
    HostCachePlan: {
        "memory_mib": Entry(
            "MiB of host memory of one replica, its cache included",
            "(90 % of the node's MiB - kubelet's - the daemons' share) / replicas a node",
            "{v} for each of {s.pool.replicas_per_node} replicas on a {s.pool.instance_type} with "
            "{s.pool.memory_gib_per_node} GiB",
            Basis.vendor,
            "kubelet reservations of the EKS images; 90 % is assumed for firmware and kernel",
            arithmetic=False,
        ),
        "engine_mib": Entry(
            "MiB of host memory that the engine itself takes",
            "9,216 a GPU",
            "{host_room.ENGINE_MIB_PER_GPU} * {s.pool.gpus_per_replica}",
            Basis.measured,
            "vLLM issue 53042 (2026-08-20): 35.0 GiB of four workers on GB200, rounded up; other"
            f" machines are assumed to be alike ({SOURCE})",
        ),
        "gib": Entry(
            "GiB of the KV cache in host memory, for all GPUs of a replica together",
            "(memory of a replica - shared memory - engine) / 1,024, rounded down",
            "floor(({s.host_cache.memory_mib}"
            " - {serving.SHARED_MEMORY_MIB_PER_GPU} * {s.pool.gpus_per_replica}"
            " - {s.host_cache.engine_mib}) / 1024)",
        ),
        "tokens": Entry(
            "tokens whose KV cache fits in host memory",
            "bytes of the cache / (bytes of a token x copies in the tensor-parallel group)",
            f"floor({{s.host_cache.gib}} * {{units.GIB}} / ({TOKEN_BYTES}))",
        ),
        "context_bytes": _context,
        "link_gb_per_s": _link,
        "gpus_needed_without": lambda leaf: fitted(
            leaf,
            "GPUs for the load without the cache in host memory, without spares",
            "as calibrated.safe.gpus_needed, with a hit ratio of 0",
            None,
        ),
    },
    HostHitsPlan: {
        "hit_ratio": _ratio,
        "tokens": _tokens,
        "computing_ms": _at_end(
            "milliseconds to compute the tokens that hit",
            "time of the whole prompt - time of the rest, at the sizing estimate",
            "computing_ms",
        ),
        "copying_ms": _copying,
        "saved_ms": _saved,
        "gpus_needed": _at_end(
            "GPUs for the load with this share of hits, without spares",
            "as calibrated.safe.gpus_needed, with this hit ratio for certain",
            "gpus_needed",
        ),
    },
}
