"""Import of a service's weights."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import CONTAINER, JOB, Reaches
from sizing.values.exact import Number


class ImportPlan(Part):
    """Job that copies the model's files from their source into the bucket of weights."""

    source: str
    """Kind of source: hub, s3 or image. The inputs contain the source itself."""
    prefix: Annotated[str, Reaches(JOB, f"{CONTAINER}.0.args")]
    image: Annotated[str, Reaches(JOB, f"{CONTAINER}.0.image")]
    max_bytes: Annotated[int, Reaches(JOB, f"{CONTAINER}.0.args")]
    """Maximum bytes of the import. The nodes have no room for more."""
    import_s: Number
    """Duration of the import, seconds."""
    deadline_s: Annotated[int, Reaches(JOB, "spec.activeDeadlineSeconds")]
    scratch_gib: Annotated[int | None, Reaches(JOB, "spec.template.spec.volumes")]
    """GiB of the node's disk for the files of an image; null for streamed files."""
