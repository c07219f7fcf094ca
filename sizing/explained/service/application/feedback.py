"""Explanations of the feedback of users."""

from sizing.explained.entry import CATALOG, Basis, Entry, Registry, log_days, setting
from sizing.explained.service.application.route import front_rate
from sizing.plan.service.application.feedback import FeedbackPlan

CODE = "sizing/service/application/feedback.py"
QUOTAS = "Amazon Data Firehose quotas, read 2026-11-30"
OURS = "{s.application.feedback."

FEEDBACK: Registry = {
    FeedbackPlan: {
        "share": Entry(
            "share of requests whose answers users judge",
            "application.feedback.share",
            "{v}",
            Basis.given,
            "the workload file: application.feedback.share",
        ),
        "records_per_s": Entry(
            "records a second at the busiest moment",
            "requests/s x share",
            "{s.application.requests_per_s} * " + OURS + "share}",
        ),
        "records_per_s_limit": setting(
            "records a second that one stream takes",
            "1,000; 2,000 in us-east-1, us-west-2 and eu-west-1",
            Basis.vendor,
            QUOTAS,
        ),
        "record_bytes": Entry(
            "bytes of one record, uncompressed",
            "400 + bytes of the comment",
            "ceil({feedback.RECORD_BYTES} + {w.application.feedback.comment_bytes})",
            Basis.measured,
            CODE,
        ),
        "bytes_per_s": Entry(
            "bytes a second at the busiest moment",
            "records/s x bytes of one",
            OURS + "records_per_s} * " + OURS + "record_bytes}",
        ),
        "bytes_per_s_limit": setting(
            "bytes a second that one stream takes",
            "1 MiB; 5 MiB in us-east-1, us-west-2 and eu-west-1",
            Basis.vendor,
            QUOTAS,
        ),
        "records_per_day": lambda leaf: Entry(
            "records of a day at the mean rate",
            "mean rate x share x seconds of a day",
            f"ceil({front_rate('mean', leaf)} * " + OURS + "share} * {units.SECONDS_PER_DAY})",
        ),
        "days": Entry(
            "days for which feedback is kept",
            "retention days",
            "{w.data.retention_days}",
            Basis.given,
            "the workload file: data.retention_days",
        ),
        "stored_bytes": lambda leaf: Entry(
            "bytes of all records at full retention, uncompressed",
            "mean rate x share x seconds of a day x bytes of a record x days",
            f"ceil({front_rate('mean', leaf)} * "
            + OURS
            + "share} * {units.SECONDS_PER_DAY} * "
            + OURS
            + "record_bytes} * "
            + OURS
            + "days})",
            remarks=("gzip makes them fewer: English text takes about a third",),
        ),
        "cpu_s_per_record": Entry(
            "CPU seconds of the application for one record",
            "the highest of the measurements",
            "{v}",
            Basis.measured,
            CATALOG + "application_work.csv, cpu_s_per_feedback",
            remarks=("by bench/feedback.py, with stand-ins; measure it on your own nodes",),
        ),
        "buffer_s": setting(
            "seconds after which the stream writes an object", "fixed", Basis.assumed, CODE
        ),
        "buffer_mib": setting(
            "MiB with which the stream writes an object before that", "fixed", Basis.assumed, CODE
        ),
        "log_days": log_days("failed deliveries of feedback"),
    },
}
