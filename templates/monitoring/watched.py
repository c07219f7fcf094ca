"""Numbers and metrics of a service that its alerts and panels compare."""

from dataclasses import dataclass
from functools import cached_property

from sizing.plan.service.serving import GroupServingPlan, ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.workload.engines import request_metrics
from sizing.workload.engines.requests import RequestMetrics
from sizing.workload.kinds import Kind

FLOOR = "floor"
ENGINES = (FLOOR, "burst")
"""Components of a service whose pods are engines."""


@dataclass(frozen=True)
class SizedLoad:
    """Load that a fleet is sized for."""

    requests_per_s: float
    pointer: str
    """Name of the number for `sizewright explain`."""
    window: str
    """Time over which the load is compared: a day for a mean of the day, minutes for a peak."""


@dataclass(frozen=True)
class Watched:
    """Service that the stack builds."""

    plan: ServicePlan
    serving: ServingPlan

    @property
    def name(self) -> str:
        """Name of the service, which is its namespace too."""
        return self.plan.name

    def pointer(self, path: str) -> str:
        """Name of a number of the service for `sizewright explain`."""
        return f"{self.name}.{path}"

    @cached_property
    def requests(self) -> RequestMetrics | None:
        """Metrics of its requests; None where nothing of them may be compared with the plan."""
        return request_metrics(Kind(self.plan.kind), self.serving.engine)

    def of(self, metric: str, *labels: str) -> str:
        """Series of this service."""
        selected = ", ".join((f'namespace="{self.name}"', *labels))
        return f"{metric}{{{selected}}}"

    def total(self, metric: str, window: str, *labels: str) -> str:
        """Rate of a counter over a window, of all pods together, per second."""
        return f"sum by (namespace) (rate({self.of(metric, *labels)}[{window}]))"

    def counted(self, metric: str, window: str, *labels: str) -> str:
        """Growth of a counter over a window, of all pods together."""
        return f"sum by (namespace) (increase({self.of(metric, *labels)}[{window}]))"

    def mean(self, histogram: str, window: str) -> str:
        """Mean of a histogram over a window, exact: its sum over its count."""
        whole, count = (self.total(f"{histogram}_{end}", window) for end in ("sum", "count"))
        return f"{whole} / {count}"

    @property
    def floor_by_zone(self) -> dict[str, str]:
        """Series of the ready replicas of the floor, by zone."""
        return {zone: self._ready(f'="{self._floor(zone)}"') for zone in self._zones}

    @property
    def floor(self) -> str:
        """Series of the ready replicas of the floor, one for each zone."""
        every = "|".join(self._floor(zone) for zone in self._zones)
        return self._ready(f'=~"{every}"')

    @property
    def engines_ready(self) -> str:
        """Number of engines of the floor and the burst that are ready, by their own metrics."""
        gauges = self.serving.engine.traits.gauges
        assert gauges is not None, "an engine with metrics of requests has these gauges"
        ready = self.of(gauges.running, 'ready="true"')
        return f"count by (namespace) ({ready})"

    @property
    def sized_for(self) -> SizedLoad:
        """Load at the engines that the fleet is sized for."""
        traffic, capacity = self.plan.traffic, self.plan.capacity
        if capacity is not None and capacity.load == "peak":
            end, front, window = "peak", traffic.requests_per_s_peak, "5m"
            behind = traffic.engine_requests_per_s_peak
        else:
            end, front, window = "mean", traffic.requests_per_s_mean, "1d"
            behind = traffic.engine_requests_per_s_mean
        if behind is not None:
            return SizedLoad(behind, self.pointer(f"traffic.engine_requests_per_s_{end}"), window)
        assert front is not None, "a load that is sized for is known"
        return SizedLoad(front, self.pointer(f"traffic.requests_per_s_{end}"), window)

    @property
    def _zones(self) -> tuple[str, ...]:
        return tuple(self.serving.replicas_by_zone)

    def _floor(self, zone: str) -> str:
        return f"{self.name}-{FLOOR}-{zone}"

    @property
    def set_label(self) -> str:
        """Label of kube-state-metrics with the name of a zone's replicas."""
        return "statefulset" if isinstance(self.serving, GroupServingPlan) else "deployment"

    def _ready(self, matched: str) -> str:
        """Ready replicas. Leaders of groups are a StatefulSet of the name of their set."""
        metric = (
            "kube_statefulset_status_replicas_ready"
            if isinstance(self.serving, GroupServingPlan)
            else "kube_deployment_status_replicas_available"
        )
        return self.of(metric, f"{self.set_label}{matched}")


def engine_pods(service: str, *components: str) -> str:
    """Pattern of the names of a service's pods with an engine: those of the floor and the burst, or
    of some of them. Other pods are in its namespace too.

    Basis: templates/kubernetes/deployment.yaml.j2 and leader-worker-set.yaml.j2.
    """
    return f"{service}-({'|'.join(components or ENGINES)})-.+"


def watched(service: ServicePlan) -> Watched | None:
    """Service with its engine; None where the stack builds none."""
    return None if service.serving is None else Watched(service, service.serving)
