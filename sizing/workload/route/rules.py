"""May an application route requests, and may a service have another one's application in front?"""

from typing import TYPE_CHECKING

from sizing.values.field_error import FieldError
from sizing.workload.engine import Routing

if TYPE_CHECKING:
    from sizing.workload.whole import Workload


def check_route(workload: "Workload") -> None:
    """Check what one file says of routes. The other file is checked in the stack.

    Raises FieldError.
    """
    if workload.route is not None:
        _check_host(workload)
    if workload.access.service is not None:
        _check_routed(workload, workload.access.service)
    elif workload.traffic.daily_users == 0:
        message = "a service without users needs one whose application calls it"
        raise FieldError(("traffic", "daily_users"), message, "a number of users, at least 1")


def _check_host(workload: "Workload") -> None:
    route = workload.route
    if route is None:
        return
    if workload.application is None:
        message = "a load balancer cannot read the model in a request; an application can"
        raise FieldError(("route",), message, "application: {api: ogx}")
    if workload.name in route.names:
        field = route.field_of(workload.name)
        raise FieldError(field, "the service routes to itself", "another service of the stack")


def _check_routed(workload: "Workload", host: str) -> None:
    """Raises FieldError for a section that a service behind another's application cannot have."""
    if workload.name == host:
        raise FieldError(("access", "service"), "the service calls itself", "another service")
    if workload.kind.traits.makes_media:
        message = f"an application calls no model of kind {workload.kind.value}"
        raise FieldError(("access", "service"), message, "kind: chat or kind: text")
    kept: dict[str, object] = {"application": workload.application, "data": workload.data}
    kept["in_transit"] = workload.in_transit
    for name, section in kept.items():
        if section is not None:
            message = f"the application of {host} answers its callers, and keeps their texts"
            if name == "in_transit":
                message = f"the application of {host} calls engines without TLS"
            raise FieldError((name,), message, "no such key")
    if workload.engine.routing is Routing.sticky:
        message = f"the application of {host} sends each request to any replica"
        raise FieldError(("engine", "routing"), message, Routing.least_requests.value)
    for name in ("request_bytes", "response_bytes"):
        if getattr(workload.request, name) is None:
            message = f"missing, and the application of {host} stores the text of each request"
            raise FieldError(("request", name), message, "mean bytes")
