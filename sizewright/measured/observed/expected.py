"""What does the plan's model predict for the requests that a service received?

The prediction is for the measured arrivals, lengths and replicas, so that a service with more
requests than planned is not called slow.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import log

from sizewright.measured.observed.measured import Measured, Step
from sizing.catalog import Catalog
from sizing.catalog.architecture import Architecture
from sizing.catalog.bands import EDGE, MEDIAN
from sizing.model.memory import fit
from sizing.plan.service.whole import ServicePlan
from sizing.replica.calibrated import CalibratedReplica, times_of
from sizing.replica.case import Choice, case_of
from sizing.replica.lengths import Lengths
from sizing.replica.methods import estimate
from sizing.replica.rate import ReplicaTimes
from sizing.site import Site
from sizing.workload import Precision

LOW = 1 - EDGE
"""Share of measurements below the lower edge of a band."""
LEAST_FREE = 0.05
"""Least share of a replica's time without prompts. Basis: assumed; prompts alone take no more."""
FEWEST_TIMES = 100
"""Least measured times from which a mean is taken. Basis: assumed; fewer are chance."""


@dataclass(frozen=True)
class Band:
    """A predicted number at P10, P50 and P90 of the estimate."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Run:
    """Steps of a similar number of running requests, as one measured run."""

    running_per_replica: float
    """Mean number of requests that run in one replica, by measured times."""
    measured_s: float
    """Mean seconds per output token."""
    expected_s: float
    """Predicted median without own runs, seconds per output token."""

    @property
    def ratio(self) -> float:
        """Measured over predicted."""
        return self.measured_s / self.expected_s


@dataclass(frozen=True)
class SizedReplica:
    """Replica of a planned service by the calibrated method, whichever method sized it."""

    replica: CalibratedReplica
    shape: Architecture | None
    """Architecture to which corrections apply; None where it is unknown."""
    model: str
    """Hugging Face id of the model, or the name in the workload."""


def replica_of(service: ServicePlan, site: Site, catalog: Catalog) -> SizedReplica | None:
    """Return the replica of a planned service.

    The result is None without a pool, where no time is predicted, and for other kinds than text.
    """
    choice, workload = service.choice, service.inputs
    if choice is None or workload.hardware is None or service.pool is None:
        return None
    hardware = workload.hardware.model_copy(update={"instance_type": choice.instance_type})
    model = workload.model.model_copy(update={"precision": Precision(choice.precision)})
    chosen = workload.model_copy(update={"hardware": hardware, "model": model})
    case = case_of(chosen, site, catalog)
    if case.facts.instance is None or service.pool.nodes_per_replica > 1:
        return None
    room = fit(case.need, case.facts.instance.gpu_memory_bytes, choice.tensor_parallel)
    rate = service.traffic.peak_at_engines or service.traffic.requests_per_s_mean
    found = None if room is None else estimate(case, Choice(room, ()), Fraction(rate))
    if found is None:
        return None
    facts = case.facts.model
    name = facts.hf_repo if facts is not None else str(workload.model.name)
    return SizedReplica(found.replica, case.need.step_shape, name)


@dataclass(frozen=True)
class Expectation:
    """Prediction for the measured requests of a service."""

    sized: SizedReplica
    measured: Measured

    @property
    def replica(self) -> CalibratedReplica:
        """Replica of the plan."""
        return self.sized.replica

    @cached_property
    def lengths(self) -> Lengths:
        """Measured mean lengths, in the proportions of those that were sized."""
        sized = self.replica.lengths
        prompt = self.measured.prompt_tokens or sized.prompt_tokens
        ratio = prompt / sized.prompt_tokens
        return replace(
            sized,
            prompt_tokens=prompt,
            cached_tokens=sized.cached_tokens * ratio,
            output_tokens=self.measured.answer_tokens or sized.output_tokens,
            prompts=tuple((tokens * ratio, share) for tokens, share in sized.prompts),
        )

    @cached_property
    def _times(self) -> dict[float, ReplicaTimes]:
        r = self.replica
        found = {q: times_of(r.steps, self.lengths, r.slots, q, r.targets) for q in QUANTILES}
        return {q: times for q, times in found.items() if isinstance(times, ReplicaTimes)}

    def _band(self, number: Callable[[ReplicaTimes], float]) -> Band:
        return Band(*sorted(number(self._times[quantile]) for quantile in QUANTILES))

    @property
    def running_per_replica(self) -> Band | None:
        """Requests that run in one replica, mean of the window; None without arrivals."""
        timed = [(step, _rate(step, self.measured)) for step in self.measured.steps]
        known = [(step.replicas, rate) for step, rate in timed if rate is not None]
        if not known:
            return None
        up = sum(replicas for replicas, _ in known)

        def running(times: ReplicaTimes) -> float:
            return sum(r * times.server.at(rate).mean_running for r, rate in known) / up

        return self._band(running)

    @property
    def tpot_s(self) -> Band | None:
        """Mean seconds per output token; None where they were not measured."""
        known = [step for step in self.measured.steps if step.times and step.running]
        if not known:
            return None
        times_count = sum(step.times or 0.0 for step in known)

        def tpot(times: ReplicaTimes) -> float:
            return sum((s.times or 0.0) * self._tpot_s(times, s) for s in known) / times_count

        return self._band(tpot)

    def _tpot_s(self, times: ReplicaTimes, step: Step) -> float:
        """Seconds per output token at the measured number of running requests.

        step of running + 1 / (1 - arrivals x prompt)

        Basis: arithmetic; a request runs with as many others as run on the mean (random arrivals).
        """
        running = min((step.running_per_replica or 0.0) + 1, float(self.replica.slots))
        below = int(running)
        above = min(below + 1, self.replica.slots)
        low, high = times.decode_s[below - 1], times.decode_s[above - 1]
        free = 1 - (_rate(step, self.measured) or 0.0) * times.prompt_s
        return (low + (high - low) * (running - below)) / max(free, LEAST_FREE)

    def percentile_s(self, name: str) -> Band | None:
        """Seconds of a target's time that the targets' share of requests does not exceed, in the
        busiest step; None without one."""
        step = self.measured.busiest
        rate = None if step is None else _rate(step, self.measured)
        if rate is None:
            return None
        share = self.replica.targets.share
        return self._band(lambda times: times.by_target[name](times.server.at(rate), share))

    def kv_used_ratio(self, room_tokens: float) -> float | None:
        """Used share of a KV cache with room for so many tokens, at the measured concurrency."""
        running = self.measured.running_per_replica
        if running is None:
            return None
        return running * self.lengths.running_context_tokens / room_tokens

    def utilisation(self, rate: float) -> float:
        """Requests per second of one replica over the rate of a full one, with the measured lengths
        and step times.

        Basis: arithmetic; a full replica is as much slower than predicted as the measured one.
        """
        times = self._times[MEDIAN]
        expected, measured = self.tpot_s, self.measured.tpot_s
        slower = measured / expected.median if measured and expected else 1.0
        return rate * slower / times.server.saturation_per_s

    def runs(self) -> list[Run]:
        """Measured times per output token as runs: one for each doubling of the concurrency.

        Basis: assumed; hours of the same concurrency repeat one another, so they count once.
        """
        groups = dict[int, list[Step]]()
        for step in self.measured.steps:
            if step.running_per_replica and step.times and step.times_s:
                groups.setdefault(int(log(step.running_per_replica, 2) // 1), []).append(step)
        runs = [self._run(steps) for _, steps in sorted(groups.items())]
        return [run for run in runs if run is not None]

    def _run(self, steps: list[Step]) -> Run | None:
        times_count = sum(step.times or 0.0 for step in steps)
        if times_count < FEWEST_TIMES:
            return None
        times, own = self._times[MEDIAN], self.replica.steps.tpot_correction

        def by_times(number: Callable[[Step], float]) -> float:
            return sum((step.times or 0.0) * number(step) for step in steps) / times_count

        return Run(
            running_per_replica=by_times(lambda step: step.running_per_replica or 0.0),
            measured_s=sum(step.times_s or 0.0 for step in steps) / times_count,
            expected_s=by_times(lambda step: self._tpot_s(times, step)) / own,
        )


QUANTILES = (LOW, MEDIAN, EDGE)


def _rate(step: Step, measured: Measured) -> float | None:
    """Requests per second of one replica in a step."""
    return None if step.requests is None else step.requests / measured.window.step_s / step.replicas
