"""Explanations of replicas that span nodes: their stages, their groups and their links."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf


def _stages(leaf: Leaf) -> Entry:
    pool = leaf.pool
    one = pool.nodes_per_replica == 1
    return Entry(
        "stages that a replica's layers are cut into",
        "1 in one node; else nodes a replica x floor(GPUs a node / tensor parallel)",
        "1"
        if one
        else "{s.pool.nodes_per_replica}"
        " * floor({s.pool.gpus_per_node} / {s.pool.tensor_parallel})",
    )


GROUP_POOL: dict[str, Explainer] = {
    "services.*.pool.pipeline_parallel": _stages,
    "services.*.pool.nodes_per_replica": Entry(
        "nodes of one replica",
        "the workload's or the lock's, else one, else the fewest that hold the model",
        "{v} x {s.pool.gpus_per_node} x {s.memory.usable_bytes_per_gpu} bytes hold"
        " {s.memory.weights_bytes} bytes of weights and the longest sequence",
        arithmetic=False,
    ),
    "services.*.pool.gpus_per_replica": Entry(
        "GPUs of one replica",
        "tensor parallel x pipeline stages",
        "{s.pool.tensor_parallel} * {s.pool.pipeline_parallel}",
    ),
}


GROUPS: dict[str, Explainer] = {
    "services.*.serving.nodes_per_replica": Entry(
        "pods of one replica, each on its own node", "nodes a replica", "{s.pool.nodes_per_replica}"
    ),
    "services.*.serving.gpus_per_pod": Entry(
        "GPUs of one pod of a replica",
        "GPUs a replica / nodes a replica",
        "{s.pool.gpus_per_replica} / {s.pool.nodes_per_replica}",
    ),
    "services.*.serving.efa_interfaces": Entry(
        "EFA interfaces of one pod: all of its node",
        "the instance type's",
        "{v}",
        Basis.vendor,
        CATALOG + "instance_types.csv",
    ),
    "services.*.serving.tensor_parallel": Entry(
        "GPUs that share each layer (--tensor-parallel-size)",
        "tensor parallel",
        "{s.pool.tensor_parallel}",
    ),
    "services.*.serving.pipeline_parallel": Entry(
        "stages of the layers (--pipeline-parallel-size)",
        "pipeline stages",
        "{s.pool.pipeline_parallel}",
    ),
    "pools.*.interconnect.efa_only_interfaces": Entry(
        "further interfaces, which carry EFA alone and take no address",
        "network cards - 1",
        "{v}",
        Basis.vendor,
        CATALOG + "instance_types.csv",
    ),
    "cluster_services.group_controller.replicas": Entry(
        "pods of the controller of groups: one leads, one waits",
        "fixed",
        "{cluster_services.CONTROLLER_REPLICAS}",
        Basis.assumed,
        "sizing/stack/cluster_services.py",
    ),
}
