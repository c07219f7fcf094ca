"""Labels and taints by which pods select their nodes, and other pods avoid them."""

import re

from sizing.plan.stack.nodes import NodePool

POOL_LABEL = "sizewright.dev/pool"
GPU_LABEL = "sizewright.dev/gpu"
ZONE_LABEL = "sizewright.dev/zone"
"""Label of nodes and pods with the zone id, which keeps the floor's replicas in their zone."""
BURST_LABEL = "sizewright.dev/burst"
GPU_TAINT = {"nvidia.com/gpu": "present"}
"""Key and value of the taint of every GPU node; the effect is NoSchedule."""
BURST_TAINT = {BURST_LABEL: "true"}
"""Additional taint of burst nodes, so that no floor pod is on a node that ends with the load."""
RENDITIONS_TAINT = {"sizewright.dev/renditions": "true"}
"""Label and taint of nodes for renditions, so that nothing else runs there."""
APPLICATIONS_TAINT = {"sizewright.dev/applications": "true"}
"""Label and taint of nodes for applications, which alone reach databases."""
NODE_TROUBLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints of a node without heartbeats: its pods leave after 300 s unless they tolerate them.
Basis: vendor (Kubernetes, taint-based evictions)."""
LABEL_LIMIT = 63


def node_labels(pool: NodePool, zone: str) -> dict[str, str]:
    """Labels of the pool's floor nodes in one zone, which its floor replicas select."""
    return {POOL_LABEL: pool.name, GPU_LABEL: label_value(pool.gpu), ZONE_LABEL: zone}


def burst_node_labels(pool: NodePool) -> dict[str, str]:
    """Labels of the pool's nodes above the floor, which may be in any zone."""
    return {POOL_LABEL: pool.name, GPU_LABEL: label_value(pool.gpu), **BURST_TAINT}


def label_value(text: str) -> str:
    """Return a Kubernetes label value, at most 63 characters: NVIDIA L4 becomes NVIDIA-L4."""
    return re.sub(r"[^0-9A-Za-z._-]+", "-", text)[:LABEL_LIMIT].strip("-._")
