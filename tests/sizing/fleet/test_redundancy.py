"""Spare nodes for each rule, and the failures that a spread survives."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import comb

import pytest

from sizing.catalog import Catalog
from sizing.fleet.redundancy import (
    Rule,
    TooFewZonesError,
    binding_rule,
    k_of_n_availability,
    node_availability,
    nodes_by_rule,
    nodes_for_availability,
    nodes_for_spare_ratio,
    nodes_for_zone_loss,
    nodes_left,
    spread,
    survival,
)
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Redundancy, Workload
from tests.sizing.drawn import RULES
from tests.sizing.refusals import refusals

ZONES = tuple(f"use1-az{n}" for n in range(1, 7))


@pytest.mark.parametrize(
    ("needed", "ratio", "total"),
    [
        (12, "0.2", 15),
        # 110 exactly; in floats 100 x 1.1 is 110.00000000000001 and its ceiling 111
        (100, "0.1", 110),
        (12, "0", 12),
        (1, "0.01", 2),
        (3, "1", 6),
    ],
)
def test_a_share_of_spares(needed: int, ratio: str, total: int) -> None:
    assert nodes_for_spare_ratio(needed, Decimal(ratio)) == total


@pytest.mark.parametrize(
    ("zones", "lost", "total"),
    [
        (2, 1, 24),
        (3, 1, 18),
        (4, 1, 16),
        (5, 1, 15),
        (6, 1, 15),
        # 12 left of five zones less two: four a zone; 19 leave 4 + 4 + 3 = 11
        (5, 2, 20),
        (3, 2, 36),
        (3, 0, 12),
    ],
)
def test_twelve_nodes_less_a_zone(zones: int, lost: int, total: int) -> None:
    assert nodes_for_zone_loss(12, zones, lost) == total


@pytest.mark.parametrize(("zones", "lost"), [(1, 1), (3, 3), (2, 3)])
def test_one_zone_must_stay(zones: int, lost: int) -> None:
    with pytest.raises(TooFewZonesError, match=f"{lost} of {zones} zones may fail: none is left"):
        nodes_for_zone_loss(12, zones, lost)


def test_a_node_of_eight_fails_every_264_days() -> None:
    rules = Redundancy(mttr_hours=Decimal(4))
    assert Fraction(50_700, 8 * 24) == pytest.approx(264, abs=0.1)
    # 6,337.5 h / (6,337.5 h + 4 h)
    assert node_availability(Decimal(8), rules) == pytest.approx(6337.5 / 6341.5, rel=1e-15)
    whole, partition = node_availability(Decimal(1), rules), node_availability(Decimal(0), rules)
    assert partition == whole, "the host of a partition fails like one of a whole card"


@pytest.mark.parametrize(
    ("mttr_hours", "total", "printed"),
    [
        (4, 12, "0.9925"),
        (4, 13, "0.99997"),
        (4, 14, "0.9999999"),
        (24, 12, "0.956"),
        (24, 13, "0.9989"),
        (24, 14, "0.99998"),
    ],
)
def test_twelve_of_n_alive(mttr_hours: int, total: int, printed: str) -> None:
    alive = Fraction("6337.5") / (Fraction("6337.5") + mttr_hours)
    exact = sum(
        comb(total, up) * alive**up * (1 - alive) ** (total - up) for up in range(12, total + 1)
    )
    share = k_of_n_availability(12, total, float(alive))
    assert share == pytest.approx(float(exact), rel=1e-12)
    # the notes print some figures cut, some rounded
    last_place = Decimal(1).scaleb(-len(printed.partition(".")[2]))
    assert abs(Decimal(share) - Decimal(printed)) < last_place


@pytest.mark.parametrize(
    ("target", "total"),
    [("0.99", 12), ("0.9999", 13), ("0.99999", 14), ("0.99999999", 15)],
)
def test_nodes_for_an_availability(target: str, total: int) -> None:
    alive = node_availability(Decimal(8), Redundancy(mttr_hours=Decimal(4)))
    assert nodes_for_availability(12, Decimal(target), alive) == total
    assert k_of_n_availability(12, total, alive) >= float(target)
    assert total == 12 or k_of_n_availability(12, total - 1, alive) < float(target)


def test_availability_of_a_large_fleet() -> None:
    # C(3,000, 1,000) is beyond floats. Of a million nodes about 10^6 x 0.004 / 0.996 = 4,016 are
    # down, and 3.72 standard deviations of 63.6 more for one time in 10,000.
    assert 3_030 < nodes_for_availability(3_000, Decimal("0.9999"), 0.99) < 3_060
    spare = nodes_for_availability(1_000_000, Decimal("0.9999"), 0.996) - 1_000_000
    assert spare == pytest.approx(4_016 + 3.72 * 63.6, rel=0.002)


def test_of_several_rules_the_largest_binds_and_nothing_is_added() -> None:
    rules = Redundancy.model_validate(
        {"spare_ratio": "0.2", "nodes": 1, "zones": 1, "availability": "0.9999"}
    )
    counts = nodes_by_rule(rules, 12, 3, Decimal(1))
    assert counts == {
        Rule.none: 12,
        Rule.spare_ratio: 15,
        Rule.nodes: 13,
        Rule.zones: 18,
        Rule.availability: 13,
    }
    assert binding_rule(counts) is Rule.zones
    assert binding_rule({Rule.none: 12, Rule.nodes: 15, Rule.spare_ratio: 15}) is Rule.spare_ratio


def test_every_rule_is_a_field_of_the_workload_and_is_drawn() -> None:
    rules = {rule.value for rule in Rule} - {"none"}
    assert set(Redundancy.model_fields) == rules | {"mtbf_gpu_hours", "mttr_hours"}
    assert set(RULES) == rules, "the laws hold for workloads with any rule"


def test_the_spread_starts_at_the_given_zone() -> None:
    assert spread(14, "abc") == {"a": 5, "b": 5, "c": 4}
    assert spread(14, "abc", 2) == {"a": 5, "b": 4, "c": 5}
    assert spread(2, "abc", 1) == {"a": 0, "b": 1, "c": 1}


def fleets() -> Iterator[dict[str, int]]:
    """Even spreads of 1 to 12 nodes over 1 to 6 zones, and uneven ones."""
    for zones in range(1, 7):
        for nodes in range(1, 13):
            yield spread(nodes, ZONES[:zones], nodes % zones)
    for uneven in [(12, 0), (1, 9), (6, 4, 2), (1, 1, 1, 9), (0, 0, 5, 1), (3, 2, 2, 2, 2, 1)]:
        yield dict(zip(ZONES, uneven, strict=False))


@pytest.mark.parametrize("span", [1, 2, 3])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_nodes_left_are_the_worst_of_every_set_of_nodes(span: int, lost: int) -> None:
    """Each lost node removes the nodes of its replica."""
    total = 4 * span
    sets = combinations(range(total), lost)
    worst = min(total - span * len({node // span for node in gone}) for gone in sets)
    assert nodes_left(total, lost, span) == worst
    assert nodes_left(total, total + 1, span) == 0


@pytest.mark.parametrize("by_zone", list(fleets()), ids=str)
def test_survival_equals_the_enumeration_of_every_set_of_nodes(by_zone: dict[str, int]) -> None:
    nodes = [zone for zone, count in by_zone.items() for _ in range(count)]
    worst_of_nodes = dict.fromkeys(range(len(nodes) + 1), len(nodes))
    whole_zones = dict[frozenset[str], int]()
    for mask in range(1 << len(nodes)):
        gone = [zone for index, zone in enumerate(nodes) if mask >> index & 1]
        left = len(nodes) - len(gone)
        worst_of_nodes[len(gone)] = min(worst_of_nodes[len(gone)], left)
        lost = frozenset(gone)
        if len(gone) == sum(by_zone[zone] for zone in lost):
            whole_zones[lost] = left
    for needed in range(1, len(nodes) + 1):
        found = survival(by_zone, needed)
        assert found.nodes == max(k for k, left in worst_of_nodes.items() if left >= needed)
        survived = [
            count
            for count in range(len(by_zone) + 1)
            if all(
                whole_zones[frozenset(zone for zone in zones if by_zone[zone])] >= needed
                for zones in combinations(by_zone, count)
            )
        ]
        assert found.zones == max(survived)
        assert found.left_after_zone == len(nodes) - max(by_zone.values())


def test_zones_that_do_not_sell_the_type_do_not_count(sized: Callable[..., ServicePlan]) -> None:
    # of az1, az2, az6 only az2 and az6 sell p5en: two zones, so each has all needed nodes
    plan = sized("126", hardware={"instance_type": "p5en.48xlarge"}, redundancy={"zones": 1})
    assert plan.pool is not None
    assert plan.pool.nodes_by_zone == {"use1-az2": 2, "use1-az6": 2}
    assert plan.pool.survives.zones == 1
    assert [(r.option, r.reason) for r in refusals(plan)] == [("use1-az1", Reason.offering)]


def test_too_few_zones_are_an_answer(sized: Callable[..., ServicePlan]) -> None:
    plan = sized("12", hardware={"instance_type": "p5en.48xlarge"}, redundancy={"zones": 1})
    assert plan.pool is None and plan.serving is None and plan.volumes is None
    refused, _, nearest = plan.rejected[-3:]
    assert (refused.option, refused.reason) == ("redundancy.zones: 1", Reason.zones)
    assert refused.numbers == "1 of 1 zones may fail: none is left"
    assert nearest.reason is Reason.nearest and nearest.option == "another instance type"
    assert nearest.numbers.endswith(" would do")
    assert " USD a month)" in nearest.numbers
    assert not [r for r in plan.rejected if "0 would do" in r.numbers]


def test_advice_for_too_few_zones_names_type_and_cost_and_never_less_redundancy(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized("12", hardware={"instance_type": "p5en.48xlarge"}, redundancy={"zones": 1})
    reasons = " ".join(r.numbers for r in plan.rejected)
    assert re.search(r"[a-z0-9-]+\.\w+ \(\d+ nodes?, [\d,]+ USD a month\)", reasons)
    assert "redundancy.zones: 0" not in reasons


def test_zones_to_add_are_named_where_they_sell_the_type(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized("12", hardware={"instance_type": "p5en.48xlarge"}, redundancy={"zones": 1})
    zones = [r for r in plan.rejected if r.option == "more zones"]
    assert [r.numbers for r in zones] == [
        "1 more of use1-az6 would do; p5en.48xlarge is sold there"
    ]


def test_advice_behind_a_lock_names_type_and_cost_and_the_command_that_chooses(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    """The lock's type is sold in one of the zones; other types keep the rule."""
    capacity = {"method": "calibrated", "load": "mean"}
    requested = workload(hardware="auto", capacity=capacity, redundancy={"zones": 1})
    two = site.model_copy(update={"zones": ("use1-az1", "use1-az2")})
    lock = Lock(
        model="llama-3.1-8b",
        precision="bf16",
        instance_type="p5en.48xlarge",
        tensor_parallel=1,
        catalog_digest=catalog.digest,
    )
    (plan,) = size([requested], two, catalog, {"chat": lock}).services
    assert plan.pool is None
    numbers = {r.option: r.numbers for r in plan.rejected}
    assert numbers["redundancy.zones: 1"] == "1 of 1 zones may fail: none is left"
    advice = numbers["another instance type"]
    assert re.match(r"g6e\.xlarge \(4 nodes, [\d,]+ USD a month\), ", advice)
    assert advice.endswith(" would do; `sizewright update` chooses again")
    assert "0 would do" not in " ".join(numbers.values())
