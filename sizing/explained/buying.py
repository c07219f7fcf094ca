"""Explanations of what is bought for a service, and of the days of the calendar."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry
from sizing.plan.buying import BuyingPlan, CalendarPlan, CalendarStep, Way, WayPlan
from sizing.service.burst import burst_nodes

QUOTAS = CATALOG + "quotas.csv"
WAYS = CATALOG + "purchase_ways.csv"
LEAD_TIMES = CATALOG + "lead_times.csv and purchase_ways.csv"
ONE_CLUSTER = "sizing/stack/one_cluster.py"


def _way(leaf: Leaf) -> WayPlan:
    """Way to buy of `buying.ways.N`."""
    assert leaf.sized.buying is not None
    return leaf.sized.buying.ways[int(leaf.keys[leaf.keys.index("ways") + 1])]


def _nodes(leaf: Leaf) -> str:
    """Nodes of the floor, and those of the burst where there is one."""
    burst = burst_nodes(leaf.sized.inputs, leaf.pool)
    return f"({{s.pool.nodes_total}} + {burst})" if burst else "{s.pool.nodes_total}"


def _vcpus(leaf: Leaf) -> Entry:
    assert leaf.sized.buying is not None
    burst_is_spot = any(way.used and way.way is Way.spot for way in leaf.sized.buying.ways)
    if _way(leaf).way is Way.spot:
        symbols, nodes = "burst nodes", str(burst_nodes(leaf.sized.inputs, leaf.pool))
    elif burst_is_spot:
        symbols, nodes = "nodes of the floor", "{s.pool.nodes_total}"
    else:
        symbols, nodes = "(nodes + burst nodes)", _nodes(leaf)
    return Entry(
        "vCPUs of the nodes that count against the quota, which a new account requests",
        f"{symbols} x vCPUs of a node; an update adds no node",
        f"{nodes} * {{s.pool.vcpu_per_node}}",
        remarks=("other nodes of the account in the region need more of the same quota",),
    )


def _increase(leaf: Leaf) -> Entry:
    way = _way(leaf)
    return Entry(
        "vCPUs to request above those of a new account",
        "max(0, vCPUs needed - vCPUs of a new account)",
        f"max(0, {way.vcpus_needed} - {way.vcpus_default})",
    )


def _blocks(leaf: Leaf) -> Entry:
    zones = leaf.pool.nodes_by_zone.values()
    return Entry(
        "capacity blocks to buy",
        "sum over zones of ceil(nodes of the zone / 64)",
        " + ".join(f"ceil({count} / 64)" for count in zones),
        Basis.vendor,
        WAYS,
    )


def _interfaces(leaf: Leaf) -> Entry:
    nodes = leaf.pool.nodes_total + burst_nodes(leaf.sized.inputs, leaf.pool)
    return Entry(
        "network interfaces of all nodes, which count against a quota of the region",
        "(nodes + burst nodes) x (interfaces with addresses + interfaces of further cards)",
        f"{_nodes(leaf)} * {int(leaf.value) // nodes}",
        Basis.vendor,
        "the VPC CNI's assignment with its defaults: sizing/stack/addresses.py",
    )


def _clusters(leaf: Leaf) -> Entry:
    most = max(leaf.pool.nodes_by_zone.values())
    return Entry(
        "clusters that hold the nodes",
        "ceil(nodes of the fullest zone / most nodes of a zone of one cluster)",
        f"ceil({most} / {{s.buying.nodes_in_a_zone}})",
    )


def _lead(leaf: Leaf) -> Entry:
    calendar = leaf.plan.calendar
    assert calendar is not None
    days = [-step.days_from_start for step in calendar.steps if -step.days_from_start <= leaf.value]
    return Entry(
        "days between the first request of the used ways to buy and the start",
        "the largest number of days before the start, over the steps that are due",
        f"max({', '.join(map(str, days))})",
        Basis.assumed,
        LEAD_TIMES,
    )


BUYING: Registry = {
    WayPlan: {
        "vcpus_needed": _vcpus,
        "vcpus_default": Entry(
            "vCPUs that the quota allows in a new account",
            "the vendor's default",
            "{v}",
            Basis.vendor,
            QUOTAS,
            remarks=("the account's own value may be higher; no account is read",),
        ),
        "vcpus_increase": _increase,
        "blocks": _blocks,
    },
    BuyingPlan: {
        "network_interfaces": _interfaces,
        "nodes_in_a_zone": Entry(
            "most nodes of the service in one zone of one cluster without other services",
            "min(450, floor((addresses of the widest network / 1.3 - others) / those of a node))",
            "{v}",
            Basis.vendor,
            f"EKS quota L-BD136A63, /16 networks: {ONE_CLUSTER}",
        ),
        "clusters": _clusters,
        "regions": Entry(
            "regions with the default number of clusters that hold these clusters",
            "ceil(clusters / 100)",
            "ceil({s.buying.clusters} / 100)",
            Basis.vendor,
            QUOTAS,
        ),
        "regions_selling": Entry(
            "regions that sell the type",
            "the catalog's",
            "{v}",
            Basis.vendor,
            CATALOG + "instance_types.csv",
        ),
    },
    CalendarStep: {
        "days_from_start": Entry(
            "days from the start of the service, negative before it",
            "-(this step's days + those of the steps that need its result)",
            "{v}",
            Basis.assumed,
            LEAD_TIMES,
        ),
        "late_days": Entry(
            "days by which the step is late",
            "max(0, today's date - date of the step)",
            "{v}",
            Basis.given,
            "the dates of the command line",
        ),
    },
    CalendarPlan: {"lead_days": _lead},
}
