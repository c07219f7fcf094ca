"""How many requests reach the engines behind a cache of answers?"""

from decimal import Decimal

from sizing.catalog.bands import MEDIAN
from sizing.replica.calibrated import bought_quantile
from sizing.replica.traffic import Rates, answered_rates
from sizing.values.exact import exact
from sizing.workload import Workload


def engine_rates(workload: Workload) -> Rates:
    """Requests per second that reach the engines: requests/s of the model x (1 - hit ratio).

    Basis: arithmetic; as `sized_hit_ratio`.
    """
    return answered_rates(workload).of(1 - exact(sized_hit_ratio(workload)))


def cached_rates(workload: Workload) -> Rates | None:
    """Requests per second that reach the engines behind a cache; None without one."""
    application = workload.application
    has_cache = application is not None and application.cache is not None
    return engine_rates(workload) if has_cache else None


def sized_hit_ratio(workload: Workload) -> Decimal:
    """Share of requests that a cache answers, for the size of the engines; 0 without a cache.

    It is the conservative end above the median of the bands. Basis: the rule of decision 47, by
    which one quantile sizes the service.
    """
    application = workload.application
    if application is None or application.cache is None:
        return Decimal(0)
    cache = application.cache
    return cache.low if bought_quantile(workload) > MEDIAN else cache.hit_ratio
