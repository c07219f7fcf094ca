"""How many requests arrive, and how many users and requests are present at once?"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sizing.plan.service.capacity import TrafficPlan
from sizing.values.exact import exact, plain, plain_or_none
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import Kind, Load, Traffic, Workload
from sizing.workload.route.derived import HostWorkload, RoutedWorkload


@dataclass(frozen=True)
class Rates:
    """Requests per second, exact. The peak is None where it is unknown."""

    mean: Fraction
    peak: Fraction | None

    @property
    def busiest(self) -> Fraction:
        """Peak rate, or the mean where the peak is unknown."""
        return self.mean if self.peak is None else self.peak

    def of(self, share: Fraction) -> "Rates":
        """Return the rates of a share of the requests."""
        return Rates(self.mean * share, None if self.peak is None else self.peak * share)

    def plus(self, other: "Rates") -> "Rates":
        """Return the rates of both. A rate of nothing has the peak 0.

        Peaks are added as if they coincided: an upper bound.
        """
        peaks = [rates.peak for rates in (self, other) if rates.mean]
        known = [peak for peak in peaks if peak is not None]
        peak = sum(known, Fraction(0)) if len(known) == len(peaks) else None
        return Rates(self.mean + other.mean, peak)

    def at(self, load: Load) -> Fraction:
        """Return the rate that is sized for. Raises ValueError for an unknown peak."""
        rate = self.mean if load is Load.mean else self.peak
        if rate is None:
            raise ValueError("the peak is not known")
        return rate


def request_rates(traffic: Traffic) -> Rates:
    """Requests per second at the daily mean and at the peak.

    mean = users x requests a user a day / 86,400
    peak = users online / think time, or mean x peak ratio, or mean x peak hour / mean hour

    Basis: arithmetic.
    """
    daily = exact(traffic.daily_users) * exact(traffic.requests_per_user_per_day)
    mean = daily / SECONDS_PER_DAY
    online = users_online_peak(traffic)
    if online is not None and traffic.think_time_s is not None:
        return Rates(mean, online / exact(traffic.think_time_s))
    if traffic.peak_ratio is not None:
        return Rates(mean, mean * exact(traffic.peak_ratio))
    if traffic.hourly is not None:
        total = sum(traffic.hourly, Decimal(0))
        return Rates(mean, mean * 24 * exact(max(traffic.hourly)) / exact(total))
    return Rates(mean, None)


def answered_rates(workload: Workload) -> Rates:
    """Requests per second that the service's own model answers.

    own x (1 - share of easy requests), and share x those of the service that routes to it

    Basis: arithmetic; no request is counted twice or lost.
    """
    own, route = request_rates(workload.traffic), workload.route
    if route is not None and route.easy is not None:
        own = own.of(1 - exact(route.easy.share))
    if isinstance(workload, RoutedWorkload):
        return own.plus(request_rates(workload.host_traffic).of(exact(workload.host_share)))
    return own


def front_rates(workload: Workload) -> Rates:
    """Requests per second that arrive at the service's load balancer, for all its models."""
    rates = answered_rates(workload)
    for each in answering(workload)[1:]:
        rates = rates.plus(answered_rates(each))
    return rates


def answering(workload: Workload) -> tuple[Workload, ...]:
    """Services that answer what arrives at its load balancer: itself first."""
    return (workload, *(workload.routed if isinstance(workload, HostWorkload) else ()))


def mean_of(workload: Workload, figure: Callable[[Workload], Fraction]) -> Fraction:
    """Mean of a figure over the requests of a day that arrive at the service's load balancer.

    sum of mean rate x figure / sum of mean rates, over the services that answer them

    Basis: arithmetic; the mixture of the day is assumed at the peak too.
    """
    each = answering(workload)
    rates = [answered_rates(one).mean for one in each]
    total = sum(rates, Fraction(0))
    if len(each) == 1 or not total:
        return figure(workload)
    weighed = (rate * figure(one) for rate, one in zip(rates, each, strict=True))
    return sum(weighed, Fraction(0)) / total


def users_online_peak(traffic: Traffic) -> Fraction | None:
    """Users online at the peak: users x share. Basis: arithmetic."""
    if traffic.peak_users_share is None:
        return None
    return exact(traffic.daily_users) * exact(traffic.peak_users_share)


def answer_s(workload: Workload, output_tokens: Fraction) -> Fraction | None:
    """Seconds of an answer of this many tokens exactly at the latency targets.

    TTFT + (output tokens - 1) x TPOT

    The result is None without both targets. Basis: arithmetic.
    """
    latency = workload.latency
    if latency is None or latency.ttft_ms is None or latency.tpot_ms is None:
        return None
    steps = max(output_tokens - 1, Fraction(0))
    return (exact(latency.ttft_ms) + steps * exact(latency.tpot_ms)) / 1000


def response_target_s(workload: Workload) -> float | None:
    """Target of the whole image or clip, seconds; None without one.

    target - time budgets of the prompt's stages, which run before and after it

    The stages of a clip's job are part of its seconds instead, since its one worker runs them.
    """
    latency = workload.latency
    if latency is None or latency.response_s is None:
        return None
    return float(exact(latency.response_s) - apart_s(workload))


def jobs_at_once(workload: Workload) -> int:
    """Jobs that the workers of one replica have in hand.

    2 where prompts of images have stages: one job is in its stages while the engine works for the
    other. A clip takes far longer than its stages.
    """
    staged = workload.jobs is not None and stages_s(workload) > 0
    return 2 if staged and workload.kind is Kind.image else 1


def apart_s(workload: Workload) -> Fraction:
    """Seconds of the stages besides those of the item; 0 where the one worker of a job runs
    them."""
    one_worker = workload.jobs is not None and jobs_at_once(workload) == 1
    return Fraction(0) if one_worker else stages_s(workload)


def stages_s(workload: Workload) -> Fraction:
    """Maximum seconds of the stages of a prompt; 0 without stages. Basis: their budgets."""
    return Fraction(0 if workload.prompt is None else workload.prompt.budget_ms, 1000)


def slowest_answer_s(workload: Workload) -> Fraction | None:
    """Seconds of the mean answer exactly at the latency targets.

    The result is None without both targets or the answer's length. Images have one target. Basis:
    arithmetic; an upper bound of the service time without queues, since the targets are limits.
    """
    latency = workload.latency
    if latency is not None and latency.response_s is not None:
        return exact(latency.response_s)
    output = workload.request.output_mean
    return None if output is None else answer_s(workload, exact(output))


def traffic_plan(workload: Workload, rates: Rates, at_engines: Rates | None = None) -> TrafficPlan:
    """Return arrivals, and requests in flight by Little's law, N = rate x time.

    `at_engines` are the rates behind a cache; None where all requests reach the engines.
    """
    answer_s = slowest_answer_s(workload)
    in_flight = None if rates.peak is None or answer_s is None else rates.peak * answer_s
    return TrafficPlan(
        requests_per_s_mean=plain(rates.mean),
        requests_per_s_peak=plain_or_none(rates.peak),
        users_online_peak=plain_or_none(users_online_peak(workload.traffic)),
        requests_in_flight_peak=plain_or_none(in_flight),
        engine_requests_per_s_mean=None if at_engines is None else plain(at_engines.mean),
        engine_requests_per_s_peak=None if at_engines is None else plain_or_none(at_engines.peak),
    )
