"""How much feedback do users give, and what does it take to keep it?"""

from fractions import Fraction
from math import floor

from sizing.catalog import Catalog
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.replica.traffic import Rates
from sizing.service.application.work import measured
from sizing.site import LOG_DAYS, Site
from sizing.values.exact import ceiling, exact, plain
from sizing.values.units import MIB, SECONDS_PER_DAY
from sizing.workload import Workload

RECORD_BYTES = 400
"""Bytes of a record without its comment. Basis: measured (310 with a subject of 36 characters, no
comment, and the longest time, label and identity of a response; 64 more for the name of a
model)."""
LIMITS = (1_000, MIB)
"""Records and bytes a second of a stream with direct puts of one record each. Basis: vendor (Amazon
Data Firehose quotas, read 2026-11-30)."""
LARGE_LIMITS = (2_000, 5 * MIB)
"""Those of the three regions in `LARGE_REGIONS`. Basis: vendor (the same)."""
LARGE_REGIONS = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
BUFFER_S, BUFFER_MIB = 900, 16
"""Seconds and MiB after which the stream writes an object. Basis: vendor (60 to 900 s, 1 to 128
MiB); assumed: few objects, and each fits into the memory of the program that erases a user."""

CPU = "cpu_s_per_feedback"
"""Figure of a record in data/application_work.csv."""


def cpu_s(workload: Workload, catalog: Catalog) -> Fraction:
    """CPU seconds of feedback for one request: share x CPU seconds of one record.

    Basis: measured (`sizing/catalog/data/application_work.csv`), the highest.
    """
    feedback = None if workload.application is None else workload.application.feedback
    return Fraction(0) if feedback is None else exact(feedback.share) * measured(catalog, CPU)


def feedback_plan(
    workload: Workload, rates: Rates, site: Site, catalog: Catalog
) -> FeedbackPlan | None:
    """Return the feedback of a service; None where its application accepts none.

    records/s = requests/s x share; bytes = records x (400 + bytes of the comment)

    A record is kept as long as the response that it judges. Basis: arithmetic.
    """
    application, data = workload.application, workload.data
    if application is None or application.feedback is None or data is None:
        return None
    given = application.feedback
    share, each = exact(given.share), ceiling(RECORD_BYTES + exact(given.comment_bytes))
    daily = rates.mean * share * SECONDS_PER_DAY
    records_limit, bytes_limit = LARGE_LIMITS if site.region in LARGE_REGIONS else LIMITS
    return FeedbackPlan(
        share=plain(share),
        records_per_s=plain(rates.busiest * share),
        records_per_s_limit=records_limit,
        record_bytes=each,
        bytes_per_s=plain(rates.busiest * share * each),
        bytes_per_s_limit=bytes_limit,
        records_per_day=ceiling(daily),
        days=data.retention_days,
        stored_bytes=ceiling(daily * each * data.retention_days),
        cpu_s_per_record=plain(measured(catalog, CPU)),
        buffer_s=BUFFER_S,
        buffer_mib=BUFFER_MIB,
        log_days=LOG_DAYS[site.environment],
    )


def beyond_stream(plan: FeedbackPlan) -> list[str]:
    """Limit of the stream that the feedback exceeds, with its numbers and a remedy."""
    if plan.records_per_s > plan.records_per_s_limit:
        over = f"{plan.records_per_s:,.0f} records/s of feedback exceed the"
        most = floor(1_000 * plan.share * plan.records_per_s_limit / plan.records_per_s) / 1_000
        remedy = f"ask fewer users: application.feedback.share of at most {most:g}"
        return [f"{over} {plan.records_per_s_limit:,} of a stream; {remedy}"]
    if plan.bytes_per_s > plan.bytes_per_s_limit:
        over = f"{plan.bytes_per_s:,.0f} bytes/s of feedback exceed the"
        remedy = "smaller application.feedback.share or comment_bytes"
        return [f"{over} {plan.bytes_per_s_limit:,} of a stream; {remedy}"]
    return []
