"""What would a workload cost on every hardware, and what would double it?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sizing.catalog import Catalog
from sizing.compare.disaggregation.search import Disaggregation, disaggregation
from sizing.compare.engines import EngineRow, engine_rows
from sizing.compare.mix import Mix, mix
from sizing.compare.sensitivity import Sensitivity, sensitivities
from sizing.fleet.served import Served
from sizing.hardware.decision import grouped, with_hardware
from sizing.hardware.ranking import Option, Ranking, pinned, ranking
from sizing.hardware.search import find_hardware
from sizing.plan.part import Rejected
from sizing.replica.caches.response_cache import engine_rates
from sizing.replica.case import case_of
from sizing.site import Site
from sizing.values.field_error import FieldError
from sizing.workload import AUTO, Capacity, Hardware, Method, Workload, lengths_are_known


@dataclass(frozen=True)
class Comparison:
    """Options, cheapest first, and the reasons against other hardware."""

    ranked: Ranking
    rejected: tuple[Rejected, ...]
    sensitivities: tuple[Sensitivity, ...]
    """Sensitivities on the cheapest option."""
    method: str
    """Method for the rate of every GPU."""
    load: str
    """Load that is sized for: mean or peak."""
    mix: Mix
    """Comparison of several types with the cheapest one."""
    disaggregation: Disaggregation
    """Comparison of separate pools for prompts and answers with the cheapest option."""
    engines: tuple[EngineRow, ...]
    """Each engine on the cheapest type for it."""


def compare(workload: Workload, site: Site, catalog: Catalog) -> Comparison:
    """Return every hardware for a workload, whatever hardware it states, and every engine.

    Several pools and sensitivities are those of the cheapest option's engine. A measured rate
    belongs to one GPU, so the calibrated method replaces it. Raises FieldError where that method
    lacks the lengths, or the workload has no hardware.
    """
    if workload.access.service is not None:
        message = f"the requests that {workload.access.service} routes here are in another file"
        raise FieldError(("access", "service"), message, "a service with a load balancer")
    open_to_all = _open_to_all(workload)
    capacity = open_to_all.capacity
    rates = engine_rates(workload)
    case = case_of(open_to_all, site, catalog)
    ranked = ranking(case, rates)
    best = ranked.best
    engine = open_to_all.engines[0] if best is None else best.engine
    chosen = replace(case, workload=open_to_all.with_engine(engine))
    doubled = sensitivities(_stated(open_to_all, best), _nodes(site, catalog)) if best else []
    return Comparison(
        ranked,
        tuple(grouped(ranked.rejected)),
        tuple(doubled),
        method=capacity.method.value if capacity else "",
        load=capacity.load.value if capacity else "",
        mix=mix(chosen, rates, best),
        disaggregation=disaggregation(chosen, rates, best),
        engines=engine_rows(case, rates, ranked),
    )


def _open_to_all(workload: Workload) -> Workload:
    """Return the workload with hardware auto and a method that rates every type."""
    capacity, hardware = workload.capacity, workload.hardware
    if capacity is None or hardware is None:
        raise FieldError(("hardware",), "missing", "auto, or an instance type")
    if not hardware.is_auto:
        hardware = Hardware(instance_type=AUTO, load_time_s=hardware.load_time_s)
    values: dict[str, Hardware | Capacity] = {"hardware": hardware}
    if capacity.method is Method.given:
        lengths_are_known(workload)
        update = {"method": Method.calibrated, "requests_per_gpu_per_s": None}
        values["capacity"] = capacity.model_copy(update=update)
    return workload.model_copy(update=values)


def _stated(workload: Workload, option: Option) -> Workload:
    return with_hardware(workload, *pinned(option))


def _nodes(site: Site, catalog: Catalog) -> Callable[[Workload], int | None]:
    """Return a function that sizes a workload on stated hardware."""

    def nodes_of(workload: Workload) -> int | None:
        case = case_of(workload, site, catalog)
        result = find_hardware(case, engine_rates(workload), None, ())
        return result.pool.nodes_total if isinstance(result, Served) else None

    return nodes_of


def frontier(options: Sequence[Option]) -> frozenset[str]:
    """Names of the options that no other option dominates in cost and speed.

    Basis: cost, and sizing estimates of TTFT and TPOT at the load of one needed replica, or of the
    seconds of an image or clip.
    """
    points = {
        option.name: (float(option.usd_per_month), *option.speed)
        for option in options
        if option.usd_per_month is not None and option.speed is not None
    }

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(
            other != mine and all(o <= m for o, m in zip(other, mine, strict=True))
            for other in points.values()
        )

    return frozenset(name for name, mine in points.items() if not beaten(mine))
