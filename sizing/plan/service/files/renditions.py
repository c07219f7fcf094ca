"""Renditions of the clips of a service, and the workers without a GPU that make them."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import CONTAINER, DEPLOYMENT, FUNCTION, INIT_CONTAINER, SQS_QUEUE, Reaches
from sizing.values.exact import Number

WORKER = f"{CONTAINER}.0.env"
NAMES = "environment.variables.VARIANTS"


class VariantPlan(Part):
    """One more file of each clip."""

    name: Annotated[str, Reaches(DEPLOYMENT, WORKER), Reaches(FUNCTION, NAMES)]
    """Name in requests for it: codec and height, or thumbnail."""
    codec: Annotated[str, Reaches(DEPLOYMENT, WORKER)]
    """Codec: h264, h265 or av1; jpeg for the thumbnail."""
    width: int
    """Pixels of a row."""
    height: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Pixels of a column."""
    bits_per_pixel: Number
    """Bits of the file for one pixel of one frame."""
    file_bytes: int
    """Bytes of the file."""
    cpu_s_per_megapixel: Number | None
    """CPU seconds for a million pixels of frames, the highest measured; null for the thumbnail,
    whose work is that of the clip."""


class RenditionWorkerPlan(Part):
    """Worker that makes all variants of one clip at a time; each node of the pool has one."""

    image: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.0.image")]
    """Image with Python and the AWS SDK, by exact tag."""
    ffmpeg_image: Annotated[str, Reaches(DEPLOYMENT, f"{INIT_CONTAINER}.0.image")]
    """Image with a static ffmpeg, by exact tag."""
    threads: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Threads of ffmpeg: the virtual CPUs of the node."""
    cpu_millicores: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.cpu")]
    """Millicores that the worker requests."""
    memory_mib: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.memory"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.limits.memory"),
    ]
    """MiB that the worker requests and may use."""
    scratch_mib: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.volumes")]
    """MiB on the node's disk for one clip and its variants."""
    attempts: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Attempts of one clip before it goes to the dead letters of renditions."""
    receives: Annotated[int, Reaches(SQS_QUEUE, "redrivePolicy"), Reaches(DEPLOYMENT, WORKER)]
    """Times that a clip is handed out before the queue itself moves it to the dead letters. Workers
    move it earlier."""
    visibility_s: Annotated[
        int, Reaches(SQS_QUEUE, "visibilityTimeoutSeconds"), Reaches(DEPLOYMENT, WORKER)
    ]
    """Seconds after which the clip of a lost worker returns to the queue."""
    heartbeat_s: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Seconds between two extensions of that time."""
    clip_timeout_s: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Seconds after which ffmpeg counts as hung."""
    stop_s: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds")]
    """Seconds in which a worker gives its clip back when its pod must end."""


class RenditionsPlan(Part):
    """Variants of each clip, and the CPU time that makes them."""

    variants: tuple[VariantPlan, ...]
    """Variants of each clip."""
    bytes_per_clip: int
    """Bytes of all variants of one clip."""
    decode_cpu_s_per_megapixel: Number
    """CPU seconds to read a million pixels of the clip's frames, the highest measured."""
    cpu_s_per_clip: Number
    """CPU seconds for one clip that size the workers: the highest measured."""
    usual_cpu_s_per_clip: Number
    """CPU seconds for one clip by the median of the measurements."""
    cpu_s_per_clip_s: Number | None
    """CPU seconds for one second of a clip; null where the rate of its frames is unknown."""
    clips_per_s: Number
    """Clips a second at the busiest moment, which arrivals or the fleet limit."""
    workers_needed: int
    """Workers that make so many."""
    workers_total: Annotated[int, Reaches(DEPLOYMENT, "spec.replicas")]
    """Workers with a spare one; each has a node of its own."""
    worker: RenditionWorkerPlan | None
    """Worker; null where the service gets no nodes."""
