"""GPUs to replicas, to nodes, to zones."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from sizing.fleet.packing import Packing, binding_constraint, gpus_by_constraint, packing
from sizing.plan.part import Reason
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.replica.gpu_rate import GpuRate
from tests.sizing.refusals import refusals


@pytest.mark.parametrize(
    ("gpus", "per_node", "split", "packed"),
    [
        (112, 8, 1, Packing(replicas=112, replicas_per_node=8, nodes=14)),
        (61, 8, 1, Packing(replicas=61, replicas_per_node=8, nodes=8)),
        (12, 1, 1, Packing(replicas=12, replicas_per_node=1, nodes=12)),
        # 61 GPUs are 15.25 replicas of four, two on a node
        (61, 8, 4, Packing(replicas=16, replicas_per_node=2, nodes=8)),
        # groups of four stay inside a node of six: two cards idle on each
        (9, 6, 4, Packing(replicas=3, replicas_per_node=1, nodes=3)),
        (1, 8, 8, Packing(replicas=1, replicas_per_node=1, nodes=1)),
    ],
)
def test_whole_replicas_on_whole_nodes(
    gpus: int, per_node: int, split: int, packed: Packing
) -> None:
    assert packing(gpus, per_node, split) == packed


def test_the_constraint_that_asks_for_most_binds() -> None:
    assert gpus_by_constraint(Fraction(10), GpuRate(Fraction(1, 2)), 2) == {
        "throughput": 5,
        "memory": 2,
    }
    plain = GpuRate(Fraction(1, 2))
    assert binding_constraint({"throughput": 5, "memory": 2}, plain) == "throughput"
    assert binding_constraint({"throughput": 1, "memory": 8}, plain) == "memory"
    equal = {"throughput": 2, "memory": 2}
    assert binding_constraint(equal, plain) == "throughput", "of equals the first"


def test_of_constraints_that_need_as_many_gpus_the_slowest_binds() -> None:
    """Both need one GPU, and the rate of the answer is that of the TPOT target."""
    seconds = {"throughput": Fraction(15, 100), "ttft": Fraction(10, 100), "tpot": Fraction(2, 10)}
    rate = GpuRate(Fraction(2, 10), seconds)
    counts = gpus_by_constraint(Fraction(1), rate, 1)
    assert counts == {"throughput": 1, "ttft": 1, "tpot": 1, "memory": 1}
    assert binding_constraint(counts, rate) == "tpot"


@pytest.fixture
def pool(sized: Callable[..., ServicePlan]) -> Callable[..., PoolPlan]:
    def build(**changes: object) -> PoolPlan:
        found = sized(**changes).pool
        assert found is not None
        return found

    return build


def test_redundancy_acts_on_nodes_after_packing(pool: Callable[..., PoolPlan]) -> None:
    # 12 GPUs are two nodes of eight; one more node is eight more GPUs, not one
    packed = pool(hardware={"instance_type": "p4d.24xlarge"}, redundancy={"nodes": 1})
    assert (packed.gpus_needed, packed.nodes_needed, packed.nodes_spare) == (12, 2, 1)
    assert (packed.nodes_total, packed.gpus_total, packed.replicas_total) == (3, 24, 24)
    assert tuple(packed.nodes_by_zone.values()) == (1, 1, 1)
    assert (packed.survives.nodes, packed.survives.zones) == (1, 1)


def test_a_model_over_several_cards(pool: Callable[..., PoolPlan]) -> None:
    # 131.4 GiB of weights take all eight A100-40; 12 GPUs of load are two such replicas
    packed = pool(model="llama-3.1-70b", hardware={"instance_type": "p4d.24xlarge"})
    assert (packed.tensor_parallel, packed.replicas_per_node) == (8, 1)
    assert (packed.gpus_needed, packed.replicas_needed, packed.nodes_total) == (12, 2, 2)
    assert packed.binding == "throughput"


def test_one_request_a_day_still_takes_a_whole_replica(pool: Callable[..., PoolPlan]) -> None:
    packed = pool(
        model="llama-3.1-70b",
        hardware={"instance_type": "p4d.24xlarge"},
        traffic={"daily_users": 1, "requests_per_user_per_day": 1},
    )
    assert packed.gpus_by_constraint == {"throughput": 1, "memory": 8}
    assert (packed.binding, packed.gpus_needed, packed.nodes_total) == ("memory", 8, 1)


def test_utilisation_counts_the_spare_nodes(pool: Callable[..., PoolPlan]) -> None:
    traffic = {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3}
    packed = pool(traffic=traffic, redundancy={"spare_ratio": 0.2})
    # 11.574 of 15 GPUs are utilised; at the peak three times that, more than there are
    assert packed.utilisation_at_mean == pytest.approx(0.771605, abs=1e-6)
    assert packed.utilisation_at_peak == pytest.approx(2.314815, abs=1e-6)
    # 34.7 -> 35 GPUs, x 1.2 = 42
    assert packed.nodes_at_peak == 42


def test_sizing_for_the_peak(pool: Callable[..., PoolPlan]) -> None:
    packed = pool(
        traffic={"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3},
        capacity={"method": "given", "requests_per_gpu_per_s": 1},
        redundancy={"spare_ratio": 0.2},
    )
    assert (packed.gpus_needed, packed.nodes_total, packed.nodes_at_peak) == (35, 42, 42)


def test_idle_cards_serve_nothing(pool: Callable[..., PoolPlan]) -> None:
    # two replicas of two cards on a node of four; all four cards count
    packed = pool(hardware={"instance_type": "g6.12xlarge", "tensor_parallel": 2})
    assert (packed.tensor_parallel, packed.replicas_per_node) == (2, 2)
    assert (packed.nodes_total, packed.replicas_needed, packed.replicas_total) == (3, 6, 6)
    assert packed.utilisation_at_mean == pytest.approx(11.574074 / 12, abs=1e-6)


def test_the_plan_names_the_rules_that_lost(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(redundancy={"zones": 1, "nodes": 3})
    assert plan.pool is not None
    assert (plan.pool.redundancy_binding, plan.pool.nodes_total) == ("zones", 18)
    assert [(r.option, r.reason, r.numbers) for r in refusals(plan)] == [
        ("redundancy rule nodes", Reason.not_binding, "15 nodes; zones requires 18")
    ]
