"""Hardware is decided once: the best option of a ranking is the result, and is not sized again."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizing.hardware.ranking as ranking_module
import sizing.hardware.search as search_module
from sizing.catalog import Catalog
from sizing.fleet.served import HardwareResult, Served, Unserved
from sizing.hardware.decision import decision
from sizing.hardware.search import find_hardware
from sizing.plan.service.disks import WeightsOn
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Case, Choice, case_of
from sizing.replica.rated import Rated, Unrated
from sizing.replica.rated import rated as rated_once
from sizing.replica.traffic import Rates, request_rates
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.examples import examples
from tests.sizing.drawn import Values, more
from tests.sizing.hardware.test_ranking import AUTO, drawn

OPEN: Values = {**AUTO, "hardware": {"instance_type": "auto", "families": ["g6", "g6e"]}}
ATTEMPT = tuple[str, str, int, str]


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> Counter[ATTEMPT]:
    """Count of the sizings of each service, type, tensor-parallel size and precision."""
    counts = Counter[ATTEMPT]()

    def counted(case: Case, choice: Choice | None, *rest: Any) -> Rated | Unrated:
        assert choice is not None and case.facts.instance is not None
        name, split = case.facts.instance.name, choice.fit.tensor_parallel
        counts[case.workload.name, name, split, case.facts.precision.value] += 1
        return rated_once(case, choice, *rest)

    monkeypatch.setattr(ranking_module, "rated", counted)
    monkeypatch.setattr(search_module, "rated", counted)
    return counts


@pytest.mark.parametrize("hardware", [OPEN["hardware"], {"instance_type": "g6e.12xlarge"}])
def test_each_option_is_sized_once(
    hardware: Values, attempts: Counter[ATTEMPT], site: Site, catalog: Catalog
) -> None:
    (plan,) = size(
        [Workload.model_validate({**AUTO, "hardware": hardware})], site, catalog
    ).services
    assert plan.choice is not None and plan.choice.chosen_by == "ranking"
    chosen = plan.choice.instance_type, plan.choice.tensor_parallel, plan.choice.precision
    assert attempts["chat", *chosen] == 1
    assert len(attempts) > 2 and set(attempts.values()) == {1}


def test_services_that_share_disks_are_sized_once_as_well(
    attempts: Counter[ATTEMPT], site: Site, catalog: Catalog
) -> None:
    """Guard: the second look at the disks of a shared pool must not search for hardware again."""
    names = [f"chat{number}" for number in range(8)]
    plan = size([Workload.model_validate({**OPEN, "name": name}) for name in names], site, catalog)
    assert {pool.volumes.weights_on for pool in plan.pools} == {WeightsOn.gp3}
    (alone,) = size([Workload.model_validate(OPEN)], site, catalog).pools
    assert alone.volumes.weights_on is WeightsOn.nvme, "else the pools had no room to exceed"
    assert set(attempts.values()) == {1}


def decided(
    values: Values, site: Site, catalog: Catalog, neighbours: list[PoolPlan]
) -> tuple[HardwareResult, Case, Rates]:
    workload = Workload.model_validate(values)
    rates = request_rates(workload.traffic)
    answer = decision(case_of(workload, site, catalog), rates, None, neighbours)
    return answer.result, answer.case, rates


@settings(max_examples=examples(12))
@given(values=drawn(), neighbours=st.booleans(), zones=st.sampled_from(["124", "1234"]))
def test_the_best_option_is_the_result_of_its_hardware_stated(
    values: Values, neighbours: bool, zones: str, site: Site, catalog: Catalog
) -> None:
    """Guard: this is why the best option is not sized again. Its zones depend on neighbours, and
    use1-az3 sells few types.
    """
    site = site.model_copy(update={"zones": tuple(f"use1-az{digit}" for digit in zones)})
    first, _, _ = decided(values, site, catalog, [])
    pools = [first.pool] if neighbours and isinstance(first, Served) else []
    ranked, case, rates = decided(values, site, catalog, pools)
    if isinstance(ranked, Unserved):
        return
    assert case.workload.hardware is not None and not case.workload.hardware.is_auto
    stated = find_hardware(case, rates, None, pools)
    assert isinstance(stated, Served)
    assert (stated.choice, stated.instance, stated.load) == (
        ranked.choice,
        ranked.instance,
        ranked.load,
    )
    assert stated.pool == ranked.pool
    assert stated.rated.rate == ranked.rated.rate
    assert ranked.rejected[: len(stated.rejected)] == stated.rejected


def test_the_first_node_of_a_ranked_service_is_in_the_emptiest_zone(
    site: Site, catalog: Catalog
) -> None:
    few = more(OPEN, "traffic", daily_users=1)
    plan = size([Workload.model_validate({**few, "name": n}) for n in "abc"], site, catalog)
    zones = [zone for s in plan.services if s.pool for zone, n in s.pool.nodes_by_zone.items() if n]
    assert sorted(zones) == sorted(site.zones)


def test_hardware_that_serves_nothing_keeps_what_is_known(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    chat = workload(redundancy={"zones": 3})
    case, rates = case_of(chat, site, catalog), request_rates(chat.traffic)
    result = decision(case, rates, None, ()).result
    assert isinstance(result, Unserved)
    assert result.choice is not None and result.rated is not None
    assert result.rated.rate.requests_per_s == 1
