"""How large is the cache of answers, and what does it save?"""

from decimal import Decimal
from fractions import Fraction

from sizing.catalog import Catalog
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.service.application.cache import AnswerCachePlan, CacheHitsPlan
from sizing.plan.service.capacity import CapacityPlan
from sizing.plan.service.pool import PoolPlan
from sizing.replica.caches.response_cache import sized_hit_ratio
from sizing.replica.case import Case
from sizing.replica.traffic import Rates, request_rates
from sizing.service.application.work import measured
from sizing.values.exact import ceiling, exact, plain
from sizing.values.units import GB, KIB, SECONDS_PER_DAY
from sizing.workload import Workload
from sizing.workload.application import ResponseCache

LARGEST_BYTES = 128 * KIB
"""Bytes of an answer that is kept at most. Basis: assumed; about 32,000 tokens of English, so that
one answer delays no other for long."""
DEADLINE_MS = 30
"""Milliseconds for which a request waits for the cache at most. Basis: assumed; a cache in the same
region answers within one or two, and a first token takes hundreds."""
COMMANDS = 5
"""Commands of a request besides the KiB of its answer: it looks up, and keeps by a transaction of
four. Basis: vendor (ECPU: one for each simple command, and for each KB that it moves)."""
LOADED = Fraction(3, 4)
"""Share of a limit that is used at most. Basis: vendor (ElastiCache guide, scaling: alarm at
75 % of a limit)."""
STORAGE_GB, ECPU_PER_S, FEWEST_ECPU_PER_S = 5_000, 15_000_000, 1_000
"""Storage of one serverless cache at most, and the highest and the lowest limit of its processing
units. Basis: vendor (ElastiCache API, cache usage limits, read 2026-11-30)."""


def cpu_s(workload: Workload, catalog: Catalog, tokens: Fraction) -> Fraction:
    """CPU seconds of the cache for one request with so many tokens of answer; 0 without one.

    s of a call + s a token x tokens of the answer, as for a call that misses

    Basis: measured (`sizing/catalog/data/application_work.csv`), the highest.
    """
    if cache_of(workload) is None:
        return Fraction(0)
    each = measured(catalog, "cpu_s_per_cached_token")
    return measured(catalog, "cpu_s_per_cached_call") + each * tokens


def cache_of(workload: Workload) -> ResponseCache | None:
    """Cache of a workload; None where it has none."""
    return None if workload.application is None else workload.application.cache


def cache_plan(
    workload: Workload, rates: Rates, catalog: Catalog, *, processes: int, tokens: Fraction
) -> AnswerCachePlan | None:
    """Return the cache of answers; None where none are kept.

    `processes` each have a connection, and `tokens` are those of the mean answer.

    entries = (1 - hit ratio) x min(busiest rate x TTL, mean rate x days of the TTL x 86,400)
    bytes = entries x (bytes of an answer x bytes of memory for each + those of its key)
    ECPU = 5 + KiB of an answer: a hit reads an answer, and any other request writes one

    Raises ValueError for an answer whose bytes are not stated.
    Basis: arithmetic; answers expire earlier, because all of a user go together.
    """
    cache, answer = cache_of(workload), workload.request.response_bytes
    if cache is None:
        return None
    if answer is None:
        raise ValueError(f"{workload.name}: a cache of answers of unknown length")
    sized = exact(sized_hit_ratio(workload))
    each = ceiling(
        exact(answer) * measured(catalog, "cache_bytes_per_byte")
        + measured(catalog, "cache_entry_bytes")
    )
    days = ceiling(Fraction(cache.ttl_s, SECONDS_PER_DAY))
    calls = min(rates.busiest * cache.ttl_s, rates.mean * days * SECONDS_PER_DAY)
    entries = ceiling(calls * (1 - sized))
    units = COMMANDS + ceiling(exact(answer) / KIB)
    return AnswerCachePlan(
        hit_ratio=plain(sized),
        hits=tuple(
            CacheHitsPlan(name=name, hit_ratio=plain(exact(ratio)), gpus_needed=None)
            for name, ratio in ends(cache)
        ),
        ttl_s=cache.ttl_s,
        largest_bytes=LARGEST_BYTES,
        deadline_ms=DEADLINE_MS,
        entry_bytes=each,
        entries=entries,
        stored_bytes=entries * each,
        storage_gb=max(1, ceiling(entries * each / LOADED / GB)),
        storage_gb_limit=STORAGE_GB,
        ecpu_per_request=units,
        ecpu_per_s=plain(rates.busiest * units),
        ecpu_per_s_allowed=max(FEWEST_ECPU_PER_S, ceiling(rates.busiest * units / LOADED)),
        ecpu_per_s_limit=ECPU_PER_S,
        cpu_s_per_request=plain(cpu_s(workload, catalog, tokens)),
        connections=processes,
    )


def ends(cache: ResponseCache) -> tuple[tuple[str, Decimal], ...]:
    """Both ends of the hits with the stated share, by name."""
    return (("low", cache.low), ("expected", cache.hit_ratio), ("high", cache.high))


def with_fleet(
    case: Case, application: ApplicationPlan, pool: PoolPlan, capacity: CapacityPlan
) -> ApplicationPlan:
    """Return the application with what its cache saves; unchanged without one.

    GPUs = ceil(rate x (1 - hit ratio) x GPU-seconds of one request / GPUs of a replica) x these
    share of the busiest moment with an empty cache = GPUs / (busiest rate x GPU-seconds), at most 1

    Basis: arithmetic, with the GPU-seconds that size the pool.
    """
    cache, stated, given = application.cache, cache_of(case.workload), case.workload.capacity
    if cache is None or stated is None or given is None:
        return application
    rates, request_s = request_rates(case.workload.traffic), Fraction(capacity.request_s)
    load, group = rates.at(given.load), pool.gpus_per_replica

    def gpus(ratio: Fraction) -> int:
        return group * ceiling(load * (1 - ratio) * request_s / group)

    held = Fraction(pool.gpus_total) / (rates.busiest * request_s)
    hits = tuple(
        CacheHitsPlan(name=name, hit_ratio=plain(exact(ratio)), gpus_needed=gpus(exact(ratio)))
        for name, ratio in ends(stated)
    )
    effect = {
        "hits": hits,
        "gpus_needed_without": gpus(Fraction(0)),
        "empty_ratio": plain(min(Fraction(1), held)),
    }
    return application.model_copy(update={"cache": cache.model_copy(update=effect)})


def beyond_cache(plan: AnswerCachePlan) -> list[str]:
    """Limits of one cache that the answers exceed, each with its numbers and a remedy."""
    reasons = list[str]()
    if plan.storage_gb > plan.storage_gb_limit:
        over = f"{plan.storage_gb:,} GB of kept answers exceed the {plan.storage_gb_limit:,}"
        most = int(plan.ttl_s * plan.storage_gb_limit / plan.storage_gb)
        reasons.append(f"{over} of a cache; application.cache.ttl_s of at most {most}")
    if plan.ecpu_per_s_allowed > plan.ecpu_per_s_limit:
        over = f"{plan.ecpu_per_s_allowed:,} processing units/s of its cache exceed the"
        reasons.append(f"{over} {plan.ecpu_per_s_limit:,} of one; no application.cache")
    return reasons
