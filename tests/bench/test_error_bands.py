"""Bands that count each group once, on made-up errors."""

from collections.abc import Sequence

import error_bands as module
import pytest
from error_bands import (
    Error,
    Errors,
    band_levels,
    bands,
    engines_with_own,
    is_enough,
    quantile,
    wider,
    widest,
)

from sizing.catalog.bands import Band, Bands

EVEN = [round(0.5 + 0.01 * n, 2) for n in range(1, 101)]
"""0.51 to 1.50: P10 is 0.60, P90 is 1.40."""


def of(group: str, ratios: Sequence[float], engine: str = "vllm", model: str = "m") -> list[Error]:
    return [Error(ratio, (group,), model, engine) for ratio in ratios]


def test_a_quantile_of_one_group_is_that_of_its_rows() -> None:
    assert [quantile(of("a", EVEN), share) for share in (0.1, 0.5, 0.9)] == [0.6, 1.0, 1.4]


def test_a_group_of_two_rows_counts_as_much_as_one_of_a_hundred() -> None:
    both = of("a", EVEN) + of("b", [3.0, 3.0])
    assert quantile(both, 0.5) == 1.5
    assert quantile(both, 0.51) == 3.0
    by_row = sorted(each.ratio for each in both)
    assert by_row[len(by_row) * 9 // 10] < 3.0, "by rows, the small group would not matter"
    assert module.band(both).high == 3.0


def test_a_band_contains_1() -> None:
    assert module.band(of("a", [1.2, 1.3, 1.4])) == Band(low=1.0, high=1.4)
    assert module.band(of("a", [0.7, 0.8, 0.9])) == Band(low=0.7, high=1.0)


def test_the_widest_band_leaves_one_model_out() -> None:
    """With 19 calm groups and one of 1.5, P90 is calm; without ten of the calm ones it is not."""
    calm = [e for n in range(19) for e in of(f"calm {n}", [1.0], model="a" if n < 12 else "b")]
    found = [*calm, *of("slow", [1.5], model="c")]
    assert module.band(found).high == 1.0
    assert widest(found).high == 1.5
    assert widest(of("a", EVEN)) == module.band(of("a", EVEN)), "one model is all there is"


@pytest.mark.parametrize(
    ("groups", "models", "enough"), [(5, 3, True), (4, 3, False), (5, 2, False), (9, 2, False)]
)
def test_five_groups_of_three_models_are_enough(groups: int, models: int, enough: bool) -> None:
    found = [e for n in range(groups) for e in of(str(n), [1.0], model=str(n % models))]
    assert is_enough(found) is enough


def everything(found: Sequence[Error]) -> Errors:
    return Errors(tpot=found, ttft=found, full_load=found)


def test_an_engine_with_few_models_has_the_band_of_all() -> None:
    known = [e for n in range(6) for e in of(f"v{n}", [0.9, 1.1], model=str(n % 3))]
    few = [e for n in range(6) for e in of(f"s{n}", [2.0], "sglang", model=str(n % 2))]
    found = everything([*known, *few])
    assert engines_with_own(found) == ("vllm",)
    made = bands(found, ("vllm",))
    assert made["vllm"].tpot == Band(low=0.9, high=1.1)
    assert made["sglang"].tpot == Band(low=0.9, high=2.0), "the rows of both engines"


def test_a_model_out_of_its_band_leaves_its_errors_out() -> None:
    found = everything([*of("a", [1.0], model="x"), *of("b", [4.0], model="y")])
    assert found.without("y").bands.tpot == Band(low=1.0, high=1.0)
    assert [e.model for e in found.without("x").full_load] == ["y"]


def test_less_knowledge_never_narrows_a_band() -> None:
    narrow, tall = Band(low=0.9, high=1.1), Band(low=0.95, high=3.0)
    one = {"vllm": Bands(tpot=narrow, ttft=tall, full_load=narrow)}
    other = {"vllm": Bands(tpot=tall, ttft=narrow, full_load=narrow)}
    both = Band(low=0.9, high=3.0)
    assert wider(one, other)["vllm"] == Bands(tpot=both, ttft=both, full_load=narrow)


def test_each_level_adds_errors_to_the_one_before() -> None:
    """vLLM's own 1.1, its 1.3 on other hardware, and the 2.0 of all engines."""
    own = [*of("v", [0.9, 1.1]), *of("w", [0.9, 1.1])]
    others = [*of("s", [2.0], "sglang"), *of("t", [2.0], "sglang")]
    seen = everything([*own, *others])
    unseen = everything([*of("v", [0.8, 1.3]), *of("w", [0.8, 1.3]), *others])
    found = band_levels(seen, unseen, ("vllm",))
    assert found["bands"]["vllm"].tpot == Band(low=0.9, high=1.1)
    assert found["datasheet_bands"]["vllm"].tpot == Band(low=0.8, high=1.3)
    assert found["unmeasured_bands"]["vllm"].tpot == Band(low=0.8, high=2.0)
