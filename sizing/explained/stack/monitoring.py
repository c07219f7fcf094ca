"""Explanations of the metrics that a created cluster keeps, and of its alerts."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.monitoring import (
    AlertsPlan,
    MonitoringPlan,
    SeriesPlan,
    StoredMetricsPlan,
)
from sizing.stack.monitoring import engine_pods, gpus_of, pods_of

SOURCE = "sizing/stack/monitoring.py"
SERIES = CATALOG + "metric_series.csv"
OF_SERVER = "p.cluster_services.monitoring.server"
OF_SERIES = f"{OF_SERVER}.series"


def _served(leaf: Leaf) -> list[ServicePlan]:
    return [service for service in leaf.plan.services if service.serving is not None]


def _exporting(leaf: Leaf) -> list[ServicePlan]:
    return [service for service in leaf.plan.services if service.exports_metrics]


def _sum(values: list[str]) -> str:
    return " + ".join(values) or "0"


def _from_catalog(meaning: str) -> Entry:
    return Entry(meaning, "the sum over its metrics", "{v}", Basis.vendor, SERIES)


def _engine_pods(leaf: Leaf) -> Entry:
    pods = [str(engine_pods(service)) for service in _exporting(leaf)]
    meaning = "engines that export metrics, those of bursts among them"
    return Entry(meaning, "the sum of replicas of floor and burst", _sum(pods))


def _nodes(leaf: Leaf) -> Entry:
    plan = leaf.plan
    series = plan.cluster_services.monitoring and plan.cluster_services.monitoring.server.series
    gpu_nodes = sum(pool.nodes_at_most for pool in plan.pools)
    others = (series.nodes if series else 0) - gpu_nodes
    return Entry(
        "nodes of the cluster, those of bursts among them",
        "GPU nodes + other nodes",
        f"{gpu_nodes} + {others}",
    )


def _gpus(leaf: Leaf) -> Entry:
    counts = [str(gpus_of(pool, leaf.plan.services)) for pool in leaf.plan.pools]
    return Entry(
        "GPUs of the nodes", "the sum of nodes x GPUs of a node over the pools", _sum(counts)
    )


def _pods(leaf: Leaf) -> Entry:
    pods = _sum([str(pods_of(service)) for service in _served(leaf)])
    return Entry(
        "pods of the cluster",
        "controllers + nodes x daemons of a node + pods of services",
        f"{{monitoring.CONTROLLER_PODS}} + {{{OF_SERIES}.nodes}} * {{addresses.DAEMON_PODS}}"
        f" + {pods}",
        Basis.assumed,
        SOURCE,
    )


def _per_engine(leaf: Leaf) -> Entry:
    return Entry(
        f"series of one engine of {leaf.keys[-1]}",
        "the sum over its metrics + those of its target",
        f"{leaf.value - 5} + {{monitoring.TARGET_SERIES}}",
        Basis.vendor,
        SERIES,
    )


def _per_node(leaf: Leaf) -> Entry:
    return Entry(
        "series of one node's exporters, without those of its GPUs",
        "the sum over its metrics + targets x series of a target",
        f"{leaf.value - 10} + {{monitoring.NODE_TARGETS}} * {{monitoring.TARGET_SERIES}}",
        Basis.vendor,
        SERIES,
    )


def _engine_series(leaf: Leaf) -> Entry:
    products = [
        f"{engine_pods(service)} * {{{OF_SERIES}.per_engine[{service.name}]}}"
        for service in _exporting(leaf)
    ]
    return Entry(
        "series of the engines", "the sum of engines x series of an engine", _sum(products)
    )


def _object_series(leaf: Leaf) -> Entry:
    services = len(_served(leaf))
    return Entry(
        "series of Kubernetes objects and of scaling rules",
        "nodes x series + pods x series + services x series",
        f"{{{OF_SERIES}.nodes}} * {{{OF_SERIES}.objects_per_node}}"
        f" + {{{OF_SERIES}.pods}} * {{{OF_SERIES}.objects_per_pod}}"
        f" + {services} * {{{OF_SERIES}.objects_per_service}}",
    )


def _volume(leaf: Leaf) -> Entry:
    steps = int(leaf.value).bit_length() - 1
    return Entry(
        "GiB of each volume of Prometheus",
        "16, or the next larger power of 2 that the metrics fill to at most 80 %",
        f"max({{monitoring.VOLUME_GIB}}, 2 ** {steps})",
        Basis.vendor,
        "Prometheus: storage; the smallest size is assumed",
    )


def _replicas(leaf: Leaf) -> Entry:
    return Entry(
        "pods of Prometheus with the same metrics, each with a volume in its own zone",
        "2 where a part that fails with a zone has a second one, else 1",
        "{v}",
        Basis.textbook,
        "Prometheus: FAQ, high availability",
    )


def _products(*pairs: tuple[str, str]) -> str:
    return " + ".join(f"{count} * {size}" for count, size in pairs)


def _requested(unit: str, server: str, reloader: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        monitoring = leaf.plan.cluster_services.monitoring
        alerts = monitoring.alerts if monitoring else None
        receivers = "0" if alerts is None else str(alerts.replicas)
        return Entry(
            f"{unit} that the added pods request on system nodes",
            "Prometheus + its reloader, objects, Alertmanager, and the driver of volumes",
            _products(
                (f"{{{OF_SERVER}.replicas}}", f"({server} + {reloader})"),
                ("1", f"{{monitoring.OBJECTS_{unit}}}"),
                (receivers, f"{{monitoring.ALERTS_{unit}}}"),
                ("{monitoring.DRIVER_REPLICAS}", f"{{monitoring.DRIVER_{unit}}}"),
            ),
            Basis.assumed,
            SOURCE,
        )

    return entry


MONITORING: Registry = {
    SeriesPlan: {
        "engine_pods": _engine_pods,
        "nodes": _nodes,
        "gpus": _gpus,
        "pods": _pods,
        "per_engine.*": _per_engine,
        "per_node": _per_node,
        "per_gpu": _from_catalog("series of one GPU"),
        "objects_per_node": _from_catalog("series of the Kubernetes object of one node"),
        "objects_per_pod": _from_catalog("series of the Kubernetes objects of one pod"),
        "objects_per_service": _from_catalog("series of the scaling rule of one service"),
        "engine_series": _engine_series,
        "node_series": Entry(
            "series of the exporters of nodes",
            "nodes x series of a node",
            f"{{{OF_SERIES}.nodes}} * {{{OF_SERIES}.per_node}}",
        ),
        "gpu_series": Entry(
            "series of the exporters of GPUs",
            "GPUs x series of a GPU",
            f"{{{OF_SERIES}.gpus}} * {{{OF_SERIES}.per_gpu}}",
        ),
        "object_series": _object_series,
        "recorded_series": Entry(
            "series that rules record",
            "ceil(10 % of the scraped series)",
            f"ceil(({{{OF_SERIES}.engine_series}} + {{{OF_SERIES}.node_series}}"
            f" + {{{OF_SERIES}.gpu_series}} + {{{OF_SERIES}.object_series}})"
            " * {monitoring.RECORDED_PERCENT} / 100)",
            Basis.assumed,
            SOURCE,
        ),
        "total": Entry(
            "series that each Prometheus holds at most",
            "engines + nodes + GPUs + objects + recorded",
            f"{{{OF_SERIES}.engine_series}} + {{{OF_SERIES}.node_series}}"
            f" + {{{OF_SERIES}.gpu_series}} + {{{OF_SERIES}.object_series}}"
            f" + {{{OF_SERIES}.recorded_series}}",
        ),
    },
    StoredMetricsPlan: {
        "kept_hours": Entry(
            "hours that metrics are kept",
            "retention_days x 24",
            "{p.site.metrics.retention_days} * 24",
        ),
        "exporter_scrape_s": Entry(
            "seconds between two reads of a node, a GPU or the objects",
            "fixed",
            "{monitoring.EXPORTER_SCRAPE_S}",
            Basis.assumed,
            SOURCE,
        ),
        "replicas": _replicas,
        "samples_per_s": Entry(
            "samples that each Prometheus takes in each second",
            "ceil(series of engines / 15 s + other series / 30 s)",
            f"ceil({{{OF_SERIES}.engine_series}} / {{{OF_SERVER}.scrape_s}}"
            f" + ({{{OF_SERIES}.total}} - {{{OF_SERIES}.engine_series}})"
            f" / {{{OF_SERVER}.exporter_scrape_s}})",
        ),
        "used_gib": Entry(
            "GiB of the metrics on a volume",
            "ceil(samples/s x (seconds kept x 2 bytes + seconds of the log x 12 bytes))",
            f"ceil({{{OF_SERVER}.samples_per_s}} * ({{{OF_SERVER}.kept_hours}} * 3600"
            " * {monitoring.SAMPLE_BYTES} + {monitoring.LOG_HOURS} * 3600"
            " * {monitoring.LOG_SAMPLE_BYTES}) / {units.GIB})",
            Basis.vendor,
            "Prometheus: storage",
        ),
        "volume_gib": _volume,
        "blocks_gib": Entry(
            "GiB above which Prometheus deletes the oldest metrics",
            "80 % of the volume",
            f"floor({{{OF_SERVER}.volume_gib}} * {{monitoring.FILL_PERCENT}} / 100)",
            Basis.vendor,
            "Prometheus: storage",
        ),
        "memory_mib": Entry(
            "MiB that each Prometheus requests",
            "512 + ceil(series x 16 KiB)",
            f"{{monitoring.BASE_MIB}} + ceil({{{OF_SERIES}.total}} * {{monitoring.SERIES_BYTES}}"
            " / {units.MIB})",
            Basis.assumed,
            SOURCE,
        ),
    },
    AlertsPlan: {
        "replicas": Entry(
            "pods of Alertmanager, which share what they have sent",
            "fixed",
            "{monitoring.ALERTS_REPLICAS}",
            Basis.vendor,
            "Alertmanager: high availability",
        ),
    },
    MonitoringPlan: {
        "requested_millicores": _requested(
            "MILLICORES", "{monitoring.SERVER_MILLICORES}", "{monitoring.RELOADER_MILLICORES}"
        ),
        "requested_mib": _requested(
            "MIB", f"{{{OF_SERVER}.memory_mib}}", "{monitoring.RELOADER_MIB}"
        ),
        "system_nodes": Entry(
            "system nodes that these requests need",
            "max(ceil(CPU / room of a node), ceil(memory / room of a node))",
            "max(ceil({p.cluster_services.monitoring.requested_millicores}"
            " / {monitoring.NODE_ROOM_MILLICORES}),"
            " ceil({p.cluster_services.monitoring.requested_mib} / {monitoring.NODE_ROOM_MIB}))",
            Basis.assumed,
            SOURCE,
        ),
    },
}
