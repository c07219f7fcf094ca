"""Addresses of nodes and zones, and the room of the subnets."""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.plan.stack.addresses import AddressPlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.stack.addresses import enough_addresses, node_addresses, smallest_prefix
from sizing.values.field_error import FieldError
from sizing.workload import Workload

KEPT = {"profile_bytes_per_user": 1, "interaction_bytes": 1, "client": "own", "retention_days": 1}


def at(site: Site, **changes: object) -> Site:
    return Site.model_validate(site.model_dump() | changes)


def users(gpus: int) -> dict[str, int]:
    """Traffic that exactly utilises so many GPUs of one request a second."""
    return {"daily_users": 86_400 * gpus, "requests_per_user_per_day": 1}


@pytest.fixture
def zones_of(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> Callable[..., Plan]:
    def build(changes: dict[str, object] | None = None, **keys: object) -> Plan:
        return size([workload(**keys)], at(site, **(changes or {})), catalog)

    return build


@pytest.mark.parametrize(
    ("pods", "limit", "each", "interfaces"),
    [
        # 14 pods an interface, and one kept warm
        (11, 4, 15, 2),
        (14, 4, 15, 2),
        (15, 4, 15, 3),
        # the type has no more
        (58, 4, 15, 4),
        (18, 2, 50, 2),
        # a type whose limits nobody knows: the highest there are
        (11, None, None, 2),
    ],
)
def test_interfaces_of_a_node(
    pods: int, limit: int | None, each: int | None, interfaces: int
) -> None:
    assert node_addresses(pods, limit, each).interfaces == interfaces


def test_the_need_of_a_zone(zones_of: Callable[..., Plan]) -> None:
    plan = zones_of(traffic=users(12), data=KEPT)
    node = plan.pools[0].addresses
    # one replica and 10 daemons on a g6.xlarge: 2 interfaces of 15
    assert (node.pods, node.interfaces, node.addresses_per_interface) == (11, 2, 15)
    assert plan.network.subnets[0].addresses == AddressPlan(
        gpu_nodes=4 * 2,
        pods=4 * 2 * 14,
        system_nodes=1 * 3 * 10,
        load_balancers=8,
        endpoints=0,
        databases=1,
        control_plane=6,
        # ceil(165 x 1.3)
        needed=215,
        capacity=8_187,
        smallest_prefix=24,
    )


def test_endpoints_are_in_each_zone_in_prod(zones_of: Callable[..., Plan]) -> None:
    for environment, count in (("dev", 0), ("prod", 6)):
        network = zones_of({"environment": environment}).network
        assert len(network.interface_endpoints) == count
        assert {subnet.addresses.endpoints for subnet in network.subnets} == {count}


def test_a_fleet_that_grows_renumbers_nothing(zones_of: Callable[..., Plan]) -> None:
    small, large = zones_of(traffic=users(3)).network, zones_of(traffic=users(300)).network
    assert large.subnets[0].addresses.needed > 10 * small.subnets[0].addresses.needed / 3
    for before, after in zip(small.subnets, large.subnets, strict=True):
        assert before.private_cidr == after.private_cidr
        assert before.public_cidr == after.public_cidr


@pytest.mark.parametrize(
    ("needed", "prefix"), [(1, 24), (251, 24), (252, 23), (507, 23), (508, 22), (8_187, 19)]
)
def test_the_smallest_subnet_that_holds_them(needed: int, prefix: int) -> None:
    assert smallest_prefix(needed) == prefix
    assert needed <= 2 ** (32 - prefix) - 5


def test_a_network_that_is_too_small_names_one_that_would_do(
    zones_of: Callable[..., Plan],
) -> None:
    narrow = {"vpc_cidr": "10.0.0.0/18"}
    enough_addresses(zones_of(narrow, traffic=users(120)).network)
    with pytest.raises(FieldError) as fault:
        enough_addresses(zones_of(narrow, traffic=users(180)).network)
    assert fault.value.field == ("vpc_cidr",)
    # (60 nodes x 30 + 44) x 1.3, rounded up
    assert "10.0.0.0/18 gives a zone 2,043 private addresses" in fault.value.message
    assert "use1-az1 needs 2,398" in fault.value.message
    assert fault.value.expected == "a /17 range"
    enough_addresses(zones_of({"vpc_cidr": "10.0.0.0/17"}, traffic=users(180)).network)


def test_no_network_is_wide_enough_for_everything(zones_of: Callable[..., Plan]) -> None:
    network = zones_of(traffic=users(300)).network
    first, *others = network.subnets
    need = first.addresses.model_copy(update={"needed": 8_188, "smallest_prefix": 18})
    full = first.model_copy(update={"addresses": need})
    with pytest.raises(FieldError) as fault:
        enough_addresses(network.model_copy(update={"subnets": (full, *others)}))
    assert "/16 is the widest" in fault.value.expected
    assert "more zones" in fault.value.suggestion
