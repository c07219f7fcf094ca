"""The cost of a rate in GPUs: uneven replicas cost more, and part of a card is not a whole one."""

from fractions import Fraction
from math import ceil, sqrt

import pytest

from sizing.catalog import Catalog
from sizing.replica.calibrated import CalibratedReplica, Estimate, step_model_of, sticky_imbalance
from sizing.replica.case import case_of
from sizing.replica.rate import ReplicaTimes, Targets
from sizing.site import Site
from sizing.workload import Workload
from tests.sizing.drawn import Values, more
from tests.sizing.made_up import LENGTHS, replica
from tests.sizing.replica.test_calibrated import BASE, service


def test_a_gpu_second_of_the_mean_replica_pays_for_the_fullest() -> None:
    """Four cards at 1.6 requests a second, the fullest replica a quarter above the mean: 4 x 1.25 /
    1.6 s. Ten steps of 0.2 s and 0.5 s of prompt complete 0.4 a second: 10 s, however uneven."""
    times = ReplicaTimes((0.2,), 0.5, ((1.0, 0.1),), 0.0, 1.0, 11.0, 1.0)
    rates = {"throughput": 2.0, "ttft": 1.6}
    targets = Targets(0.95, 1.0, None, 0.9)
    found = CalibratedReplica(
        replica({}), LENGTHS, 1, targets, 0.9, 4, rates, Estimate(times, 1.6), 0.25
    ).gpu_rate()
    assert found is not None
    assert found.request_s == pytest.approx(4 * 1.25 / 1.6)
    assert found.by_constraint["throughput"] == pytest.approx(4 * 1.25 / 2)
    assert found.used_s == pytest.approx(4 / 0.4)


@pytest.mark.parametrize(("load", "replicas"), [(10, 1), (11, 2), (92, 10), (95, 11)])
def test_the_imbalance_is_that_of_the_replicas_which_carry_it(load: float, replicas: int) -> None:
    """10 requests a second each, 5,000 users online: 1.645 x sqrt((replicas - 1) / 5,000).

    On ten replicas 0.0698: 92 requests a second count as 98.4 and ten carry them, 95 as 101.6 and
    an eleventh is needed.
    """
    traffic = {"daily_users": 50_000, "requests_per_user_per_day": 10}
    traffic |= {"peak_users_share": "0.1", "think_time_s": 60}
    workload = Workload.model_validate({**BASE, "traffic": traffic})
    uneven = sticky_imbalance(workload, load, 10.0)
    assert uneven == pytest.approx(1.645 * sqrt((replicas - 1) / 5_000))


def test_conversations_that_stay_buy_the_fullest_replica(site: Site, catalog: Catalog) -> None:
    """400 requests a second, of 24,000 users who pause a minute: the same replicas, unevenly full.

    replicas = the least n with n >= 400 / rate x (1 + 1.645 x sqrt((n - 1) / 24,000))
    """
    requested = more(BASE, "traffic", daily_users=3_456_000)
    even = service(requested, site, catalog)
    stays = service(requested | {"engine": {"routing": "sticky"}}, site, catalog)
    assert even.calibrated is not None and even.pool is not None
    assert stays.calibrated is not None and stays.pool is not None
    rate = even.calibrated.safe.requests_per_replica_per_s
    assert stays.calibrated.safe.requests_per_replica_per_s == rate
    needed = 400 / float(rate)
    n = next(n for n in range(1, 1000) if n >= needed * (1 + 1.645 * sqrt((n - 1) / 24_000)))
    assert even.pool.gpus_needed == ceil(needed) < n
    assert stays.pool.gpus_needed == stays.calibrated.safe.gpus_needed == n


@pytest.mark.parametrize(
    ("instance_type", "cards", "share"),
    [
        ("g6f.2xlarge", Fraction(1, 4), 0.25),
        ("g6f.4xlarge", Fraction(1, 2), 0.5),
        ("g6.xlarge", 1, 1),
        ("g6.12xlarge", 4, 1),
    ],
)
def test_a_fraction_of_a_card_has_a_fraction_of_its_rates(
    instance_type: str, cards: Fraction, share: float, site: Site, catalog: Catalog
) -> None:
    """An L4 reads 300 GB/s and computes 121 TFLOP/s in 16 bits; of four, a replica uses one."""
    assert Fraction(catalog.instance_type(instance_type).gpu_count) == cards
    values: Values = {
        **BASE,
        "model": "llama-3.2-1b",
        "hardware": {"instance_type": instance_type},
    }
    case = case_of(Workload.model_validate(values), site, catalog)
    steps = step_model_of(case, case.need, 1)
    assert steps is not None
    assert steps.card.bytes_per_ms == pytest.approx(300e6 * share)
    assert steps.card.flop_per_ms[case.facts.precision] == pytest.approx(121e9 * share)
    matrices = 1_235_814_400
    assert steps.work.weights_ms == pytest.approx(matrices * 2 / (300e6 * share), rel=1e-6)
