"""Which services have more nodes than one cluster holds, and how many clusters would hold them?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sizing.catalog import Catalog, InstanceType
from sizing.fleet.packing import NODES_PER_GROUP_LIMIT
from sizing.fleet.served import Served
from sizing.hardware.decision import Decision
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import UNSERVED
from sizing.plan.stack.addresses import NodeAddressPlan
from sizing.service.burst import burst_nodes
from sizing.site import Site
from sizing.stack.addresses import (
    DAEMON_PODS,
    PER_DATABASE,
    PER_LOAD_BALANCER,
    PRIVATE_SHARE,
    RESERVED,
    SPARE_RATIO,
    WIDEST_NETWORK,
    node_addresses,
    zone_addresses,
)
from sizing.stack.network import interface_endpoints
from sizing.stack.shared import system_pool
from sizing.values.exact import ceiling, exact
from sizing.workload import Workload

NODE_GROUP_LIMIT = 30
"""Maximum node groups. Basis: vendor, managed node groups of one cluster (EKS quota L-6D54EA21)."""
PER_SERVICE = PER_LOAD_BALANCER + PER_DATABASE
"""Addresses of a service besides its nodes. Basis: assumed; each counts with a load balancer and a
database, whether it has them or not."""


def widest_addresses(site: Site) -> int:
    """Private addresses of a zone in the widest network that AWS has.

    2^(32 - 16 - 3) - 5 in a network of the stack, whose zones have an eighth each;
    2^(32 - 16) - 5 in an existing subnet

    Basis: vendor (Amazon VPC: networks and subnets are /16 at most).
    """
    share = PRIVATE_SHARE if site.network is None else 0
    return int(2 ** (32 - WIDEST_NETWORK - share)) - RESERVED


def other_addresses(site: Site, catalog: Catalog, service_count: int) -> int:
    """Addresses of a zone for everything except GPU nodes and their pods.

    The endpoint of queues would be one more. It is within the spare addresses. The nodes of
    renditions and applications are more, too: `enough_addresses` counts them with the whole stack.
    """
    system = system_pool((), site, catalog)
    empty = zone_addresses(
        zone=site.zones[0],
        private_cidr=None,
        services=(),
        pools=(),
        cpu_pools=[] if system is None else [system],
        zone_count=len(site.zones),
        endpoint_count=len(interface_endpoints(site, ())),
        control_plane=not site.cluster.elsewhere,
    )
    used = empty.system_nodes + empty.endpoints + empty.control_plane
    return used + PER_SERVICE * service_count


def addresses_of_node(pool: PoolPlan, instance: InstanceType) -> NodeAddressPlan:
    """Interfaces and addresses of one node of a service's pool."""
    pods = DAEMON_PODS + pool.replicas_per_node
    return node_addresses(pods, instance.eni_count, instance.ipv4_per_eni)


def per_node(node: NodeAddressPlan) -> int:
    """Addresses that a node takes for itself and its pods: interfaces x addresses of each."""
    return node.interfaces * node.addresses_per_interface


def nodes_in_a_zone(pool: PoolPlan, node: NodeAddressPlan, widest: int, others: int) -> int:
    """Most nodes of a service in one zone of one cluster that has no other service.

    min(450, floor((widest / 1.3 - others) / addresses of a node)), in whole replicas
    """
    room = int(widest / (1 + exact(SPARE_RATIO))) - others
    most = min(NODES_PER_GROUP_LIMIT, max(0, room) // per_node(node))
    return max(pool.nodes_per_replica, most - most % pool.nodes_per_replica)


@dataclass
class OneCluster:
    """Node groups and addresses of a stack's cluster, filled service by service in their order."""

    widest: int
    """Private addresses that a zone can have."""
    others: int
    """Addresses of a zone for everything except GPU nodes."""
    own_groups: int
    """Node groups besides those of GPU pools."""
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Nodes by pool and zone."""
    held: Counter[str] = field(default_factory=Counter)
    """Addresses of GPU nodes by zone, burst nodes included."""

    @classmethod
    def of(cls, site: Site, catalog: Catalog, workloads: Sequence[Workload]) -> "OneCluster":
        """Return the empty cluster of a site for these services."""
        others = other_addresses(site, catalog, len(workloads))
        rendering = any(workload.renditions is not None for workload in workloads)
        answering = any(workload.application is not None for workload in workloads)
        own_groups = (not site.cluster.elsewhere) + rendering + answering
        return cls(widest_addresses(site), others, own_groups)

    def admitted(self, decided: Decision) -> Decision:
        """Return the decision and count its nodes; return it without nodes where they do not fit.

        A service without an engine takes no room, and one without hardware has no nodes.
        """
        served = decided.result
        if not isinstance(served, Served):
            return decided
        pool = served.pool
        groups = self.groups + Counter({(pool.name, z): n for z, n in pool.nodes_by_zone.items()})
        each = per_node(addresses_of_node(pool, served.instance))
        burst = burst_nodes(decided.case.workload, pool)
        nodes = {zone: pool.nodes_by_zone.get(zone, 0) + burst for zone in served.choice.zones}
        held = self.held + Counter({zone: count * each for zone, count in nodes.items()})
        limit = next(self._exceeded(groups, held), None)
        if limit is not None:
            beyond = _too_large(limit, alone=not self.groups)
            return replace(decided, unserved=(*decided.unserved, beyond))
        if not decided.unserved:
            self.groups, self.held = groups, held
        return decided

    def _exceeded(self, groups: Counter[tuple[str, str]], held: Counter[str]) -> Iterator[str]:
        """Yield the limits that these nodes exceed, each with its numbers."""
        (pool, zone), most = max(groups.items(), key=lambda of: of[1])
        if most > NODES_PER_GROUP_LIMIT:
            limit = f"of at most {NODES_PER_GROUP_LIMIT} a node group"
            yield f"{most:,} nodes of {pool} in {zone}, {limit}"
        if (count := self.own_groups + len(groups)) > NODE_GROUP_LIMIT:
            yield f"{count:,} node groups, of at most {NODE_GROUP_LIMIT} a cluster"
        zone, most = max(held.items(), key=lambda of: of[1])
        needed = ceiling((most + self.others) * (1 + exact(SPARE_RATIO)))
        if needed > self.widest:
            limit = f"of at most {self.widest:,} in the widest network"
            yield f"{needed:,} private addresses in {zone}, {limit}"


def _too_large(limit: str, *, alone: bool) -> Rejected:
    """Rejection of the nodes of a service; `limit` names what they exceed."""
    after = "" if alone else ", with the services before it"
    return Rejected(option=UNSERVED, reason=Reason.one_cluster, numbers=f"{limit}{after}")
