"""Explanations of the cache of answers."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry, setting
from sizing.plan.service.application.cache import AnswerCachePlan, CacheHitsPlan
from sizing.plan.service.pool import PoolPlan

CODE = "sizing/service/application/cache.py"
WORK = CATALOG + "application_work.csv"
OURS = "{s.application.cache."
FIELDS = {"low": "low_hit_ratio", "expected": "hit_ratio", "high": "high_hit_ratio"}
"""Fields of the workload by the name of an end of the hits."""


def _stated(leaf: Leaf, end: str) -> str:
    """Field of the workload that states an end of the hits."""
    application = leaf.sized.inputs.application
    cache = None if application is None else application.cache
    stated = cache is not None and getattr(cache, FIELDS[end]) is not None
    return f"application.cache.{FIELDS[end] if stated else 'hit_ratio'}"


def _hit_ratio(leaf: Leaf) -> Entry:
    found = leaf.sized.application
    hits = () if found is None or found.cache is None else found.cache.hits
    end = next((each.name for each in hits if each.hit_ratio == leaf.value), "low")
    name = _stated(leaf, end)
    return Entry(
        "share of the calls of an engine that the cache answers, which sizes the engines",
        f"{name}: the conservative end above the median of the bands",
        "{v}",
        Basis.given,
        f"the workload file: {name}",
    )


def _end(leaf: Leaf) -> tuple[str, str]:
    """Name of the end of the hits that has the leaf, and its place in a formula."""
    found, index = leaf.sized.application, leaf.keys[-2]
    if found is None or found.cache is None:
        raise ValueError(f"{leaf.path} without a cache of answers")
    return found.cache.hits[int(index)].name, f"s.application.cache.hits[{index}]"


def _end_ratio(leaf: Leaf) -> Entry:
    end, _ = _end(leaf)
    name = _stated(leaf, end)
    return Entry(
        f"share of the calls of an engine that the cache answers ({end} end)",
        name,
        "{v}",
        Basis.given,
        f"the workload file: {name}",
    )


def _gpus(leaf: Leaf, share: str) -> str:
    """GPUs for a share of the load, in whole replicas, as arithmetic."""
    pool: PoolPlan = leaf.pool
    each, load = pool.gpus_per_replica, f"{{s.traffic.requests_per_s_{leaf.capacity.load}}}"
    return f"{each} * ceil({load} * {share} * {{s.capacity.request_s}} / {each})"


def _end_gpus(leaf: Leaf) -> Entry:
    end, at = _end(leaf)
    return Entry(
        f"GPUs that the load needs with the {end} end of the hits",
        "ceil(rate x (1 - hit ratio) x GPU-seconds of one request), in whole replicas",
        _gpus(leaf, f"(1 - {{{at}.hit_ratio}})"),
        leaf.method,
        leaf.method_source,
    )


def _without(leaf: Leaf) -> Entry:
    return Entry(
        "GPUs that the load would need without the cache of answers",
        "ceil(rate x GPU-seconds of one request), in whole replicas",
        _gpus(leaf, "1"),
        leaf.method,
        leaf.method_source,
    )


def _empty(leaf: Leaf) -> Entry:
    return Entry(
        "share of the busiest moment that the fleet serves while the cache is empty",
        "GPUs in all / (busiest rate x GPU-seconds of one request), at most 1",
        f"min(1, {{s.pool.gpus_total}} / ({_busiest(leaf)} * {{s.capacity.request_s}}))",
        leaf.method,
        leaf.method_source,
        remarks=("a cache is empty when it is new, and all of it may be lost at any time",),
    )


def _busiest(leaf: Leaf) -> str:
    has_peak = leaf.sized.traffic.requests_per_s_peak is not None
    return f"{{s.traffic.requests_per_s_{'peak' if has_peak else 'mean'}}}"


CACHE: Registry = {
    CacheHitsPlan: {"hit_ratio": _end_ratio, "gpus_needed": _end_gpus},
    AnswerCachePlan: {
        "hit_ratio": _hit_ratio,
        "ttl_s": Entry(
            "seconds for which the answers of a user are kept, from the first of them",
            "application.cache.ttl_s",
            "{w.application.cache.ttl_s}",
            Basis.given,
            "the workload file: application.cache.ttl_s",
        ),
        "largest_bytes": setting(
            "bytes of an answer that is kept at most", "128 KiB", Basis.assumed, CODE
        ),
        "deadline_ms": setting(
            "milliseconds for which a request waits for the cache at most",
            "fixed",
            Basis.assumed,
            CODE,
        ),
        "entry_bytes": Entry(
            "bytes of memory of one answer with its key",
            "bytes of the answer x bytes of memory for each + those of its key",
            "{v}",
            Basis.measured,
            f"{WORK}, cache_bytes_per_byte and cache_entry_bytes",
            remarks=("by bench/answers.py, on Redis 7.0 with the program's own commands",),
            arithmetic=False,
        ),
        "entries": lambda leaf: Entry(
            "answers that are kept at once at most",
            "(1 - hit ratio) x min(busiest rate x TTL, mean rate x days of the TTL x 86,400)",
            f"ceil((1 - {OURS}hit_ratio}}) * min({_busiest(leaf)} * {OURS}ttl_s}},"
            " {s.traffic.requests_per_s_mean}"
            f" * ceil({OURS}ttl_s}} / {{units.SECONDS_PER_DAY}}) * {{units.SECONDS_PER_DAY}}))",
            remarks=("as if each answer lived for the whole TTL",),
        ),
        "stored_bytes": Entry(
            "bytes of all answers at most",
            "answers x bytes of memory of one",
            OURS + "entries} * " + OURS + "entry_bytes}",
        ),
        "storage_gb": Entry(
            "GB that the cache may hold",
            "ceil(bytes / 75 %), at least 1 GB",
            "max(1, ceil(" + OURS + "stored_bytes} / ({answer_cache.LOADED}) / {units.GB}))",
            Basis.vendor,
            f"alarm at 75 % of a limit: {CODE}",
        ),
        "storage_gb_limit": setting(
            "GB that one cache holds at most", "5,000", Basis.vendor, f"ElastiCache API: {CODE}"
        ),
        "ecpu_per_request": Entry(
            "processing units (ECPU) of one request",
            "5 commands + KiB of an answer, which a hit reads and any other request writes",
            "{answer_cache.COMMANDS} + ceil({w.request.response_bytes} / {units.KIB})",
            Basis.vendor,
            f"one unit for each command and each KB: {CODE}",
        ),
        "ecpu_per_s": Entry(
            "processing units a second at the busiest moment",
            "requests/s x units of one",
            "{s.application.requests_per_s} * " + OURS + "ecpu_per_request}",
        ),
        "ecpu_per_s_allowed": Entry(
            "processing units a second that the cache may use",
            "ceil(units/s / 75 %), at least 1,000",
            "max({answer_cache.FEWEST_ECPU_PER_S},"
            " ceil(" + OURS + "ecpu_per_s} / ({answer_cache.LOADED})))",
            Basis.vendor,
            f"alarm at 75 % of a limit: {CODE}",
        ),
        "ecpu_per_s_limit": setting(
            "processing units a second that one cache takes at most",
            "15,000,000",
            Basis.vendor,
            f"ElastiCache API: {CODE}",
        ),
        "cpu_s_per_request": Entry(
            "CPU seconds of the application to look up and to keep an answer",
            "s of a call + s a token x tokens of the answer, the highest of the measurements",
            "{v}",
            Basis.measured,
            f"{WORK}, cpu_s_per_cached_call and cpu_s_per_cached_token",
            remarks=("by bench/answers.py, with a stand-in of the engine",),
            arithmetic=False,
        ),
        "connections": Entry(
            "connections of all pods to the cache",
            "pods x processes",
            "{s.application.pods_total} * {s.application.processes_per_pod}",
        ),
        "gpus_needed_without": _without,
        "empty_ratio": _empty,
    },
}
