"""The published designs, row by row: the exact value from the raw inputs, and the printed figure.

The arithmetic is written out here without calls to `sizing`; the plan must have the same values.
"""

from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import ceil, floor
from operator import attrgetter
from pathlib import Path

import pytest

from sizewright.reading.read import read_model
from sizewright.reading.stack.site_file import read_site
from sizing.catalog import Catalog, load_catalog
from sizing.plan.part import Reason
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload

GOLDEN = Path(__file__).parents[2] / "workloads" / "golden"

USERS, REQUESTS, DAY_S = 10**8, 10, 86_400
RATE = Fraction(USERS * REQUESTS, DAY_S)
A100_FLOP_PER_S = 312 * 10**12
KILO, MEGA, GIGA, TERA, PETA = (1000**n for n in range(1, 6))
MILLI = Fraction(1, 1000)
INDEXED = Fraction(5, 4)

TEXT_S = Fraction(2 * 3 * GIGA * 500, A100_FLOP_PER_S)
IMAGE_S = Fraction(2 * 81 * GIGA * 100, 10 * A100_FLOP_PER_S)
CHAT_USERS = Fraction(DAY_S * 1, 10)

Row = tuple[str, str, Fraction | int, Fraction | int, str]

G1: list[Row] = [
    ("model", "storage.weights_bytes", 3 * GIGA * 2, GIGA, "6"),
    ("profiles", "storage.profile_bytes", USERS * 10 * KILO, TERA, "1"),
    ("interactions a day", "storage.interaction_bytes_per_day", USERS * 10 * 2 * KILO, TERA, "2"),
    ("indexed a day", "storage.indexed_bytes_per_day", 2 * TERA * INDEXED, TERA, "2.5"),
    ("a month", "storage.indexed_bytes_per_month", 2 * TERA * INDEXED * 30, TERA, "75"),
    ("rate", "traffic.requests_per_s_mean", RATE, 1, "11574"),
    ("time of one request", "capacity.request_s", TEXT_S, MILLI, "9.6"),
    ("rate of one GPU", "capacity.requests_per_gpu_per_s", 1 / TEXT_S, 1, "104"),
    ("GPUs", "pool.gpus_needed", ceil(RATE * TEXT_S), 1, "112"),
    ("ingress", "network.ingress_mbit_per_s", RATE * 2 * KILO * 8 / MEGA, 1, "185"),
    ("egress", "network.egress_mbit_per_s", RATE * 10 * KILO * 8 / MEGA, 1, "926"),
]
G2: list[Row] = [
    ("4-bit weights", "storage.weights_bytes", 7 * GIGA * 4 // 8, GIGA, "3.5"),
    ("users a GPU serves", "capacity.users_per_gpu_per_day", CHAT_USERS, 1, "8640"),
    ("GPUs needed", "pool.gpus_needed", ceil(100_000 / CHAT_USERS), 1, "12"),
    ("with 20 % spare", "pool.gpus_total", ceil(12 * Fraction(12, 10)), 1, "15"),
    ("users online", "traffic.users_online_peak", 100_000 // 10, 1, "10000"),
    ("batches of 32", "traffic.users_online_peak", 10_000, 32, "312.5"),
    ("peak rate", "traffic.requests_per_s_peak", Fraction(10_000, 60), 1, "167"),
]
G3: list[Row] = [
    ("model", "storage.weights_bytes", 81 * GIGA * 2 // 10, GIGA, "16.2"),
    ("profiles", "storage.profile_bytes", USERS * 10 * KILO, TERA, "1"),
    ("images a day", "storage.interaction_bytes_per_day", USERS * 10 * MEGA, PETA, "1"),
    ("indexed a day", "storage.indexed_bytes_per_day", PETA * INDEXED, PETA, "1.25"),
    ("a month", "storage.indexed_bytes_per_month", PETA * INDEXED * 30, PETA, "37.5"),
    ("time of one image", "capacity.request_s", IMAGE_S, MILLI, "5.2"),
    ("rate of one GPU", "capacity.requests_per_gpu_per_s", 1 / IMAGE_S, 1, "192.59"),
    ("GPUs", "pool.gpus_needed", ceil(RATE * IMAGE_S), 1, "61"),
    ("ingress", "network.ingress_mbit_per_s", RATE * 2 * KILO * 8 / MEGA, 1, "185"),
    ("egress", "network.egress_mbit_per_s", RATE * MEGA * 8 / MEGA, KILO, "92.6"),
]
G4: list[Row] = [
    ("model + encoder", "storage.weights_bytes", (100 + 47) * GIGA * 4 // 10, GIGA, "58.8"),
    ("profiles", "storage.profile_bytes", USERS * 10 * KILO, TERA, "1"),
    ("videos a day", "storage.interaction_bytes_per_day", 10 * USERS * 1_250_000, TERA, "1250"),
    ("indexed a day", "storage.indexed_bytes_per_day", 1_250 * TERA * INDEXED, TERA, "1562.5"),
    ("a month", "storage.indexed_bytes_per_month", 1_250 * TERA * INDEXED * 30, PETA, "46.875"),
    ("rate", "traffic.requests_per_s_mean", RATE, 1, "11574"),
]
TABLES = {"text-to-text": G1, "chat": G2, "text-to-image": G3, "text-to-video": G4}


@cache
def catalog() -> Catalog:
    return load_catalog()


def golden(name: str) -> Workload:
    return read_model(GOLDEN / f"{name}.yaml", Workload)


def site(*zones: str) -> Site:
    golden_site = read_site(GOLDEN / "Pulumi.golden.yaml").site
    return golden_site.model_copy(update={"zones": zones or golden_site.zones})


def sized(workload: Workload, *zones: str) -> ServicePlan:
    return size([workload], site(*zones), catalog()).services[0]


def pool_of(workload: Workload, *zones: str) -> PoolPlan:
    pool = sized(workload, *zones).pool
    assert pool is not None
    return pool


@pytest.mark.parametrize(
    ("name", "row"),
    [pytest.param(name, row, id=f"{name}-{row[0]}") for name in TABLES for row in TABLES[name]],
)
def test_a_row_is_exact_and_rounds_to_the_printed_figure(name: str, row: Row) -> None:
    _, path, exact, unit, printed = row
    leaf = attrgetter(path)(sized(golden(name)))
    if isinstance(leaf, int):
        assert leaf == exact
    else:
        assert abs(Fraction(leaf) - exact) <= exact / 10**12
    shown = Fraction(exact) / unit
    decimals = len(printed.partition(".")[2])
    assert round(shown, decimals) == Fraction(Decimal(printed))


def test_the_unrounded_gpu_counts() -> None:
    assert round(RATE * TEXT_S, 2) == Fraction("111.29")
    assert round(RATE / Fraction("192.6"), 2) == Fraction("60.09"), "printed from a rounded rate"
    assert round(RATE * IMAGE_S, 2) == Fraction("60.10")
    assert round(100_000 / CHAT_USERS, 2) == Fraction("11.57")
    assert floor(1 / IMAGE_S) == 192, "printed truncated"


@pytest.mark.parametrize(
    ("name", "nodes", "gpus", "by_zone"),
    [("text-to-text", 14, 112, (5, 5, 4)), ("text-to-image", 8, 64, (3, 3, 2))],
)
def test_whole_nodes_of_eight_over_three_zones(
    name: str, nodes: int, gpus: int, by_zone: tuple[int, ...]
) -> None:
    pool = pool_of(golden(name))
    assert (pool.nodes_total, pool.gpus_total) == (nodes, gpus)
    assert tuple(pool.nodes_by_zone.values()) == by_zone
    assert tuple(pool.nodes_by_zone) == site().zones
    assert (pool.survives.nodes, pool.survives.zones) == (0, 0)


def test_the_weights_of_chat_in_32_bits() -> None:
    chat = golden("chat").model_dump()
    chat["model"]["precision"] = "fp32"
    assert sized(Workload.model_validate(chat)).storage.weights_bytes == 28 * GIGA


def test_chat_runs_on_gpus_of_at_least_16_gb() -> None:
    assert pool_of(golden("chat")).gpu_memory_bytes >= 16 * GIGA


def test_fifteen_survive_three_nodes_but_no_zone() -> None:
    pool = pool_of(golden("chat"))
    assert pool.nodes_by_zone == {"use1-az1": 5, "use1-az2": 5, "use1-az4": 5}
    assert (pool.survives.nodes, pool.survives.zones) == (3, 0)
    assert pool.nodes_left_after_zone == 10


@pytest.mark.parametrize(("zones", "gpus"), [("12", 24), ("124", 18), ("12456", 15)])
def test_what_a_lost_zone_takes(zones: str, gpus: int) -> None:
    data = golden("chat").model_dump() | {"redundancy": {"zones": 1}}
    pool = pool_of(Workload.model_validate(data), *(f"use1-az{zone}" for zone in zones))
    assert (pool.gpus_total, pool.survives.zones) == (gpus, 1)
    assert pool.nodes_left_after_zone >= 12


def test_ten_requests_a_second_would_need_two_gpus() -> None:
    chat = golden("chat").model_dump()
    chat["capacity"]["requests_per_gpu_per_s"] = 10
    plan = sized(Workload.model_validate(chat))
    assert plan.capacity is not None and plan.pool is not None
    assert (plan.capacity.users_per_gpu_per_day, plan.pool.gpus_needed) == (86_400, 2)


def test_the_video_is_calibrated_on_hardware_of_the_ranking() -> None:
    plan = sized(golden("text-to-video"))
    assert plan.capacity is not None and plan.pool is not None and plan.choice is not None
    assert (plan.capacity.method, plan.capacity.load) == ("calibrated", "mean")
    assert plan.choice.chosen_by == "ranking" and plan.choice.pool_usd_per_month is not None
    assert plan.item is not None and plan.item.model == "mochi-1-preview"
    assert plan.pool.gpus_needed == ceil(RATE * Fraction(plan.capacity.request_s))
    reasons = {rejected.option: rejected.reason for rejected in plan.rejected}
    assert reasons["aurora"] is Reason.store_limit


def test_the_published_image_count_stands_next_to_the_calibrated_one() -> None:
    plan = sized(golden("text-to-image"))
    assert plan.pool is not None
    by_method = {method.method: method for method in plan.methods}
    assert by_method["textbook"].gpus_needed == plan.pool.gpus_needed == 61
    assert by_method["calibrated"].ratio == by_method["calibrated"].gpus_needed / 61 > 1000
