"""Copy of a bucket's files in another region."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import BUCKET, Reaches
from sizing.values.exact import Number


class RegionCopyPlan(Part):
    """Bucket in another region, to which S3 copies each new file."""

    region: Annotated[str, Reaches(BUCKET, "region")]
    """Region of the copy."""
    stored_bytes: int
    """Bytes of the copy at full retention."""
    transfer_gb_per_month: Number
    """Gigabytes that a month of 30 days moves between the regions."""
    transfer_usd_per_month: Number | None
    """US dollars for those gigabytes, without charges for requests; null where no price is known
    between the two regions."""
