"""How can the GPU nodes of a service be bought: in which way, with which quota, and how many?"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog import Catalog, InstanceType
from sizing.catalog.buying import PurchaseWay, Quota
from sizing.fleet.served import Served
from sizing.plan.buying import BuyingPlan, Way, WayPlan
from sizing.plan.service.pool import CapacitySource, PoolPlan
from sizing.service.burst import burst_nodes
from sizing.site import Site
from sizing.stack.one_cluster import (
    addresses_of_node,
    nodes_in_a_zone,
    other_addresses,
    widest_addresses,
)
from sizing.values.exact import ceiling
from sizing.workload import Workload

CLUSTERS_QUOTA = "L-1194D53C"
"""Quota of clusters in one region."""
SURGE_NODES = 0
"""Nodes that an update adds. Basis: vendor; node groups update with the strategy MINIMAL, which
removes a node before it adds one (components/pools/gpu_pool.py)."""
USED = {
    CapacitySource.on_demand: Way.on_demand,
    CapacitySource.reservations: Way.reservation,
    CapacitySource.blocks: Way.capacity_block,
}
"""Way to buy by the capacity source of a pool."""


def buying_plan(
    workload: Workload, served: Served, site: Site, catalog: Catalog, *, spot: bool
) -> BuyingPlan:
    """Return the ways to buy a service's nodes, and the clusters and regions that hold them.

    `spot` is true where the nodes of its burst may be spot instances.
    clusters = ceil(nodes of the fullest zone / most nodes of a zone of one cluster)
    regions = ceil(clusters / clusters of a region)
    """
    pool, instance = served.pool, served.instance
    node = addresses_of_node(pool, instance)
    others = other_addresses(site, catalog, 1)
    most = nodes_in_a_zone(pool, node, widest_addresses(site), others)
    clusters = ceiling(Fraction(max(pool.nodes_by_zone.values()), most))
    burst = burst_nodes(workload, pool)
    per_region = catalog.quota(CLUSTERS_QUOTA).default_value or 1
    purchase = _Purchase(
        workload=workload,
        pool=pool,
        instance=instance,
        catalog=catalog,
        floor=pool.nodes_total + SURGE_NODES,
        burst=burst,
        spot=spot and burst > 0 and "spot" in instance.purchase,
        clusters=clusters,
        regions=ceiling(Fraction(clusters, per_region)),
        per_region=per_region,
    )
    return BuyingPlan(
        ways=tuple(sorted(purchase.ways(), key=lambda way: not way.used)),
        zones_selling=catalog.zones_selling(instance.name, site.region),
        network_interfaces=(purchase.floor + purchase.burst)
        * (node.interfaces + efa_interfaces(pool, instance)),
        nodes_in_a_zone=most,
        clusters=clusters,
        regions=purchase.regions,
        regions_selling=purchase.regions_selling,
    )


def efa_interfaces(pool: PoolPlan, instance: InstanceType) -> int:
    """Interfaces of a node that only connect the nodes of one replica: one on each further card."""
    return (instance.network_cards or 1) - 1 if pool.nodes_per_replica > 1 else 0


@dataclass(frozen=True)
class _Purchase:
    """Nodes to buy, and the facts that allow or forbid a way to buy them."""

    workload: Workload
    pool: PoolPlan
    instance: InstanceType
    catalog: Catalog
    floor: int
    burst: int
    """Nodes above the floor."""
    spot: bool
    """True where those may be spot instances."""
    clusters: int
    regions: int
    per_region: int
    """Clusters of one region."""

    @property
    def regions_selling(self) -> int | None:
        """Regions that sell the type; None where they are unknown."""
        return len(self.instance.regions) or None

    def ways(self) -> Iterator[WayPlan]:
        """Yield each way to buy, with its quota and its reason."""
        nodes = self._on_demand_nodes
        yield self._way(Way.on_demand, nodes, *self._on_demand(), self._bucket())
        yield self._way(Way.reservation, nodes, *self._reserved(), self._bucket())
        yield self._way(Way.capacity_block, nodes, *self._in_blocks(), None)
        yield self._way(Way.spot, self.burst, *self._spot())

    @property
    def _on_demand_nodes(self) -> int:
        """Nodes that count against the quota of on-demand nodes."""
        return self.floor if self.spot else self.floor + self.burst

    def _bucket(self) -> Quota | None:
        """Quota of the type's on-demand nodes, which reservations also use; None where AWS does not
        sell it so."""
        sold = "on_demand" in self.instance.purchase
        return self.catalog.quota(self.instance.quota_code) if sold else None

    def _way(
        self, way: Way, nodes: int, within: bool | None, text: str, quota: Quota | None
    ) -> WayPlan:
        vcpus = nodes * self.instance.vcpu_count
        default = None if quota is None else quota.default_value
        return WayPlan(
            way=way,
            used=USED[self.pool.capacity_source] is way or (way is Way.spot and self.spot),
            within_limits=within,
            text=text,
            quota_code=None if quota is None else quota.code,
            vcpus_needed=None if quota is None else vcpus,
            vcpus_default=default,
            vcpus_increase=None if default is None else max(0, vcpus - default),
            blocks=sum(blocks_by_zone(self.pool, self._blocks()).values())
            if way is Way.capacity_block and within
            else None,
        )

    def _too_many(self) -> str | None:
        """Reason why no number of regions holds the clusters; None where some do."""
        selling = self.regions_selling
        if selling is None or self.regions <= selling:
            return None
        return (
            f"{self.clusters:,} clusters need {self.regions:,} regions of {self.per_region} "
            f"clusters, and {selling} regions sell {self.instance.name}"
        )

    def _on_demand(self) -> tuple[bool, str]:
        quota, name = self._bucket(), self.instance.name
        if quota is None:
            return False, f"{name} is sold as {', '.join(self.instance.purchase)} only"
        if (reason := self._too_many()) is not None:
            return False, reason
        text = (
            f"{self._vcpus(quota, self._on_demand_nodes)}; no source publishes the stock of a zone"
        )
        if self.spot:
            more = self.burst * self.instance.vcpu_count
            text += f"; a burst that gets no spot nodes needs {more:,} more"
        return True, text

    def _vcpus(self, quota: Quota, nodes: int) -> str:
        each, default = self.instance.vcpu_count, quota.default_value
        had = "an unknown number" if default is None else f"{default:,}"
        needed = f"{nodes:,} nodes x {each} = {nodes * each:,} vCPUs"
        return f"{needed} of quota {quota.code}, where a new account has {had}"

    def _reserved(self) -> tuple[bool, str]:
        within, reason = self._on_demand()
        if not within:
            return within, reason
        zones = ", ".join(f"{zone} {count:,}" for zone, count in self.pool.nodes_by_zone.items())
        when = "for immediate use only, where the zone has stock"
        if (dated := dated_reservation(self.instance, self.catalog)) is not None:
            when = f"for a day {dated.min_days_ahead} to {dated.max_days_ahead} days ahead"
        return True, f"by zone: {zones}; {when}; it uses the quota of on-demand nodes"

    def _blocks(self) -> PurchaseWay:
        return self.catalog.purchase_way("capacity_block")

    def _in_blocks(self) -> tuple[bool, str]:
        limits, nodes = self._blocks(), self.pool.nodes_total
        if "capacity_block" not in self.instance.purchase:
            return False, f"{self.instance.name} is not sold in capacity blocks"
        if limits.nodes_in_all is not None and nodes > limits.nodes_in_all:
            return False, f"{nodes:,} nodes, of at most {limits.nodes_in_all} in all blocks"
        zones = blocks_by_zone(self.pool, limits)
        counts = ", ".join(f"{zone} {count}" for zone, count in zones.items())
        return True, (
            f"blocks by zone: {counts}, each of at most {limits.nodes_each} nodes and "
            f"{limits.longest_days} days, {limits.max_days_ahead} days ahead at most; "
            f"{limits.terms}; their price is unknown"
        )

    def _spot(self) -> tuple[bool | None, str, Quota | None]:
        notice = self.catalog.purchase_way("spot").notice_min
        if self.workload.jobs is None:
            return False, f"a node may be lost with {notice} minutes' notice during a request", None
        if "spot" not in self.instance.purchase:
            return False, f"{self.instance.name} is not sold as spot", None
        quota = self.catalog.spot_quota(self.instance.family)
        if quota is None:
            return None, f"the quota of spot nodes of {self.instance.family} is unknown", None
        if not self.burst:
            return False, "only the nodes of a burst may be spot, and there is none", None
        if (reason := self._too_many()) is not None:
            return False, reason, None
        again = f"a job runs again after a loss with {notice} minutes' notice"
        return True, f"for the burst: {self._vcpus(quota, self.burst)}; {again}", quota


def dated_reservation(instance: InstanceType, catalog: Catalog) -> PurchaseWay | None:
    """Limits of a reservation for a later day; None for types reserved for immediate use only."""
    way = catalog.purchase_way("dated_reservation")
    generation = next(at for at, letter in enumerate(instance.family) if letter.isdigit())
    return way if instance.family[:generation] in way.families else None


def blocks_by_zone(pool: PoolPlan, limits: PurchaseWay) -> dict[str, int]:
    """Capacity blocks in each zone: ceil(nodes of the zone / most nodes of one block)."""
    each = limits.nodes_each or 1
    return {
        zone: ceiling(Fraction(count, each)) for zone, count in pool.nodes_by_zone.items() if count
    }
