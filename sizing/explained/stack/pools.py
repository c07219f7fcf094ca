"""Explanations of a service's serving settings and of the parts that services share."""

from sizing.explained.entry import Basis, Entry, Explainer, Leaf, log_days
from sizing.explained.service.rollouts import counted_twice
from sizing.plan import GroupServingPlan, NodePool
from sizing.service import weights_import
from sizing.stack.shared import SYSTEM_NODES_PER_ZONE, image_gib


def _pool(leaf: Leaf) -> NodePool:
    return leaf.plan.pools[int(leaf.keys[1])]


def _allocatable(meaning: str, unit: str, source: str) -> Entry:
    return Entry(
        meaning,
        f"({unit} of the node that pods may use - the daemons' share) / replicas a node",
        "{v} for each of {s.pool.replicas_per_node} replicas on a {s.pool.instance_type} with "
        "{s.pool.vcpu_per_node} vCPU and {s.pool.memory_gib_per_node} GiB",
        Basis.vendor,
        source,
        arithmetic=False,
    )


def _max_num_seqs(leaf: Leaf) -> Entry:
    service = leaf.service
    held = service.memory.max_sequences if service else None
    cap = "{fit.ENGINE_MAX_SEQUENCES}"
    if service and service.inputs.engine.max_sequences is not None:
        cap = "{w.engine.max_sequences}"
    return Entry(
        "most sequences in one batch (--max-num-seqs)",
        "what memory holds, capped by engine.max_sequences or the engine's default of 256",
        cap if held is None else f"max(1, min({{s.memory.max_sequences}}, {cap}))",
    )


def _max_model_len(leaf: Leaf) -> Entry:
    meaning = "longest prompt and answer the engine accepts (--max-model-len)"
    asked = leaf.service and leaf.service.inputs.request.context_tokens
    if asked:
        source = "the workload file: request.context_tokens"
        return Entry(meaning, "request.context_tokens", str(asked), Basis.given, source)
    return Entry(meaning, "the longest that fits", "{s.memory.max_context_tokens}")


def _nodes_by_zone(leaf: Leaf) -> Entry:
    zone, pool = leaf.keys[-1], _pool(leaf)
    counts = [
        str(service.pool.nodes_by_zone.get(zone, 0))
        for service in leaf.plan.services
        if service.pool is not None and service.name in pool.services
    ]
    return Entry(
        "nodes of the pool in this zone: the group's minimum, desired and maximum size",
        "the sum of its services' nodes",
        " + ".join(counts),
    )


def _of_services(field: str, meaning: str, how: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        parts = [
            str(getattr(service.volumes, field))
            for service in leaf.plan.services
            if service.volumes is not None and service.name in _pool(leaf).services
        ]
        numbers = " + ".join(parts) if how == "sum" else f"{how}({', '.join(parts)})"
        if len(parts) == 1:
            numbers = parts[0]
        return Entry(meaning, f"{how} over its services", numbers)

    return entry


def _system_nodes(leaf: Leaf) -> Entry:
    zones = len(leaf.plan.site.zones)
    return Entry(
        "nodes for the cluster's own pods",
        "max(2, zones x 1 in dev or 2 in prod)",
        f"max(2, {zones} * {SYSTEM_NODES_PER_ZONE[leaf.plan.site.environment]})",
        Basis.assumed,
        "sizing/stack/shared.py",
    )


def _node_groups(leaf: Leaf) -> Entry:
    groups = " + ".join(str(len(pool.nodes_by_zone)) for pool in leaf.plan.pools) or "0"
    if leaf.plan.system is None:
        return Entry(
            "managed node groups of the stack; the cluster takes 30, its owner's among them",
            "one a zone and GPU pool",
            groups,
        )
    return Entry(
        "managed node groups of the cluster, at most 30",
        "1 for the system + one a zone and GPU pool",
        f"1 + {groups}",
    )


def _system_root(leaf: Leaf) -> Entry:
    copied = " + ".join(str(image_gib(s)) for s in leaf.plan.services if image_gib(s)) or "0"
    return Entry(
        "GiB of a system node's root volume",
        "50 + 3 x the GiB of files that services take from images",
        f"{{shared.SYSTEM_ROOT_GIB}} + {{shared.IMAGE_COPIES}} * ({copied})",
        Basis.assumed,
        "sizing/stack/shared.py",
    )


def _wait(leaf: Leaf) -> Entry:
    meaning = "seconds a replica waits for the files in the bucket, then its container starts over"
    source = "sizing/service/weights_import.py"
    if leaf.sized.weights_import is None:
        symbols = "fixed, for you copy them"
        return Entry(meaning, symbols, "{weights_import.OWN_WAIT_S}", Basis.assumed, source)
    symbols = "fixed and short: an update rolls replicas out after its import has ended"
    return Entry(meaning, symbols, "{weights_import.IMPORTED_WAIT_S}", Basis.assumed, source)


def _import_s(leaf: Leaf) -> Entry:
    rate = weights_import.IMPORT_MIB_PER_S
    return Entry(
        "seconds to copy the files into the bucket",
        "weights / rate of one stream",
        "{s.memory.weights_bytes} / ({weights_import.IMPORT_MIB_PER_S} * {units.MIB})",
        Basis.assumed,
        "sizing/service/weights_import.py: 20 to 90 MiB/s",
        band=(leaf.value * rate / 90, leaf.value * rate / 20),
    )


def _spare(leaf: Leaf) -> str:
    spares = [
        str(service.pool.nodes_spare)
        for service in leaf.plan.services
        if service.pool is not None and service.name in _pool(leaf).services
    ]
    return spares[0] if len(spares) == 1 else f"min({', '.join(spares)})"


def _repairs(leaf: Leaf) -> Entry:
    return Entry(
        "nodes of one zone that EKS repairs at once",
        "the smallest spare of the pool's services / its zones, at least 1, the least EKS takes",
        f"max(1, floor({_spare(leaf)} / {len(_pool(leaf).nodes_by_zone)}))",
        remarks=("with less spare than zones, several zones at once may exceed it",),
    )


def _repair_stop(leaf: Leaf) -> Entry:
    return Entry(
        "unhealthy nodes of one zone above which repair stops and a person must look",
        "the smallest spare of the pool's services, at least 1",
        f"max(1, {_spare(leaf)})",
    )


def _updated_in_zone(leaf: Leaf) -> Entry:
    pool, zone = _pool(leaf), leaf.keys[-1]
    pools = [s.pool for s in leaf.plan.services if s.pool is not None and s.name in pool.services]
    each = ", ".join(f"floor({p.nodes_spare} / {p.nodes_per_replica})" for p in pools)
    spare = f"min({each})" if len(pools) > 1 else each
    place = list(pool.nodes_by_zone).index(zone)
    zones = len(pool.nodes_by_zone)
    share = f"floor(({spare} + {zones - 1 - place}) / {zones})"
    kept = int(any(p.survives.zones > 0 for p in pools))
    most = f"{pool.nodes_by_zone[zone]} - {kept}"
    turns = "zones take turns: one is updated, then the next"
    return Entry(
        "nodes of this zone that an update of their image or version takes at once",
        "its share of the smallest spare of the pool's services, 1 to 100; where a zone may be "
        "lost, never the whole zone",
        f"max(1, min({share}, {most}, {{node_updates.UPDATED_AT_ONCE_LIMIT}}))",
        remarks=(turns,) if pool.zones_take_turns else (),
    )


def _update_timeout(leaf: Leaf) -> Entry:
    pool = _pool(leaf)
    batches = [f"ceil({n} / {pool.updated_by_zone[z]})" for z, n in pool.nodes_by_zone.items()]
    most = batches[0] if len(batches) == 1 else f"max({', '.join(batches)})"
    return Entry(
        "seconds after which the update of one zone's nodes is given up",
        "batches of nodes x (longest drain + start of a node), at least the provider's default",
        f"max({{node_updates.UPDATE_TIMEOUT_S}}, {most}"
        " * ({node_updates.DRAIN_LIMIT_S} + {serving.NODE_START_S}))",
        Basis.assumed,
        "sizing/stack/node_updates.py",
    )


def _start_s(leaf: Leaf) -> Entry:
    meaning = "seconds a replica may take to start once its weights are copied"
    symbols = "ceil(3 x load time) + 600"
    numbers = "ceil({serving.LOAD_MARGIN} * {s.volumes.load_s}) + {serving.ENGINE_START_S}"
    if isinstance(leaf.sized.serving, GroupServingPlan):
        symbols += " + start of another node + longest copy there"
        numbers += " + {serving.NODE_START_S} + {s.serving.copy_s}"
    return Entry(meaning, symbols, numbers, Basis.assumed, "sizing/service/serving.py")


def _quota_replicas(leaf: Leaf) -> str:
    numbers = f"{{s.serving.replicas}} + max({{s.serving.max_unavailable}}, {counted_twice(leaf)})"
    if leaf.sized.burst is not None:
        numbers += " + {s.burst.replicas} + {s.burst.max_unavailable}"
    return numbers


def _quota_pods(leaf: Leaf) -> Entry:
    filled = leaf.sized.weights_import is not None
    numbers = _quota_replicas(leaf)
    if isinstance(leaf.sized.serving, GroupServingPlan):
        numbers = f"({numbers}) * {{s.serving.nodes_per_replica}}"
    return Entry(
        "pods that the service's namespace may hold",
        "(replicas + a lost zone's and those of rollouts elsewhere: a pod counts until it is gone)"
        " x pods of one + 1 import",
        numbers + (" + 1" if filled else ""),
    )


def _quota_gpus(leaf: Leaf) -> Entry:
    return Entry(
        "GPUs that all pods of the service's namespace may request",
        "(replicas + a lost zone's and those of rollouts elsewhere) x GPUs of a replica",
        f"({_quota_replicas(leaf)}) * {{s.serving.gpus_per_replica}}",
    )


POOLS: dict[str, Explainer] = {
    "services.*.serving.gpus_per_replica": Entry(
        "GPUs of one replica", "GPUs a replica", "{s.pool.gpus_per_replica}"
    ),
    "services.*.serving.cpu_millicores": _allocatable(
        "millicores each replica requests", "millicores", "kubelet reservations of the EKS images"
    ),
    "services.*.serving.memory_mib": _allocatable(
        "MiB each replica requests and may use",
        "90 % of the MiB",
        "kubelet reservations of the EKS images; 90 % is assumed for firmware and kernel",
    ),
    "services.*.serving.shared_memory_mib": Entry(
        "MiB of shared memory, part of the replica's memory",
        "1,024 a GPU",
        "{serving.SHARED_MEMORY_MIB_PER_GPU} * {s.pool.gpus_per_replica}"
        " / {s.pool.nodes_per_replica}",
        Basis.assumed,
        "sizing/service/serving.py",
    ),
    "services.*.serving.max_num_seqs": _max_num_seqs,
    "services.*.serving.max_model_len": _max_model_len,
    "services.*.serving.gpu_memory_utilisation": Entry(
        "share of a card the engine may use (--gpu-memory-utilization)",
        "the engine's default, the same that memory was sized with",
        "{memory.GPU_MEMORY_UTILISATION}",
        Basis.vendor,
        "vLLM's default",
    ),
    "services.*.serving.copy_s": Entry(
        "seconds that copying the weights may take before a rollout counts as stuck",
        "ceil(3 x download time)",
        "ceil({serving.LOAD_MARGIN} * {s.volumes.download_s})",
        Basis.assumed,
        "sizing/service/serving.py",
    ),
    "services.*.serving.start_s": _start_s,
    "services.*.serving.stop_s": Entry(
        "seconds a replica may take to stop",
        "deregistration delay + 30",
        "{s.gateway.deregistration_delay_s} + 30",
    ),
    "services.*.serving.wait_s": _wait,
    "services.*.quota.pods": _quota_pods,
    "services.*.quota.gpus": _quota_gpus,
    "services.*.weights_import.max_bytes": Entry(
        "most bytes that the import takes: more would not fit the nodes",
        "ceil(weights x 1.1)",
        "ceil({s.memory.weights_bytes} * 1.1)",
        Basis.assumed,
        "sizing/service/node_disks.py",
    ),
    "services.*.weights_import.import_s": _import_s,
    "services.*.weights_import.deadline_s": Entry(
        "seconds after which the import is given up: it goes on in the next update",
        "ceil(3 x import) + 600",
        "ceil({weights_import.IMPORT_MARGIN} * {s.weights_import.import_s})"
        " + {weights_import.IMPORT_START_S}",
        Basis.assumed,
        "sizing/service/weights_import.py",
    ),
    "services.*.weights_import.scratch_gib": Entry(
        "GiB of a system node's disk for the files of an image",
        "ceil(most bytes / 2^30)",
        "ceil({s.weights_import.max_bytes} / {units.GIB})",
    ),
    "pools.*.nodes_by_zone.*": _nodes_by_zone,
    "pools.*.repairs_at_once": _repairs,
    "pools.*.repair_stops_above": _repair_stop,
    "pools.*.updated_by_zone.*": _updated_in_zone,
    "pools.*.update_timeout_s": _update_timeout,
    "pools.*.volumes.root_gib": _of_services("root_gib", "GiB of the root volume", "max"),
    "pools.*.volumes.held_gib": _of_services(
        "held_gib", "GiB that the models of the pool take on each node", "sum"
    ),
    "pools.*.volumes.nvme_gib": _of_services("nvme_gib", "GiB of the node's local disks", "max"),
    "pools.*.volumes.weights_gib": _of_services(
        "weights_gib", "GiB of the weights volume: a node may hold any of the pool's models", "sum"
    ),
    "pools.*.volumes.weights_iops": _of_services("weights_iops", "IOPS of that volume", "max"),
    "pools.*.volumes.weights_mib_per_s": _of_services(
        "weights_mib_per_s", "MiB/s of that volume", "max"
    ),
    "pools.*.volumes.load_s": _of_services("load_s", "slowest load of any model, seconds", "max"),
    "pools.*.volumes.wanted_mib_per_s": _of_services(
        "wanted_mib_per_s", "MiB/s that the load times ask for", "max"
    ),
    "pools.*.volumes.sustained_mib_per_s": _of_services(
        "sustained_mib_per_s", "MiB/s that the node sustains", "min"
    ),
    "pools.*.volumes.copy_mib_per_s": _of_services(
        "copy_mib_per_s", "MiB/s at which a new node gets weights from S3", "min"
    ),
    "pools.*.volumes.download_s": _of_services(
        "download_s", "slowest copy of any model to a new node, seconds", "max"
    ),
    "system.nodes_total": _system_nodes,
    "system.root_gib": _system_root,
    "cluster.node_groups": _node_groups,
    "keys.deletion_days": Entry(
        "days in which the deletion of a key can be taken back",
        "7 in dev, 30 in prod; the vendor allows 7 to 30",
        "{v}",
        Basis.vendor,
        "AWS KMS: ScheduleKeyDeletion; sizing/stack/shared.py",
    ),
    "network.flow_log_days": log_days("the network's flow logs"),
    "cluster.log_days": log_days("the control plane's logs"),
    "cluster_services.*.timeout_s": Entry(
        "seconds after which a Helm release that is not ready is undone",
        "fixed",
        "{cluster_services.INSTALL_TIMEOUT_S}",
        Basis.assumed,
        "sizing/stack/cluster_services.py",
    ),
    "cluster_services.load_balancer_controller.replicas": Entry(
        "pods of the load balancer controller: one leads, one waits",
        "fixed",
        "{cluster_services.CONTROLLER_REPLICAS}",
        Basis.vendor,
        "the chart's default: its values.yaml",
    ),
}
