"""Which data are kept, where, and how much?"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from sizing.catalog import Catalog
from sizing.locks.stack_lock import DATABASE
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.files.renditions import VariantPlan
from sizing.plan.service.stores import BucketPlan, DatabasePlan, StoragePlan
from sizing.plan.service.whole import UNSERVED
from sizing.replica.case import Case
from sizing.replica.traffic import Rates, front_rates
from sizing.service.application.api import (
    application_plan,
    beyond_limits,
    with_measured_rows,
)
from sizing.service.application.context import memory_acu, stored_bytes
from sizing.service.application.feedback import feedback_plan
from sizing.service.stores.aurora import (
    MAX_ACU,
    WRITES_PER_S_PER_ACU,
    capacity,
)
from sizing.service.stores.choice import (
    AURORA_LIMIT_BYTES,
    Records,
    Role,
    Store,
    StoreChoice,
    store_choice,
)
from sizing.service.stores.prefixes import prefix_plan, too_few
from sizing.service.stores.region_copy import ZONES, region_copy_plan
from sizing.service.stores.tiers import SMALLEST_MOVED_BYTES, tier_plans
from sizing.site import LOG_DAYS, Environment, Site
from sizing.values.exact import Exact, ceiling, exact, plain, plain_or_none
from sizing.values.units import DAYS_PER_MONTH, DAYS_PER_YEAR, SECONDS_PER_DAY
from sizing.workload import Data, Workload

BACKUP_DAYS = {Environment.dev: 1, Environment.prod: 30}
"""Days of point-in-time recovery. Basis: vendor allows 1 to 35; assumed."""

UPLOADS = "uploads"
"""Role of the bucket with the files that users upload."""
DOCUMENTS = "documents"
"""Role of the bucket with the documents that requests search."""
FEEDBACK = "feedback"
"""Role of the bucket with what users say about answers."""
ROLLBACK_DAYS, EXPIRED_DAYS = 30, 1
"""Days that old versions are kept: weights for a rollback, and expired data for the least that S3
takes. Expired data exceed their retention by no more. Basis: assumed; vendor (S3)."""


def storage_plan(
    workload: Workload, rates: Rates, weights_bytes: int, variant_bytes: int = 0
) -> StoragePlan:
    """Bytes that the workload stores.

    profiles = users x bytes a user
    interactions a day = users x requests x (bytes + those of the variants of a clip)
    indexed = interactions x (1 + index ratio); a month = 30 days; retained = indexed x days

    Basis: arithmetic; every request writes one interaction.
    """
    data = workload.data
    daily = None if data is None else _daily(workload, data, variant_bytes)
    indexed = None if daily is None or data is None else _indexed(daily, data)
    yearly = indexed if workload.kind.traits.makes_media else None
    return StoragePlan(
        weights_bytes=weights_bytes,
        profile_bytes=None if data is None else profile_bytes(workload, data),
        interaction_bytes_per_day=None if daily is None else ceiling(daily),
        indexed_bytes_per_day=None if indexed is None else ceiling(indexed),
        indexed_bytes_per_month=None if indexed is None else ceiling(indexed * DAYS_PER_MONTH),
        indexed_bytes_per_year=None if yearly is None else ceiling(yearly * DAYS_PER_YEAR),
        retained_bytes=None if indexed is None else ceiling(indexed * _days(data)),
        writes_per_s_mean=None if data is None else plain(rates.mean),
        writes_per_s_peak=None if data is None else plain_or_none(rates.peak),
    )


def _daily(workload: Workload, data: Data, variant_bytes: int) -> Fraction:
    """Bytes of interactions a day. Raises ValueError where those of one are not derived yet."""
    if data.interaction_bytes is None:
        raise ValueError(f"{workload.name}: the bytes of an interaction are not known")
    requests = front_rates(workload).mean * SECONDS_PER_DAY
    return requests * (exact(data.interaction_bytes) + variant_bytes)


def _indexed(daily: Fraction, data: Data) -> Fraction:
    """Bytes of interactions and their indexes a day."""
    return daily * (1 + exact(data.index_ratio))


def _days(data: Data | None) -> int:
    return 0 if data is None else data.retention_days


def profile_bytes(workload: Workload, data: Data) -> int | None:
    """Bytes of all user profiles; None without profiles. Basis: arithmetic."""
    if data.profile_bytes_per_user is None:
        return None
    return ceiling(exact(workload.traffic.daily_users) * exact(data.profile_bytes_per_user))


def stores(
    workload: Workload,
    storage: StoragePlan,
    rates: Rates,
    site: Site,
    catalog: Catalog,
    *,
    writes_per_s: Fraction,
    variants: Sequence[VariantPlan] = (),
) -> tuple[DatabasePlan | None, tuple[BucketPlan, ...], list[Rejected]]:
    """Return the database and buckets of a workload, and the stores that are too small for the
    data.

    `writes_per_s` are those of the database at the busiest moment.

    Text and conversations go to the database while they fit, else to an additional bucket. Images
    and videos always go to a bucket, with the `variants` of each clip. Profiles go to the database,
    and without profiles and text there is none.
    """
    weights = BucketPlan(
        role="weights",
        stored_bytes=storage.weights_bytes,
        expire_days=None,
        noncurrent_days=ROLLBACK_DAYS,
        protected=site.keeps(workload),
    )
    data = workload.data
    if data is None or data.interaction_bytes is None or storage.retained_bytes is None:
        return None, (weights,), []
    kept = store_choice(
        interactions(
            workload, storage, rates, data.interaction_bytes, stored_bytes(workload, catalog)
        )
    )
    rejected = kept.rejected if kept.role is Role.files else kept.passed_over
    profiles = storage.profile_bytes or 0
    if kept.store is Store.aurora:
        together = profiles + storage.retained_bytes + stored_bytes(workload, catalog)
        database, refused = _database_or_none(
            together, rates, workload, site, catalog, writes_per_s=writes_per_s
        )
        own = _of_application(workload, rates, site, catalog)
        return database, (weights, *own), _merged(refused, rejected)
    if workload.application is not None:
        return None, (weights,), list(rejected)
    objects = _objects(workload, storage, rates, site, variants)
    prefixes = [] if objects.prefixes is None else too_few(objects.prefixes)
    database, refused = _database_or_none(
        profiles, rates, workload, site, catalog, writes_per_s=writes_per_s
    )
    return database, (weights, objects), _merged(refused, (*rejected, *prefixes))


def _merged(refused: list[Rejected], rejected: Iterable[Rejected]) -> list[Rejected]:
    """Return both lists, each rejection once."""
    first = list(rejected)
    return [*first, *(each for each in refused if each not in first)]


def _of_application(
    workload: Workload, rates: Rates, site: Site, catalog: Catalog
) -> Iterator[BucketPlan]:
    """Yield the buckets of files that users upload, of feedback and of documents; nothing without
    an application.

    Guard: the application does not start without one, even where it accepts no files.
    """
    application, data = workload.application, workload.data
    if application is None or data is None:
        return
    daily = rates.mean * SECONDS_PER_DAY * exact(application.file_bytes_per_request)
    kept = {UPLOADS: ceiling(daily * data.retention_days)}
    feedback = feedback_plan(workload, rates, site, catalog)
    if feedback is not None:
        kept[FEEDBACK] = feedback.stored_bytes
    for role, kept_bytes in kept.items():
        yield BucketPlan(
            role=role,
            stored_bytes=kept_bytes,
            expire_days=data.retention_days,
            noncurrent_days=EXPIRED_DAYS,
            protected=site.keeps(workload),
        )
    context = workload.context
    if context is not None:
        yield BucketPlan(
            role=DOCUMENTS,
            stored_bytes=ceiling(context.documents * exact(context.document_bytes)),
            expire_days=None,
            noncurrent_days=ROLLBACK_DAYS,
            protected=site.keeps(workload),
        )


def _database_or_none(
    stored: int,
    rates: Rates,
    workload: Workload,
    site: Site,
    catalog: Catalog,
    *,
    writes_per_s: Fraction,
) -> tuple[DatabasePlan | None, list[Rejected]]:
    """Return the database of these bytes, and its limits; None without bytes and beyond them."""
    if not stored:
        return None, []
    choice = store_choice(_profiles(workload, stored, rates))
    if choice.store is not Store.aurora:
        return None, [*choice.passed_over, *_unbuilt(choice)]
    writes, short = writes_per_s, list[Rejected]()
    if 2 * writes > MAX_ACU * WRITES_PER_S_PER_ACU:
        numbers = f"twice {float(writes):,.0f} writes/s exceed what {MAX_ACU} ACU commit"
        option = f"more than {MAX_ACU} ACU"
        short.append(Rejected(option=option, reason=Reason.store_limit, numbers=numbers))
    return database_plan(stored, writes_per_s, workload, site, catalog), short


def interactions(
    workload: Workload,
    storage: StoragePlan,
    rates: Rates,
    interaction_bytes: Decimal,
    documents_bytes: int = 0,
) -> Records:
    """Return the interactions as records. In a database, they share its volume with profiles and
    documents."""
    retained, profiles = storage.retained_bytes or 0, storage.profile_bytes or 0
    profiles += documents_bytes
    largest, together = max(retained, profiles), retained + profiles
    return Records(
        role=Role.files if workload.kind.traits.makes_media else Role.history,
        stored_bytes=largest if largest > AURORA_LIMIT_BYTES else together,
        record_bytes=interaction_bytes,
        writes_per_s=rates.busiest,
    )


def _profiles(workload: Workload, stored_bytes: int, rates: Rates) -> Records:
    per_user = workload.data.profile_bytes_per_user if workload.data is not None else None
    return Records(
        role=Role.profiles,
        stored_bytes=stored_bytes,
        record_bytes=per_user or 0,
        writes_per_s=rates.busiest,
    )


def _unbuilt(choice: StoreChoice) -> list[Rejected]:
    """Rejection of the store that would take the profiles, and that this version does not build."""
    if choice.store is None:
        return []
    numbers = f"{choice.role.value} fit, and this version builds no table for them"
    reason = Reason.not_in_this_version
    return [Rejected(option=choice.store.value, reason=reason, numbers=numbers)]


def _objects(
    workload: Workload,
    storage: StoragePlan,
    rates: Rates,
    site: Site,
    variants: Sequence[VariantPlan],
) -> BucketPlan:
    """Return the bucket of files or conversations, with the storage classes of older files.

    Variants that are too small for a lifecycle rule stay in the standard class.

    Raises ValueError for a workload without data.
    """
    data = workload.data
    if data is None:
        raise ValueError(f"{workload.name} stores no data")
    media, retained = workload.kind.traits.makes_media, storage.retained_bytes or 0
    moved = sum(v.file_bytes for v in variants if v.file_bytes >= SMALLEST_MOVED_BYTES)
    daily = _indexed(_daily(workload, data, moved), data)
    tiers = tier_plans(data, daily) if data.tiers else ()
    older = sum(tier.stored_bytes for tier in tiers)
    sizes: list[Exact] = [data.interaction_bytes or 0, *(v.file_bytes for v in variants)]
    copy = region_copy_plan(data, storage, site)
    return BucketPlan(
        role="artefacts" if media else "conversations",
        stored_bytes=retained,
        expire_days=data.retention_days,
        noncurrent_days=EXPIRED_DAYS,
        protected=site.keeps(workload),
        standard_bytes=retained - older if tiers else None,
        tiers=tiers,
        prefixes=prefix_plan(workload, rates, sizes) if media else None,
        zones=ZONES * (1 if copy is None else 2) if media else None,
        region_copy=copy,
    )


def no_application(case: Case) -> tuple[Rejected, ...]:
    """Reasons why a service gets no nodes: its application exceeds its database or its node group.

    Raises FieldError where the bytes of an interaction are not known.
    """
    workload = with_measured_rows(case.workload, case.catalog)
    data = workload.data
    if workload.application is None or data is None or data.interaction_bytes is None:
        return ()
    rates = front_rates(workload)
    storage = storage_plan(workload, rates, weights_bytes=0)
    kept = store_choice(
        interactions(
            workload, storage, rates, data.interaction_bytes, stored_bytes(workload, case.catalog)
        )
    )
    reasons = [f"its database: {r.numbers}" for r in kept.rejected if r.option == Store.aurora]
    plan = application_plan(case, rates, served=False)
    reasons += [] if plan is None else beyond_limits(plan)
    return tuple(
        Rejected(option=UNSERVED, reason=Reason.store_limit, numbers=each) for each in reasons
    )


def database_plan(
    stored: int, writes_per_s: Fraction, workload: Workload, site: Site, catalog: Catalog
) -> DatabasePlan:
    """Return Aurora Serverless v2, with an instance in a second zone where it must survive one.

    The lowest ACU is 0.5 in dev and 2 in prod, and what an index of vectors needs in memory.
    Basis: assumed rate of an ACU, see `WRITES_PER_S_PER_ACU`.
    """
    memory = memory_acu(workload, catalog)
    lowest, highest = capacity(writes_per_s, site.environment, memory)
    return DatabasePlan(
        stored_bytes=stored,
        min_acu=plain(lowest),
        max_acu=plain(highest),
        instances=2 if site.must_survive_a_zone([workload]) else 1,
        backup_days=BACKUP_DAYS[site.environment],
        engine_version=catalog.pin(DATABASE).version,
        log_days=LOG_DAYS[site.environment],
        protected=site.keeps(workload),
        last_snapshot=site.protected,
    )
