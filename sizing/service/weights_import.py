"""How do a model's files reach the bucket, how long may it take, and what waits for them?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.plan.service.weights_import import ImportPlan
from sizing.service.node_disks import CACHE_RATIO
from sizing.values.exact import ceiling, plain
from sizing.values.units import GIB, MIB
from sizing.workload.source import ModelSource

IMPORT_MIB_PER_S = 40
"""Rate of one stream from the source through a system node into S3. Basis: assumed (20 to 90),
below the 93 MiB/s that an m7i.large sustains each way."""
IMPORT_MARGIN, IMPORT_START_S = 3, 600
"""Maximum import time over the planned one, and seconds until its pod runs. Basis: assumed."""
OWN_WAIT_S = 3_600
"""Seconds that a replica waits for files that you copy yourself, before its container restarts.
Basis: assumed."""
IMPORTED_WAIT_S = 300
"""Seconds that a replica waits for an import. An update rolls out after its Job, so it does not
wait. Basis: assumed."""


@dataclass(frozen=True)
class Weights:
    """Location of the files of one version of a model."""

    prefix: str
    """Prefix in the bucket."""
    folder: str
    """Folder in the service's folder on a node."""
    ready: str
    """Object below the prefix that is uploaded last."""
    wait_s: int


def weights_of(model: str, source: ModelSource | None, index: str) -> Weights:
    """Return the location. Each version has its own prefix for rollbacks; files that you copy have
    none, and `index` is the one of them that you upload last."""
    if source is None:
        return Weights(model, model, index, OWN_WAIT_S)
    version = source.version
    return Weights(
        f"{model}/{version}", f"{model}@{version[:12]}", "manifest.json", IMPORTED_WAIT_S
    )


def import_plan(
    source: ModelSource | None, weights_bytes: int, prefix: str, image: str
) -> ImportPlan | None:
    """Return the Job that fills the bucket once for each version; None where you fill it yourself.

    most = ceil(weights x 1.1); import = weights / rate; deadline = ceil(3 x import) + 600

    The files of an image are copied to the node's disk first.
    """
    if source is None:
        return None
    max_bytes = ceiling(weights_bytes * CACHE_RATIO)
    seconds = Fraction(weights_bytes, IMPORT_MIB_PER_S * MIB)
    return ImportPlan(
        source=source.kind,
        prefix=prefix,
        image=image,
        max_bytes=max_bytes,
        import_s=plain(seconds),
        deadline_s=ceiling(IMPORT_MARGIN * seconds) + IMPORT_START_S,
        scratch_gib=ceiling(Fraction(max_bytes, GIB)) if source.image is not None else None,
    )
