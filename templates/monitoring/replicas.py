"""Alerts on the replicas of a service: needed ones, spare ones, zones, and slow starts."""

from collections.abc import Iterator

from sizing.plan.service.pool import PoolPlan
from templates.monitoring.alert import VALUE, Alert, Recorded, Rule, Severity, number, recorded
from templates.monitoring.watched import Watched

DOWN_S, ROLLOUT_S = 120, 900
"""Seconds before a loss alerts, and before a state that each rollout passes through does. Basis:
assumed."""
SILENT_S = 900
"""Seconds without metrics before that alerts. Basis: assumed."""
IMAGE_S = 300
"""Seconds that the image of a pod takes on a new node before its weights. Basis: assumed."""


def replica_rules(service: Watched) -> Iterator[Rule]:
    """Yield the rules that hold for every kind of service and every engine."""
    pool = service.plan.pool
    yield Recorded("replicas_ready:sum", f"sum by (namespace) ({service.floor})")
    if pool is not None:
        yield _too_few(service, pool)
        yield from _promise(service, pool)
    yield from _zones(service)
    yield _weights(service)
    yield _silent(service)


def _too_few(service: Watched, pool: PoolPlan) -> Alert:
    needed = pool.replicas_needed
    return Alert(
        name="ReplicasBelowNeeded",
        expr=f"{recorded('replicas_ready:sum', service.name)} < {number(needed)}",
        hold_s=DOWN_S,
        severity=Severity.critical,
        summary=f"{service.name}: {VALUE} replicas are ready, {needed} are needed",
        meaning=f"The spares are used up. At the load that {service.name} is sized for, latency "
        "targets are missed and requests may be refused.",
        plan=(service.pointer("pool.replicas_needed"),),
    )


def _promise(service: Watched, pool: PoolPlan) -> Iterator[Alert]:
    """Yield the alert on the losses that the plan promises to survive; none where it promises none.

    The replicas that a loss would leave now are compared with those needed.
    """
    ready, needed = service.floor, number(pool.replicas_needed)
    zones, nodes = pool.survives.zones, pool.survives.nodes
    left, promises, pointers = [], [], []
    if zones:
        loss = f"sum by (namespace) (topk by (namespace) ({zones}, {ready}))"
        left.append(f"sum by (namespace) ({ready}) - {loss} < {needed}")
        promises.append(f"any {zones} zone(s)")
        pointers.append("pool.survives.zones")
    if nodes:
        left.append(f"sum by (namespace) ({ready}) - {nodes} * {pool.replicas_per_node} < {needed}")
        promises.append(f"any {nodes} node(s)")
        pointers.append("pool.survives.nodes")
    if not left:
        return
    yield Alert(
        name="LossNotSurvived",
        expr=" or ".join(left),
        hold_s=ROLLOUT_S,
        severity=Severity.warning,
        summary=f"{service.name}: the plan survives the loss of {' or '.join(promises)}; now a "
        f"loss would leave {VALUE} of {needed} needed replicas",
        meaning="Spare replicas are missing. Requests are served, but the redundancy that you pay "
        "for does not exist now.",
        plan=tuple(service.pointer(each) for each in ("pool.replicas_needed", *pointers)),
    )


def _zones(service: Watched) -> Iterator[Alert]:
    """Yield the alert on a zone that lacks more replicas than a rollout replaces at once."""
    serving = service.serving
    short = []
    for zone, ready in service.floor_by_zone.items():
        planned, replaced = serving.replicas_by_zone[zone], serving.rollout_by_zone[zone]
        allowed = f"{planned} - {replaced}" if replaced < planned else f"{planned}"
        short.append(f"{ready} < {allowed}")
    yield Alert(
        name="ZoneImbalance",
        expr=" or ".join(short),
        hold_s=ROLLOUT_S,
        severity=Severity.warning,
        summary=f"{service.name}: {{{{ $labels.{service.set_label} }}}} has only {VALUE} "
        "ready replicas",
        meaning="One zone lacks more replicas than a rollout replaces at once. The others take its "
        "load, and the loss of one of them weighs more.",
        plan=tuple(
            service.pointer(f"serving.replicas_by_zone.{zone}") for zone in serving.replicas_by_zone
        ),
    )


def _weights(service: Watched) -> Alert:
    copy_s = service.serving.copy_s
    age = f"(time() - {service.of('kube_pod_start_time')})"
    copies = service.of("kube_pod_init_container_status_running", 'container="weights"')
    return Alert(
        name="WeightsDownloadSlow",
        expr=f"{age} * on (namespace, pod) ({copies} == 1) > {IMAGE_S} + {number(copy_s)}",
        hold_s=60,
        severity=Severity.warning,
        summary=f"{service.name}: {{{{ $labels.pod }}}} still copies weights {VALUE} s after its "
        f"start, beyond {IMAGE_S} s for its image and {copy_s} s, three times the planned copy",
        meaning="A replica starts later than planned, so that spares return late after a loss. It "
        "also fires while the bucket has no weights yet.",
        plan=(service.pointer("serving.copy_s"),),
    )


def _silent(service: Watched) -> Alert:
    seen = [f"absent({service.floor})"]
    gauges = service.serving.engine.traits.gauges
    if service.requests is not None and gauges is not None:
        seen.append(f"absent({service.of(gauges.running)})")
    return Alert(
        name="MetricsMissing",
        expr=" or ".join(seen),
        hold_s=SILENT_S,
        severity=Severity.warning,
        summary=f"{service.name}: Prometheus has no metrics of its replicas or its engines",
        meaning="The other alerts of the service cannot fire.",
    )
