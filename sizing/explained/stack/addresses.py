"""Explanations of the private addresses that nodes and zones need."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.stack.addresses import AddressPlan, NodeAddressPlan
from sizing.plan.stack.network import SubnetPlan, UsedSubnetPlan
from sizing.stack.addresses import RESERVED, SMALLEST_PREFIX

CNI = "the VPC CNI's assignment with its defaults: sizing/stack/addresses.py"
SOURCE = "sizing/stack/addresses.py"


def _subnet(leaf: Leaf) -> SubnetPlan | UsedSubnetPlan:
    """Return the zone of `network.subnets.N.addresses` or `network.used.subnets.N.addresses`."""
    return leaf.plan.network.zones[int(leaf.keys[leaf.keys.index("subnets") + 1])]


def _node(leaf: Leaf) -> NodeAddressPlan:
    if leaf.keys[0] == "system" and leaf.plan.system is not None:
        return leaf.plan.system.addresses
    if leaf.keys[0] == "rendition_nodes" and leaf.plan.rendition_nodes is not None:
        return leaf.plan.rendition_nodes.addresses
    if leaf.keys[0] == "application_nodes" and leaf.plan.application_nodes is not None:
        return leaf.plan.application_nodes.addresses
    return leaf.node_pool.addresses


def _over_pools(leaf: Leaf, of_node: str) -> str:
    """Nodes of floor and burst x addresses of a node, over the pools. `of_node` is the formula of
    one node."""
    zone = _subnet(leaf).zone
    parts = [
        f"{pool.nodes_at_most_in(zone)} * {of_node.format(node=pool.addresses)}"
        for pool in leaf.plan.pools
    ]
    return " + ".join(parts) or "0"


def _gpu_nodes(leaf: Leaf) -> Entry:
    return Entry(
        "addresses that the zone's GPU nodes take for themselves, one an interface",
        "nodes x interfaces, over the pools; all burst nodes may come to one zone",
        _over_pools(leaf, "{node.interfaces}"),
        Basis.vendor,
        CNI,
    )


def _pods(leaf: Leaf) -> Entry:
    return Entry(
        "addresses that the zone's GPU nodes hold for pods",
        "nodes x interfaces x (addresses of an interface - 1), over the pools",
        _over_pools(leaf, "{node.interfaces} * ({node.addresses_per_interface} - 1)"),
        Basis.vendor,
        CNI,
        remarks=("nodes filled to their max pods would hold more",),
    )


def _system_nodes(leaf: Leaf) -> Entry:
    pools, zones = list(leaf.plan.cpu_pools.values()), len(leaf.plan.site.zones)
    if not pools:
        return Entry("addresses of system nodes", "none: the owner of the cluster runs them", "0")
    each = [
        f"ceil({pool.nodes_total} / {zones}) * {pool.addresses.interfaces}"
        f" * {pool.addresses.addresses_per_interface}"
        for pool in pools
    ]
    return Entry(
        "addresses of the zone's nodes without GPUs and of all pods that they can hold",
        "ceil(nodes / zones) x interfaces x addresses of an interface, over their groups",
        " + ".join(each),
        Basis.vendor,
        CNI,
    )


def _databases(leaf: Leaf) -> Entry:
    count = sum(service.databases for service in leaf.plan.services)
    return Entry(
        "addresses that database instances may take in the zone",
        "one a database",
        f"{{addresses.PER_DATABASE}} * {count}",
        Basis.vendor,
        SOURCE,
    )


def _load_balancers(leaf: Leaf) -> Entry:
    count = sum(s.gateway is not None and s.gateway.has_internal for s in leaf.plan.services)
    return Entry(
        "addresses that the internal load balancers may take in the zone",
        "8 x internal load balancers",
        f"{{addresses.PER_LOAD_BALANCER}} * {count}",
        Basis.vendor,
        SOURCE,
    )


def _endpoints(leaf: Leaf) -> Entry:
    return Entry(
        "addresses of interface endpoints in the zone",
        "one an endpoint",
        str(len(leaf.plan.network.interface_endpoints)),
        Basis.vendor,
        SOURCE,
    )


def _needed(leaf: Leaf) -> Entry:
    use: AddressPlan = _subnet(leaf).addresses
    parts = use.model_dump(exclude={"needed", "capacity", "smallest_prefix"})
    return Entry(
        "private addresses that the zone needs",
        "ceil((GPU nodes + pods + system nodes + load balancers + endpoints + databases"
        " + control plane) x 1.3)",
        f"ceil(({' + '.join(map(str, parts.values()))}) * (100 + 30) / 100)",
        Basis.assumed,
        f"30 % spare: {SOURCE}",
    )


def _capacity(leaf: Leaf) -> Entry:
    prefix = 32 - (int(leaf.value) + RESERVED - 1).bit_length()
    own = leaf.plan.site.network is None
    return Entry(
        "private addresses that the zone's subnet has",
        "2^(32 - prefix) - 5 that AWS keeps"
        + ("; the subnet is an eighth of vpc_cidr" if own else ""),
        f"2 ** (32 - {prefix}) - {{addresses.RESERVED}}",
        Basis.vendor,
        SOURCE,
    )


def _control_plane(leaf: Leaf) -> Entry:
    if leaf.plan.site.cluster.elsewhere:
        return Entry(
            "addresses of the control plane", "none: the owner of the cluster runs it", "0"
        )
    return Entry(
        "addresses that the control plane may take in the zone",
        "fixed",
        "{addresses.CONTROL_PLANE}",
        Basis.vendor,
        "Amazon EKS user guide: networking requirements",
    )


def _smallest_prefix(leaf: Leaf) -> Entry:
    bits = (_subnet(leaf).addresses.needed + RESERVED - 1).bit_length()
    return Entry(
        "prefix of the smallest subnet that holds what the zone needs",
        "32 - b, at most 24, with the smallest b for which 2^b - 5 >= needed",
        f"min({SMALLEST_PREFIX}, 32 - {bits})",
    )


def _node_pods(leaf: Leaf) -> Entry:
    if leaf.keys[0] in ("system", "rendition_nodes", "application_nodes"):
        return Entry(
            "pods of a node without GPUs",
            "as many as the type may hold",
            "{shared.SYSTEM_PODS}",
            Basis.vendor,
            "sizing/stack/shared.py",
        )
    pool = leaf.node_pool
    most = max(
        service.pool.replicas_per_node
        for service in leaf.plan.services
        if service.pool is not None and service.name in pool.services
    )
    return Entry(
        "pods of a node that take an address",
        "replicas a node + 10 daemons",
        f"{most} + {{addresses.DAEMON_PODS}}",
        Basis.assumed,
        SOURCE,
    )


def _interfaces(leaf: Leaf) -> Entry:
    node = _node(leaf)
    wanted = f"ceil({node.pods} / ({node.addresses_per_interface} - 1)) + 1"
    return Entry(
        "network interfaces of a node that have addresses",
        "ceil(pods / (addresses of an interface - 1)) + 1 kept warm, at most the type's limit",
        f"min({wanted}, {{v}})",
        Basis.vendor,
        CNI,
    )


ADDRESSES: Registry = {
    NodeAddressPlan: {
        "pods": _node_pods,
        "interfaces": _interfaces,
        "addresses_per_interface": Entry(
            "addresses of one interface, its own and those for pods",
            "the type's",
            "{v}",
            Basis.vendor,
            "EC2 instance types: data/instance_types.csv; sizing/stack/shared.py for the system's",
        ),
    },
    AddressPlan: {
        "gpu_nodes": _gpu_nodes,
        "pods": _pods,
        "system_nodes": _system_nodes,
        "load_balancers": _load_balancers,
        "endpoints": _endpoints,
        "databases": _databases,
        "control_plane": _control_plane,
        "needed": _needed,
        "capacity": _capacity,
        "smallest_prefix": _smallest_prefix,
    },
}
