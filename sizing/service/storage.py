"""Which data are kept, where, and how much?"""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.locks.stack_lock import DATABASE
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.stores import BucketPlan, DatabasePlan, StoragePlan
from sizing.replica.traffic import Rates
from sizing.site import LOG_DAYS, Environment, Site
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.units import DAYS_PER_MONTH, GIB, TB
from sizing.workload import Data, Workload

AURORA_LIMIT_BYTES = 256 * 1024 * GIB
"""Maximum bytes of a database. Basis: vendor, Aurora cluster volume of current versions, 256
TiB."""
WRITES_PER_S_PER_ACU = 100
"""Small writes that one Aurora capacity unit commits in a second. Basis: assumed (50 to 500);
measure with your own rows and change it here."""
MIN_ACU = {Environment.dev: Fraction(1, 2), Environment.prod: Fraction(2)}
"""Lowest capacity units. Basis: vendor for the least, never paused; assumed for prod, whose cache
must not start cold."""
MAX_ACU = 256
"""Highest capacity units. Basis: vendor, Aurora Serverless v2 on current versions."""
BACKUP_DAYS = {Environment.dev: 1, Environment.prod: 30}
"""Days of point-in-time recovery. Basis: vendor allows 1 to 35; assumed."""

ROLLBACK_DAYS, EXPIRED_DAYS = 30, 1
"""Days that old versions are kept: weights for a rollback, and expired data for the least that S3
takes. Expired data exceed their retention by no more. Basis: assumed; vendor (S3)."""


def storage_plan(workload: Workload, rates: Rates, weights_bytes: int) -> StoragePlan:
    """Bytes that the workload stores.

    profiles = users x bytes a user; interactions a day = users x requests x bytes
    indexed = interactions x (1 + index ratio); a month = 30 days; retained = indexed x days

    Basis: arithmetic; every request writes one interaction.
    """
    data = workload.data
    daily = indexed = None
    if data is not None:
        requests = exact(workload.traffic.daily_users) * exact(
            workload.traffic.requests_per_user_per_day
        )
        daily = requests * exact(data.interaction_bytes)
        indexed = daily * (1 + exact(data.index_ratio))
    return StoragePlan(
        weights_bytes=weights_bytes,
        profile_bytes=None if data is None else profile_bytes(workload, data),
        interaction_bytes_per_day=None if daily is None else ceiling(daily),
        indexed_bytes_per_day=None if indexed is None else ceiling(indexed),
        indexed_bytes_per_month=None if indexed is None else ceiling(indexed * DAYS_PER_MONTH),
        retained_bytes=None if indexed is None else ceiling(indexed * _days(data)),
        writes_per_s_mean=None if data is None else plain(rates.mean),
        writes_per_s_peak=None if data is None else plain_or_none(rates.peak),
    )


def _days(data: Data | None) -> int:
    return 0 if data is None else data.retention_days


def profile_bytes(workload: Workload, data: Data) -> int:
    """Bytes of all user profiles. Basis: arithmetic."""
    return ceiling(exact(workload.traffic.daily_users) * exact(data.profile_bytes_per_user))


def stores(
    workload: Workload, storage: StoragePlan, rates: Rates, site: Site, catalog: Catalog
) -> tuple[DatabasePlan | None, tuple[BucketPlan, ...], list[Rejected]]:
    """Return the database and buckets of a workload, and the stores that are too small for the
    data.

    Text and conversations go to the database while they fit, else to an additional bucket. Images
    and videos always go to a bucket. Profiles go to the database.
    """
    weights = BucketPlan(
        role="weights",
        stored_bytes=storage.weights_bytes,
        expire_days=None,
        noncurrent_days=ROLLBACK_DAYS,
        protected=site.keeps(workload),
    )
    data = workload.data
    if data is None or storage.profile_bytes is None or storage.retained_bytes is None:
        return None, (weights,), []
    media = workload.kind.traits.makes_media
    together = storage.profile_bytes + storage.retained_bytes
    apart = media or together > AURORA_LIMIT_BYTES
    buckets = [weights]
    if apart:
        role = "artefacts" if media else "conversations"
        buckets.append(
            BucketPlan(
                role=role,
                stored_bytes=storage.retained_bytes,
                expire_days=data.retention_days,
                noncurrent_days=EXPIRED_DAYS,
                protected=site.keeps(workload),
            )
        )
    rejected = []
    if apart and together > AURORA_LIMIT_BYTES:
        outgrown = max(storage.retained_bytes, storage.profile_bytes)
        outgrown = outgrown if outgrown > AURORA_LIMIT_BYTES else together
        numbers = f"{outgrown / TB:,.0f} TB exceeds 256 TiB ({AURORA_LIMIT_BYTES / TB:,.0f} TB)"
        rejected.append(Rejected(option="aurora", reason=Reason.store_limit, numbers=numbers))
    stored = storage.profile_bytes if apart else together
    if stored > AURORA_LIMIT_BYTES:
        return None, tuple(buckets), rejected
    writes = rates.busiest
    if 2 * writes > MAX_ACU * WRITES_PER_S_PER_ACU:
        numbers = f"twice {float(writes):,.0f} writes/s exceed what {MAX_ACU} ACU commit"
        option = f"more than {MAX_ACU} ACU"
        rejected.append(Rejected(option=option, reason=Reason.store_limit, numbers=numbers))
    return _database(stored, rates, workload, site, catalog), tuple(buckets), rejected


def _database(
    stored: int, rates: Rates, workload: Workload, site: Site, catalog: Catalog
) -> DatabasePlan:
    """Return Aurora Serverless v2, with an instance in a second zone where it must survive one.

    The lowest ACU is 0.5 in dev and 2 in prod.
    Basis: assumed rate of an ACU, see `WRITES_PER_S_PER_ACU`.
    """
    lowest = MIN_ACU[site.environment]
    return DatabasePlan(
        stored_bytes=stored,
        min_acu=plain(lowest),
        max_acu=plain(highest_acu(rates.busiest, WRITES_PER_S_PER_ACU, lowest)),
        instances=2 if site.must_survive_a_zone([workload]) else 1,
        backup_days=BACKUP_DAYS[site.environment],
        engine_version=catalog.pin(DATABASE).version,
        log_days=LOG_DAYS[site.environment],
        protected=site.keeps(workload),
        last_snapshot=site.protected,
    )


def highest_acu(writes_per_s: Fraction, writes_per_s_per_acu: int, lowest: Fraction) -> Fraction:
    """Aurora capacity units for twice the peak rate of writes.

    ceil(2 x 2 x writes/s / writes/s a unit) / 2, at least 1 and the lowest, at most 256

    Basis: arithmetic; scaled in halves, as the service does.
    """
    halves = Fraction(ceiling(4 * writes_per_s / writes_per_s_per_acu), 2)
    return min(max(halves, Fraction(1), lowest), Fraction(MAX_ACU))
