"""What does a copy of a service's files in another region store and move?"""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.catalog.lookup import known_region
from sizing.plan.service.files.region_copy import RegionCopyPlan
from sizing.plan.service.stores import StoragePlan
from sizing.site import Site
from sizing.values.exact import plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.values.units import GB
from sizing.workload import Data, Workload

ZONES = 3
"""Zones of a region over which S3 keeps each object, at least. Basis: vendor (S3 user guide, data
protection), for all storage classes but those of one zone, which no workload can state."""
USD_PER_GB = {("us-east-1", "us-east-2"): Fraction("0.01")}
"""US dollars a GB from the first region to the second. Basis: vendor's list price in infracost's
test data of 2024-09-25."""
USD_PER_GB_ELSEWHERE = {"us-east-1": Fraction("0.02")}
"""US dollars a GB from a region to all others. Basis: as above; no source states it for other
regions."""


def check_copy_region(workload: Workload, site: Site, catalog: Catalog) -> None:
    """Check that the copy of a service's files is in another known region. Raises FieldError."""
    region = None if workload.data is None else workload.data.copy_region
    if region is None:
        return
    field = ("data", "copy_region")
    known_region(field, region, catalog)
    if region == site.region:
        message = f"the stack is in {region} already"
        raise FieldError(field, message, "another AWS region, or no copy_region")


def region_copy_plan(data: Data, storage: StoragePlan, site: Site) -> RegionCopyPlan | None:
    """Return the copy of a service's files in another region; None where none is requested.

    GB a month = bytes a day x 30 / 10^9; USD = GB x price of a GB between the regions

    Basis: arithmetic; S3 copies each new file once.
    """
    if data.copy_region is None:
        return None
    moved = Fraction(storage.indexed_bytes_per_month or 0, GB)
    usd = usd_per_gb(site.region, data.copy_region)
    return RegionCopyPlan(
        region=data.copy_region,
        stored_bytes=storage.retained_bytes or 0,
        transfer_gb_per_month=plain(moved),
        transfer_usd_per_month=plain_or_none(None if usd is None else moved * usd),
    )


def usd_per_gb(source: str, target: str) -> Fraction | None:
    """US dollars a GB from one region to another; None where no source states it."""
    return USD_PER_GB.get((source, target), USD_PER_GB_ELSEWHERE.get(source))
