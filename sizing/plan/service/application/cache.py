"""Cache of answers for identical requests: what it holds, and what it saves."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import CACHE, DEPLOYMENT, Reaches
from sizing.values.exact import Number

ENVIRONMENT = "spec.template.spec.containers.0.env"
LIMITS = "cacheUsageLimits"


class CacheHitsPlan(Part):
    """One end of the hits."""

    name: str
    """End of the band: low, expected or high."""
    hit_ratio: Number
    """Share of the calls of an engine that the cache answers."""
    gpus_needed: int | None
    """GPUs that the load needs with these hits; null where the service gets none."""


class AnswerCachePlan(Part):
    """Cache of answers in a service of its own. Without it, requests go to the engines."""

    hit_ratio: Number
    """Share of the calls of an engine that the cache answers, which sizes the engines."""
    hits: tuple[CacheHitsPlan, ...]
    """Both ends of the hits, and the stated share."""
    ttl_s: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Seconds for which the answers of a user are kept."""
    largest_bytes: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes of an answer that is kept at most."""
    deadline_ms: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Milliseconds for which a request waits for the cache at most."""
    entry_bytes: int
    """Bytes of memory of one answer with its key, as measured."""
    entries: int
    """Answers that are kept at once at most."""
    stored_bytes: int
    """Bytes of all answers at most."""
    storage_gb: Annotated[int, Reaches(CACHE, f"{LIMITS}.dataStorage.maximum")]
    """GB that the cache may hold. Beyond them, the answers that were used least recently go."""
    storage_gb_limit: int
    """GB that one cache holds at most."""
    ecpu_per_request: int
    """ElastiCache processing units (ECPU) of one request."""
    ecpu_per_s: Number
    """ECPU a second at the busiest moment."""
    ecpu_per_s_allowed: Annotated[int, Reaches(CACHE, f"{LIMITS}.ecpuPerSeconds.0.maximum")]
    """ECPU a second that the cache may use. Beyond them, it answers late, and engines answer."""
    ecpu_per_s_limit: int
    """ECPU a second that one cache takes at most."""
    cpu_s_per_request: Number
    """CPU seconds of the application to look up and to keep an answer, the highest measured."""
    connections: int
    """Connections of all pods to the cache."""
    gpus_needed_without: int | None = None
    """GPUs that the load would need without the cache; null where the service gets none."""
    empty_ratio: Number | None = None
    """Share of the busiest moment that the fleet serves while the cache is empty; null where the
    service gets no GPUs."""
