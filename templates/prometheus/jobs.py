"""Which targets does the Prometheus of a cluster scrape, and which metrics does it keep?"""

from collections.abc import Mapping, Sequence
from typing import Any

from sizing.plan.stack.monitoring import StoredMetricsPlan
from sizing.stack.cluster_services import (
    GPU_METRICS,
    NAMESPACE,
    POD_AUTOSCALER_ACCOUNT,
    STORED_METRICS,
)
from sizing.stack.monitoring import (
    EXPORTERS,
    GPU_EXPORTER,
    NODE_EXPORTER,
    OBJECTS_EXPORTER,
    SCALER_EXPORTER,
)
from templates.engine import ENGINE_PORT

POD = "__meta_kubernetes_pod_"
NODE_PORT, GPU_PORT, OBJECTS_PORT, SCALER_PORT = 9100, 9400, 8080, 8080
"""Ports of the exporters. Basis: vendor (values.yaml of their charts)."""
SELF_SIGNED = {"scheme": "https", "tls_config": {"insecure_skip_verify": True}}
"""Guard: each pod makes its own certificate, which nobody could verify."""
Job = dict[str, Any]


def stored_jobs(plan: StoredMetricsPlan) -> dict[str, Job]:
    """Return the scrape configurations by name of the job: engines, nodes, GPUs, objects, KEDA.

    Labels of engines: namespace, component, pod, ready. Nodes and GPUs have the label node. Objects
    keep the labels that kube-state-metrics gives them.
    """
    slow = {"scrape_interval": f"{plan.exporter_scrape_s}s"}
    kept = "|".join(pattern for name, pattern in plan.kept.items() if name not in EXPORTERS)
    jobs = engine_jobs(plan.services, plan.encrypted, kept)
    jobs["nodes"] = slow | _pods(
        {"label_app_kubernetes_io_name": "prometheus-node-exporter"},
        NODE_PORT,
        plan.kept[NODE_EXPORTER],
    )
    jobs["gpus"] = slow | _pods(
        {"label_app_kubernetes_io_name": GPU_METRICS}, GPU_PORT, plan.kept[GPU_EXPORTER]
    )
    jobs["scaling"] = slow | _pods(
        {"label_app": POD_AUTOSCALER_ACCOUNT}, SCALER_PORT, plan.kept[SCALER_EXPORTER]
    )
    address = f"{STORED_METRICS}-{OBJECTS_EXPORTER}.{NAMESPACE}.svc:{OBJECTS_PORT}"
    jobs["objects"] = slow | {
        "honor_labels": True,
        "static_configs": [{"targets": [address]}],
        "metric_relabel_configs": [_kept(plan.kept[OBJECTS_EXPORTER])],
    }
    return jobs


def engine_jobs(services: Sequence[str], encrypted: Sequence[str], kept: str) -> dict[str, Job]:
    """Return the scrape configurations of these services' engines by name of the job.

    `encrypted` are those of them whose engines encrypt; `kept` is a regular expression of metrics.
    Guard: a job without namespaces would scrape all of them.
    """
    plain = [service for service in services if service not in encrypted]
    jobs = dict[str, Job]()
    if plain:
        jobs["engines"] = _engine_job(plain, kept)
    if encrypted:
        jobs["encrypted-engines"] = _engine_job(encrypted, kept) | SELF_SIGNED
    return jobs


def _engine_job(namespaces: Sequence[str], kept: str) -> Job:
    """Scrape job of these namespaces' engines, labelled by namespace, component and readiness."""
    sources = {
        f"{POD}label_app_kubernetes_io_component": "component",
        "__meta_kubernetes_namespace": "namespace",
        f"{POD}name": "pod",
        f"{POD}ready": "ready",
    }
    chosen = {"label_app_kubernetes_io_part_of": "sizewright"}
    return _discovered(namespaces, chosen, ENGINE_PORT, sources, kept)


def _pods(labels: Mapping[str, str], port: int, kept: str) -> Job:
    """Scrape job of the exporters with these labels, labelled by their node."""
    return _discovered([NAMESPACE], labels, port, {f"{POD}node_name": "node"}, kept)


def _discovered(
    namespaces: Sequence[str],
    labels: Mapping[str, str],
    port: int,
    sources: Mapping[str, str],
    kept: str,
) -> Job:
    chosen = {**labels, "container_port_number": str(port)}
    return {
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": list(namespaces)}}],
        "relabel_configs": [
            *(
                {"source_labels": [f"{POD}{source}"], "regex": regex, "action": "keep"}
                for source, regex in chosen.items()
            ),
            *(
                {"source_labels": [source], "target_label": target, "action": "replace"}
                for source, target in sources.items()
            ),
        ],
        "metric_relabel_configs": [_kept(kept)],
    }


def _kept(pattern: str) -> dict[str, Any]:
    return {"source_labels": ["__name__"], "regex": pattern, "action": "keep"}
