"""Data of a service: its amount, its stores and its transfer."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import AURORA, BUCKET, LIFECYCLE, LOGS, Reaches
from sizing.plan.service.files.objects import PrefixPlan, TierPlan
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.values.exact import Number
from sizing.values.strict import absent


class StoragePlan(Part):
    weights_bytes: int
    profile_bytes: int | None
    interaction_bytes_per_day: int | None
    """Bytes of interactions a day."""
    indexed_bytes_per_day: int | None
    """Bytes of interactions and their indexes a day."""
    indexed_bytes_per_month: int | None
    indexed_bytes_per_year: int | None = Field(default=None, exclude_if=absent)
    """Bytes that a year of 365 days adds; left out for text and without data."""
    retained_bytes: int | None
    writes_per_s_mean: Number | None
    """Rows written a second, mean."""
    writes_per_s_peak: Number | None
    """Rows written a second, peak."""


class TransferPlan(Part):
    ingress_mbit_per_s: Number | None
    """Megabits a second in, mean."""
    egress_mbit_per_s: Number | None
    """Megabits a second out, mean."""
    ingress_mbit_per_s_peak: Number | None
    """Megabits a second in, peak."""
    egress_mbit_per_s_peak: Number | None
    """Megabits a second out, peak."""


class DatabasePlan(Part):
    stored_bytes: int
    """Bytes of the database at full retention."""
    min_acu: Annotated[Number, Reaches(AURORA, "serverlessv2ScalingConfiguration.minCapacity")]
    max_acu: Annotated[Number, Reaches(AURORA, "serverlessv2ScalingConfiguration.maxCapacity")]
    instances: Annotated[int, Reaches("aws:rds/clusterInstance:ClusterInstance", "")]
    backup_days: Annotated[int, Reaches(AURORA, "backupRetentionPeriod")]
    engine_version: Annotated[str, Reaches(AURORA, "engineVersion")]
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    protected: Annotated[bool, Reaches(AURORA, "deletionProtection")]
    last_snapshot: Annotated[bool, Reaches(AURORA, "finalSnapshotIdentifier")]
    """True where a deletion leaves a snapshot."""


class BucketPlan(Part):
    """Object bucket. `expire_days` is null when its objects are kept."""

    role: Annotated[str, Reaches(BUCKET, "")]
    stored_bytes: int
    """Bytes of the bucket at full retention."""
    expire_days: Annotated[int | None, Reaches(LIFECYCLE, "rules.0.expiration.days")]
    """Days after which its objects are deleted."""
    noncurrent_days: Annotated[
        int, Reaches(LIFECYCLE, "rules.0.noncurrentVersionExpiration.noncurrentDays")
    ]
    """Days for which a replaced or deleted object can be restored."""
    protected: Annotated[bool, Reaches(BUCKET, "forceDestroy")]
    standard_bytes: int | None = Field(default=None, exclude_if=absent)
    """Bytes in the standard class at full retention; left out without tiers."""
    tiers: tuple[TierPlan, ...] = Field(default=(), exclude_if=lambda tiers: not tiers)
    """Storage classes of older files; left out without any."""
    prefixes: PrefixPlan | None = Field(default=None, exclude_if=absent)
    """Requests against the limits of a key prefix; left out for other buckets than artefacts."""
    zones: int | None = Field(default=None, exclude_if=absent)
    """Zones over which each file is kept, at least, with those of the other region; left out for
    other buckets than artefacts."""
    region_copy: RegionCopyPlan | None = Field(default=None, exclude_if=absent)
    """Copy in another region; left out without one."""
