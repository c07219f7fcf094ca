"""Explanations of the requests that one application passes to several models."""

from collections.abc import Callable
from decimal import Decimal

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.application.route import EasyPlan, RoutedPlan, RoutePlan
from sizing.plan.service.whole import ServicePlan
from sizing.replica.traffic import Rates, request_rates
from sizing.values.exact import Number, plain
from sizing.workload import Traffic, Workload

OWN_FILE = "the workload file: route.easy"


def is_routed(service: ServicePlan) -> bool:
    """True where a route decides which of the stated requests the service's engines answer."""
    route = service.inputs.route
    easy = route is not None and route.easy is not None
    return easy or service.inputs.access.service is not None


def front_rate(load: str, leaf: Leaf) -> str:
    """Requests a second at the service's load balancer, for all models of its application."""
    part = "traffic" if leaf.sized.route is None else "route"
    return f"{{s.{part}.requests_per_s_{load}}}"


def answered(leaf: Leaf, load: str) -> Entry:
    """Return the explanation of the requests that the engines of a service answer."""
    service, inputs = leaf.sized, leaf.sized.inputs
    own = _rate(inputs.traffic, load)
    host = inputs.access.service
    when = "mean of the day" if load == "mean" else "at the busiest moment"
    meaning = f"requests a second that its engines answer, {when}"
    if host is None:
        share = "{s.route.easy.share}"
        return Entry(meaning, "own rate x (1 - share of easy requests)", f"{own} * (1 - {share})")
    caller = _service(leaf, host)
    easy = None if caller.route is None else caller.route.easy
    if easy is None or easy.service != service.name:
        return Entry(meaning, "requests that name its model, as its file states them", f"{own}")
    theirs = _rate(caller.inputs.traffic, load)
    return Entry(
        meaning,
        f"own rate + share of easy requests x the rate of {host}",
        f"{own} + {easy.share} * {theirs}",
        remarks=(f"the share is route.easy.share in the workload file of {host}",),
    )


def _rate(traffic: Traffic, load: str) -> Number:
    """Rate that a file states; 0 without users."""
    rates: Rates = request_rates(traffic)
    rate = rates.mean if load == "mean" else rates.peak
    return 0 if rate is None else plain(rate)


def mean_numbers(leaf: Leaf, figure: Callable[[Workload], Decimal | Number]) -> str:
    """Mean of a figure over all requests of a day, as numbers."""
    each = models(leaf)
    rates = [one.traffic.requests_per_s_mean for one in each]
    parts = [
        f"{rate} * {Decimal(str(figure(one.inputs)))}"
        for rate, one in zip(rates, each, strict=True)
    ]
    return f"({' + '.join(parts)}) / ({' + '.join(map(str, rates))})"


def models(leaf: Leaf) -> list[ServicePlan]:
    """Services whose models an application offers: its own first."""
    route = leaf.sized.route
    others = () if route is None else route.services
    return [leaf.sized, *(_service(leaf, each.service) for each in others)]


def _service(leaf: Leaf, name: str) -> ServicePlan:
    """Service of the stack by its name. Raises LookupError."""
    found = next((each for each in leaf.plan.services if each.name == name), None)
    if found is None:
        raise LookupError(f"{leaf.path}: no service {name}")
    return found


def _all(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        route = leaf.sized.route
        each = (
            [] if route is None else [getattr(s, f"requests_per_s_{load}") for s in route.services]
        )
        numbers = " + ".join([f"{{s.traffic.requests_per_s_{load}}}", *map(str, each)])
        when = "mean of the day" if load == "mean" else "if all peaks coincide"
        meaning = f"requests a second to the application, {when}"
        return Entry(meaning, "those of its own model + those of the other services", numbers)

    return entry


def _bytes(field: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        return Entry(
            f"mean {field.replace('_', ' ').replace('bytes', 'in bytes')}, of all models",
            f"sum of mean rate x {field} / sum of mean rates",
            mean_numbers(leaf, lambda each: getattr(each.request, field) or Decimal(0)),
        )

    return entry


def _routed(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        route = leaf.sized.route
        if route is None:
            raise LookupError(f"{leaf.path} without a route")
        name = route.services[int(leaf.keys[4])].service
        rate = getattr(_service(leaf, name).traffic, f"requests_per_s_{load}")
        return Entry(
            f"requests a second that {name} answers, {load}", f"as the traffic of {name}", f"{rate}"
        )

    return entry


ROUTE: Registry = {
    RoutePlan: {
        "requests_per_s_mean": _all("mean"),
        "requests_per_s_peak": _all("peak"),
        "request_bytes": _bytes("request_bytes"),
        "response_bytes": _bytes("response_bytes"),
    },
    RoutedPlan: {
        "requests_per_s_mean": _routed("mean"),
        "requests_per_s_peak": _routed("peak"),
    },
    EasyPlan: {
        "share": Entry(
            "share of the service's own requests that the smaller model answers",
            "route.easy.share",
            "{w.route.easy.share}",
            Basis.given,
            f"{OWN_FILE}.share",
            remarks=("the running rule does not hold it: compare it with what the engines count",),
        ),
        "prompt_bytes": Entry(
            "bytes of an easy prompt at most",
            "route.easy.prompt_tokens x bytes of a token",
            "{w.route.easy.prompt_tokens} * {routes.BYTES_PER_TOKEN}",
            Basis.assumed,
            "sizing/workload/route/derived.py",
            remarks=("English prose has four bytes or more for a token",),
        ),
    },
}
