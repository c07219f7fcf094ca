"""Labels and taints by which pods find their nodes, and others keep away from them."""

import re

from sizing.plan import NodePool

POOL_LABEL = "sizewright.dev/pool"
GPU_LABEL = "sizewright.dev/gpu"
ZONE_LABEL = "sizewright.dev/zone"
"""Zone id, by which the floor's replicas of a zone stay in it: of nodes and of pods."""
BURST_LABEL = "sizewright.dev/burst"
GPU_TAINT = {"nvidia.com/gpu": "present"}
"""Key and value; the effect is NoSchedule. Every GPU node has it."""
BURST_TAINT = {BURST_LABEL: "true"}
"""Burst nodes have it too, so that no floor pod is on a node that goes with the load."""
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
    """A Kubernetes label value, at most 63 characters: NVIDIA L4 is NVIDIA-L4."""
    return re.sub(r"[^0-9A-Za-z._-]+", "-", text)[:LABEL_LIMIT].strip("-._")
