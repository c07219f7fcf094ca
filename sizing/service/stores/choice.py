"""Which store takes profiles, jobs, history or files, and which limit rejects the others?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.values.exact import Exact, ceiling, exact
from sizing.values.units import GIB, KIB, TB

AURORA_LIMIT_BYTES = 256 * 1024 * GIB
"""Maximum bytes of a database. Basis: vendor, Aurora cluster volume of current versions, 256
TiB."""
ITEM_BYTES = 400 * KIB
"""Maximum bytes of one item of a DynamoDB table. Basis: vendor (DynamoDB developer guide,
constraints: items)."""
WRITE_UNIT_BYTES, READ_UNIT_BYTES = KIB, 4 * KIB
"""Bytes that one unit writes or reads. Basis: vendor (DynamoDB developer guide, read and write
operations)."""
TABLE_UNITS_PER_S = 40_000
"""Units that one table takes in a second, for reads and for writes. Basis: vendor (DynamoDB
developer guide, quotas: the default, which AWS raises on request)."""
KEY_WRITE_UNITS_PER_S, KEY_READ_UNITS_PER_S = 1_000, 3_000
"""Units that one partition takes in a second. Basis: vendor (DynamoDB developer guide, warm
throughput scenarios)."""


class Store(StrEnum):
    aurora = "aurora"
    """Aurora PostgreSQL: queries and transactions over all rows."""
    dynamodb = "dynamodb"
    """DynamoDB: items by key, with conditional writes."""
    s3 = "s3"
    """S3: whole objects, without transactions."""


class Role(StrEnum):
    profiles = "profiles"
    """One row of each user, which changes."""
    jobs = "jobs"
    """One row of each job, whose state changes under a condition."""
    history = "history"
    """Text of requests and answers, read by user."""
    files = "files"
    """Images and clips, written once."""


ORDER: Mapping[Role, tuple[Store, ...]] = {
    Role.profiles: (Store.aurora, Store.dynamodb, Store.s3),
    Role.jobs: (Store.dynamodb, Store.aurora, Store.s3),
    Role.history: (Store.aurora, Store.s3, Store.dynamodb),
    Role.files: (Store.s3, Store.dynamodb, Store.aurora),
}
"""Stores of each role, the preferred one first. Basis: assumed: queries for profiles and history,
conditional writes by key for jobs, price a byte for files."""
CHANGING = (Role.profiles, Role.jobs)
"""Roles whose records change under a condition."""


@dataclass(frozen=True, kw_only=True)
class Records:
    """Records of one role: their bytes and their rates at the busiest known moment."""

    role: Role
    stored_bytes: int
    """Bytes of all records when retention is full."""
    record_bytes: Exact
    """Bytes of the largest usual record."""
    writes_per_s: Fraction
    reads_per_s: Fraction = Fraction(0)
    key_writes_per_s: Fraction = Fraction(0)
    """Writes of the busiest single key; 0 where keys are random."""
    key_reads_per_s: Fraction = Fraction(0)
    """Reads of the busiest single key; 0 where keys are random."""


@dataclass(frozen=True)
class StoreChoice:
    """Store of one role, and the stores that a limit rejects; `store` is None where all are."""

    role: Role
    store: Store | None
    rejected: tuple[Rejected, ...]
    """All rejected stores, in the role's order."""

    @property
    def passed_over(self) -> tuple[Rejected, ...]:
        """Rejected stores that the role prefers over the chosen one."""
        order = ORDER[self.role]
        better = order if self.store is None else order[: order.index(self.store)]
        return tuple(each for each in self.rejected if Store(each.option) in better)


def store_choice(records: Records) -> StoreChoice:
    """Return the first store of the role's order that no limit rejects.

    All rejected stores are in the answer, also those after the chosen one. Basis: the vendor's
    limits, see the constants.
    """
    limits = {store: next(_LIMITS[store](records), None) for store in ORDER[records.role]}
    chosen = next((store for store, limit in limits.items() if limit is None), None)
    rejected = tuple(
        Rejected(option=store.value, reason=Reason.store_limit, numbers=limit)
        for store, limit in limits.items()
        if limit is not None
    )
    return StoreChoice(records.role, chosen, rejected)


def _aurora(records: Records) -> Iterator[str]:
    """Guard: the rate of an ACU is assumed, so that no rate rejects Aurora; the plan reports it."""
    stored = records.stored_bytes
    if stored > AURORA_LIMIT_BYTES:
        yield f"{stored / TB:,.0f} TB exceeds 256 TiB ({AURORA_LIMIT_BYTES / TB:,.0f} TB)"


def _dynamodb(records: Records) -> Iterator[str]:
    size = exact(records.record_bytes)
    if size > ITEM_BYTES:
        yield f"{float(size):,.0f} bytes exceed an item of 400 KiB ({ITEM_BYTES:,} bytes)"
    writes, reads = ceiling(size / WRITE_UNIT_BYTES), ceiling(size / READ_UNIT_BYTES)
    for what, needed, limit, whose in (
        ("write", records.writes_per_s * writes, TABLE_UNITS_PER_S, "a table takes by default"),
        ("read", records.reads_per_s * reads, TABLE_UNITS_PER_S, "a table takes by default"),
        ("write", records.key_writes_per_s * writes, KEY_WRITE_UNITS_PER_S, "one key takes"),
        ("read", records.key_reads_per_s * reads, KEY_READ_UNITS_PER_S, "one key takes"),
    ):
        if needed > limit:
            yield f"{float(needed):,.0f} {what} units/s exceed the {limit:,} that {whose}"


def _s3(records: Records) -> Iterator[str]:
    """Guard: keys are spread over as many prefixes as the rate needs, so no rate rejects S3."""
    if records.role in CHANGING:
        yield f"S3 has no transactions, and {records.role.value} change under a condition"


_LIMITS: Mapping[Store, Callable[[Records], Iterator[str]]] = {
    Store.aurora: _aurora,
    Store.dynamodb: _dynamodb,
    Store.s3: _s3,
}
