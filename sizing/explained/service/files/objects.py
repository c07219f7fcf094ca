"""Explanations of the storage classes and key prefixes of a bucket's files."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry, setting
from sizing.explained.service.capacity import busiest_rate
from sizing.plan.service.files.objects import PrefixPlan, TierPlan
from sizing.service.stores.tiers import LEAST_CHARGED_DAYS, SMALLEST_MOVED_BYTES
from sizing.workload.kinds import StorageClass


def _tier(leaf: Leaf) -> TierPlan:
    return leaf.sized.buckets[int(leaf.keys[3])].tiers[int(leaf.keys[5])]


def _tier_days(leaf: Leaf) -> Entry:
    index = int(leaf.keys[5])
    last = index + 1 == len(leaf.sized.buckets[int(leaf.keys[3])].tiers)
    end = "{w.data.retention_days}" if last else f"{{w.data.tiers[{index + 1}].after_days}}"
    return Entry(
        "days that a file stays in this class",
        "start of the next class, or retention days, less its own start",
        f"{end} - {{w.data.tiers[{index}].after_days}}",
    )


def _small(leaf: Leaf) -> int:
    """Bytes of the variants of a clip that no lifecycle rule moves."""
    made = () if leaf.sized.renditions is None else leaf.sized.renditions.variants
    return sum(each.file_bytes for each in made if each.file_bytes < SMALLEST_MOVED_BYTES)


def _moved(leaf: Leaf) -> str:
    """Formula of the bytes of a day that lifecycle rules move."""
    if not _small(leaf):
        return "{s.storage.indexed_bytes_per_day}"
    daily = "{w.traffic.daily_users} * {w.traffic.requests_per_user_per_day}"
    small = f"{daily} * {_small(leaf)} * (1 + {{w.data.index_ratio}})"
    return f"({{s.storage.indexed_bytes_per_day}} - {small})"


def _small_files(leaf: Leaf) -> tuple[str, ...]:
    if not _small(leaf):
        return ()
    return (f"S3 moves no variant below {SMALLEST_MOVED_BYTES:,} bytes",)


def _tier_bytes(leaf: Leaf) -> Entry:
    return Entry(
        "bytes in this class when retention is full",
        "a day x days in the class",
        f"{_moved(leaf)} * {_tier(leaf).days}",
        remarks=_small_files(leaf),
    )


def _charged_bytes(leaf: Leaf) -> Entry:
    tier = _tier(leaf)
    least = LEAST_CHARGED_DAYS.get(StorageClass(tier.storage_class), 0)
    return Entry(
        "bytes of this class that are charged",
        "a day x max(days in the class, days that S3 charges at least)",
        f"{_moved(leaf)} * max({tier.days}, {least})",
        Basis.vendor,
        "S3 user guide: minimum storage duration of each class",
        remarks=_small_files(leaf),
    )


def _file_writes(leaf: Leaf) -> Entry:
    data = leaf.sized.inputs.data
    derived = data is None or data.interaction_bytes is None
    size = "{s.artefact.file_bytes}" if derived else "{w.data.interaction_bytes}"
    made = () if leaf.sized.renditions is None else leaf.sized.renditions.variants
    each = [
        f"{{prefixes.UPLOAD_REQUESTS}} + ceil({size} / {{prefixes.PART_BYTES}})"
        for size in (size, *(str(variant.file_bytes) for variant in made))
    ]
    return Entry(
        "write requests a second, at the highest known rate",
        "rate x (2 + ceil(bytes of a file / bytes of a part))"
        + (", over the clip and its variants" if made else ""),
        f"{busiest_rate(leaf)} * ({' + '.join(each)})",
        Basis.assumed,
        "uploads in parts of 8 MiB: sizing/service/stores/prefixes.py",
    )


def _file_reads(leaf: Leaf) -> Entry:
    rate, more = busiest_rate(leaf), ""
    if leaf.sized.renditions is not None:
        more = f" + {rate} * {{prefixes.RENDITION_READS}}"
    said = " + rate x 1, by the worker of renditions" if more else ""
    if leaf.sized.inputs.cdn is not None:
        return Entry(
            "read requests a second, at the highest known rate",
            f"rate x views of a file x (1 - hit ratio){said}",
            f"{rate} * {{w.cdn.views_per_item}} * (1 - {{w.cdn.hit_ratio}}){more}",
        )
    return Entry(
        "read requests a second, at the highest known rate",
        f"rate x reads of a file{said}",
        f"{rate} * {{prefixes.READS_PER_FILE}}{more}",
        Basis.assumed,
        "each file is read once: sizing/service/stores/prefixes.py",
    )


def _prefixes(leaf: Leaf) -> Entry:
    at = f"s.buckets[{leaf.keys[3]}].prefixes"
    return Entry(
        "key prefixes that carry the requests",
        "max(ceil(writes / 3,500), ceil(reads / 5,500))",
        f"max(ceil({{{at}.writes_per_s}} / {{prefixes.WRITES_PER_S}}),"
        f" ceil({{{at}.reads_per_s}} / {{prefixes.READS_PER_S}}))",
        Basis.vendor,
        "S3 user guide: requests a second of one partitioned prefix",
    )


OBJECTS: Registry = {
    TierPlan: {
        "after_days": Entry(
            "age in days from which files are in this class",
            "data.tiers",
            "{v}",
            Basis.given,
            "the workload file: data.tiers",
        ),
        "days": _tier_days,
        "stored_bytes": _tier_bytes,
        "charged_bytes": _charged_bytes,
    },
    PrefixPlan: {
        "writes_per_s": _file_writes,
        "reads_per_s": _file_reads,
        "needed": _prefixes,
        "available": setting(
            "key prefixes over which the service's keys are spread",
            "16^2: two hexadecimal digits of a random id",
            Basis.arithmetic,
            "sizing/service/stores/prefixes.py",
        ),
    },
}
