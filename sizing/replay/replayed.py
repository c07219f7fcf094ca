"""What does the sized fleet of a service do with the requests of a trace?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sizing.catalog.bands import MEDIAN
from sizing.replay.result import BurstPart, EstimatePart, HourPart, LostZonePart, ReplayPart
from sizing.replay.served import ServedFleet
from sizing.replay.server import ReplicaServer, replica_server, trace_lengths
from sizing.replay.simulation import Fleet, Loss, Outcome, simulated
from sizing.replay.tally import Missed, at_share, unanswered, unanswered_ratio
from sizing.replay.trace import Trace, variance_ratio
from sizing.values.exact import plain_or_none
from sizing.values.units import MS_PER_S, SECONDS_PER_HOUR
from sizing.workload import Method, Routing

WARM_UP_S = 1800
"""Seconds before the hour of a lost zone that are replayed first, so that the fleet is not empty.
Basis: assumed; longer than the answers of a chat."""
SHORT_WINDOW_S = 10
"""Seconds in which arrivals are counted to see whether they come in bursts. Basis: assumed; about
the time of an answer."""


def replayed(trace: Trace, served: ServedFleet) -> ReplayPart:
    """Return what the fleet of a service does with the requests of a trace.

    Raises ValueError where no request of the trace fits in the engine's context.
    """
    fits = trace.within(served.most_tokens)
    if not fits.requests:
        raise ValueError("no request of the trace fits in the context of the engine")
    return _Replay(fits, served, trace.requests - fits.requests).part()


@dataclass(frozen=True)
class _Replay:
    """Runs of one trace on one fleet."""

    trace: Trace
    served: ServedFleet
    too_long: int

    @cached_property
    def slots(self) -> int:
        """Sequences of the trace's lengths in one batch.

        min(limit of the engine, sequences in memory x sized tokens / tokens of the trace)
        """
        most, memory = self.served.serving.max_num_seqs, self.served.service.memory
        if memory.max_sequences is None or memory.tokens_per_sequence is None:
            return most
        tokens = trace_lengths(self.trace).sequence_tokens
        held = int(memory.max_sequences * memory.tokens_per_sequence / tokens)
        return max(1, min(most, held))

    @cached_property
    def sized(self) -> ReplicaServer:
        """Replica at the estimate that sizes the fleet."""
        return self.server(self.served.replica.quantile)

    @cached_property
    def median(self) -> ReplicaServer:
        return self.server(MEDIAN)

    def server(self, quantile: float) -> ReplicaServer:
        served = self.served
        return replica_server(served.replica, self.trace, self.slots, quantile, served.chunk_tokens)

    def fleet(self, server: ReplicaServer) -> Fleet:
        """Return the fleet as it is deployed."""
        served = self.served
        return Fleet(
            server=server,
            replicas=served.pool.replicas_total,
            most_in_flight=served.most_in_flight,
            in_turn=served.service.inputs.engine.routing is Routing.round_robin,
            burst=served.burst,
        )

    def missed(self, trace: Trace, outcome: Outcome) -> Missed:
        return Missed(trace, outcome, self.served.replica.targets)

    @cached_property
    def work_s(self) -> list[float]:
        """Seconds of a full replica that the requests of each hour take, by the sizing estimate."""
        return self.work_by_hour(self.sized)

    def work_by_hour(self, server: ReplicaServer) -> list[float]:
        trace, found = self.trace, [0.0] * self.trace.hours
        each = zip(trace.arrivals_s, trace.input_tokens, trace.output_tokens, strict=True)
        for arrival, given, made in each:
            hour = int((arrival - trace.start_s) // SECONDS_PER_HOUR)
            found[hour] += server.work_s(given, made)
        return found

    @cached_property
    def worst_hour(self) -> int:
        """Hour with the most work, of those that the trace covers whole, if there is any."""
        whole = [
            hour
            for hour in range(self.trace.hours)
            if self.trace.seconds_of_hour(hour) >= SECONDS_PER_HOUR * (1 - 1e-9)
        ]
        return max(whole or range(self.trace.hours), key=lambda hour: self.work_s[hour])

    def utilisation(self, work_s: float, seconds: float, replicas: int) -> float:
        """Work over what so many full replicas can do in that time; 0 without replicas."""
        return work_s / (seconds * replicas) if replicas else 0.0

    def part(self) -> ReplayPart:
        """Return the answer."""
        served, trace, lengths = self.served, self.trace, trace_lengths(self.trace)
        outcome = simulated(trace, self.fleet(self.sized))
        latency, replica = served.service.inputs.latency, served.replica
        return ReplayPart(
            name=served.service.name,
            requests=trace.requests,
            too_long=self.too_long,
            hours=trace.seconds / SECONDS_PER_HOUR,
            requests_per_s_mean=trace.requests_per_s,
            requests_per_s_worst=self.arrivals(self.worst_hour)
            / trace.seconds_of_hour(self.worst_hour),
            requests_per_s_sized=served.sized_per_s,
            arrivals_variance_ratio=variance_ratio(trace, SHORT_WINDOW_S),
            input_tokens=lengths.prompt_tokens,
            output_tokens=lengths.output_tokens,
            input_tokens_sized=replica.lengths.prompt_tokens,
            output_tokens_sized=replica.lengths.output_tokens,
            replicas=served.pool.replicas_total,
            sequences_most=self.slots,
            percentile=100 * replica.targets.share,
            ttft_target_ms=None if latency is None else plain_or_none(latency.ttft_ms),
            tpot_target_ms=None if latency is None else plain_or_none(latency.tpot_ms),
            sized=self.estimate(self.sized, replica.quantile, outcome),
            median=self.estimate(self.median, MEDIAN, simulated(trace, self.fleet(self.median))),
            worst_hour=self.worst_hour,
            by_hour=self.by_hour(outcome),
            burst=self.burst(outcome),
            lost_zone=self.lost_zone(),
            assumed=tuple(_assumed(served)),
        )

    def arrivals(self, hour: int) -> int:
        """Number of arrivals of an hour."""
        return self.trace.between(*_span(hour)).requests

    def estimate(self, server: ReplicaServer, quantile: float, outcome: Outcome) -> EstimatePart:
        """Return the figures of the whole trace at a quantile of the band."""
        trace, replicas = self.trace, self.served.pool.replicas_total
        work, worst = self.work_by_hour(server), self.worst_hour
        share = self.served.replica.targets.share
        return EstimatePart(
            quantile_percent=100 * quantile,
            missed=self.missed(trace, outcome).part(),
            unanswered_ratio=unanswered_ratio(outcome),
            ttft_ms=_ms(at_share(outcome.ttft_s, share)),
            tpot_ms=_ms(at_share(outcome.tpot_s, share)),
            utilisation_mean=self.utilisation(sum(work), trace.seconds, replicas),
            utilisation_worst=self.utilisation(work[worst], trace.seconds_of_hour(worst), replicas),
            waiting_most=outcome.waiting_most,
            waiting_hour=int((outcome.waiting_at_s - trace.start_s) // SECONDS_PER_HOUR)
            if outcome.waiting_most
            else 0,
            wait_most_s=outcome.wait_most_s,
        )

    def by_hour(self, outcome: Outcome) -> tuple[HourPart, ...]:
        """Return each hour of the trace at the sizing estimate."""
        trace, missed = self.trace, self.missed(self.trace, outcome)
        ratios, stated = missed.by_hour(SECONDS_PER_HOUR), self.served.replica.targets.has_any
        return tuple(
            HourPart(
                hour=hour,
                requests=self.arrivals(hour),
                utilisation=self.utilisation(
                    self.work_s[hour],
                    trace.seconds_of_hour(hour),
                    self.served.pool.replicas_total,
                ),
                missed_ratio=ratios.get(hour, 0.0) if stated else None,
                burst_replicas=outcome.burst_by_hour.get(hour, 0),
            )
            for hour in range(trace.hours)
        )

    def burst(self, outcome: Outcome) -> BurstPart | None:
        """Return the effect of the burst; None without one."""
        rule, used = self.served.burst, outcome.burst
        if rule is None or used is None:
            return None
        alone = simulated(self.trace, replace(self.fleet(self.sized), burst=None))
        hours, price = used.node_s / SECONDS_PER_HOUR, self.served.choice.usd_per_hour
        return BurstPart(
            start_s=rule.start_s,
            replicas_most=used.most,
            replicas_limit=rule.most,
            hours=used.active_s / SECONDS_PER_HOUR,
            gpu_hours=hours * self.served.pool.gpus_per_node,
            usd=None if price is None else hours * price,
            without=self.missed(self.trace, alone).part(),
        )

    def lost_zone(self) -> LostZonePart | None:
        """Return the loss of the fullest zone at the start of the worst hour."""
        zones = {zone: numbers for zone, numbers in self.served.zones.items() if numbers}
        if not zones:
            return None
        zone = max(zones, key=lambda name: len(zones[name]))
        from_s, to_s = _span(self.worst_hour)
        at_s = self.trace.start_s + from_s
        part = self.trace.between(max(from_s - WARM_UP_S, 0.0), to_s)
        first = sum(each < at_s for each in part.arrivals_s)
        found = dict[str, float | None]()
        for name, server in (("sized", self.sized), ("median", self.median)):
            fleet = replace(self.fleet(server), loss=Loss(at_s, zones[zone]))
            outcome = simulated(part, fleet)
            found[name] = self.missed(part, outcome).ratio_from(at_s)
            if name == "sized":
                with_loss = outcome
        with_all = simulated(part, self.fleet(self.sized))
        left = self.served.pool.replicas_total - len(zones[zone])
        seconds = self.trace.seconds_of_hour(self.worst_hour)
        return LostZonePart(
            zone=zone,
            replicas_lost=len(zones[zone]),
            hour=self.worst_hour,
            utilisation=self.utilisation(self.work_s[self.worst_hour], seconds, left),
            missed_ratio=found["sized"],
            missed_ratio_median=found["median"],
            missed_ratio_before=self.missed(part, with_all).ratio_from(at_s),
            unanswered_ratio=unanswered_ratio(with_loss, first),
            lost_in_flight=unanswered(with_loss, first) - unanswered(with_all, first),
        )


def _span(hour: int) -> tuple[float, float]:
    """Seconds after the first arrival at which an hour begins and ends."""
    return float(hour * SECONDS_PER_HOUR), float((hour + 1) * SECONDS_PER_HOUR)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * MS_PER_S


def _assumed(served: ServedFleet) -> Sequence[str]:
    """Sentences on what the trace or the plan does not say."""
    service, found = served.service, list[str]()
    found += [f"Assumed for the step times: {text}." for text in served.estimate.assumed]
    if service.capacity is not None and service.capacity.method != Method.calibrated:
        method = service.capacity.method
        found.append(f"The method {method} sized the fleet; the replay uses calibrated times.")
    lengths = served.replica.lengths
    if lengths.cached_tokens:
        ratio = lengths.cached_tokens / lengths.prompt_tokens
        found.append(f"As in the workload, {ratio:.0%} of each prompt is in the prefix cache.")
    if service.inputs.engine.routing is Routing.sticky:
        found.append("The trace has no users, so requests go to the emptiest replica.")
    if service.answer_cache is not None:
        found.append("No request is answered from the cache of answers.")
    return found
