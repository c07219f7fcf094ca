"""Explanations of the calibrated method."""

from sizing.explained.entry import COEFFICIENTS, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.calibrated import (
    BandPlan,
    CalibratedPlan,
    EstimatePlan,
    MarginPlan,
    OneRunPlan,
    QuantilePlan,
)
from sizing.values.exact import Number
from sizing.workload import shortfall_cost


def _calibrated(leaf: Leaf) -> CalibratedPlan:
    """Return the calibrated part of the leaf's service. Raises ValueError."""
    if leaf.sized.calibrated is None:
        raise ValueError(f"{leaf.path} without a calibrated part")
    return leaf.sized.calibrated


def fitted(leaf: Leaf, meaning: str, symbols: str, band: tuple[Number, Number] | None) -> Entry:
    """Return the entry of a number from a search over fitted terms."""
    found = _calibrated(leaf)
    remarks = tuple(f"assumed: {text}" for text in found.assumed)
    source = f"{leaf.fitted_source}, fitted {found.coefficients}; {found.evidence}"
    return Entry(
        meaning, symbols, "{v}", leaf.fitted, source, band, remarks=remarks, arithmetic=False
    )


def _band(leaf: Leaf, field: str) -> tuple[Number, Number] | None:
    """Both sides of one number, lower first; None where one of them is unknown."""
    found = _calibrated(leaf)
    low, high = getattr(found.median, field), getattr(found.safe, field)
    return None if low is None or high is None else (min(low, high), max(low, high))


def _estimated(leaf: Leaf, meaning: str, symbols: str) -> Entry:
    """Return the entry of a number of one estimate of the band."""
    estimate, field = leaf.keys[-2:]
    sizing = f"{_calibrated(leaf).estimate} of the band, which sizes the fleet"
    what = sizing if estimate == "safe" else "P50, as fitted"
    return fitted(leaf, f"{meaning} ({what})", symbols, _band(leaf, field))


def _of_estimate(meaning: str, symbols: str) -> Explainer:
    return lambda leaf: _estimated(leaf, meaning, symbols)


def saturation_symbols(leaf: Leaf) -> str:
    """Rate of a replica with every slot taken, in symbols."""
    if leaf.sized.inputs.kind.traits.generates:
        return "n / (output x step(n) + n x prompt), n = slots"
    return "n / step(n), n = texts of a full step"


def _saturation(leaf: Leaf) -> Entry:
    meaning = "requests a second of one replica with every slot taken"
    return _estimated(leaf, meaning, saturation_symbols(leaf))


def _most_sequences(leaf: Leaf) -> Entry:
    symbols = "sequences that memory holds, at most the engine's limit"
    if not leaf.sized.inputs.kind.traits.generates:
        symbols += ", and the tokens of a step / tokens of the mean text"
    return Entry(
        "sequences in one batch of a replica",
        symbols,
        "{v}",
        Basis.vendor,
        "memory.max_sequences; engine.max_sequences, or vLLM's default of 256",
    )


def _estimate_gpus(leaf: Leaf) -> Entry:
    estimate: EstimatePlan = getattr(_calibrated(leaf), leaf.keys[-2])
    load = leaf.capacity.load
    text = (
        f"ceil({leaf.engine_rate(load)} * (1 + {{s.calibrated.imbalance_ratio}})"
        f" / {estimate.requests_per_replica_per_s!r}) * {{s.pool.tensor_parallel}}"
    )
    return Entry(
        f"GPUs needed at this estimate of the band ({leaf.keys[-2]})",
        f"ceil({load} rate x (1 + imbalance) / rate of one replica) x GPUs a replica",
        text,
        leaf.fitted,
        leaf.fitted_source,
        _band(leaf, "gpus_needed"),
    )


def _lengths(meaning: str, symbols: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        remarks = tuple(f"assumed: {text}" for text in _calibrated(leaf).assumed)
        return Entry(meaning, symbols, "{v}", Basis.given, "request", remarks=remarks)

    return entry


MARGIN_STEPS = (
    "ceil({s.calibrated.replicas_without_headroom.median} * (1 + {s.calibrated.imbalance_ratio}))"
    " * {s.pool.tensor_parallel}",
    "{s.calibrated.median.gpus_needed}",
    "{s.calibrated.safe.gpus_needed}",
)
"""Formulas of the GPUs between which the margins lie: mean request, P50, sizing estimate."""


def _margin_gpus(leaf: Leaf) -> Entry:
    index = int(leaf.keys[-2])
    name = _calibrated(leaf).margins[index].name
    text = f"{MARGIN_STEPS[index + 1]} - {MARGIN_STEPS[index]}"
    return Entry(
        f"GPUs that the {name} adds",
        "mean request without headroom -> P50 -> sizing estimate: the difference of two",
        text,
        leaf.fitted,
        leaf.fitted_source,
    )


def bought_share(leaf: Leaf) -> Entry:
    """Return the entry of the share that the cost of a shortfall decides."""
    stated = leaf.sized.inputs.capacity.shortfall_cost if leaf.sized.inputs.capacity else None
    cost = shortfall_cost(leaf.sized.inputs.capacity)
    return Entry(
        "share of predictions, in percent, that the fleet's estimate is not below",
        "100 x k / (1 + k), k = cost of a missing GPU over that of a spare one",
        f"100 * {cost} / (1 + {cost})",
        Basis.assumed if stated is None else Basis.given,
        "capacity.shortfall_cost, 9 unless stated",
    )


def _shown_quantile(leaf: Leaf) -> Entry:
    if leaf.value == _calibrated(leaf).quantile_percent:
        return bought_share(leaf)
    return Entry(
        "share of predictions, in percent, that are not exceeded; shown for comparison",
        "50 and 90, next to the one that sizes the fleet",
        "{v}",
        Basis.assumed,
        "sizing/fleet/estimates.py",
    )


def _cost_of(count: str) -> Explainer:
    """Explainer of the cost of a number of nodes."""

    def entry(leaf: Leaf) -> Entry:
        part = "".join(f"[{key}]" if key.isdigit() else f".{key}" for key in leaf.keys[2:-1])
        return Entry(
            "USD a month of these nodes",
            "nodes x price of an hour x 730 h",
            f"{{s{part}.{count}}} * {{s.choice.usd_per_hour}} * {{units.HOURS_PER_PRICED_MONTH}}",
            leaf.method,
            leaf.method_source,
        )

    return entry


def _nodes_of_the_estimate(leaf: Leaf) -> str:
    """Formula of the nodes at the quantile that sizes the service."""
    found = _calibrated(leaf)
    shown = [each.quantile_percent for each in found.quantiles]
    return f"{{s.calibrated.quantiles[{shown.index(found.quantile_percent)}].nodes_total}}"


NODES = Entry(
    "nodes with the spares of the redundancy rules; of a margin, their difference",
    "as pool.nodes_total, for these GPUs",
    "{v}",
    arithmetic=False,
)


CALIBRATED: Registry = {
    EstimatePlan: {
        "response_s": _of_estimate(
            "seconds to a vector, at the percentile and the load of one replica",
            "2 x step(n) + own text - mean text + wait for a place, n = texts in a step, all at the"
            " percentile",
        ),
        "gpus_needed": _estimate_gpus,
        "requests_per_replica_per_s": _of_estimate(
            "requests a second of one replica within every target", "the least of what each allows"
        ),
        "saturation_requests_per_s": _saturation,
        "ttft_ms": _of_estimate(
            "milliseconds to the first token, at the percentile and the load of one replica",
            "first of the prompt at the percentile + steps x step + wait behind prompts + wait"
            " for a slot",
        ),
        "tpot_ms": _of_estimate(
            "milliseconds a token, at the percentile and the load of one replica",
            "step(n) / (1 - rate x prompt), n at the percentile",
        ),
    },
    QuantilePlan: {
        "quantile_percent": _shown_quantile,
        "gpus_needed": lambda leaf: fitted(
            leaf,
            "GPUs for the load at this quantile of the band, without spares",
            "ceil(load x (1 + imbalance) / rate of one replica at the quantile) x GPUs a replica",
            None,
        ),
        "nodes_total": NODES,
        "usd_per_month": _cost_of("nodes_total"),
    },
    MarginPlan: {
        "gpus": _margin_gpus,
        "nodes": NODES,
        "usd_per_month": _cost_of("nodes"),
    },
    OneRunPlan: {
        "gpus_needed": lambda leaf: fitted(
            leaf,
            "GPUs for the load, if one own run took the predicted time and narrowed the band",
            "spread^2 = 0.05^2 + (spread of the band)^2 / 2; then as for the fleet",
            None,
        ),
        "nodes_total": NODES,
        "usd_saved_per_month": lambda leaf: Entry(
            "USD a month that the narrower band of one own run would save",
            "(nodes at the sizing estimate - nodes after one run) x price of an hour x 730 h",
            f"({_nodes_of_the_estimate(leaf)} - {{s.calibrated.one_run.nodes_total}})"
            " * {s.choice.usd_per_hour} * {units.HOURS_PER_PRICED_MONTH}",
            leaf.fitted,
            COEFFICIENTS,
        ),
    },
    BandPlan: {
        "*": lambda leaf: fitted(
            leaf,
            "replicas for the mean request, each at the utilisation that the targets allow; not"
            " rounded"
            f" ({leaf.keys[-1]} estimate of the band)",
            "rate / the highest rate at which half of the requests meet the targets, up to 99 %"
            " of a full batch",
            None,
        ),
    },
    CalibratedPlan: {
        "quantile_percent": bought_share,
        "prompt_tokens": _lengths("tokens of the whole prompt, mean", "new tokens + earlier turns"),
        "cached_tokens": _lengths(
            "tokens of the prompt found in the replica's cache, mean",
            "shared prefix + share x earlier turns; share = 1 where conversations stay, else 1 / "
            "replicas",
        ),
        "output_tokens": _lengths("tokens of the answer, mean", "output_tokens"),
        "most_sequences": _most_sequences,
        "percentile": Entry(
            "share of requests, in percent, for which the latency targets hold",
            "latency.percentile",
            "{v}",
            Basis.given,
            "the workload file, or 95",
        ),
        "imbalance_ratio": Entry(
            "requests of the fullest replica above the mean one's",
            "1.645 x sqrt((replicas - 1) / users online) where conversations stay, else 0",
            "{v}",
            Basis.arithmetic,
            arithmetic=False,
        ),
        "in_flight_peak": lambda leaf: fitted(
            leaf,
            "requests running or waiting in all needed replicas at the busiest moment",
            "replicas x mean of the queue's states (birth-death chain)",
            None,
        ),
    },
}
