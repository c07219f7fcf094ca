"""Which other type would serve a workload whose stated type does not, and what else must change?"""

from collections.abc import Iterator

from sizing.hardware.offers import SIXTEEN_BITS
from sizing.hardware.ranking import Option, ranking
from sizing.plan.part import Reason, Rejected
from sizing.replica.case import Case, case_of
from sizing.replica.traffic import Rates
from sizing.values.exact import plain
from sizing.workload import AUTO, Hardware, Method, Precision, Workload

MOST = 3
"""Maximum number of types in the rejection."""


def nearest_types(case: Case, rates: Rates, requested: Workload) -> list[Rejected]:
    """Return the cheapest other types that would work on demand, as one rejection.

    The order is: the same file with another type, then with another precision, then with another
    replica. Where a lock stated the type, `requested` is the file, whose open fields may change.
    The list is empty where neither states a type. Basis: exact; each type is sized in full.
    """
    hardware = case.workload.hardware
    if hardware is None or case.workload.capacity is None:
        return []
    if hardware.is_auto and hardware.nodes_per_replica in (None, 1):
        return _in_fp8(case, rates)
    other = requested.hardware if requested is not case.workload else None
    is_locked = other is not None and other.is_auto
    workloads = (requested,) if is_locked else tuple(_opened(case))
    nearest = next((options for w in workloads if (options := _options(w, case, rates))), [])
    listed = [_described(option, case, is_locked=is_locked) for option in nearest[:MOST]]
    where = "" if _is_calibrated(case.workload) else " in one node"
    *others, last = listed or [f"none of the catalog{where}"]
    text = f"{', '.join(others)} or {last} would do" if others else f"{last} would do"
    if not listed and workloads and (best := _best_latency(workloads[-1], case, rates)):
        text += f"; the best that any reaches is {best.option}: {best.numbers}"
    if is_locked and listed:
        text += "; `sizewright update` chooses again"
    return [Rejected(option="another instance type", reason=Reason.nearest, numbers=text)]


def _in_fp8(case: Case, rates: Rates) -> list[Rejected]:
    """Cheapest types that serve the weights in FP8, for a file that allows only 16 bits."""
    model, hardware = case.workload.model, case.workload.hardware
    if hardware is None or case.facts.precision not in SIXTEEN_BITS:
        return []
    if Precision.fp8 in hardware.precisions:
        return []
    narrow = model.model_copy(update={"precision": Precision.fp8})
    listed = [
        _described(option, case, is_locked=True)
        for option in _options(case.workload.model_copy(update={"model": narrow}), case, rates)
    ]
    if not listed:
        return []
    change = f"hardware.precisions [{case.facts.precision}, fp8]"
    if model.precision is not None:
        change = "model.precision fp8"
    *others, last = listed[:MOST]
    types = f"{', '.join(others)} or {last}" if others else last
    text = f"{types} would do with {change}; narrower weights may answer worse"
    return [Rejected(option="fp8", reason=Reason.nearest, numbers=text)]


def _opened(case: Case) -> Iterator[Workload]:
    """Yield the workload with its type left open, then its precision, then its replica as well."""
    stated_hardware, model = case.workload.hardware, case.workload.model
    if stated_hardware is None:
        return
    stated = model.model_copy(update={"precision": case.facts.precision})
    open_to_all = model if model.name is None else model.model_copy(update={"precision": None})
    split = stated_hardware.tensor_parallel
    for tensor_parallel in (None,) if split is None else (split, None):
        for as_model in (stated, open_to_all):
            hardware = Hardware(
                instance_type=AUTO,
                tensor_parallel=tensor_parallel,
                load_time_s=stated_hardware.load_time_s,
                precisions=() if as_model is stated else _narrower(case),
            )
            yield case.workload.model_copy(update={"hardware": hardware, "model": as_model})


def _narrower(case: Case) -> tuple[Precision, ...]:
    """Published precision and FP8, which the file would have to state."""
    published = Precision(case.facts.model.native_dtype) if case.facts.model else None
    if published not in SIXTEEN_BITS:
        return ()
    return (Precision.bf16, Precision.fp16, Precision.fp8)


def _best_latency(workload: Workload, case: Case, rates: Rates) -> Rejected | None:
    """Rejection of the attempt nearest to the latency targets.

    The result is None without such an attempt, and where others fail for their zones alone: they
    meet the targets.
    """
    rejected = ranking(case_of(workload, case.site, case.catalog), rates).rejected
    if any(each.reason is Reason.zones for each in rejected):
        return None
    return next((each for each in rejected if each.reason is Reason.latency), None)


def _options(workload: Workload, case: Case, rates: Rates) -> list[Option]:
    """Cheapest option of each other type. A rate that names its GPU applies to no other."""
    capacity = workload.capacity
    named = case.facts.gpu if capacity is not None and capacity.gpu is not None else None
    own = {case.facts.instance.name} if case.facts.instance is not None else set()
    opened = case_of(workload, case.site, case.catalog)
    first = dict[str, Option]()
    for option in ranking(opened, rates).options:
        if option.instance.name in own or (named and option.instance.gpu != named.name):
            continue
        first.setdefault(option.instance.name, option)
    return list(first.values())


def _described(option: Option, case: Case, *, is_locked: bool) -> str:
    """Text of the type, the other changes of the file, its nodes and their cost."""
    changes = [] if is_locked else _changes(option, case)
    name = option.instance.name + (f" with {' and '.join(changes)}" if changes else "")
    count, cost = option.pool.nodes_total, option.usd_per_month
    usd = "" if cost is None else f", {plain(cost):,.0f} USD a month"
    return f"{name} ({count:,} node{'s' * (count > 1)}{usd})"


def _changes(option: Option, case: Case) -> list[str]:
    """Fields that a file with stated hardware would have to change in addition to the type."""
    hardware, changes = case.workload.hardware, list[str]()
    if option.precision is not case.facts.precision:
        changes.append(f"model.precision {option.precision}")
    if hardware is not None and hardware.tensor_parallel not in (None, option.tensor_parallel):
        changes.append(f"hardware.tensor_parallel {option.tensor_parallel}")
    if hardware is not None and hardware.nodes_per_replica not in (None, 1):
        changes.append("hardware.nodes_per_replica 1")
    if hardware is not None and hardware.capacity is not None:
        changes.append("hardware.capacity on_demand")
    return changes


def _is_calibrated(workload: Workload) -> bool:
    return workload.capacity is not None and workload.capacity.method is Method.calibrated
