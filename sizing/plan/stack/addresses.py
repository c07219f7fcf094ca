"""Private addresses of a zone and of a node."""

from sizing.plan.part import Part


class AddressPlan(Part):
    """Private addresses of one zone: by use, needed with the spare, and available."""

    gpu_nodes: int
    """Addresses of GPU nodes."""
    pods: int
    """Addresses of pods."""
    system_nodes: int
    """Addresses of system nodes, and of nodes for renditions."""
    load_balancers: int
    """Addresses of load balancers."""
    endpoints: int
    """Addresses of interface endpoints."""
    databases: int
    """Addresses of database instances."""
    control_plane: int
    """Addresses of the control plane."""
    needed: int
    """Addresses needed in total, the spare included."""
    capacity: int | None
    """Addresses of the subnet; null where its range is not known."""
    smallest_prefix: int
    """Prefix of the smallest subnet with enough addresses."""


class NodeAddressPlan(Part):
    """Private addresses that one node takes for itself and its pods."""

    pods: int
    """Pods that take an address."""
    interfaces: int
    """Network interfaces that the pods need."""
    addresses_per_interface: int
    """Addresses of an interface: its own and those for pods."""
