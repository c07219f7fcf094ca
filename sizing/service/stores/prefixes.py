"""How many key prefixes do the requests to a bucket need?"""

from collections.abc import Sequence
from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.files.objects import PrefixPlan
from sizing.replica.traffic import Rates
from sizing.values.exact import Exact, ceiling, exact, plain
from sizing.values.units import MIB
from sizing.workload import Workload

WRITES_PER_S, READS_PER_S = 3_500, 5_500
"""Requests a second that one key prefix takes at least. Basis: vendor (S3 user guide, best
practices design patterns). S3 divides a prefix at its limit in 30 to 60 minutes and
answers 503 meanwhile."""
PART_BYTES = 8 * MIB
"""Bytes of one part of an upload. Basis: assumed, the default of AWS's SDK for Python."""
UPLOAD_REQUESTS = 2
"""Requests that start and complete an upload in parts. Basis: vendor (S3 API reference)."""
RENDITION_READS = 1
"""Reads of a clip by the worker that makes its renditions. Basis: arithmetic."""
READS_PER_FILE = 1
"""Reads of each file from the bucket. Basis: assumed; those of a `cdn` follow from its views."""
KEY_PREFIXES = 256
"""Prefixes of the keys of queued services: two hexadecimal digits of a random id. Basis:
arithmetic."""


def write_requests(file_bytes: Exact) -> int:
    """Requests that upload one file: start, parts, end. Basis: arithmetic, see `PART_BYTES`."""
    return UPLOAD_REQUESTS + ceiling(exact(file_bytes) / PART_BYTES)


def prefix_plan(workload: Workload, rates: Rates, sizes: Sequence[Exact]) -> PrefixPlan:
    """Return the requests at the highest known rate and the prefixes that carry them.

    `sizes` are the bytes of the files of one request. The first one is fetched, or one instead.
    The worker of renditions reads it once more.

    max(ceil(writes / 3,500), ceil(reads / 5,500))

    Basis: arithmetic over the vendor's limits.
    """
    writes = rates.busiest * sum(write_requests(size) for size in sizes)
    cdn = workload.cdn
    fetched = READS_PER_FILE if cdn is None else cdn.origin_reads
    reads = rates.busiest * (fetched + (RENDITION_READS if len(sizes) > 1 else 0))
    return PrefixPlan(
        writes_per_s=plain(writes),
        reads_per_s=plain(reads),
        needed=prefixes_needed(writes, reads),
        available=KEY_PREFIXES if workload.jobs is not None else None,
    )


def prefixes_needed(writes_per_s: Fraction, reads_per_s: Fraction) -> int:
    """Prefixes that carry these requests. Basis: arithmetic over the vendor's limits."""
    return max(ceiling(writes_per_s / WRITES_PER_S), ceiling(reads_per_s / READS_PER_S))


def too_few(plan: PrefixPlan) -> list[Rejected]:
    """Rejection where the service's keys have too few prefixes for its requests."""
    if plan.available is None or plan.needed <= plan.available:
        return []
    numbers = (
        f"{plan.writes_per_s:,.0f} writes/s and {plan.reads_per_s:,.0f} reads/s need "
        f"{plan.needed:,} prefixes; S3 answers 503 beyond 3,500 and 5,500 each"
    )
    option = f"{plan.available} key prefixes"
    return [Rejected(option=option, reason=Reason.store_limit, numbers=numbers)]
