"""Which input doubles the nodes soonest?"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from sizing.workload import Length, Workload

LARGEST_FACTOR = 64.0
FINE = 0.005
"""Relative precision of a factor: half a percent."""
Change = Callable[[Workload, Decimal], Workload]


@dataclass(frozen=True)
class Sensitivity:
    """One input, and the factor at which it requires twice the nodes."""

    input: str
    factor: float | None
    """Factor by which the input grows, or a target or a pause shrinks; None above 64."""
    feasible: bool
    """False where no configuration on this hardware serves the load at that factor."""


def sensitivities(
    workload: Workload, nodes_of: Callable[[Workload], int | None]
) -> list[Sensitivity]:
    """Return the inputs of a workload. The input that doubles the nodes soonest is first.

    `nodes_of` sizes a workload on the same hardware, and returns None where nothing serves it.
    Basis: search on the sizing itself, one input at a time.
    """
    now = nodes_of(workload)
    if now is None:
        return []
    found = [
        _doubling(name, change, workload, 2 * now, nodes_of)
        for name, change in _changes(workload).items()
    ]
    return sorted(found, key=lambda s: (s.factor is None, s.factor or 0.0, s.input))


def _doubling(
    name: str,
    change: Change,
    workload: Workload,
    twice: int,
    nodes_of: Callable[[Workload], int | None],
) -> Sensitivity:
    """Smallest factor that requires `twice` the nodes, or that nothing serves."""

    def asks(factor: float) -> int | None:
        return nodes_of(change(workload, Decimal(str(round(factor, 6)))))

    def enough(factor: float) -> bool:
        nodes = asks(factor)
        return nodes is None or nodes >= twice

    low, high = 1.0, 1.25
    while not enough(high):
        if high >= LARGEST_FACTOR:
            return Sensitivity(name, None, feasible=True)
        low, high = high, min(high * 1.5, LARGEST_FACTOR)
    while high / low > 1 + FINE:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Sensitivity(name, high, feasible=asks(high) is not None)


def _changes(workload: Workload) -> dict[str, Change]:
    """Return the inputs that a workload states, and how a factor makes each one harder."""
    found: dict[str, Change] = {
        "traffic.daily_users": _part("traffic", daily_users=1),
        "traffic.requests_per_user_per_day": _part("traffic", requests_per_user_per_day=1),
    }
    traffic, request, latency = workload.traffic, workload.request, workload.latency
    if traffic.peak_ratio is not None:
        found["traffic.peak_ratio"] = _part("traffic", peak_ratio=1)
    if traffic.think_time_s is not None:
        found["traffic.peak_users_share"] = _part("traffic", peak_users_share=1)
        found["traffic.think_time_s (shorter)"] = _part("traffic", think_time_s=-1)
    for name in ("tokens", "input_tokens", "output_tokens"):
        if getattr(request, name) is not None:
            found[f"request.{name}"] = _part("request", **{name: 1})
    of_vectors = () if workload.kind.traits.generates else ("response_s",)
    if latency is not None:
        for name in ("ttft_ms", "tpot_ms", *of_vectors):
            if getattr(latency, name) is not None:
                found[f"latency.{name} (tighter)"] = _part("latency", **{name: -1})
    return found


def _part(part: str, **fields: int) -> Change:
    """Return a change that multiplies fields of one part by the factor, or divides at power -1."""

    def change(workload: Workload, factor: Decimal) -> Workload:
        old = getattr(workload, part)
        new = {
            name: _times(getattr(old, name), factor if power > 0 else 1 / factor)
            for name, power in fields.items()
        }
        return workload.model_copy(update={part: old.model_copy(update=new)})

    return change


def _times(
    value: int | Decimal | tuple[Length, ...], factor: Decimal
) -> int | Decimal | tuple[Length, ...]:
    """Return the value times the factor. A count is rounded up to a whole number."""
    if isinstance(value, int):
        return ceil(value * factor)
    if isinstance(value, Decimal):
        return value * factor
    return tuple(bar.model_copy(update={"tokens": bar.tokens * factor}) for bar in value)
