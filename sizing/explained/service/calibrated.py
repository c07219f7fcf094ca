"""Explanations of the calibrated method, of the methods compared, and of the fleet's states."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf
from sizing.explained.service.rollouts import taken
from sizing.plan import CalibratedPlan, SidePlan
from sizing.values.exact import Number

LIMITS = {
    "throughput": "utilisation limit x the full batch's rate",
    "ttft": "the highest rate at which TTFT holds for the target's share of requests",
    "tpot": "the highest rate at which TPOT holds for the target's share of requests",
}


def _calibrated(leaf: Leaf) -> CalibratedPlan:
    """Return the calibrated part of the leaf's service. Raises ValueError."""
    if leaf.sized.calibrated is None:
        raise ValueError(f"{leaf.path} without a calibrated part")
    return leaf.sized.calibrated


def _fitted(leaf: Leaf, meaning: str, symbols: str, band: tuple[Number, Number] | None) -> Entry:
    """Return the entry of a number from a search over fitted terms."""
    found = _calibrated(leaf)
    generation = "this engine measured on this GPU generation in this precision"
    if found.basis != "measured":
        generation = "this GPU generation or precision known from its datasheet: a wider band"
    remarks = tuple(f"assumed: {text}" for text in found.assumed)
    source = f"{leaf.fitted_source}, fitted {found.coefficients}; {generation}"
    return Entry(
        meaning, symbols, "{v}", Basis.fitted, source, band, remarks=remarks, arithmetic=False
    )


def _band(leaf: Leaf, field: str) -> tuple[Number, Number] | None:
    """Both sides of one number, lower first; None where one of them is unknown."""
    found = _calibrated(leaf)
    low, high = getattr(found.median, field), getattr(found.safe, field)
    return None if low is None or high is None else (min(low, high), max(low, high))


def _of_side(meaning: str, symbols: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        side, field = leaf.keys[-2:]
        what = "P90 of the band, which sizes" if side == "safe" else "P50, as fitted"
        return _fitted(leaf, f"{meaning} ({what})", symbols, _band(leaf, field))

    return entry


def _replica_rate(leaf: Leaf) -> Entry:
    name = leaf.keys[-1]
    meaning = f"requests a second that {name} alone allows one replica"
    if leaf.capacity.locked:
        source = "the lock next to the workload file; `update` computes it anew"
        return Entry(meaning, "as locked", "{v}", Basis.fitted, source)
    return _fitted(leaf, meaning, LIMITS[name], None)


def _saturation(leaf: Leaf) -> Entry:
    meaning = "requests a second that one replica completes with every slot taken"
    if leaf.capacity.locked:
        return Entry(
            meaning, "as locked", "{v}", Basis.fitted, "the lock next to the workload file"
        )
    return _fitted(leaf, meaning, "n / (output x step(n) + n x prompt), n = slots", None)


def _side_gpus(leaf: Leaf) -> Entry:
    side: SidePlan = getattr(_calibrated(leaf), leaf.keys[-2])
    load = leaf.capacity.load
    text = (
        f"ceil({{s.traffic.requests_per_s_{load}}} * (1 + {{s.calibrated.imbalance_ratio}})"
        f" / {side.requests_per_replica_per_s!r}) * {{s.pool.tensor_parallel}}"
    )
    return Entry(
        f"GPUs needed on this side of the band ({leaf.keys[-2]})",
        f"ceil({load} rate x (1 + imbalance) / rate of one replica) x GPUs a replica",
        text,
        Basis.fitted,
        leaf.fitted_source,
        _band(leaf, "gpus_needed"),
    )


def _lengths(meaning: str, symbols: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        remarks = tuple(f"assumed: {text}" for text in _calibrated(leaf).assumed)
        return Entry(meaning, symbols, "{v}", Basis.given, "request", remarks=remarks)

    return entry


def _method(leaf: Leaf) -> Entry:
    found = leaf.sized.methods[int(leaf.keys[3])]
    basis = {"textbook": Basis.textbook, "given": Basis.given}.get(found.method, Basis.fitted)
    return Entry(
        f"GPUs needed by the method {found.method}",
        found.remark,
        "{v}",
        basis,
        leaf.fitted_source if basis is Basis.fitted else "",
        arithmetic=False,
    )


def _ratio(leaf: Leaf) -> Entry:
    found = leaf.sized.methods[int(leaf.keys[3])]
    return Entry(
        f"GPUs needed by the method {found.method} over the answer's",
        "its GPUs needed / the answer's",
        f"{found.gpus_needed} / {{s.pool.gpus_needed}}",
    )


def _state(leaf: Leaf) -> Entry:
    state = leaf.sized.states[int(leaf.keys[3])]
    less = {
        "steady": "{s.pool.replicas_total}",
        "rollout": f"{{s.pool.replicas_total}} - {taken(leaf)}",
        "repair": "{s.pool.replicas_total} - {s.pool.replicas_per_node}",
    }[state.state]
    names = {"steady": "every slot", "rollout": "less those replaced at once"}
    return Entry(
        f"replicas that serve: {state.state}", names.get(state.state, "less one node's"), less
    )


def _state_busy(leaf: Leaf) -> Entry:
    state = leaf.sized.states[int(leaf.keys[3])]
    return Entry(
        f"utilisation of these replicas at the peak: {state.state}",
        "peak rate / (replicas x rate of a full replica)",
        busy("peak", leaf, str(state.replicas)),
    )


def busy(load: str, leaf: Leaf, replicas: str) -> str:
    """Utilisation as arithmetic: of a full batch by the calibrated method, else of the rate."""
    rate = f"{{s.traffic.requests_per_s_{load}}}"
    if leaf.capacity.saturation_requests_per_s is not None:
        return f"{rate} / ({replicas} * {{s.capacity.saturation_requests_per_s}})"
    return f"{rate} * {{s.capacity.request_s}} / ({replicas} * {{s.pool.gpus_per_replica}})"


CALIBRATED: dict[str, Explainer] = {
    "services.*.capacity.requests_per_replica_per_s.*": _replica_rate,
    "services.*.capacity.saturation_requests_per_s": _saturation,
    "services.*.calibrated.prompt_tokens": _lengths(
        "tokens of the whole prompt, mean", "new tokens + earlier turns"
    ),
    "services.*.calibrated.cached_tokens": _lengths(
        "tokens of the prompt found in the replica's cache, mean",
        "shared prefix + share x earlier turns; share = 1 where conversations stay, else 1 / "
        "replicas",
    ),
    "services.*.calibrated.output_tokens": _lengths("tokens of the answer, mean", "output_tokens"),
    "services.*.calibrated.most_sequences": Entry(
        "sequences in one batch of a replica",
        "what memory holds, at most the engine's",
        "{v}",
        Basis.vendor,
        "memory.max_sequences; engine.max_sequences, or vLLM's default of 256",
    ),
    "services.*.calibrated.percentile": Entry(
        "share of requests, in percent, for which TTFT and TPOT hold",
        "latency.percentile",
        "{v}",
        Basis.given,
        "the workload file, or 95",
    ),
    "services.*.calibrated.imbalance_ratio": Entry(
        "requests of the fullest replica above the mean one's",
        "1.645 x sqrt((replicas - 1) / users online) where conversations stay, else 0",
        "{v}",
        Basis.arithmetic,
        arithmetic=False,
    ),
    "services.*.calibrated.in_flight_peak": lambda leaf: _fitted(
        leaf,
        "requests running or waiting in all needed replicas at the busiest moment",
        "replicas x mean of the queue's states (birth-death chain)",
        None,
    ),
    "services.*.calibrated.replicas_without_headroom.*": lambda leaf: _fitted(
        leaf,
        "replicas for the mean request, each at the utilisation that the targets allow; not rounded"
        f" ({leaf.keys[-1]} side of the band)",
        "rate / the highest rate at which half of the requests meet the targets, up to 99 % of a"
        " full batch",
        None,
    ),
    "services.*.calibrated.*.gpus_needed": _side_gpus,
    "services.*.calibrated.*.requests_per_replica_per_s": _of_side(
        "requests a second of one replica within every target", "the least of what each allows"
    ),
    "services.*.calibrated.*.saturation_requests_per_s": _of_side(
        "requests a second of one replica with every slot taken",
        "n / (output x step(n) + n x prompt), n = slots",
    ),
    "services.*.calibrated.*.ttft_ms": _of_side(
        "milliseconds to the first token, at the percentile and the load of one replica",
        "first of the prompt at the percentile + steps x step + wait behind prompts + wait for a"
        " slot",
    ),
    "services.*.calibrated.*.tpot_ms": _of_side(
        "milliseconds a token, at the percentile and the load of one replica",
        "step(n) / (1 - rate x prompt), n at the percentile",
    ),
    "services.*.methods.*.gpus_needed": _method,
    "services.*.methods.*.ratio": _ratio,
    "services.*.choice.tensor_parallel": Entry(
        "GPUs of one replica, as chosen", "see pool.tensor_parallel", "{s.pool.tensor_parallel}"
    ),
    "services.*.choice.usd_per_hour": Entry(
        "dollars of one node an hour, on demand, before tax",
        "list price",
        "{v}",
        Basis.vendor,
        "{s.choice.price_source}, {s.choice.price_checked}; " + CATALOG + "prices.csv",
    ),
    "services.*.choice.pool_usd_per_month": Entry(
        "dollars of all nodes a month; all else comes on top",
        "nodes x price of an hour x 730 h",
        "{s.pool.nodes_total} * {s.choice.usd_per_hour} * {units.HOURS_PER_PRICED_MONTH}",
    ),
    "services.*.states.*.replicas": _state,
    "services.*.states.*.utilisation_at_peak": _state_busy,
}
