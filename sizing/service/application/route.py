"""Which requests pass the application of a service, and which other services answer them?"""

from sizing.plan.service.application.route import EasyPlan, RoutedPlan, RoutePlan
from sizing.replica.case import Case
from sizing.replica.traffic import Rates, answered_rates, answering
from sizing.service.gateway import mean_bytes
from sizing.values.exact import exact, plain, plain_or_none
from sizing.workload import Workload
from sizing.workload.route.derived import easy_prompt_bytes
from sizing.workload.route.route import Easy


def route_plan(case: Case, front: Rates) -> RoutePlan | None:
    """Return the routes of a service; None where its application has its own model alone.

    `front` are the rates of all requests that arrive at its load balancer.
    """
    workload = case.workload
    if workload.route is None:
        return None
    return RoutePlan(
        requests_per_s_mean=plain(front.mean),
        requests_per_s_peak=plain_or_none(front.peak),
        request_bytes=plain_or_none(mean_bytes(workload, "request_bytes")),
        response_bytes=plain_or_none(mean_bytes(workload, "response_bytes")),
        services=tuple(_routed(each) for each in answering(workload)[1:]),
        easy=None if workload.route.easy is None else _easy(workload.route.easy),
    )


def _routed(workload: Workload) -> RoutedPlan:
    rates = answered_rates(workload)
    return RoutedPlan(
        service=workload.name,
        requests_per_s_mean=plain(rates.mean),
        requests_per_s_peak=plain_or_none(rates.peak),
    )


def _easy(easy: Easy) -> EasyPlan:
    header = easy.header
    return EasyPlan(
        service=easy.service,
        share=plain(exact(easy.share)),
        prompt_bytes=easy_prompt_bytes(easy),
        header=None if header is None else f"{header.name}: {header.value}",
    )
