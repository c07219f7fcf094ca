"""How many series does the Prometheus of a stack hold, and which volume and memory do they need?"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sizing.catalog import Catalog
from sizing.catalog.records import SeriesPer
from sizing.plan.service.serving import GroupServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import ChartPlan, MetricsPlan
from sizing.plan.stack.monitoring import (
    AlertsPlan,
    MonitoringPlan,
    SeriesPlan,
    StoredMetricsPlan,
)
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.service.serving import engines_of
from sizing.site import Site
from sizing.stack.addresses import DAEMON_PODS
from sizing.values.exact import ceiling
from sizing.values.field_error import FieldError, of_site
from sizing.values.units import GIB, MIB, SECONDS_PER_DAY, SECONDS_PER_HOUR

NODE_EXPORTER, GPU_EXPORTER = "node-exporter", "dcgm-exporter"
OBJECTS_EXPORTER, SCALER_EXPORTER = "kube-state-metrics", "keda"
EXPORTERS = (NODE_EXPORTER, GPU_EXPORTER, OBJECTS_EXPORTER, SCALER_EXPORTER)
"""Exporters, by their names in data/metric_series.csv."""
EXPORTER_SCRAPE_S = 30
"""Seconds between two reads of a node, a GPU or the objects. Basis: assumed; none of them decides
the number of replicas."""
TARGET_SERIES = 5
"""Series that Prometheus adds to each target. Basis: vendor (Prometheus: jobs and instances, the
metrics up and scrape_*)."""
NODE_TARGETS = 2
"""Targets of a node: its exporter, and that of its GPUs."""
CONTROLLER_PODS = 40
"""Pods of the cluster's own controllers. Basis: assumed, twice those of this product."""
RECORDED_PERCENT = 10
"""Series that rules record, in percent of the scraped ones. Basis: assumed."""
SAMPLE_BYTES = 2
"""Bytes of a sample on disk. Basis: vendor (Prometheus: storage, 1 to 2 bytes a sample)."""
LOG_HOURS, LOG_SAMPLE_BYTES = 3, 12
"""Hours in the write-ahead log, and bytes of its samples. Basis: vendor (Prometheus: storage, at
least two hours of raw data; a sample there has its identifier, its time and eight bytes)."""
FILL_PERCENT = 80
"""Part of a volume that metrics may fill. Basis: vendor (Prometheus: storage, 80 to 85 %)."""
VOLUME_GIB = 16
"""Smallest volume. Basis: assumed."""
BASE_MIB, SERIES_BYTES = 512, 16384
"""Memory without series, and of a series. Basis: assumed: 4 KiB with labels and chunks, twice for
the series of replaced pods, and twice for queries and memory that Go has not freed."""
SERVER_MILLICORES = 250
"""CPU of a Prometheus pod. Basis: assumed."""
RELOADER_MILLICORES, RELOADER_MIB = 10, 32
OBJECTS_MILLICORES, OBJECTS_MIB = 50, 256
ALERTS_MILLICORES, ALERTS_MIB = 20, 64
NODE_MILLICORES, NODE_MIB = 20, 64
GPU_MILLICORES, GPU_MIB = 100, 256
"""Requests of the pods that reload a configuration, export objects, deliver alerts, and export a
node and its GPUs. Basis: assumed; the last two are the chart's own CPU and twice its memory."""
DRIVER_REPLICAS, DRIVER_MILLICORES, DRIVER_MIB = 2, 60, 240
DRIVER_NODE_MILLICORES, DRIVER_NODE_MIB = 30, 120
"""Pods of the volume driver's controller, and requests of a controller and of its part on a node.
Basis: vendor (EKS add-on: 10 millicores and 40 MiB for each of six and of three containers)."""
ALERTS_REPLICAS = 2
"""Pods of Alertmanager. Basis: vendor (Alertmanager: high availability)."""
NODE_ROOM_MILLICORES, NODE_ROOM_MIB = 1000, 4096
"""Requests for metrics that a system node has room for. Basis: assumed, half of an m7i.large; the
rest is for the system, the controllers and the daemons."""


def monitoring_plan(
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    cpu_pools: Iterable[CpuPool],
    site: Site,
    catalog: Catalog,
    *,
    metrics: MetricsPlan,
    gpu_exporter: ChartPlan | None,
) -> MonitoringPlan:
    """Return the metrics of a created cluster whose site keeps them in the cluster.

    Two pods of Prometheus run where a part that fails with a zone must have a second one, each with
    its own volume in another zone. Raises StackFieldError where one pod does not fit a system node.
    """
    if site.metrics is None:
        raise ValueError("the site keeps no metrics")
    cpu_nodes = sum(pool.nodes_total for pool in cpu_pools)
    series = _series(services, pools, cpu_nodes, catalog)
    server = _server(services, site, catalog, metrics, series)
    alerts = None
    if site.alerts is not None:
        alerts = AlertsPlan(replicas=ALERTS_REPLICAS, email=site.alerts.email)
    millicores, mib = _requested(server, alerts)
    return MonitoringPlan(
        server=server,
        gpu_exporter=gpu_exporter,
        gpu_counters={
            row.metric: row.kind.value
            for row in catalog.metric_series
            if row.exporter == GPU_EXPORTER and gpu_exporter is not None
        },
        alerts=alerts,
        requested_millicores=millicores,
        requested_mib=mib,
        system_nodes=max(
            ceiling(Fraction(millicores, NODE_ROOM_MILLICORES)),
            ceiling(Fraction(mib, NODE_ROOM_MIB)),
        ),
    )


def _server(
    services: Sequence[ServicePlan],
    site: Site,
    catalog: Catalog,
    metrics: MetricsPlan,
    series: SeriesPlan,
) -> StoredMetricsPlan:
    if site.metrics is None:
        raise ValueError("the site keeps no metrics")
    days = site.metrics.retention_days
    rest = series.total - series.engine_series
    samples = ceiling(
        Fraction(series.engine_series, metrics.scrape_s) + Fraction(rest, EXPORTER_SCRAPE_S)
    )
    used = used_gib(samples, days)
    volume = volume_gib(used)
    memory = memory_mib(series.total)
    if memory > NODE_ROOM_MIB:
        message = (
            f"{series.total:,} series need {memory:,} MiB, a system node has {NODE_ROOM_MIB:,}"
        )
        with of_site():
            raise FieldError(("metrics", "store"), message, "none, or services in several stacks")
    survives = site.must_survive_a_zone(service.inputs for service in services)
    return StoredMetricsPlan(
        **dict(metrics) | {"kept_hours": days * 24, "engines": ()},
        exporter_scrape_s=EXPORTER_SCRAPE_S,
        replicas=2 if survives else 1,
        kept=kept_metrics(services, catalog),
        series=series,
        samples_per_s=samples,
        used_gib=used,
        volume_gib=volume,
        blocks_gib=volume * FILL_PERCENT // 100,
        memory_mib=memory,
    )


def _series(
    services: Sequence[ServicePlan], pools: Sequence[NodePool], cpu_nodes: int, catalog: Catalog
) -> SeriesPlan:
    """Return the series by their origin, and their sum with those that rules record."""
    nodes = sum(pool.nodes_at_most for pool in pools) + cpu_nodes
    gpus = sum(gpus_of(pool, services) for pool in pools)
    pods = CONTROLLER_PODS + nodes * DAEMON_PODS + sum(pods_of(service) for service in services)
    exporting = [service for service in services if service.exports_metrics]
    per_engine = {service.name: series_of_engine(service, catalog) for service in exporting}
    per_node = series_per(NODE_EXPORTER, SeriesPer.node, catalog) + NODE_TARGETS * TARGET_SERIES
    per_gpu = series_per(GPU_EXPORTER, SeriesPer.gpu, catalog)
    per_node_object = series_per(OBJECTS_EXPORTER, SeriesPer.node, catalog)
    per_pod = series_per(OBJECTS_EXPORTER, SeriesPer.pod, catalog)
    per_service = series_per(SCALER_EXPORTER, SeriesPer.service, catalog)
    by_origin = {
        "engine_series": sum(engine_pods(s) * per_engine[s.name] for s in exporting),
        "node_series": nodes * per_node,
        "gpu_series": gpus * per_gpu,
        "object_series": nodes * per_node_object + pods * per_pod + len(services) * per_service,
    }
    scraped = sum(by_origin.values())
    recorded = ceiling(Fraction(scraped * RECORDED_PERCENT, 100))
    return SeriesPlan(
        engine_pods=sum(engine_pods(service) for service in exporting),
        nodes=nodes,
        gpus=gpus,
        pods=pods,
        per_engine=per_engine,
        per_node=per_node,
        per_gpu=per_gpu,
        objects_per_node=per_node_object,
        objects_per_pod=per_pod,
        objects_per_service=per_service,
        **by_origin,
        recorded_series=recorded,
        total=scraped + recorded,
    )


def kept_metrics(services: Sequence[ServicePlan], catalog: Catalog) -> dict[str, str]:
    """Regular expression of the kept metrics of each exporter, and of each engine in use."""
    exporting = [service for service in services if service.exports_metrics]
    names = [*EXPORTERS, *sorted(engines_of(exporting))]
    rows = catalog.metric_series
    patterns = {name: [row.pattern for row in rows if row.exporter == name] for name in names}
    return {name: "|".join(found) for name, found in patterns.items() if found}


def series_per(exporter: str, per: SeriesPer, catalog: Catalog) -> int:
    """Series of one object of an exporter. Basis: vendor (data/metric_series.csv)."""
    rows = catalog.metric_series
    return sum(row.series for row in rows if row.exporter == exporter and row.per is per)


def series_of_engine(service: ServicePlan, catalog: Catalog) -> int:
    """Series of one engine of the service, those of its target among them; 0 without an engine."""
    if service.serving is None:
        return 0
    return series_per(service.serving.engine, SeriesPer.engine, catalog) + TARGET_SERIES


def engine_pods(service: ServicePlan) -> int:
    """Engines of the service, those of a burst among them: one of each replica over several nodes,
    which is its leader."""
    floor = 0 if service.serving is None else service.serving.replicas
    return floor + (0 if service.burst is None else service.burst.replicas)


def pods_of(service: ServicePlan) -> int:
    """Pods of the service: engines with all members of a replica, applications and workers."""
    serving = service.serving
    span = serving.nodes_per_replica if isinstance(serving, GroupServingPlan) else 1
    others = (service.application_pods, service.page_pods, service.rendition_workers)
    return engine_pods(service) * span + sum(others)


def gpus_of(pool: NodePool, services: Sequence[ServicePlan]) -> int:
    """GPUs of a pool's nodes, those of a burst among them."""
    on_pool = (s.pool for s in services if s.pool is not None and s.name in pool.services)
    return max((each.gpus_per_node for each in on_pool), default=0) * pool.nodes_at_most


def used_gib(samples_per_s: int, days: int) -> int:
    """GiB of the metrics of these days, and of the write-ahead log."""
    blocks = samples_per_s * days * SECONDS_PER_DAY * SAMPLE_BYTES
    log = samples_per_s * LOG_HOURS * SECONDS_PER_HOUR * LOG_SAMPLE_BYTES
    return ceiling(Fraction(blocks + log, GIB))


def volume_gib(used: int) -> int:
    """GiB of a volume that these GiB of metrics fill to at most 80 %: 16, or a larger power of 2.

    Guard: a claim cannot become smaller, so the size must not follow each change of the fleet.
    """
    needed = ceiling(Fraction(used * 100, FILL_PERCENT))
    return max(VOLUME_GIB, int(2 ** (needed - 1).bit_length()))


def memory_mib(series: int) -> int:
    """MiB of a Prometheus with these series."""
    return BASE_MIB + ceiling(Fraction(series * SERIES_BYTES, MIB))


def _requested(server: StoredMetricsPlan, alerts: AlertsPlan | None) -> tuple[int, int]:
    """Return the millicores and MiB of the pods on system nodes, without their daemons.

    Daemons come with each node, whose room already excludes them.
    """
    receivers = 0 if alerts is None else alerts.replicas
    millicores = (
        server.replicas * (SERVER_MILLICORES + RELOADER_MILLICORES)
        + OBJECTS_MILLICORES
        + receivers * ALERTS_MILLICORES
        + DRIVER_REPLICAS * DRIVER_MILLICORES
    )
    mib = (
        server.replicas * (server.memory_mib + RELOADER_MIB)
        + OBJECTS_MIB
        + receivers * ALERTS_MIB
        + DRIVER_REPLICAS * DRIVER_MIB
    )
    return millicores, mib
