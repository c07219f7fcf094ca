"""What would a workload cost with each engine, on the cheapest type for it?"""

from dataclasses import dataclass, replace

from sizing.hardware.ranking import Option, Ranking, ranking
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.workload import EngineName, Method, engines_of


@dataclass(frozen=True)
class EngineRow:
    """Cheapest option of one engine, or the reason for none."""

    engine: EngineName
    is_requested: bool
    """True for the engine of the workload; with auto, for each that it may choose."""
    best: Option | None
    refused: str | None
    """Reason for no option; None where there is one."""


def engine_rows(case: Case, rates: Rates, ranked: Ranking) -> tuple[EngineRow, ...]:
    """Return each engine with its cheapest option, in order of preference.

    `ranked` has the options of the requested engines, and each other engine is ranked here. The
    result is empty by a method that rates engines alike.
    Basis: exact; each option is sized in full.
    """
    workload = case.workload
    method = workload.capacity.method if workload.capacity is not None else None
    if method is not Method.calibrated:
        return ()
    return tuple(_row(engine, case, rates, ranked) for engine in engines_of(workload.kind))


def _row(engine: EngineName, case: Case, rates: Rates, ranked: Ranking) -> EngineRow:
    requested = engine in case.workload.engines
    fault = case.workload.refusal(engine)
    if fault is not None:
        return EngineRow(engine, requested, None, fault.message)
    if not requested:
        ranked = ranking(replace(case, workload=case.workload.with_engine(engine)), rates)
    best = next((option for option in ranked.options if option.engine is engine), None)
    if best is not None:
        return EngineRow(engine, requested, best, None)
    nearest = next(iter(ranked.rejected), None)
    reason = "no type serves it" if nearest is None else f"{nearest.option}: {nearest.numbers}"
    return EngineRow(engine, requested, None, reason)
