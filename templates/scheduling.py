"""Labels and taints by which pods find their nodes, and others keep away from them."""

import re

from sizing.plan import NodePool

POOL_LABEL = "sizewright.dev/pool"
GPU_LABEL = "sizewright.dev/gpu"
ZONE_LABEL = "sizewright.dev/zone"
BURST_LABEL = "sizewright.dev/burst"
GPU_TAINT = {"nvidia.com/gpu": "present"}
"""Key and value; the effect is NoSchedule. Every GPU node has it."""
BURST_TAINT = {BURST_LABEL: "true"}
"""Burst nodes have it too, so that no floor pod is on a node that goes with the load."""
LABEL_LIMIT = 63


def node_labels(pool: NodePool) -> dict[str, str]:
    """Labels of the pool's nodes of the floor."""
    return {POOL_LABEL: pool.name, GPU_LABEL: label_value(pool.gpu)}


def zone_label(pool: NodePool, zone: str) -> dict[str, str]:
    """By which a group of nodes stays in one zone; none where every replica has one node."""
    return {} if pool.interconnect is None else {ZONE_LABEL: zone}


def burst_node_labels(pool: NodePool) -> dict[str, str]:
    """Labels of the pool's nodes above the floor."""
    return {**node_labels(pool), **BURST_TAINT}


def label_value(text: str) -> str:
    """A Kubernetes label value, at most 63 characters: NVIDIA L4 is NVIDIA-L4."""
    return re.sub(r"[^0-9A-Za-z._-]+", "-", text)[:LABEL_LIMIT].strip("-._")
