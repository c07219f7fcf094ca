"""Explanations of a service's traffic, of the rate of one GPU, and of the methods compared."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.service.application.route import answered, front_rate, is_routed
from sizing.explained.service.calibrated import fitted, saturation_symbols
from sizing.plan.service.capacity import CapacityPlan, MethodPlan, TrafficPlan

FEWEST = {"response": "answer in time", "drain": "work off the backlog in time"}
"""Targets that a number of replicas meets, by the name of their constraint."""
LIMITS = {
    "throughput": "utilisation limit x the full batch's rate",
    "ttft": "the highest rate at which TTFT holds for the target's share of requests",
    "tpot": "the highest rate at which TPOT holds for the target's share of requests",
    "response": "the highest rate at which the response holds for the target's share of requests",
}


def _mean_rate(leaf: Leaf) -> Entry:
    if is_routed(leaf.sized):
        return answered(leaf, "mean")
    return Entry(
        "requests a second, mean of the day",
        "users x requests a user a day / 86,400 s",
        "{w.traffic.daily_users} * {w.traffic.requests_per_user_per_day} / {units.SECONDS_PER_DAY}",
    )


def _peak_rate(leaf: Leaf) -> Entry:
    if is_routed(leaf.sized):
        return answered(leaf, "peak")
    traffic = leaf.sized.inputs.traffic
    meaning = "requests a second at the busiest moment"
    if traffic.think_time_s is not None:
        return Entry(
            meaning,
            "users online / think time",
            "{s.traffic.users_online_peak} / {w.traffic.think_time_s}",
        )
    if traffic.peak_ratio is not None:
        return Entry(
            meaning,
            "mean x peak ratio",
            "{s.traffic.requests_per_s_mean} * {w.traffic.peak_ratio}",
        )
    hours = traffic.hourly or ()
    return Entry(
        meaning,
        "mean x busiest hour / mean hour",
        f"{{s.traffic.requests_per_s_mean}} * 24 * {max(hours)} / {sum(hours)}",
    )


def _request_s(leaf: Leaf) -> Entry:
    meaning = "GPU-seconds of one request"
    if leaf.capacity.method == "given" and not leaf.capacity.requests_per_replica_per_s:
        return Entry(
            meaning,
            "1 / requests a GPU completes a second",
            "1 / {w.capacity.requests_per_gpu_per_s}",
            Basis.given,
            "measured by the user: capacity.requests_per_gpu_per_s",
        )
    if leaf.capacity.requests_per_replica_per_s:
        rates = [repr(r) for r in leaf.capacity.requests_per_replica_per_s.values()]
        least = f"min({', '.join(rates)})" if len(rates) > 1 else rates[0]
        return Entry(
            meaning,
            "GPUs a replica / the least rate that a constraint allows it",
            f"{{s.choice.tensor_parallel}} / {least}",
            leaf.method,
            leaf.method_source,
        )
    return Entry(
        meaning,
        "2 x parameters x tokens (or iterations) / peak FLOP/s",
        "2 * {s.memory.parameters} * {s.capacity.passes} / {s.capacity.peak_flop_per_s}",
        Basis.textbook,
        "the published designs' rule; it ignores memory bandwidth, attention and overheads",
        remarks=("an image's iteration counts as one token of work",)
        if leaf.sized.kind == "image"
        else (),
    )


def _in_flight(leaf: Leaf) -> Entry:
    latency = leaf.sized.inputs.latency
    image = latency is not None and latency.response_s is not None
    symbols, numbers = "response target", "{w.latency.response_s}"
    if not image:
        symbols = "(TTFT + (output tokens - 1) x TPOT)"
        numbers = (
            "({w.latency.ttft_ms} + ({w.request.output_mean} - 1) * {w.latency.tpot_ms}) / 1000"
        )
    return Entry(
        "requests in flight at the busiest moment, if each just meets the latency targets",
        f"peak rate x {symbols}, Little's law",
        f"{{s.traffic.requests_per_s_peak}} * {numbers}",
        remarks=(
            "while nothing queues: a fleet that receives more than it serves holds all "
            "waiting requests",
        ),
    )


def item_seconds(leaf: Leaf) -> str:
    """Seconds of one item on its cards, as arithmetic: as `request_limits.item_seconds`."""
    if leaf.capacity.saturation_requests_per_s is not None:
        return "1 / {s.capacity.saturation_requests_per_s}"
    return "{s.capacity.request_s} / {s.pool.gpus_per_replica}"


def _gpus_at(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        return Entry(
            f"GPUs that the {load} rate alone requires, before spares",
            f"ceil({load} rate x GPU-seconds of one request)",
            f"ceil({leaf.engine_rate(load)} * {{s.capacity.request_s}})",
            leaf.method,
            leaf.method_source,
        )

    return entry


def _item(leaf: Leaf) -> str:
    """Seconds of an item in words, by the method that states them."""
    if leaf.capacity.method == "calibrated":
        return "seconds of an item at the quantile that sizes the service"
    return "seconds of an item, by the rate of one GPU and the GPUs of a replica"


def _item_numbers(leaf: Leaf) -> str:
    """Seconds of an item as arithmetic, by the method that states them."""
    match leaf.capacity.method:
        case "given":
            return "(1 / {w.capacity.requests_per_gpu_per_s} / {s.choice.tensor_parallel})"
        case "textbook":
            flop = "2 * {s.memory.parameters} * {s.capacity.passes}"
            return f"({flop} / {{s.capacity.peak_flop_per_s}} / {{s.choice.tensor_parallel}})"
        case _:
            return "{s.item.sized_s}"


def _without_repeats(leaf: Leaf) -> tuple[str, str]:
    """Factor of the attempts that are not repeated, in symbols and numbers; empty without a
    queue."""
    if leaf.sized.jobs is None:
        return "", ""
    return " x (1 - share of repeated attempts)", " * (1 - {w.jobs.repeated_ratio})"


def _replica_rate(leaf: Leaf) -> Entry:
    name = leaf.keys[-1]
    meaning = f"requests a second that {name} alone allows one replica"
    if leaf.capacity.locked:
        source = "the lock next to the workload file; `update` computes it again"
        return Entry(meaning, "as locked", "{v}", leaf.fitted, source)
    if leaf.sized.item is not None and name in FEWEST:
        load = f"{{s.traffic.requests_per_s_{leaf.capacity.load}}}"
        queue = "M/M/c" if leaf.sized.jobs is None else "a queue over the day"
        return Entry(
            meaning,
            f"load / fewest replicas that {FEWEST[name]} ({queue})",
            f"{load} * {{s.choice.tensor_parallel}} / {leaf.pool.gpus_by_constraint[name]}",
            leaf.fitted,
            leaf.fitted_source,
        )
    if leaf.sized.item is not None:
        once, once_numbers = _without_repeats(leaf)
        return Entry(
            meaning,
            f"utilisation limit{once} / {_item(leaf)}",
            f"{{s.item.max_utilisation}}{once_numbers} / {_item_numbers(leaf)}",
            leaf.method,
            leaf.method_source,
        )
    return fitted(leaf, meaning, LIMITS[name], None)


def _saturation(leaf: Leaf) -> Entry:
    meaning = "requests a second that one replica completes with every slot taken"
    if leaf.capacity.locked:
        return Entry(meaning, "as locked", "{v}", leaf.fitted, "the lock next to the workload file")
    if leaf.sized.item is not None:
        once, once_numbers = _without_repeats(leaf)
        return Entry(
            meaning,
            f"1{once} / {_item(leaf)}",
            f"1{once_numbers} / {_item_numbers(leaf)}",
            leaf.method,
            leaf.method_source,
        )
    return fitted(leaf, meaning, saturation_symbols(leaf), None)


def _method(leaf: Leaf) -> Entry:
    found = leaf.sized.methods[int(leaf.keys[3])]
    basis = {"textbook": Basis.textbook, "given": Basis.given}.get(found.method, leaf.fitted)
    return Entry(
        f"GPUs needed by the method {found.method}",
        found.remark,
        "{v}",
        basis,
        leaf.fitted_source if basis is leaf.fitted else "",
        arithmetic=False,
    )


def _ratio(leaf: Leaf) -> Entry:
    found = leaf.sized.methods[int(leaf.keys[3])]
    return Entry(
        f"GPUs needed by the method {found.method} over the answer's",
        "its GPUs needed / the answer's",
        f"{found.gpus_needed} / {{s.pool.gpus_needed}}",
    )


def utilisation(load: str, leaf: Leaf, replicas: str) -> str:
    """Utilisation as arithmetic: of a full batch by the calibrated method, else of the rate."""
    rate = leaf.engine_rate(load)
    if leaf.capacity.saturation_requests_per_s is not None:
        return f"{rate} / ({replicas} * {{s.capacity.saturation_requests_per_s}})"
    return f"{rate} * {{s.capacity.request_s}} / ({replicas} * {{s.pool.gpus_per_replica}})"


def busiest_rate(leaf: Leaf) -> str:
    """Requests a second at the busiest known moment: at the peak, else the mean."""
    peak = leaf.sized.traffic.requests_per_s_peak is not None
    return front_rate("peak" if peak else "mean", leaf)


def _engine_rate(leaf: Leaf) -> Entry:
    load = leaf.keys[-1].rpartition("_")[2]
    return Entry(
        f"requests a second that reach the engines, {load}",
        f"{load} rate x (1 - hit ratio of the cache of answers)",
        f"{{s.traffic.requests_per_s_{load}}} * (1 - {{s.application.cache.hit_ratio}})",
    )


CAPACITY: Registry = {
    TrafficPlan: {
        "requests_per_s_mean": _mean_rate,
        "requests_per_s_peak": _peak_rate,
        "users_online_peak": Entry(
            "users online at the busiest moment",
            "users x share online",
            "{w.traffic.daily_users} * {w.traffic.peak_users_share}",
        ),
        "requests_in_flight_peak": _in_flight,
        "engine_requests_per_s_*": _engine_rate,
    },
    CapacityPlan: {
        "request_s": _request_s,
        "requests_per_gpu_per_s": Entry(
            "requests one GPU completes a second",
            "1 / GPU-seconds of one request",
            "1 / {s.capacity.request_s}",
        ),
        "users_per_gpu_per_day": Entry(
            "users one GPU serves a day when it is never idle",
            "86,400 s x requests a second / requests a user a day",
            "{units.SECONDS_PER_DAY} * {s.capacity.requests_per_gpu_per_s}"
            " / {w.traffic.requests_per_user_per_day}",
        ),
        "peak_flop_per_s": Entry(
            "dense peak rate of one GPU, FLOP/s",
            "the card's datasheet",
            "{v}",
            Basis.vendor,
            CATALOG + "gpus.csv, the GPU of the instance type",
        ),
        "passes": Entry(
            "forward passes of one request that the textbook rule counts",
            "tokens of a text, iterations of an image",
            "{v}",
            Basis.given,
            "the workload file: request",
        ),
        "requests_per_replica_per_s.*": _replica_rate,
        "saturation_requests_per_s": _saturation,
        "gpus_at_mean": _gpus_at("mean"),
        "gpus_at_peak": _gpus_at("peak"),
    },
    MethodPlan: {
        "gpus_needed": _method,
        "ratio": _ratio,
    },
}
