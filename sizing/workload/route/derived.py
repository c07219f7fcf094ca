"""Which services of a stack answer requests of another one's application?"""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field

from sizing.values.field_error import FieldError, of_workload
from sizing.workload.request import Request
from sizing.workload.route.route import OWN_PROVIDER, Easy, Route
from sizing.workload.traffic import Traffic, has_a_peak
from sizing.workload.whole import Workload

BYTES_PER_TOKEN = 3
"""Bytes of a prompt that count as one token where its length decides. Basis: assumed; English prose
has four or more, so that it counts as longer than it is. Other scripts have fewer."""


class RoutedWorkload(Workload):
    """Service behind the application of another one. It has a file, and no load balancer."""

    host_traffic: Traffic = Field(exclude=True)
    """Traffic of the service whose application calls it."""
    host_share: Decimal = Field(exclude=True)
    """Share of that traffic that it answers; 0 where requests name its model."""


class HostWorkload(Workload):
    """Service whose application routes requests to others."""

    routed: tuple[RoutedWorkload, ...] = Field(exclude=True)
    """Services to which it routes, in the order of its file."""


def easy_prompt_bytes(easy: Easy) -> int | None:
    """Bytes of an easy prompt at most: tokens x 3; None where a header decides."""
    return None if easy.prompt_tokens is None else easy.prompt_tokens * BYTES_PER_TOKEN


def with_routes(workloads: Sequence[Workload]) -> list[Workload]:
    """Return the workloads, each with what the files of the others say of its requests.

    Raises StackFieldError at the field of the file that does not agree with another one.
    """
    by_name = {workload.name: workload for workload in workloads}
    routed = dict[str, RoutedWorkload]()
    for index, host in enumerate(workloads):
        with of_workload(index):
            route = host.route
            if route is None:
                continue
            for name in route.names:
                _check_target(host, route, name, by_name)
    for index, workload in enumerate(workloads):
        with of_workload(index):
            host_name = workload.access.service
            if host_name is None:
                continue
            caller = by_name.get(host_name)
            _check_caller(workload, host_name, caller)
            if caller is not None:
                _check_fits(workload, caller)
                routed[workload.name] = _routed(workload, caller)
    return [routed.get(each.name) or _with_routed(each, routed) for each in workloads]


def _check_target(host: Workload, route: Route, name: str, by_name: dict[str, Workload]) -> None:
    """Raises FieldError where a service cannot be routed to."""
    field, target = route.field_of(name), by_name.get(name)
    if target is None:
        others = ", ".join(other for other in by_name if other != host.name)
        message = f"this stack has no service named {name}"
        expected = f"one of {others}" if others else "its file in the same command"
        hint = f"give both files: those of {host.name} and {name}"
        raise FieldError(field, message, expected, hint)
    if target.access.service is None:
        message = f"{name} has a load balancer of its own"
        raise FieldError(field, message, f"access: {{service: {host.name}}} in the file of {name}")
    if target.access.service != host.name:
        message = f"{name} is called by {target.access.service}"
        raise FieldError(field, message, "one application for each service")
    if name == OWN_PROVIDER:
        message = f"{OWN_PROVIDER} is the first part of the own model's name"
        raise FieldError(field, message, "another name of the service")


def _check_caller(workload: Workload, host_name: str, host: Workload | None) -> None:
    """Raises FieldError where no application of the stack calls a service."""
    field = ("access", "service")
    if host is None:
        message = f"this stack has no service named {host_name}, whose application calls this one"
        hint = f"size both together: the file of {host_name}, and this one"
        raise FieldError(field, message, f"the file of {host_name} in the same stack", hint)
    if host.route is None or workload.name not in host.route.names:
        expected = f"route: {{services: [{workload.name}]}} in the file of {host_name}"
        raise FieldError(field, f"{host_name} does not route to this service", expected)


def _check_fits(workload: Workload, host: Workload) -> None:
    """Raises FieldError where a service cannot answer what another one routes to it."""
    own, easy = workload.traffic, None if host.route is None else host.route.easy
    easy = None if easy is None or easy.service != workload.name else easy
    if own.daily_users == 0 and easy is None:
        expected = f"the users whose requests to {host.name} name this model"
        message = f"{host.name} routes no share of its requests here"
        raise FieldError(("traffic", "daily_users"), message, expected)
    if own.daily_users and has_a_peak(own) != has_a_peak(host.traffic):
        message = f"one of this service and {host.name} states a peak"
        raise FieldError(("traffic",), message, "a peak in both files, or in none")
    if own.daily_users == 0 and workload.capacity is not None and not has_a_peak(host.traffic):
        _load_is_known(workload, host)
    context = workload.request.context_tokens
    limit = host.access.tokens_per_key_per_min
    if limit is not None and (context is None or limit < context):
        message = f"each call of this model reserves its context from {host.name}'s limit of tokens"
        expected = f"at most {limit}, access.tokens_per_key_per_min of {host.name}"
        raise FieldError(("request", "context_tokens"), message, expected)
    if easy is not None and (most := easy_prompt_bytes(easy)) is not None:
        needed = most + _longest_answer(workload.request)
        if context is None or context < needed:
            message = f"an easy prompt of {host.name} with its answer may have {needed} tokens"
            expected = f"at least {needed}: {most} bytes of a prompt, and the answer"
            raise FieldError(("request", "context_tokens"), message, expected)


def _load_is_known(workload: Workload, host: Workload) -> None:
    capacity = workload.capacity
    if capacity is not None and capacity.load.value == "peak":
        message = f"capacity.load is peak, but {host.name} gives no peak"
        raise FieldError(("capacity", "load"), message, f"mean, or a peak in {host.name}'s traffic")


def _longest_answer(request: Request) -> int:
    """Tokens of the longest answer that a file states: its mean, or the longest of a histogram."""
    stated = request.output_tokens
    lengths = stated if isinstance(stated, tuple) else ()
    longest = max((bar.tokens for bar in lengths), default=request.output_mean or Decimal(0))
    return int(-(-longest // 1))


def _routed(workload: Workload, host: Workload) -> RoutedWorkload:
    easy = None if host.route is None else host.route.easy
    share = easy.share if easy is not None and easy.service == workload.name else Decimal(0)
    values = {name: getattr(workload, name) for name in Workload.model_fields}
    return RoutedWorkload.model_construct(
        workload.model_fields_set, **values, host_traffic=host.traffic, host_share=share
    )


def _with_routed(workload: Workload, routed: dict[str, RoutedWorkload]) -> Workload:
    """Return the workload with the services that it routes to; as it is without a route."""
    if workload.route is None:
        return workload
    values = {name: getattr(workload, name) for name in Workload.model_fields}
    own = tuple(routed[name] for name in workload.route.names)
    return HostWorkload.model_construct(workload.model_fields_set, **values, routed=own)
