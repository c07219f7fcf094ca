"""How many bytes of a bucket are in which storage class when retention is full?"""

from fractions import Fraction

from sizing.plan.service.files.objects import TierPlan
from sizing.values.exact import ceiling
from sizing.values.field_error import FieldError
from sizing.values.units import KIB
from sizing.workload import Data
from sizing.workload.kinds import StorageClass

SMALLEST_MOVED_BYTES = 128 * KIB
"""Smallest file that a lifecycle rule moves. Basis: vendor (S3 API reference,
TransitionDefaultMinimumObjectSize: all_storage_classes_128K, the default since 2024-09)."""
LEAST_CHARGED_DAYS = {StorageClass.standard_ia: 30, StorageClass.glacier_ir: 90}
"""Days that S3 charges at least for a file in a class. Basis: vendor (S3 user guide, comparison of
the storage classes)."""


def tier_plans(data: Data, indexed_bytes_per_day: Fraction) -> tuple[TierPlan, ...]:
    """Return the storage classes of older files, with their bytes at full retention.

    stored = bytes a day x days in the class; charged = bytes a day x max(days, least charged)

    Basis: arithmetic; the least charged days are the vendor's.
    """
    starts = [tier.after_days for tier in data.tiers]
    ends = [*starts[1:], data.retention_days]
    plans = list[TierPlan]()
    for tier, start, end in zip(data.tiers, starts, ends, strict=True):
        days = end - start
        charged = max(days, LEAST_CHARGED_DAYS.get(tier.storage_class, 0))
        plans.append(
            TierPlan(
                storage_class=tier.storage_class.value,
                after_days=start,
                days=days,
                stored_bytes=ceiling(indexed_bytes_per_day * end)
                - ceiling(indexed_bytes_per_day * start),
                charged_bytes=ceiling(indexed_bytes_per_day * charged),
            )
        )
    return tuple(plans)


def check_sizes(data: Data) -> None:
    """Raises FieldError where lifecycle rules would move no file, because files are too small."""
    size = data.interaction_bytes
    if not data.tiers or size is None or size >= SMALLEST_MOVED_BYTES:
        return
    message = f"S3 moves no file below {SMALLEST_MOVED_BYTES:,} bytes, and one has {size:,.0f}"
    raise FieldError(("data", "tiers"), message, "no tiers, or larger files")
