"""Explanations of the data that a service keeps and moves, and of its gateway."""

from decimal import Decimal

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, log_days
from sizing.plan import ServicePlan
from sizing.replica.traffic import slowest_answer_s
from sizing.service.gateway import STREAM_RATIO
from sizing.service.storage import highest_acu
from sizing.values.exact import Number, exact, plain

DAILY = "{w.traffic.daily_users} * {w.traffic.requests_per_user_per_day}"


def _writes(load: str) -> Entry:
    return Entry(
        f"rows written a second, {load}",
        "every request writes one interaction",
        f"{{s.traffic.requests_per_s_{load}}}",
    )


def _bandwidth(direction: str, size: str, load: str) -> Entry:
    return Entry(
        f"megabits a second {direction}, {load}",
        f"{load} rate x {size} x 8 / 10^6",
        f"{{s.traffic.requests_per_s_{load}}} * {{w.request.{size}}} * 8 / {{units.MB}}",
    )


def _longest_answer(leaf: Leaf) -> Entry:
    meaning = "longest answer, seconds"
    workload = leaf.sized.inputs
    latency, output = workload.latency, workload.request.output_mean
    if latency is None or latency.ttft_ms is None or latency.tpot_ms is None or output is None:
        return Entry(
            meaning,
            "no latency target or answer length says it",
            "{gateway.ASSUMED_ANSWER_S}",
            Basis.assumed,
            "sizing/service/gateway.py",
        )
    mean = "({w.latency.ttft_ms} + ({w.request.output_mean} - 1) * {w.latency.tpot_ms}) / 1000"
    four_times = f"{{gateway.STREAM_RATIO}} * {mean}"
    if workload.request.context_tokens is None:
        return Entry(
            meaning,
            "4 x (TTFT + (output tokens - 1) x TPOT)",
            four_times,
            Basis.assumed,
            "longest over mean answer: sizing/service/gateway.py",
            band=(leaf.value * 3 / STREAM_RATIO, leaf.value * 10 / STREAM_RATIO),
        )
    longest = (
        "({w.latency.ttft_ms} + ({w.request.context_tokens} - {w.request.prompt_tokens} - 1)"
        " * {w.latency.tpot_ms}) / 1000"
    )
    return Entry(
        meaning,
        "max(4 x mean answer, TTFT + (context - input tokens - 1) x TPOT)",
        f"max({four_times}, {longest})",
        Basis.given,
        "request.context_tokens and latency",
    )


def _capacity_units(leaf: Leaf) -> Entry:
    traffic = leaf.sized.traffic
    peak = traffic.requests_per_s_peak is not None
    rate = "{s.traffic.requests_per_s_peak}" if peak else "{s.traffic.requests_per_s_mean}"
    flying = (
        "{s.traffic.requests_in_flight_peak}"
        if traffic.requests_in_flight_peak is not None
        else f"{rate} * {_mean_answer(leaf)}"
    )
    return Entry(
        "load balancer capacity units at the busiest known moment",
        "ceil(max(rate / 25, in flight / 3,000, bytes an hour / 1 GB)), each request a connection",
        f"ceil(max({rate} / {{gateway.CONNECTIONS_PER_UNIT_S}},"
        f" {flying} / {{gateway.ACTIVE_CONNECTIONS_PER_UNIT}},"
        f" {rate} * ({{w.request.request_bytes}} + {{w.request.response_bytes}}) * 3600"
        " / {gateway.BYTES_PER_UNIT_HOUR}))",
        Basis.vendor,
        "ELB pricing: what one unit covers",
        remarks=("an upper bound: kept-alive connections cost less",),
    )


def _mean_answer(leaf: Leaf) -> str:
    answer = slowest_answer_s(leaf.sized.inputs)
    return "{gateway.ASSUMED_ANSWER_S}" if answer is None else str(float(answer))


def _stored(leaf: Leaf) -> Entry:
    service = leaf.sized
    both = service.storage.profile_bytes != service.database.stored_bytes if service.database else 0
    return Entry(
        "bytes in the database when retention is full",
        "profiles + retained interactions while they fit together, else profiles alone",
        "{s.storage.profile_bytes} + {s.storage.retained_bytes}"
        if both
        else "{s.storage.profile_bytes}",
    )


def _max_acu(leaf: Leaf) -> Entry:
    peak = leaf.sized.traffic.requests_per_s_peak is not None
    rate = "{s.traffic.requests_per_s_peak}" if peak else "{s.traffic.requests_per_s_mean}"
    return Entry(
        "highest capacity of the database, Aurora capacity units (2 GiB each)",
        "2 x writes/s / writes/s of a unit, in halves, between the lowest (at least 1) and 256",
        f"min(max(ceil(4 * {rate} / {{storage.WRITES_PER_S_PER_ACU}}) / 2, 1,"
        " {s.database.min_acu}), {storage.MAX_ACU})",
        Basis.assumed,
        "100 writes/s a unit: sizing/service/storage.py",
        band=_acu_band(leaf.sized),
    )


def _acu_band(service: ServicePlan) -> tuple[Number, Number] | None:
    """Capacity where a unit commits 500 or 50 writes a second."""
    traffic, database = service.traffic, service.database
    if database is None:
        return None
    rate = exact(Decimal(str(traffic.requests_per_s_peak or traffic.requests_per_s_mean)))
    lowest = exact(Decimal(str(database.min_acu)))
    return plain(highest_acu(rate, 500, lowest)), plain(highest_acu(rate, 50, lowest))


def _bucket_bytes(leaf: Leaf) -> Entry:
    role = leaf.sized.buckets[int(leaf.keys[3])].role
    if role == "weights":
        return Entry(
            "bytes of one version of the weights", "nominal weights", "{s.storage.weights_bytes}"
        )
    return Entry(f"bytes of {role}", "retained interactions", "{s.storage.retained_bytes}")


def _log_bytes(leaf: Leaf) -> Entry:
    behind = [s.traffic.requests_per_s_mean for s in leaf.plan.services if s.gateway]
    rates = " + ".join(str(rate) for rate in behind)
    return Entry(
        "bytes of the load balancers' logs when retention is full",
        "sum of the mean rates x seconds of the days kept x bytes of a request",
        f"ceil(({rates}) * {{units.SECONDS_PER_DAY}} * {{p.access_logs.expire_days}}"
        " * {network.ACCESS_LOG_BYTES})",
        Basis.assumed,
        "300 compressed bytes a request: sizing/stack/network.py",
    )


def _setting(meaning: str, symbols: str, basis: Basis, source: str) -> Entry:
    return Entry(meaning, symbols, "{v}", basis, source)


STORES: dict[str, Explainer] = {
    "services.*.storage.weights_bytes": Entry(
        "bytes of the weights as designs count them",
        "(parameters + encoders) x nominal bits / 8",
        "ceil(({s.memory.parameters} + {s.memory.encoder_parameters})"
        " * {s.memory.nominal_bits_per_parameter} / 8)",
    ),
    "services.*.storage.profile_bytes": Entry(
        "bytes of user profiles",
        "users x bytes a user",
        "{w.traffic.daily_users} * {w.data.profile_bytes_per_user}",
    ),
    "services.*.storage.interaction_bytes_per_day": Entry(
        "bytes of interactions a day",
        "users x requests a user a day x bytes",
        f"{DAILY} * {{w.data.interaction_bytes}}",
    ),
    "services.*.storage.indexed_bytes_per_day": Entry(
        "bytes of interactions and their indexes a day",
        "interactions x (1 + index ratio)",
        "ceil({s.storage.interaction_bytes_per_day} * (1 + {w.data.index_ratio}))",
    ),
    "services.*.storage.indexed_bytes_per_month": Entry(
        "bytes a month of 30 days",
        "a day x 30",
        "{s.storage.indexed_bytes_per_day} * {units.DAYS_PER_MONTH}",
    ),
    "services.*.storage.retained_bytes": Entry(
        "bytes kept when retention is full",
        "a day x retention days",
        "{s.storage.indexed_bytes_per_day} * {w.data.retention_days}",
    ),
    "services.*.storage.writes_per_s_mean": _writes("mean"),
    "services.*.storage.writes_per_s_peak": _writes("peak"),
    "services.*.network.ingress_mbit_per_s": _bandwidth("in", "request_bytes", "mean"),
    "services.*.network.egress_mbit_per_s": _bandwidth("out", "response_bytes", "mean"),
    "services.*.network.ingress_mbit_per_s_peak": _bandwidth("in", "request_bytes", "peak"),
    "services.*.network.egress_mbit_per_s_peak": _bandwidth("out", "response_bytes", "peak"),
    "services.*.gateway.longest_answer_s": _longest_answer,
    "services.*.gateway.idle_timeout_s": Entry(
        "seconds after which the load balancer ends a silent connection",
        "longest answer + 10, at most 4,000",
        "min(ceil({s.gateway.longest_answer_s}) + {request_limits.IDLE_MARGIN_S}, "
        "{gateway.IDLE_LIMIT_S})",
    ),
    "services.*.gateway.sticky_s": Entry(
        "seconds that a conversation's cookie keeps it with its replica",
        "a fixed time; used where engine.routing is sticky",
        "{gateway.STICKY_S}",
        Basis.assumed,
        "longer than the pauses of a conversation",
    ),
    "services.*.gateway.deregistration_delay_s": Entry(
        "seconds in which a replica that leaves may finish its answers",
        "longest answer, at most 3,600",
        "min(ceil({s.gateway.longest_answer_s}), {gateway.DRAIN_LIMIT_S})",
    ),
    "services.*.gateway.capacity_units": _capacity_units,
    "services.*.gateway.reserved_units": Entry(
        "load balancer capacity units that stand ready without traffic",
        "the needed units, from the fewest that can be reserved on",
        "{s.gateway.capacity_units}",
        Basis.vendor,
        "ELB: a reservation of at least 100 units, paid by the hour; sizing/service/gateway.py",
        remarks=("a region has no reservable units until its quota is raised",),
    ),
    "services.*.gateway.health_interval_s": _setting(
        "seconds between two health checks of a replica",
        "10; the vendor allows 5 to 300",
        Basis.assumed,
        "sizing/service/gateway.py",
    ),
    "services.*.gateway.health_timeout_s": _setting(
        "seconds in which a replica must answer a health check",
        "5; the vendor allows 2 to 120",
        Basis.assumed,
        "sizing/service/gateway.py",
    ),
    "services.*.gateway.health_checks": _setting(
        "checks in a row that change a replica's state",
        "2; the vendor allows 2 to 10",
        Basis.assumed,
        "sizing/service/gateway.py",
    ),
    "services.*.gateway.failure_detection_s": Entry(
        "longest time for which a dead replica still gets requests, seconds",
        "checks x interval + timeout",
        "{s.gateway.health_checks} * {s.gateway.health_interval_s} + {s.gateway.health_timeout_s}",
    ),
    "access_logs.stored_bytes": _log_bytes,
    "access_logs.expire_days": _setting(
        "days after which the load balancers' logs are deleted",
        "14 in dev, 365 in prod",
        Basis.assumed,
        "sizing/site/whole.py",
    ),
    "access_logs.noncurrent_days": _setting(
        "days for which a replaced or deleted log can be brought back",
        "1, the least, of what expires by itself",
        Basis.assumed,
        "sizing/stack/network.py",
    ),
    "services.*.database.stored_bytes": _stored,
    "services.*.database.min_acu": _setting(
        "lowest capacity of the database, Aurora capacity units (2 GiB each)",
        "0.5 in dev, 2 in prod; never paused",
        Basis.assumed,
        "sizing/service/storage.py",
    ),
    "services.*.database.max_acu": _max_acu,
    "services.*.database.instances": _setting(
        "database instances, each in a zone of its own",
        "2 in prod or when a zone may fail, else 1",
        Basis.assumed,
        "sizing/service/storage.py",
    ),
    "services.*.database.backup_days": _setting(
        "days of point-in-time recovery",
        "1 in dev, 30 in prod; the vendor allows 1 to 35",
        Basis.assumed,
        "sizing/service/storage.py",
    ),
    "services.*.database.log_days": log_days("the database's logs"),
    "services.*.buckets.*.stored_bytes": _bucket_bytes,
    "services.*.buckets.*.noncurrent_days": _setting(
        "days for which a replaced or deleted object can be brought back",
        "30 of weights, to roll back; 1, the least, of what retention deletes",
        Basis.assumed,
        "sizing/service/storage.py",
    ),
    "services.*.buckets.*.expire_days": Entry(
        "days after which its objects are deleted",
        "retention days",
        "{w.data.retention_days}",
        Basis.given,
        "the workload file: data.retention_days",
    ),
}
