"""How much do viewers fetch from a content delivery network, and how much of it from the bucket?"""

from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.files.cdn import CdnPlan, LinkApiPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.replica.traffic import Rates
from sizing.service.gateway import megabits
from sizing.service.items.jobs import (
    FUNCTION_MIB,
    FUNCTION_S,
    FUNCTIONS_AT_ONCE,
    REQUEST_S,
    too_many_functions,
)
from sizing.site import Site
from sizing.values.exact import exact, plain, plain_or_none
from sizing.values.units import DAYS_PER_MONTH, GB, SECONDS_PER_DAY, TB
from sizing.workload import PriceClass, Workload

EGRESS_MBIT_PER_S, REQUESTS_PER_S = 150_000, 250_000
"""Bandwidth and requests a second of one distribution. Basis: vendor (CloudFront developer guide,
general quotas, read 2026-11-29: the default, which AWS raises on request)."""
NODE_RUNTIME = "nodejs24.x"
"""Runtime of the function that signs. Basis: vendor (AWS Lambda; the AWS CDK's default in every
region since 2.259.0 of 2026-06)."""
TIERS: tuple[tuple[int, Fraction], ...] = (
    (10 * TB, Fraction("0.085")),
    (50 * TB, Fraction("0.080")),
    (150 * TB, Fraction("0.060")),
    (500 * TB, Fraction("0.040")),
    (1_000 * TB, Fraction("0.030")),
    (5_000 * TB, Fraction("0.025")),
)
"""Bytes of a month up to which a price of US dollars a GB applies, in North America and Europe.
Basis: vendor's list price in infracost's test data of 2024-07-01; contracts and flat rates differ,
and the free first TB is not subtracted."""
LAST_TIER = Fraction("0.020")
"""US dollars a GB beyond the last tier. Basis: as above."""


def cdn_plan(
    workload: Workload, rates: Rates, site: Site, jobs: JobsPlan | None
) -> tuple[CdnPlan | None, tuple[Rejected, ...]]:
    """Return the delivery of a service's results, and the quotas that it exceeds.

    views/s = items/s x views; Mbit/s = views/s x bytes x 8 / 10^6
    requests/s to the bucket = views/s x (1 - hit ratio)

    There is none without the section in the workload. Basis: arithmetic; views of an item are
    assumed to follow it at once, so that their peak is that of the items.
    """
    cdn, data = workload.cdn, workload.data
    if cdn is None or data is None or data.interaction_bytes is None:
        return None, ()
    size, views = exact(data.interaction_bytes), exact(cdn.views_per_item)
    mean = rates.mean * views
    peak = None if rates.peak is None else rates.peak * views
    busiest = rates.busiest * views
    origin = rates.busiest * cdn.origin_reads
    month_bytes = mean * SECONDS_PER_DAY * DAYS_PER_MONTH * size
    plan = CdnPlan(
        price_class=cdn.price_class.value,
        item_bytes=plain(size),
        views_per_s_mean=plain(mean),
        views_per_s_peak=plain_or_none(peak),
        egress_mbit_per_s=plain(megabits(mean, size)),
        egress_mbit_per_s_peak=None if peak is None else plain(megabits(peak, size)),
        origin_requests_per_s=plain(origin),
        origin_mbit_per_s=plain(megabits(origin, size)),
        egress_gb_per_month=plain(month_bytes / GB),
        egress_usd_per_month=plain_or_none(_usd(month_bytes, cdn.price_class)),
        link=_link(busiest, site, jobs),
    )
    over = _over(busiest, megabits(busiest, size))
    return plan, (*over, *_too_many_functions(plan, jobs))


def _usd(month_bytes: Fraction, where: PriceClass) -> Fraction | None:
    """US dollars of a month's egress, tier by tier; None where viewers may be in other regions.

    Basis: vendor's list prices, see `TIERS`.
    """
    if where is not PriceClass.cheapest:
        return None
    return price(month_bytes)


def price(month_bytes: Fraction) -> Fraction:
    """US dollars of these bytes in one month: each tier's bytes x its price. Basis: arithmetic."""
    total, start = Fraction(0), Fraction(0)
    for end, usd in TIERS:
        in_tier = min(month_bytes, Fraction(end)) - start
        total += max(in_tier, Fraction(0)) / GB * usd
        start = Fraction(end)
    return total + max(month_bytes - start, Fraction(0)) / GB * LAST_TIER


def _link(views_per_s: Fraction, site: Site, jobs: JobsPlan | None) -> LinkApiPlan | None:
    """Return the function that signs addresses; it has the size of the one that accepts jobs."""
    key, api = site.signing_key, None if jobs is None else jobs.api
    if key is None or api is None:
        return None
    return LinkApiPlan(
        kind=api.kind,
        runtime=NODE_RUNTIME,
        memory_mib=FUNCTION_MIB,
        timeout_s=FUNCTION_S,
        at_once=float(views_per_s) * REQUEST_S,
        issuer=api.issuer,
        url_s=api.url_s,
        log_days=api.log_days,
        public_key=key.public_key,
        secret_arn=key.secret_arn,
        secret_key_arn=key.secret_key_arn,
    )


def _over(views_per_s: Fraction, mbit_per_s: Fraction) -> list[Rejected]:
    """Rejection of more than one distribution takes by default."""
    limits = list[str]()
    if mbit_per_s > EGRESS_MBIT_PER_S:
        limits.append(f"{float(mbit_per_s):,.0f} Mbit/s exceed {EGRESS_MBIT_PER_S:,}")
    if views_per_s > REQUESTS_PER_S:
        limits.append(f"{float(views_per_s):,.0f} requests/s exceed {REQUESTS_PER_S:,}")
    if not limits:
        return []
    numbers = f"{' and '.join(limits)} of a distribution; request a higher quota"
    option = "CDN within the default quota"
    return [Rejected(option=option, reason=Reason.store_limit, numbers=numbers)]


def _too_many_functions(plan: CdnPlan, jobs: JobsPlan | None) -> list[Rejected]:
    """Rejection of more functions at once than an account runs by default, with those of jobs."""
    if plan.link is None or jobs is None or jobs.api is None:
        return []
    together = float(plan.link.at_once) + float(jobs.api.at_once)
    if together <= FUNCTIONS_AT_ONCE or jobs.api.at_once > FUNCTIONS_AT_ONCE:
        return []
    return [too_many_functions("signed addresses", together)]
