"""Explanations of the cluster, of its keys and of its shared services."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry, log_days
from sizing.plan.stack.cluster import (
    ChartPlan,
    ClusterPlan,
    ControllerPlan,
    GroupControllerPlan,
    KeysPlan,
    MetricsPlan,
    NodeAutoscalerPlan,
    PodAutoscalerPlan,
)

SOURCE = "sizing/stack/cluster_services.py"


def _pods(meaning: str, source: str) -> Entry:
    numbers = "{cluster_services.CONTROLLER_REPLICAS}"
    return Entry(f"{meaning}: one leads, one waits", "fixed", numbers, Basis.vendor, source)


def _node_groups(leaf: Leaf) -> Entry:
    groups = " + ".join(str(len(pool.nodes_by_zone)) for pool in leaf.plan.pools) or "0"
    others = (leaf.plan.rendition_nodes, leaf.plan.application_nodes)
    groups += " + 1" * sum(pool is not None for pool in others)
    if leaf.plan.system is None:
        return Entry(
            "managed node groups of the stack; the cluster takes 30, its owner's among them",
            "one a zone and GPU pool, one for renditions and one for applications",
            groups,
        )
    return Entry(
        "managed node groups of the cluster, at most 30",
        "1 for the system + one a zone and GPU pool, one for renditions and one for applications",
        f"1 + {groups}",
    )


CLUSTER: Registry = {
    KeysPlan: {
        "deletion_days": Entry(
            "days in which the deletion of a key can be taken back",
            "7 in dev, 30 in prod; the vendor allows 7 to 30",
            "{v}",
            Basis.vendor,
            "AWS KMS: ScheduleKeyDeletion; sizing/stack/shared.py",
        ),
    },
    ClusterPlan: {
        "node_groups": _node_groups,
        "log_days": log_days("the control plane's logs"),
    },
    ChartPlan: {
        "timeout_s": Entry(
            "seconds after which a Helm release that is not ready is undone",
            "fixed",
            "{cluster_services.INSTALL_TIMEOUT_S}",
            Basis.assumed,
            SOURCE,
        ),
    },
    ControllerPlan: {
        "replicas": Entry(
            "pods of the load balancer controller: one leads, one waits",
            "fixed",
            "{cluster_services.CONTROLLER_REPLICAS}",
            Basis.vendor,
            "the chart's default: its values.yaml",
        ),
    },
    NodeAutoscalerPlan: {
        "replicas": _pods("pods of Karpenter", "the chart's default: its values.yaml"),
    },
    PodAutoscalerPlan: {
        "replicas": _pods(
            "pods of KEDA's operator and of its metrics server", "KEDA: high availability"
        ),
    },
    MetricsPlan: {
        "scrape_s": Entry(
            "seconds between two reads of an engine's metrics",
            "fixed",
            "{cluster_services.SCRAPE_S}",
            Basis.assumed,
            SOURCE,
        ),
        "kept_hours": Entry(
            "hours that metrics are kept",
            "fixed",
            "{cluster_services.METRICS_HOURS}",
            Basis.assumed,
            SOURCE,
        ),
    },
    GroupControllerPlan: {
        "replicas": Entry(
            "pods of the controller of groups: one leads, one waits",
            "fixed",
            "{cluster_services.CONTROLLER_REPLICAS}",
            Basis.assumed,
            SOURCE,
        ),
    },
}
