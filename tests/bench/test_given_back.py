"""A group's own rows correct its predictions, on made-up errors."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from given_back import given_back
from leave_out import Left

from sizing.catalog.bands import Band


@dataclass
class Made:
    row: Any
    ratio: float


def group(name: str, *ratios: float) -> list[Left]:
    row = SimpleNamespace(group=(name,))
    return [cast(Left, Made(row, ratio)) for ratio in ratios]


def after(left: list[Left], runs: int, wide: float = 2.0) -> Any:
    return given_back(
        left,
        runs,
        lambda x: cast(Made, x).ratio,
        lambda x: Band(low=1 / wide, high=wide),
    )


@pytest.mark.parametrize(
    ("runs", "left"), [(1, 4 ** (1 / 2)), (2, 4 ** (1 / 3)), (3, 4 ** (1 / 4))]
)
def test_each_run_moves_the_prediction_nearer(runs: int, left: float) -> None:
    """A group that is four times slower: n runs leave 4^(1 / (n + 1)) of it."""
    found = after(group("a", *[4.0] * 8), runs)
    assert found.median_percent == pytest.approx((1 - 1 / left) * 100, abs=0.01)
    assert found.groups == 1


def test_each_group_counts_once_and_small_ones_are_left_out() -> None:
    left = group("a", *[1.0] * 50) + group("b", *[4.0] * 4) + group("c", 1.0, 1.0)
    found = after(left, 1)
    assert found.groups == 2
    assert found.mean_percent == pytest.approx((0 + 50) / 2, abs=0.01)


def test_the_band_after_a_run_is_tested_on_the_other_rows() -> None:
    """Rows that equal each other stay inside; a row ten times slower does not."""
    assert after(group("a", *[1.1] * 5), 1).held_percent == 100
    assert after(group("a", 1.0, 1.0, 1.0, 10.0), 1, wide=1.2).held_percent < 80
