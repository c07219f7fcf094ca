"""Jobs of a queued service: their day in the queue, and the parts that accept and hand them out."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import CONTAINER, DEPLOYMENT, FUNCTION, LOGS, SQS_QUEUE, TABLE, Reaches
from sizing.values.exact import Number
from sizing.values.strict import absent

WORKER = f"{CONTAINER}.1.env"
VARIABLES = "environment.variables"


class JobApiPlan(Part):
    """Function behind the load balancer, which accepts jobs and reports their state."""

    kind: Annotated[str, Reaches(FUNCTION, f"{VARIABLES}.KIND")]
    """Kind of the items: image or video."""
    model: Annotated[str, Reaches(FUNCTION, f"{VARIABLES}.MODEL")]
    """Name of the model, as callers write it."""
    runtime: Annotated[str, Reaches(FUNCTION, "runtime")]
    """Runtime of the function."""
    memory_mib: Annotated[int, Reaches(FUNCTION, "memorySize")]
    """Memory of the function, which also decides its share of a CPU."""
    timeout_s: Annotated[int, Reaches(FUNCTION, "timeout")]
    """Maximum seconds of one request."""
    requests_per_s: Number
    """Requests a second at the busiest moment: new jobs, and clients that poll for their state."""
    at_once: Number
    """Requests that run at once at that moment."""
    body_bytes: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.BODY_BYTES")]
    """Maximum bytes of a request. Larger ones get 413."""
    url_s: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.URL_S")]
    """Seconds for which the signed address of a result is valid."""
    issuer: Annotated[str, Reaches(FUNCTION, f"{VARIABLES}.ISSUER")]
    """Issuer of callers' tokens."""
    accepts: Annotated[bool, Reaches(FUNCTION, f"{VARIABLES}.ACCEPTS")]
    """True where workers do the jobs. Without them, new jobs get 503 and old ones are shown."""
    takes_images: Annotated[bool, Reaches(FUNCTION, f"{VARIABLES}.TAKES_IMAGES")]
    """True where a job may start from an uploaded image."""
    upload_bytes: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.UPLOAD_BYTES")]
    """Maximum bytes of an uploaded image."""
    width: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.LIMITS")]
    """Pixels of a row of the sized item."""
    height: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.LIMITS")]
    """Pixels of a column of the sized item."""
    frames: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.LIMITS")]
    """Frames of the sized item. No job may exceed pixels x frames x steps of that item."""
    fps: Annotated[int | None, Reaches(FUNCTION, f"{VARIABLES}.LIMITS")]
    """Frames of a second of a clip that states none; null for images, and where the catalog does
    not know them."""
    iterations: Annotated[int, Reaches(FUNCTION, f"{VARIABLES}.LIMITS")]
    """Denoising steps of the sized item."""
    expire_days: Annotated[
        int, Reaches(FUNCTION, f"{VARIABLES}.EXPIRE_DAYS"), Reaches(DEPLOYMENT, WORKER)
    ]
    """Days after which a result and its job are no longer found."""
    row_days: Annotated[
        int, Reaches(FUNCTION, f"{VARIABLES}.ROW_DAYS"), Reaches(DEPLOYMENT, WORKER)
    ]
    """Days after which the table may delete the row of a job."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    """Days for which the function's log is kept."""


class JobWorkerPlan(Part):
    """Worker next to each engine, which makes one item at a time."""

    image: Annotated[str, Reaches(DEPLOYMENT, f"{CONTAINER}.1.image")]
    """Image with Python and the AWS SDK, by exact tag."""
    at_once: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Jobs in hand: 2 where one is in the stages of its prompt while the engine works for the
    other."""
    cpu_millicores: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.1.resources.requests.cpu")]
    """Millicores that the worker requests of its replica's share."""
    memory_mib: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.1.resources.requests.memory"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.1.resources.limits.memory"),
    ]
    """MiB that the worker requests of its replica's share, and may use."""
    scratch_mib: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.volumes")]
    """MiB on the node's disk for one item and one uploaded image."""
    give_back_s: Annotated[
        int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.lifecycle.preStop.sleep.seconds")
    ]
    """Seconds for which the engine outlives the order to stop, so that its worker gives the job
    back first."""
    format: Annotated[str, Reaches(DEPLOYMENT, WORKER)]
    """Format of the stored items: png, jpeg, webp or h264."""
    attempts: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Attempts of one job before it goes to the dead letters."""
    visibility_s: Annotated[
        int, Reaches(SQS_QUEUE, "visibilityTimeoutSeconds"), Reaches(DEPLOYMENT, WORKER)
    ]
    """Seconds after which the job of a lost worker returns to the queue."""
    heartbeat_s: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Seconds between two extensions of that time, while a worker makes the item."""
    item_timeout_s: Annotated[int, Reaches(DEPLOYMENT, WORKER)]
    """Seconds after which an engine that has not made the item counts as hung."""


class JobsPlan(Part):
    """Jobs over a day that repeats, and the queue that keeps them."""

    workers: int
    """Replicas that the queue is computed with: those needed, without spares."""
    job_s: Number
    """Seconds of an engine for one job, repeated attempts included."""
    alone_s: Number
    """Seconds of one job that does not wait, from its first stage to its end."""
    utilisation: Number
    """Share of a day in which these workers work."""
    largest_backlog: Number
    """Jobs that wait at the worst moment of a day."""
    drain_s: Number
    """Seconds from that moment until no job waits."""
    drain_target_s: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Target of those seconds; left out without one."""
    percentile: Number
    """Percentage of a day's jobs for the wait."""
    wait_s: Number | None
    """Seconds that this percentage of jobs waits at most; null where it exceeds a day."""
    kept_s: Annotated[
        int,
        Reaches(SQS_QUEUE, "messageRetentionSeconds"),
        Reaches(FUNCTION, f"{VARIABLES}.KEPT_S"),
    ]
    """Seconds for which the queue and the dead letters keep a job. A job that waits longer
    expires."""
    protected: Annotated[bool, Reaches(TABLE, "deletionProtectionEnabled")]
    """True where nothing may delete the table of jobs."""
    recoverable: Annotated[bool, Reaches(TABLE, "pointInTimeRecovery.enabled")]
    """True where the table can be restored as it was at an earlier time, or as it was deleted."""
    owner_index: Annotated[
        str | None,
        Reaches(TABLE, "globalSecondaryIndexes"),
        Reaches(DEPLOYMENT, WORKER),
        Field(exclude_if=absent),
    ] = None
    """Index of the table by owner and time, in which workers find earlier prompts; left out where
    nothing reads them."""
    receives: Annotated[int, Reaches(SQS_QUEUE, "redrivePolicy"), Reaches(DEPLOYMENT, WORKER)]
    """Times that a job is handed out before the queue itself moves it to the dead letters. Workers
    move it earlier."""
    api: JobApiPlan | None
    """Function that accepts jobs; null where the site names no issuer of tokens."""
    worker: JobWorkerPlan | None
    """Worker next to each engine; null where the service gets no nodes."""
