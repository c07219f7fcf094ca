"""Feedback of users on answers: how much there is, and how it reaches its bucket."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import LOGS, STREAM, Reaches
from sizing.values.exact import Number

S3 = "extendedS3Configuration"


class FeedbackPlan(Part):
    """Feedback of users, which a stream brings to a bucket."""

    share: Number
    """Share of requests whose answers users judge."""
    records_per_s: Number
    """Records a second at the busiest moment."""
    records_per_s_limit: int
    """Records a second that one stream takes without a higher quota."""
    record_bytes: int
    """Bytes of one record, uncompressed."""
    bytes_per_s: Number
    """Bytes a second at the busiest moment."""
    bytes_per_s_limit: int
    """Bytes a second that one stream takes without a higher quota."""
    records_per_day: int
    """Records of a day at the mean rate."""
    days: int
    """Days for which feedback is kept: those of the responses that it judges."""
    stored_bytes: int
    """Bytes of all records at full retention, uncompressed; gzip makes them fewer."""
    cpu_s_per_record: Number
    """CPU seconds of the application for one record, the highest measured."""
    buffer_s: Annotated[int, Reaches(STREAM, f"{S3}.bufferingInterval")]
    """Seconds after which the stream writes what it has to the bucket."""
    buffer_mib: Annotated[int, Reaches(STREAM, f"{S3}.bufferingSize")]
    """MiB with which the stream writes an object before that."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    """Days for which the log of failed deliveries is kept."""
