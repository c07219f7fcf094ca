"""Who may call a service, from which addresses, and how often?

The load balancer validates tokens, and the firewall in front of it counts requests. It cannot count
a model's tokens, so a limit of tokens becomes one of requests. Each request counts with the maximum
tokens of one request. An application counts tokens itself: the firewall then limits requests alone.
"""

from fractions import Fraction
from math import floor

from sizing.plan.service.gateway import ClaimPlan, FirewallPlan, TokenPlan
from sizing.site import LOG_DAYS, Site
from sizing.values.exact import exact
from sizing.values.field_error import FieldError
from sizing.workload import Access, Workload

WINDOWS_S = (60, 120, 300, 600)
"""Seconds over which the firewall can count. Basis: vendor (AWS WAF, rate-based rules)."""
FEWEST_REQUESTS = 10
"""Lowest limit of a window in requests. Basis: vendor (AWS WAF, rate-based rules)."""
CALLS_PER_TURN = 12
"""Calls of a browser to a chat page for one question, its share of a page that loads included.
Basis: assumed (6 of a question in the source of Open WebUI 0.12.4, and as many files and lists)."""
ADDRESS_HEADROOM = 2
"""Limit of one address over all expected requests. Basis: assumed; a proxy may carry all callers,
and only the address stops a caller who invents tokens."""


def check_access(workload: Workload, site: Site) -> None:
    """Check that the site has the requirements of the workload's access. Raises FieldError."""
    access = workload.access
    refuses = "token_required" in access.model_fields_set and not access.asks_for_token
    if refuses and workload.application is not None:
        message = "the application verifies a token in each request"
        raise FieldError(("access", "token_required"), message, "true, or no such key")
    asks = access.asks_for_token or workload.application is not None
    if asks and site.token_issuer is None:
        field = _asking(access) or "token_required"
        place = ("access", field) if access.asks_for_token else ("application",)
        raise FieldError(
            place,
            "the site names no issuer of tokens",
            "sizewright:token_issuer and sizewright:token_jwks_url in the stack file",
        )
    if workload.has_page:
        _check_page(site)
    field = _asking(access)
    if field and site.certificate_arn is None and site.dns is None:
        raise FieldError(
            ("access", field),
            "the site has no certificate",
            "sizewright:certificate_arn, or sizewright:dns, where the stack makes one",
        )
    if field and site.network is not None:
        public = site.network.use.public_subnet_ids
        missing = [zone for zone in site.zones if zone not in public]
        if missing:
            raise FieldError(
                ("access", field),
                f"the network that is used names no public subnet in {', '.join(missing)}",
                "public_subnet_ids of sizewright:network.use in the stack file",
            )


def _check_page(site: Site) -> None:
    """Raises FieldError where the site lacks what a chat page needs."""
    place = ("application", "ui")
    if site.region.startswith("cn-"):
        raise FieldError(
            place,
            f"AWS publishes no address of the public keys of load balancers in {site.region}",
            "another sizewright:region in the stack file, or no such key",
        )
    if site.page_client is None:
        raise FieldError(
            place,
            "the site names no client by which people sign in",
            "sizewright:page_client in the stack file",
            "docs/how-to/give-people-a-chat-page.md makes the client and its secret",
        )
    if site.dns is None:
        expected = "sizewright:dns in the stack file, which names the page"
        raise FieldError(place, "the page has no host name", expected)


def _asking(access: Access) -> str:
    """Field that requires a public load balancer; empty where none does."""
    if access.public:
        return "public"
    return "both_balancers" if access.both_balancers else ""


def token_plan(workload: Workload, site: Site) -> TokenPlan | None:
    """Tokens that the load balancer accepts; None where it requires none."""
    if not workload.callers_need_token or site.token_issuer is None or site.token_jwks_url is None:
        return None
    return TokenPlan(
        issuer=site.token_issuer,
        jwks_url=site.token_jwks_url,
        claims=tuple(
            ClaimPlan(name=claim.name, format=claim.format.value, values=claim.values)
            for claim in workload.access.claims
        ),
    )


def firewall_plan(workload: Workload, requests_per_s: Fraction, site: Site) -> FirewallPlan | None:
    """Return the firewall of a service with limits, which every public one has; None without.

    `requests_per_s` are those of the busiest moment, polls for jobs included. Calls of browsers to
    a page count for their address alone, because the page has no token of theirs.

    limit = floor(min(requests a minute, tokens a minute / context tokens) x window / 60)

    The window is the shortest one with a limit of at least 10. The limit of an address is twice the
    peak rate x window.
    """
    limits = limits_per_min(workload)
    if not limits:
        return None
    binding = min(limits, key=lambda name: limits[name])
    window_s = next(w for w in WINDOWS_S if limits[binding] * w / 60 >= FEWEST_REQUESTS)
    requests = int(limits[binding] * window_s / 60)
    calls_per_s = requests_per_s * (1 + (CALLS_PER_TURN if workload.has_page else 0))
    return FirewallPlan(
        requests_per_key=requests,
        window_s=window_s,
        binding=binding,
        requests_by_limit={name: int(rate * window_s / 60) for name, rate in limits.items()},
        tokens_per_key=requests * (workload.request.context_tokens or 0)
        if "tokens" in limits
        else None,
        requests_per_address=max(
            FEWEST_REQUESTS, floor(calls_per_s * window_s * ADDRESS_HEADROOM + Fraction(1, 2))
        ),
        log_days=LOG_DAYS[site.environment],
    )


def limits_per_min(workload: Workload) -> dict[str, Fraction]:
    """Requests of one key a minute that each limit alone allows, by the limit's name.

    An application enforces a limit of tokens itself.
    """
    access, longest = workload.access, workload.request.context_tokens
    limits = dict[str, Fraction]()
    if access.requests_per_key_per_min is not None:
        limits["requests"] = Fraction(access.requests_per_key_per_min)
    tokens = None if workload.application is not None else access.tokens_per_key_per_min
    if tokens is not None and longest is not None:
        limits["tokens"] = Fraction(tokens, exact(longest))
    return limits
