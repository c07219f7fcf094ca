"""How many private addresses does each zone need, and does its subnet have them?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Network

from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.addresses import AddressPlan, NodeAddressPlan
from sizing.plan.stack.network import NetworkPlan, SubnetPlan, UsedSubnetPlan
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.values.exact import ceiling, exact
from sizing.values.field_error import FieldError

DAEMON_PODS = 10
"""Pods of a GPU node that take an address, without its replicas: log, metric, device and health
agents. Basis: assumed; those in the host's network take none."""
ASSUMED_INTERFACES, ASSUMED_IPV4_PER_INTERFACE = 15, 50
"""Limits of a type without limits in the catalog. Basis: assumed, the highest there are."""
WARM_INTERFACES = 1
"""Free interfaces. Basis: vendor, the VPC CNI keeps one whole interface free (WARM_ENI_TARGET)."""
PER_LOAD_BALANCER = 8
"""Addresses of a load balancer. Basis: vendor, it requires 8 free addresses in each of its
subnets."""
CONTROL_PLANE = 6
"""Addresses of the control plane. Basis: vendor, EKS requires 6 free ones in each subnet."""
PER_DATABASE = 1
"""Addresses of a service's database, in each zone. Basis: vendor, one address an instance."""
SPARE_RATIO = Decimal("0.30")
"""Spare for updates, which add nodes before they remove some, and for growth. Basis: assumed."""
RESERVED = 5
"""Addresses of each subnet that AWS keeps for itself. Basis: vendor."""
SMALLEST_PREFIX, WIDEST_NETWORK = 24, 16
"""Longest prefix of a private subnet, shortest of a VPC range. Basis: assumed; vendor."""
PRIVATE_SHARE = 3
"""Additional prefix bits of a private subnet, which is an eighth of the network."""


def node_addresses(
    pods: int, interfaces: int | None, ipv4_per_interface: int | None
) -> NodeAddressPlan:
    """Return the interfaces of a node, and the addresses of each, as the VPC CNI attaches them.

    interfaces = min(the type's limit, ceil(pods / (addresses of an interface - 1)) + 1)

    The first address of an interface is its own, and the others are for pods. The CNI takes all of
    them as it attaches the interface, and keeps one more interface than its pods fill.
    Basis: vendor, VPC CNI with secondary addresses and its defaults; full nodes would have the
    type's max pods.
    """
    each = ipv4_per_interface or ASSUMED_IPV4_PER_INTERFACE
    wanted = ceiling(Fraction(pods, each - 1)) + WARM_INTERFACES
    return NodeAddressPlan(
        pods=pods,
        interfaces=min(interfaces or ASSUMED_INTERFACES, wanted),
        addresses_per_interface=each,
    )


def zone_addresses(
    *,
    zone: str,
    private_cidr: str | None,
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    cpu_pools: Sequence[CpuPool],
    zone_count: int,
    endpoint_count: int,
    control_plane: bool,
) -> AddressPlan:
    """Return the addresses that a zone needs, and those of its private subnet where it is known.

    needed = ceil((GPU nodes' interfaces + their pods + nodes without GPUs + 8 an internal load
    balancer + endpoints + databases + 6 of the control plane) x 1.3)
    capacity = 2^(32 - prefix) - 5

    Each zone has room for all burst nodes, because they start where there is capacity.
    """
    here = [(pool.nodes_at_most_in(zone), pool.addresses) for pool in pools]
    parts = {
        "gpu_nodes": sum(count * node.interfaces for count, node in here),
        "pods": sum(
            count * node.interfaces * (node.addresses_per_interface - 1) for count, node in here
        ),
        "system_nodes": sum(_of_cpu_pool(pool, zone_count) for pool in cpu_pools),
        "load_balancers": PER_LOAD_BALANCER
        * sum(s.gateway is not None and s.gateway.has_internal for s in services),
        "endpoints": endpoint_count,
        "databases": PER_DATABASE * sum(service.databases for service in services),
        "control_plane": CONTROL_PLANE if control_plane else 0,
    }
    needed = ceiling(sum(parts.values()) * (1 + exact(SPARE_RATIO)))
    return AddressPlan(
        **parts,
        needed=needed,
        capacity=None
        if private_cidr is None
        else IPv4Network(private_cidr).num_addresses - RESERVED,
        smallest_prefix=smallest_prefix(needed),
    )


def _of_cpu_pool(pool: CpuPool, zone_count: int) -> int:
    each = pool.addresses.interfaces * pool.addresses.addresses_per_interface
    return ceiling(Fraction(pool.nodes_total, zone_count)) * each


def smallest_prefix(needed: int) -> int:
    """Prefix of the smallest subnet with this many addresses, at most 24. Basis: arithmetic."""
    return min(SMALLEST_PREFIX, 32 - (needed + RESERVED - 1).bit_length())


def fullest_subnet(network: NetworkPlan) -> SubnetPlan | UsedSubnetPlan:
    """Return the zone that has the fewest private addresses left, or lacks the most."""

    def lacking(subnet: SubnetPlan | UsedSubnetPlan) -> int:
        return subnet.addresses.needed - (subnet.addresses.capacity or 0)

    return max(network.zones, key=lacking)


def enough_addresses(network: NetworkPlan) -> None:
    """Check that each zone's addresses fit its private subnet.

    Raises FieldError on `vpc_cidr` with the numbers of the fullest zone and a sufficient prefix.
    Raises FieldError on the range of an existing subnet. Ranges that are not stated are not
    checked.
    """
    fullest = fullest_subnet(network)
    need = fullest.addresses
    if need.capacity is None or need.needed <= need.capacity:
        return
    if network.used is not None and network.used.vpc_id is not None:
        raise FieldError(
            ("network", "use", "private_subnet_cidrs", fullest.zone),
            f"holds {need.capacity:,} addresses, {fullest.zone} needs {need.needed:,}",
            f"a /{need.smallest_prefix} range",
        )
    message = (
        f"{network.vpc_cidr} gives a zone {need.capacity:,} private addresses, "
        f"{fullest.zone} needs {need.needed:,}"
    )
    network_prefix = need.smallest_prefix - PRIVATE_SHARE
    if network_prefix >= WIDEST_NETWORK:
        raise FieldError(("vpc_cidr",), message, f"a /{network_prefix} range")
    raise FieldError(
        ("vpc_cidr",),
        message,
        "a range that AWS has: /16 is the widest",
        "spread over more zones, or split the services over stacks",
    )
