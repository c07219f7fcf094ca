"""Which hardware was chosen, by whom, and what do its nodes cost?"""

from sizing.fleet.served import Served
from sizing.locks.workload_lock import rates_key
from sizing.plan.service.pool import ChoicePlan
from sizing.replica.case import Case
from sizing.service.checkpoint import checkpoint_plan
from sizing.values.exact import exact, plain_or_none
from sizing.values.units import HOURS_PER_PRICED_MONTH
from sizing.workload import Method


def choice_plan(case: Case, served: Served, chosen_by: str) -> ChoicePlan:
    """Return the hardware with its price on demand.

    cost = nodes x price of an hour x 730, null where the price is unknown

    Basis: arithmetic; the catalog has the price with its source.
    """
    pool = served.pool
    price = case.catalog.price(pool.instance_type, case.site.region)
    hourly = None if price is None else exact(price.usd_per_hour)
    monthly = None if hourly is None else pool.nodes_total * hourly * HOURS_PER_PRICED_MONTH
    return ChoicePlan(
        instance_type=pool.instance_type,
        tensor_parallel=pool.tensor_parallel,
        precision=case.facts.precision.value,
        checkpoint=checkpoint_plan(case),
        chosen_by=chosen_by,
        usd_per_hour=plain_or_none(hourly),
        price_source=price.source if price else None,
        price_checked=price.checked if price else None,
        rates_for=_rates_for(case, served),
        pool_usd_per_month=plain_or_none(monthly),
    )


def _rates_for(case: Case, served: Served) -> str | None:
    """Digest of the inputs of a calibrated rate, for a lock; None by other methods."""
    if served.capacity.method is not Method.calibrated:
        return None
    split = served.choice.fit.tensor_parallel
    return rates_key(case.workload, served.instance.name, split, float(served.load))
