"""Explanations of the limits on a caller of a service."""

from sizing.explained.entry import Basis, Entry, Explainer, Leaf
from sizing.plan import FirewallPlan

HERE = "sizing/service/access.py"
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
    counts = ", ".join(str(count) for count in plan.requests_by_limit.values())
    return Entry(
        "requests of one key in a window, above which it is answered 429",
        "the smallest that a limit allows",
        f"min({counts})",
        Basis.given,
        "the workload file: access",
        remarks=(f"the limit of {plan.binding} binds", ONE_TOKEN, ROUGH),
    )


def _per_address(leaf: Leaf) -> Entry:
    peak = leaf.sized.traffic.requests_per_s_peak is not None
    rate = "{s.traffic.requests_per_s_peak}" if peak else "{s.traffic.requests_per_s_mean}"
    return Entry(
        "requests of one address in a window, above which it is answered 429",
        "max(10, rate at the busiest known moment x window x headroom, rounded)",
        f"max({{access.FEWEST_REQUESTS}},"
        f" floor({rate} * {{s.gateway.firewall.window_s}} * {{access.ADDRESS_HEADROOM}} + 0.5))",
        Basis.assumed,
        HERE,
        remarks=("a proxy may carry all callers: they are not to be stopped", ROUGH),
    )


ACCESS: dict[str, Explainer] = {
    "services.*.gateway.firewall.requests_per_key": _per_key,
    "services.*.gateway.firewall.requests_by_limit.*": _by_limit,
    "services.*.gateway.firewall.tokens_per_key": Entry(
        "most tokens of one key in a window",
        "requests of one key x context tokens, the most one request can use",
        "{s.gateway.firewall.requests_per_key} * {w.request.context_tokens}",
        Basis.given,
        "the workload file: request.context_tokens",
        remarks=(
            "a worst case: tokens are not counted, each request is taken at its longest",
            "the engine refuses several prompts or answers in one request",
        ),
    ),
    "services.*.gateway.firewall.window_s": Entry(
        "seconds over which requests are counted",
        "the shortest window whose limit is 10 requests at least: 60, 120, 300 or 600",
        "{v}",
        Basis.vendor,
        "AWS WAF, rate-based rules (2026-11)",
    ),
    "services.*.gateway.firewall.requests_per_address": _per_address,
    "services.*.gateway.firewall.log_days": Entry(
        "days for which the firewall's log is kept",
        "14 in dev, 365 in prod",
        "{v}",
        Basis.assumed,
        "sizing/site/whole.py",
    ),
}
