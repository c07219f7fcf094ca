"""With engine.name: auto the cheapest engine is taken, among those that can be built."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from sizing.catalog import Catalog
from sizing.catalog.bands import Band, Bands
from sizing.compare.comparison import compare
from sizing.locks.workload_lock import Lock
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import EngineName, Kind, Workload, engines_of
from tests.sizing.drawn import Values
from tests.sizing.hardware.test_ranking import ALLOWED
from tests.sizing.replica.test_calibrated import BASE

L40S: Values = {**BASE, "hardware": "g6e.xlarge", "latency": {"ttft_ms": 2_000, "tpot_ms": 60}}
Sized = Callable[..., ServicePlan]


def with_engine(values: Values, name: str) -> Values:
    return {**values, "engine": {"name": name}}


@pytest.fixture(scope="module")
def answer(site: Site, catalog: Catalog) -> Sized:
    def build(values: Values, lock: Lock | None = None, known: Catalog = catalog) -> ServicePlan:
        locks = {"chat": lock} if lock else None
        return size([Workload.model_validate(values)], site, known, locks).services[0]

    return build


BEST = Band(low=1.0, high=1.0)


def favouring(catalog: Catalog, engine: str, factor: float) -> Catalog:
    """Catalog in which the bands of the other engines are `factor` times as slow."""
    fitted = catalog.coefficients
    slow = Band(low=1.0, high=factor)
    bands = {
        name: Bands(**dict.fromkeys(Bands.model_fields, BEST if name == engine else slow))
        for name in fitted.bands
    }
    made = fitted.model_copy(update={"bands": bands, "datasheet_bands": bands})
    return catalog.model_copy(update={"coefficients": made})


def engine_of(service: ServicePlan) -> EngineName:
    assert service.serving is not None
    return service.serving.engine


@pytest.mark.parametrize("engine", engines_of(Kind.chat))
@pytest.mark.parametrize("values", [L40S, ALLOWED], ids=["stated type", "auto type"])
def test_auto_takes_the_cheapest_engine_and_sizes_it_as_if_it_were_stated(
    engine: EngineName, values: Values, answer: Sized, catalog: Catalog
) -> None:
    known = favouring(catalog, engine, 6.0)
    chosen = answer(with_engine(values, "auto"), known=known)
    assert engine_of(chosen) is engine
    stated = answer(with_engine(values, engine), known=known)
    assert chosen.pool == stated.pool
    assert chosen.serving == stated.serving
    assert chosen.capacity == stated.capacity
    assert chosen.inputs.engine.name is EngineName.auto, "the file stays as it was written"
    assert chosen.choice is not None and chosen.choice.chosen_by == "ranking"


def test_no_engine_is_cheaper_than_the_one_of_auto(answer: Sized) -> None:
    """On the fitted coefficients, and by sizing each engine alone."""
    costs = {}
    for name in engines_of(Kind.chat):
        choice = answer(with_engine(ALLOWED, name)).choice
        costs[name] = choice.pool_usd_per_month if choice is not None else None
    chosen = answer(with_engine(ALLOWED, "auto"))
    least = min(cost for cost in costs.values() if cost is not None)
    assert chosen.choice is not None and chosen.choice.pool_usd_per_month == least
    assert costs[engine_of(chosen)] == least


def test_of_equal_cost_vllm_is_taken(answer: Sized, catalog: Catalog) -> None:
    """Guard: a thousandth of a second must not decide for an engine with fewer measured runs."""
    fitted = catalog.coefficients
    same = dict.fromkeys(fitted.engines, fitted.engines["vllm"])
    faster = same["vllm"].model_copy(update={"step_ms": max(0.0, same["vllm"].step_ms - 0.001)})
    engines = {**same, "sglang": faster}
    bands = dict.fromkeys(fitted.bands, fitted.bands["vllm"])
    made = fitted.model_copy(update={"engines": engines, "bands": bands, "datasheet_bands": bands})
    known = catalog.model_copy(update={"coefficients": made})
    assert engine_of(answer(with_engine(L40S, "auto"), known=known)) is EngineName.vllm


def test_an_engine_that_cannot_be_built_is_not_chosen(answer: Sized, catalog: Catalog) -> None:
    known = favouring(catalog, "tensorrt-llm", 1.5)
    capacity = {**L40S.get("capacity", {}), "burst_gpus": 4}
    chosen = answer({**with_engine(L40S, "auto"), "capacity": capacity}, known=known)
    assert engine_of(chosen) is not EngineName.tensorrt_llm
    encrypted = answer({**with_engine(L40S, "auto"), "in_transit": "tls"}, known=known)
    assert engine_of(encrypted) is EngineName.vllm


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"capacity": {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"}},
            "a measured rate is of one engine, and auto chooses among all",
        ),
        (
            {"capacity": {"method": "textbook", "load": "mean"}},
            "the textbook rule rates all engines alike",
        ),
    ],
)
def test_auto_is_refused_where_nothing_compares_engines(changes: Values, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate({**with_engine(L40S, "auto"), **changes})
    (error,) = refused.value.errors()
    fault = error["ctx"]["error"]
    assert isinstance(fault, FieldError)
    assert (fault.field, fault.message) == (("engine", "name"), message)


def test_a_lock_keeps_the_chosen_engine(answer: Sized, catalog: Catalog) -> None:
    chosen = answer(with_engine(L40S, "auto"), known=favouring(catalog, "sglang", 1.5))
    assert chosen.pool is not None and chosen.choice is not None
    lock = Lock(
        model="llama-3.1-8b",
        precision=chosen.choice.precision,
        instance_type=chosen.choice.instance_type,
        tensor_parallel=chosen.choice.tensor_parallel,
        engine=EngineName.sglang,
        catalog_digest="0" * 12,
    )
    other = favouring(catalog, "tensorrt-llm", 1.5)
    assert engine_of(answer(with_engine(L40S, "auto"), known=other)) is EngineName.tensorrt_llm
    kept = answer(with_engine(L40S, "auto"), lock, other)
    assert engine_of(kept) is EngineName.sglang
    assert kept.choice is not None and kept.choice.chosen_by == "lock"


def test_nothing_serves_it_with_any_engine(answer: Sized) -> None:
    impossible = {**with_engine(L40S, "auto"), "latency": {"ttft_ms": 1, "tpot_ms": 1}}
    assert answer(impossible).pool is None
    assert answer(impossible).rejected


def test_compare_has_each_engine_on_the_cheapest_type_for_it(site: Site, catalog: Catalog) -> None:
    found = compare(Workload.model_validate(ALLOWED), site, catalog)
    assert [row.engine for row in found.engines] == [*engines_of(Kind.chat)]
    assert [row.is_requested for row in found.engines] == [True, False, False]
    assert {option.engine for option in found.ranked.options} == {EngineName.vllm}
    for row in found.engines:
        alone = compare(Workload.model_validate(with_engine(ALLOWED, row.engine)), site, catalog)
        assert row.best is not None and alone.ranked.best is not None
        assert row.best.name == alone.ranked.best.name
        assert row.best.usd_per_month == alone.ranked.best.usd_per_month


def test_compare_says_why_an_engine_has_no_option(site: Site, catalog: Catalog) -> None:
    values = {**ALLOWED, "in_transit": "tls"}
    found = compare(Workload.model_validate(values), site, catalog)
    reasons = {row.engine: row.refused for row in found.engines if row.best is None}
    assert set(reasons) == {EngineName.sglang, EngineName.tensorrt_llm}
    assert "certificate" in (reasons[EngineName.sglang] or "")
    fast = {**ALLOWED, "latency": {"ttft_ms": 1, "tpot_ms": 1}}
    nothing = compare(Workload.model_validate(fast), site, catalog)
    assert all(row.best is None and row.refused for row in nothing.engines)


def test_an_engine_that_nobody_measured_has_the_wider_band(site: Site, catalog: Catalog) -> None:
    """The same rule as for types: `datasheet` marks the option, and its times are of that band."""
    found = compare(Workload.model_validate(with_engine(ALLOWED, "auto")), site, catalog)
    bases = {(o.engine, o.instance.gpu, o.precision): o.basis for o in found.ranked.options}
    assert {*bases.values()} == {"measured", "datasheet"}
    for option in found.ranked.options:
        replica = option.rated.replica
        assert replica is not None
        bands = catalog.coefficients.bands
        wider = catalog.coefficients.datasheet_bands
        own = bands if option.basis == "measured" else wider
        assert replica.steps.bands == own[option.engine]
