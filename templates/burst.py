"""Values of the replicas and nodes above the floor, and of the load that starts them."""

from typing import Any, assert_never

from sizing.plan.service.burst import AddedPlan, BurstPlan, JobBurstPlan
from sizing.plan.service.disks import WeightsOn
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import BurstPoolPlan, NodePool
from sizing.plan.whole import Plan
from sizing.stack.cluster_services import METRICS, NAMESPACE, SCRAPE_S, metrics_server
from sizing.workload import EngineName
from templates.felt import felt_queries
from templates.scheduling import BURST_TAINT, GPU_TAINT, POOL_LABEL, burst_node_labels
from templates.user_data import WEIGHTS_DEVICE

BURST_DOCUMENTS = {
    "burst-deployment": "deployment",
    "burst-disruption-budget": "disruption-budget",
    "scaled-object": "scaled-object",
}
"""Templates of the additional documents of a service above its floor."""
MEASURED_DOCUMENTS = {
    name: name for name in ("metrics-role", "metrics-role-binding", "network-policy-metrics")
}
"""Those of a service whose requests Prometheus measures."""
QUEUED_DOCUMENTS = {"trigger-authentication": "trigger-authentication"}
"""Those of a service whose waiting jobs KEDA reads from AWS."""
QUEUE_AUTHENTICATION = "queue"
"""Name of the object by which a scaling rule calls AWS."""


def burst_values(serving: ServingPlan, burst: AddedPlan) -> dict[str, Any]:
    """Values that differ above the floor.

    Guard: `replicas` is absent because KEDA owns it; a literal would conflict at each update. Pods
    spread over zones only: with a spread over nodes Karpenter would start one for each replica.
    """
    return {
        "component": "burst",
        "zone": None,
        "zone_labels": {},
        "replicas": None,
        "awaited": False,
        "max_unavailable": burst.max_unavailable,
        "taken_at_once": burst.max_unavailable,
        "waits_through": (),
        "node_labels": {POOL_LABEL: serving.pool, **BURST_TAINT},
        "taints": GPU_TAINT | BURST_TAINT,
        "spread_over": ["topology.kubernetes.io/zone"],
        "burst_replicas": burst.replicas,
        "cooldown_s": burst.cooldown_s,
        "poll_s": SCRAPE_S,
    }


def load_values(
    plan: Plan, service: ServicePlan, serving: ServingPlan, burst: BurstPlan | JobBurstPlan
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of the load that starts replicas above the floor, and the templates of its further
    documents."""
    match burst:
        case BurstPlan():
            return {
                "formula": None,
                "in_flight_target": burst.in_flight_target,
                "metrics_address": f"http://{metrics_server(plan.site)}.{NAMESPACE}.svc:80",
                "metrics_query": wanted_query(service.name, burst.in_flight_target, serving.engine),
                "felt_queries": felt_queries(service, serving, burst),
            } | measured_values(plan, f"{service.name}-metrics"), MEASURED_DOCUMENTS
        case JobBurstPlan():
            return {
                "formula": wanted_jobs(burst),
                "jobs_per_replica": burst.jobs_per_replica,
                "oldest_s": burst.oldest_s,
                "region": plan.site.region,
                "authentication": QUEUE_AUTHENTICATION,
            }, QUEUED_DOCUMENTS
        case _ as never:
            assert_never(never)


def measured_values(plan: Plan, role: str) -> dict[str, Any]:
    """Values of the documents by which Prometheus finds and reaches engines.

    Guard: the role of a service without a burst of requests has another name, because its resource
    is another one. Both may exist while such a burst is added.
    """
    return {
        "metrics_role": role,
        "metrics_account": metrics_server(plan.site),
        "metrics_namespace": NAMESPACE,
        "metrics_chart": METRICS,
    }


def wanted_jobs(burst: JobBurstPlan) -> str:
    """Formula of KEDA: waiting jobs beyond those that are left to the floor.

    No job is left to a floor whose oldest job shows that it does not keep up: replicas are lost, or
    the load lasts. Basis: vendor (KEDA 2.20, scalingModifiers; names are those of the triggers).
    """
    return f"max(waiting - (oldest > {burst.oldest_s} ? 0 : {burst.floor_jobs}), 0)"


def wanted_query(service: str, in_flight_target: int, engine: EngineName) -> str:
    """PromQL query: requests in flight beyond the target of the floor's ready replicas.

    A replica that is too loaded to be ready still reports its requests.

    in flight = running + waiting, on floor and burst; without any sample there is no answer. Raises
    ValueError for an engine that exports no such gauges.
    Basis: vendor (the engine's gauges; `up` is Prometheus' own).
    """
    gauges = engine.traits.gauges
    if gauges is None:
        raise ValueError(f"{engine} exports no gauges of its requests")
    of = f'namespace="{service}"'
    in_flight = f"sum({gauges.running}{{{of}}}) + sum({gauges.waiting}{{{of}}})"
    floor = f'(count(up{{{of},component="floor",ready="true"}} == 1) or vector(0))'
    return f"clamp_min({in_flight} - {in_flight_target} * {floor}, 0)"


def burst_pool_values(pool: NodePool, burst: BurstPoolPlan, user_data: str) -> dict[str, Any]:
    volumes = pool.volumes
    weights = {
        "device": WEIGHTS_DEVICE,
        "size_gib": volumes.weights_gib,
        "iops": volumes.weights_iops,
        "mib_per_s": volumes.weights_mib_per_s,
    }
    return burst.model_dump() | {
        "name": pool.name,
        "instance_type": pool.instance_type,
        "capacity_types": ["spot", "on-demand"] if burst.spot else ["on-demand"],
        "node_labels": burst_node_labels(pool),
        "taints": GPU_TAINT | BURST_TAINT,
        "root_gib": volumes.root_gib,
        "disks": [] if volumes.weights_gib is None else [weights],
        "instance_store": volumes.weights_on is WeightsOn.nvme,
        "user_data": user_data,
    }
