"""Explanations of a service's load balancers and of the limits on a caller."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry, setting
from sizing.explained.service.application.direct import FIELDS, has_direct
from sizing.explained.service.application.route import mean_numbers, models
from sizing.explained.service.capacity import busiest_rate, item_seconds
from sizing.explained.service.files.artefact import answer_bytes, request_bytes
from sizing.plan.service.gateway import BalancerPlan, FirewallPlan, GatewayPlan, JobGatewayPlan
from sizing.replica.traffic import slowest_answer_s
from sizing.service.gateway import STREAM_RATIO, longest_answer_s, mean_answer_s

ROUGH = "the firewall counts every few seconds: a burst passes before it is stopped"
ONE_TOKEN = "a key is one token: a caller who is issued several has as many limits"
OF_LIMIT = {
    "requests": "{w.access.requests_per_key_per_min}",
    "tokens": "{w.access.tokens_per_key_per_min} / {w.request.context_tokens}",
}


def _firewall(leaf: Leaf) -> FirewallPlan:
    gateway = leaf.sized.gateway
    if gateway is None or gateway.firewall is None:
        raise ValueError(f"{leaf.path} without a firewall")
    return gateway.firewall


def _by_limit(leaf: Leaf) -> Entry:
    name = leaf.keys[-1]
    source = "the workload file: access"
    return Entry(
        f"requests of one key in a window that the limit of {name} alone allows",
        "floor(requests a minute x window / 60)"
        if name == "requests"
        else "floor(tokens a minute / context tokens x window / 60): the worst case",
        f"floor({OF_LIMIT[name]} * {{s.gateway.firewall.window_s}} / 60)",
        Basis.given,
        source,
    )


def _per_key(leaf: Leaf) -> Entry:
    plan = _firewall(leaf)
    counts = [str(count) for count in plan.requests_by_limit.values()]
    return Entry(
        "requests of one key in a window, above which it is answered 429",
        "the smallest that a limit allows",
        f"min({', '.join(counts)})" if len(counts) > 1 else counts[0],
        Basis.given,
        "the workload file: access",
        remarks=(f"the limit of {plan.binding} binds", ONE_TOKEN, ROUGH),
    )


def _requests(leaf: Leaf) -> str:
    """Requests a second at the busiest moment, with polls for jobs and views of results."""
    jobs = leaf.sized.jobs
    if jobs is None or jobs.api is None:
        if has_direct(leaf):
            more = f"{FIELDS}searches_per_request}} + {FIELDS}embeddings_per_request}}"
            return f"{busiest_rate(leaf)} * (1 + {more})"
        return busiest_rate(leaf)
    polled = "{s.jobs.api.requests_per_s}"
    if leaf.sized.inputs.cdn is None:
        return polled
    return f"({polled} + {busiest_rate(leaf)} * {{w.cdn.views_per_item}})"


def _with_page(leaf: Leaf) -> str:
    """Factor for calls of browsers to a chat page; empty without one."""
    return " * (1 + {access.CALLS_PER_TURN})" if leaf.sized.inputs.has_page else ""


def _per_address(leaf: Leaf) -> Entry:
    return Entry(
        "requests of one address in a window, above which it is answered 429",
        "max(10, rate at the busiest known moment x window x headroom, rounded)",
        f"max({{access.FEWEST_REQUESTS}}, floor({_requests(leaf)}{_with_page(leaf)}"
        " * {s.gateway.firewall.window_s} * {access.ADDRESS_HEADROOM} + 0.5))",
        Basis.assumed,
        "sizing/service/access.py",
        remarks=("a proxy may carry all callers, which must not be stopped", ROUGH),
    )


def _longest_answer(leaf: Leaf) -> Entry:
    meaning = "longest answer, seconds"
    workload = leaf.sized.inputs
    if leaf.sized.route is not None:
        each = [str(float(longest_answer_s(one.inputs))) for one in models(leaf)]
        symbols = "the longest of all models: as its file states it, by context and latency"
        return Entry(meaning, symbols, f"max({', '.join(each)})")
    latency, output = workload.latency, workload.request.output_mean
    if workload.kind.traits.makes_media:
        target = latency is not None and latency.response_s is not None
        seconds, stages = item_seconds(leaf), ""
        if workload.prompt is not None:
            seconds += " + {s.serving.prompt.stages_s}"
            stages = " and its stages"
        longest = f"max({seconds}, {{w.latency.response_s}})"
        return Entry(
            meaning,
            f"4 x the seconds of an image{stages}, or of the target where that is more",
            f"{{gateway.STREAM_RATIO}} * ({longest if target else seconds})",
            Basis.assumed,
            "longest over usual answer: sizing/service/gateway.py",
        )
    if latency is not None and latency.response_s is not None:
        return Entry(
            meaning,
            "4 x the response target",
            "{gateway.STREAM_RATIO} * {w.latency.response_s}",
            Basis.assumed,
            "longest over usual answer: sizing/service/gateway.py",
        )
    if latency is None or latency.ttft_ms is None or latency.tpot_ms is None or output is None:
        return Entry(
            meaning,
            "no latency target or answer length limits it",
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
    rate = busiest_rate(leaf)
    known = leaf.sized.traffic.requests_in_flight_peak is not None and leaf.sized.route is None
    flying = "{s.traffic.requests_in_flight_peak}" if known else f"{rate} * {_mean_answer(leaf)}"
    calls, bytes_each = rate, f"({request_bytes(leaf)} + {answer_bytes(leaf)})"
    symbols = (
        "ceil(max(rate / 25, in flight / 3,000, bytes an hour / 1 GB)), each request a connection"
    )
    more_calls, more_bytes = "", ""
    if has_direct(leaf):
        more_calls = f" + {FIELDS}searches_per_request}} + {FIELDS}embeddings_per_request}}"
        more_bytes = f" + {FIELDS}sent_bytes_per_request}} + {FIELDS}answer_bytes_per_request}}"
        calls = f"{rate} * (1{more_calls})"
        bytes_each = f"({request_bytes(leaf)} + {answer_bytes(leaf)}{more_bytes})"
        symbols += "; with searches and vectors without an answer"
    if leaf.sized.inputs.has_page:
        calls = f"{rate} * (1 + {{access.CALLS_PER_TURN}}{more_calls})"
        events = f"{{gateway.PAGE_BYTES_RATIO}} * {answer_bytes(leaf)}"
        bytes_each = f"({request_bytes(leaf)} + {answer_bytes(leaf)} + {events}{more_bytes})"
        symbols += "; with 12 calls to the page, and 100 bytes of events for each of an answer"
    return Entry(
        "load balancer capacity units at the busiest known moment",
        symbols,
        f"ceil(max({calls} / {{gateway.CONNECTIONS_PER_UNIT_S}},"
        f" {flying} / {{gateway.ACTIVE_CONNECTIONS_PER_UNIT}},"
        f" {rate} * {bytes_each} * 3600"
        " / {gateway.BYTES_PER_UNIT_HOUR}))",
        Basis.vendor,
        "ELB pricing: what one unit covers",
        remarks=("an upper bound: kept-alive connections cost less",),
    )


def _job_units(leaf: Leaf) -> Entry:
    jobs = f"{busiest_rate(leaf)} * {{s.jobs.api.body_bytes}}"
    requests = _requests(leaf)
    answers = f"{requests} * {{gateway.JOB_ANSWER_BYTES}}"
    return Entry(
        "load balancer capacity units at the busiest moment",
        "ceil(max(requests a second / 25, bytes an hour / 0.4 GB)), new jobs with the largest body",
        f"ceil(max({requests} / {{gateway.CONNECTIONS_PER_UNIT_S}},"
        f" ({jobs} + {answers}) * 3600 / {{gateway.FUNCTION_BYTES_PER_UNIT}}))",
        Basis.vendor,
        "ELB pricing: what one unit covers in front of a function",
        remarks=("an upper bound: kept-alive connections cost less",),
    )


def _mean_answer(leaf: Leaf) -> str:
    answer = slowest_answer_s(leaf.sized.inputs)
    if leaf.sized.route is not None:
        return mean_numbers(leaf, lambda each: float(mean_answer_s(each)))
    return "{gateway.ASSUMED_ANSWER_S}" if answer is None else str(float(answer))


GATEWAY: Registry = {
    FirewallPlan: {
        "requests_per_key": _per_key,
        "window_s": Entry(
            "seconds over which requests are counted",
            "the shortest window whose limit is 10 requests at least: 60, 120, 300 or 600",
            "{v}",
            Basis.vendor,
            "AWS WAF, rate-based rules (2026-11)",
        ),
        "requests_by_limit.*": _by_limit,
        "tokens_per_key": Entry(
            "most tokens of one key in a window",
            "requests of one key x context tokens, the most one request can use",
            "{s.gateway.firewall.requests_per_key} * {w.request.context_tokens}",
            Basis.given,
            "the workload file: request.context_tokens",
            remarks=(
                "a worst case: tokens are not counted, and each request counts at its longest",
                "the engine refuses several prompts or answers in one request",
            ),
        ),
        "requests_per_address": _per_address,
        "log_days": Entry(
            "days for which the firewall's log is kept",
            "14 in dev, 365 in prod",
            "{v}",
            Basis.assumed,
            "sizing/site/whole.py",
        ),
    },
    BalancerPlan: {
        "idle_timeout_s": Entry(
            "seconds after which the load balancer ends a silent connection",
            "longest answer + 10, at most 4,000",
            "min(ceil({s.gateway.longest_answer_s}) + {request_limits.IDLE_MARGIN_S}, "
            "{gateway.IDLE_LIMIT_S})",
        ),
        "reserved_units": Entry(
            "load balancer capacity units that are ready without traffic",
            "the needed units, from the fewest that can be reserved on",
            "{s.gateway.capacity_units}",
            Basis.vendor,
            "ELB: a reservation of at least 100 units, paid by the hour; sizing/service/gateway.py",
            remarks=("a region has no reservable units until its quota is raised",),
        ),
    },
    JobGatewayPlan: {
        "longest_answer_s": Entry(
            "longest answer, seconds", "longest run of the function", "{s.jobs.api.timeout_s}"
        ),
        "capacity_units": _job_units,
    },
    GatewayPlan: {
        "longest_answer_s": _longest_answer,
        "sticky_s": Entry(
            "seconds that a conversation's cookie keeps it with its replica",
            "a fixed time; used where engine.routing is sticky",
            "{gateway.STICKY_S}",
            Basis.assumed,
            "longer than the pauses of a conversation",
        ),
        "deregistration_delay_s": Entry(
            "seconds in which a replica that leaves may finish its answers",
            "longest answer, at most 3,600",
            "min(ceil({s.gateway.longest_answer_s}), {gateway.DRAIN_LIMIT_S})",
        ),
        "capacity_units": _capacity_units,
        "health_interval_s": setting(
            "seconds between two health checks of a replica",
            "10; the vendor allows 5 to 300",
            Basis.assumed,
            "sizing/service/gateway.py",
        ),
        "health_timeout_s": setting(
            "seconds in which a replica must answer a health check",
            "5; the vendor allows 2 to 120",
            Basis.assumed,
            "sizing/service/gateway.py",
        ),
        "health_checks": setting(
            "checks in a row that change a replica's state",
            "2; the vendor allows 2 to 10",
            Basis.assumed,
            "sizing/service/gateway.py",
        ),
        "failure_detection_s": Entry(
            "longest time for which a dead replica still gets requests, seconds",
            "checks x interval + timeout",
            "{s.gateway.health_checks} * {s.gateway.health_interval_s} +"
            " {s.gateway.health_timeout_s}",
        ),
    },
}
