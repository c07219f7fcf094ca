"""Explanations of the storage classes and key prefixes of a bucket's files."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry, setting
from sizing.explained.service.capacity import busiest_rate
from sizing.plan.service.files.objects import PrefixPlan, TierPlan
from sizing.service.stores.tiers import LEAST_CHARGED_DAYS
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


def _tier_bytes(leaf: Leaf) -> Entry:
    return Entry(
        "bytes in this class when retention is full",
        "a day x days in the class",
        f"{{s.storage.indexed_bytes_per_day}} * {_tier(leaf).days}",
    )


def _charged_bytes(leaf: Leaf) -> Entry:
    tier = _tier(leaf)
    least = LEAST_CHARGED_DAYS.get(StorageClass(tier.storage_class), 0)
    return Entry(
        "bytes of this class that are charged",
        "a day x max(days in the class, days that S3 charges at least)",
        f"{{s.storage.indexed_bytes_per_day}} * max({tier.days}, {least})",
        Basis.vendor,
        "S3 user guide: minimum storage duration of each class",
    )


def _file_writes(leaf: Leaf) -> Entry:
    data = leaf.sized.inputs.data
    derived = data is None or data.interaction_bytes is None
    size = "{s.artefact.file_bytes}" if derived else "{w.data.interaction_bytes}"
    return Entry(
        "write requests a second, at the highest known rate",
        "rate x (2 + ceil(bytes of a file / bytes of a part))",
        f"{busiest_rate(leaf)} * ({{prefixes.UPLOAD_REQUESTS}}"
        f" + ceil({size} / {{prefixes.PART_BYTES}}))",
        Basis.assumed,
        "uploads in parts of 8 MiB: sizing/service/stores/prefixes.py",
    )


def _file_reads(leaf: Leaf) -> Entry:
    if leaf.sized.inputs.cdn is not None:
        return Entry(
            "read requests a second, at the highest known rate",
            "rate x views of a file x (1 - hit ratio)",
            f"{busiest_rate(leaf)} * {{w.cdn.views_per_item}} * (1 - {{w.cdn.hit_ratio}})",
        )
    return Entry(
        "read requests a second, at the highest known rate",
        "rate x reads of a file",
        f"{busiest_rate(leaf)} * {{prefixes.READS_PER_FILE}}",
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
