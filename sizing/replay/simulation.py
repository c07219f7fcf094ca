"""When does each request of a trace get its first token, and how fast do the others follow?"""

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, nan

from sizing.replay.balancer import Balancer, LeastRequests, RoundRobin
from sizing.replay.burst import Burst, BurstRule
from sizing.replay.server import ReplicaServer
from sizing.replay.trace import Trace
from sizing.values.units import SECONDS_PER_HOUR


@dataclass(frozen=True)
class Loss:
    """Replicas that stop at a second of the trace, with all their requests."""

    at_s: float
    replicas: Sequence[int]


@dataclass(frozen=True)
class Fleet:
    """Replicas that share the requests of a service."""

    server: ReplicaServer
    replicas: int
    most_in_flight: int | None = None
    """Requests of one replica, waiting ones included, above which it refuses more; None for no
    limit."""
    in_turn: bool = False
    """True where replicas take turns; else the one with the fewest requests is next."""
    burst: BurstRule | None = None
    loss: Loss | None = None


@dataclass
class Outcome:
    """Times of each request, in the order of the trace."""

    ttft_s: "array[float]"
    """Seconds to the first token; infinite where the request was refused or lost."""
    tpot_s: "array[float]"
    """Seconds between two later tokens; not a number where there are none."""
    waiting_most: int = 0
    """Largest number of requests that waited for a slot at the same time."""
    waiting_at_s: float = 0.0
    """Second of the trace at which that was."""
    wait_most_s: float = 0.0
    """Longest wait for a slot."""
    burst: Burst | None = None
    burst_by_hour: dict[int, int] = field(default_factory=dict)
    """Most replicas of the burst in each hour since the first arrival that had any."""


class _Replica:
    """State of one replica. Its sequences progress together: one step gives each a token."""

    __slots__ = ("ends", "now", "progress", "prompts_until", "version", "waiting")

    def __init__(self) -> None:
        self.now = 0.0
        self.prompts_until = 0.0
        """Second at which the last prompt is computed."""
        self.progress = 0.0
        """Steps made since the replica was idle."""
        self.ends: list[tuple[float, int, float]] = []
        """Running sequences: progress at the end, request, and second of the computed prompt."""
        self.waiting = deque[int]()
        self.version = 0
        """Number of changes, by which outdated events are known."""

    @property
    def in_flight(self) -> int:
        return len(self.ends) + len(self.waiting)


class _Simulation:
    """Replay of one trace on one fleet.

    Running sequences make one step at a time, which takes `steps_s` of their number. Prompts are
    computed one after another. Meanwhile each step waits for one part of them, of `chunk_s`.
    """

    def __init__(self, trace: Trace, fleet: Fleet) -> None:
        self.trace, self.fleet, self.server = trace, fleet, fleet.server
        self.replicas = [_Replica() for _ in range(fleet.replicas)]
        self.balancer: Balancer = (RoundRobin if fleet.in_turn else LeastRequests)(fleet.replicas)
        self.events: list[tuple[float, int, int]] = []
        """Next end of each replica: second, replica and its version."""
        empty = array("d", bytes(8 * trace.requests))
        self.outcome = Outcome(ttft_s=empty, tpot_s=array("d", empty))
        self.waiting = self.in_flight = 0
        self.serving = fleet.replicas
        """Replicas of the floor that serve."""
        self.loss = fleet.loss
        self.added: list[int] = []
        """Replicas of the burst that serve."""
        self.starting = deque[float]()
        """Seconds at which requested replicas begin to serve."""
        self.next_poll_s = inf
        if fleet.burst is not None:
            self.outcome.burst = Burst(fleet.burst, fleet.replicas)
            self.outcome.burst.begin(trace.start_s)
            self.next_poll_s = trace.start_s

    def run(self) -> Outcome:
        for request, now in enumerate(self.trace.arrivals_s):
            self._until(now)
            self._arrive(request, now)
        if self.outcome.burst is not None:
            self.outcome.burst.count(now, self.outcome.burst.requested)
        self._ends_until(inf)
        return self.outcome

    def _until(self, now: float) -> None:
        """Let everything happen that happens before an arrival."""
        while (change := self._next_change()) <= now:
            self._ends_until(change)
            self._change(change)
        self._ends_until(now)

    def _next_change(self) -> float:
        """Second at which the number of replicas may change."""
        started = self.starting[0] if self.starting else inf
        lost = inf if self.loss is None else self.loss.at_s
        return min(self.next_poll_s, started, lost)

    def _change(self, now: float) -> None:
        if self.loss is not None and self.loss.at_s <= now:
            self._lose(self.loss.replicas)
            self.loss = None
        elif self.starting and self.starting[0] <= now:
            self.starting.popleft()
            self.added.append(len(self.replicas))
            self.replicas.append(_Replica())
            self.balancer.add(self.added[-1])
        elif self.outcome.burst is not None:
            self._poll(self.outcome.burst, now)

    def _poll(self, burst: Burst, now: float) -> None:
        """Request replicas of the burst, or retire the newest."""
        self.next_poll_s = now + burst.rule.poll_s
        wanted = burst.poll(now, self.in_flight, self.serving)
        while len(self.starting) + len(self.added) > wanted:
            if self.starting:
                self.starting.pop()
            else:
                self.balancer.remove(self.added.pop())
        while len(self.starting) + len(self.added) < wanted:
            self.starting.append(now + burst.rule.start_s)
        if wanted:
            hour = int((now - self.trace.start_s) // SECONDS_PER_HOUR)
            by_hour = self.outcome.burst_by_hour
            by_hour[hour] = max(by_hour.get(hour, 0), wanted)

    def _lose(self, lost: Sequence[int]) -> None:
        """Stop replicas. Their requests get no answer."""
        for number in lost:
            replica = self.replicas[number]
            for _, request, _ in replica.ends:
                self.outcome.ttft_s[request] = inf
                self.outcome.tpot_s[request] = nan
            for request in replica.waiting:
                self.outcome.ttft_s[request] = inf
                self.outcome.tpot_s[request] = nan
            self.in_flight -= replica.in_flight
            self.waiting -= len(replica.waiting)
            self.balancer.remove(number)
            replica.version += 1
            self.serving -= 1

    def _arrive(self, request: int, now: float) -> None:
        number, most = self.balancer.choose(), self.fleet.most_in_flight
        if number is None:
            self.outcome.ttft_s[request], self.outcome.tpot_s[request] = inf, nan
            return
        replica = self.replicas[number]
        if most is not None and replica.in_flight >= most:
            self.outcome.ttft_s[request], self.outcome.tpot_s[request] = inf, nan
            return
        self.in_flight += 1
        if len(replica.ends) < self.server.slots:
            self._advance(replica, now)
            self._start(replica, request, now)
            self._schedule(number)
        else:
            replica.waiting.append(request)
            self.waiting += 1
            if self.waiting > self.outcome.waiting_most:
                self.outcome.waiting_most, self.outcome.waiting_at_s = self.waiting, now
        self.balancer.changed(number, replica.in_flight)

    def _advance(self, replica: _Replica, now: float) -> None:
        """Let the running sequences progress until now. None of them ends before."""
        since, running = replica.now, len(replica.ends)
        if running:
            step_s = self.server.steps_s[running - 1]
            if replica.prompts_until > since:
                shared_until = min(replica.prompts_until, now)
                replica.progress += (shared_until - since) / (self.server.chunk_s + step_s)
                since = shared_until
            if now > since:
                replica.progress += (now - since) / step_s
        replica.now = now

    def _start(self, replica: _Replica, request: int, now: float) -> None:
        """Give a request a slot, and compute its prompt after those before it.

        Steps of the sequences that run already take their time between its parts.
        """
        server, trace = self.server, self.trace
        alone_s, first_s = server.prompts[trace.input_tokens[request]]
        began, running = max(now, replica.prompts_until), len(replica.ends)
        step_s = server.steps_s[running]
        between_s = server.steps_s[running - 1] if running else 0.0
        computed = began + alone_s * (1 + between_s / server.chunk_s)
        replica.prompts_until = computed
        own_s = (first_s + server.first_steps * step_s) * server.first_factor
        self.outcome.ttft_s[request] = began - trace.arrivals_s[request] + own_s
        progress = replica.progress + (computed - now) / (server.chunk_s + step_s)
        heappush(replica.ends, (progress + trace.output_tokens[request] - 1, request, computed))

    def _schedule(self, number: int) -> None:
        """Add the next end of a replica to the events."""
        replica = self.replicas[number]
        replica.version += 1
        if not replica.ends:
            return
        step_s, since = self.server.steps_s[len(replica.ends) - 1], replica.now
        left = replica.ends[0][0] - replica.progress
        if replica.prompts_until > since:
            slow_s = self.server.chunk_s + step_s
            shared = (replica.prompts_until - since) / slow_s
            if left <= shared:
                # Guard: nothing left x an infinite time is not a number.
                end_s = since + (left * slow_s if left > 0 else 0.0)
                heappush(self.events, (end_s, number, replica.version))
                return
            left, since = left - shared, replica.prompts_until
        heappush(self.events, (since + left * step_s, number, replica.version))

    def _ends_until(self, now: float) -> None:
        """Let sequences end, and waiting requests start in their place."""
        events = self.events
        while events and events[0][0] <= now:
            second, number, version = heappop(events)
            replica = self.replicas[number]
            if version == replica.version:
                self._end(replica, second)
                self._schedule(number)
                self.balancer.changed(number, replica.in_flight)

    def _end(self, replica: _Replica, now: float) -> None:
        replica.progress, request, computed_s = heappop(replica.ends)
        replica.now = now
        self.in_flight -= 1
        steps = self.trace.output_tokens[request] - 1
        self.outcome.tpot_s[request] = (now - computed_s) / steps if steps else nan
        if replica.waiting:
            follower = replica.waiting.popleft()
            self.waiting -= 1
            wait_s = now - self.trace.arrivals_s[follower]
            self.outcome.wait_most_s = max(self.outcome.wait_most_s, wait_s)
            self._start(replica, follower, now)
        elif not replica.ends:
            replica.progress = 0.0


def simulated(trace: Trace, fleet: Fleet) -> Outcome:
    """Return the times of each request of a trace on a fleet.

    The same trace and fleet always give the same times.

    Basis: a simulation of each start and end; as `sizing.replica.queues.queueing`, with arrivals
    and lengths of the trace in place of Poisson arrivals and a distribution.
    """
    return _Simulation(trace, fleet).run()
