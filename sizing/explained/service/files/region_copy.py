"""Explanations of the copy of a bucket's files in another region."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.service.stores.region_copy import usd_per_gb


def _usd(leaf: Leaf) -> Entry:
    at = f"s.buckets[{leaf.keys[3]}].region_copy"
    copy = leaf.sized.buckets[int(leaf.keys[3])].region_copy
    price = usd_per_gb(leaf.plan.site.region, copy.region) if copy is not None else None
    if price is None:
        raise ValueError(f"{leaf.path} without a price")
    return Entry(
        "US dollars a month for the bytes between the regions",
        "GB a month x price of a GB between the regions",
        f"{{{at}.transfer_gb_per_month}} * {float(price):g}",
        Basis.vendor,
        "list price in infracost's test data of 2024-09-25: sizing/service/stores/region_copy.py",
        remarks=("requests and the storage of the copy are not in it",),
    )


REGION_COPY: Registry = {
    RegionCopyPlan: {
        "stored_bytes": Entry(
            "bytes in the other region when retention is full",
            "bytes of the bucket: the copy has the same files for the same days",
            "{s.storage.retained_bytes}",
        ),
        "transfer_gb_per_month": Entry(
            "gigabytes that a month of 30 days moves between the regions",
            "bytes that a month adds / 10^9: S3 copies each new file once",
            "{s.storage.indexed_bytes_per_month} / {units.GB}",
        ),
        "transfer_usd_per_month": _usd,
    },
}
