"""Factor and band of a correction, from logarithms that form a right triangle of 3, 4 and 5."""

from math import exp, log, sqrt

import pytest

from sizewright.measured.calibration import corrected
from sizing.catalog.bands import Band

P90 = 1.2816
"""P90 of a normal distribution, in standard deviations."""
BEFORE = Band(low=exp(-P90 * 0.8), high=exp(P90 * 0.8))
"""Band of a spread of 0.8."""
APART = 0.3 * sqrt(1.5)
"""Three logs of -APART, 0 and APART have a standard deviation of 0.3."""


def test_a_band_is_from_p10_to_p90() -> None:
    """sqrt(0.3^2 + 0.8^2 / (3 + 1)) = 0.5: eight of ten are between exp(-+1.2816 x 0.5)."""
    ratio, band = corrected([-APART, 0, APART], BEFORE)
    assert ratio == 1
    assert band.high == pytest.approx(1.8980, abs=1e-4)
    assert band.low == pytest.approx(1 / 1.8980, abs=1e-4)


def test_the_factor_leans_on_the_fit_as_on_one_run_more() -> None:
    """Three runs around twice the predicted time: 2^(3/4)."""
    ratio, band = corrected([log(2) - APART, log(2), log(2) + APART], BEFORE)
    assert ratio == pytest.approx(2 ** (3 / 4), abs=1e-4)
    assert band == corrected([-APART, 0, APART], BEFORE)[1]


def test_runs_all_alike_are_as_sure_as_repeats() -> None:
    """Scatter counts as 0.05 at least: 15 runs, sqrt(0.05^2 + (0.8 / 4)^2) = 0.20616."""
    _, band = corrected([0.0] * 15, BEFORE)
    assert band.high == pytest.approx(exp(P90 * 0.20616), abs=1e-4)


def test_without_runs_nothing_is_corrected() -> None:
    assert corrected([], BEFORE) == (1.0, BEFORE)


@pytest.mark.parametrize(("runs", "kept"), [([9.0] * 99, 20.0), ([-9.0] * 99, 0.05)])
def test_a_factor_stays_between_a_twentieth_and_twenty(runs: list[float], kept: float) -> None:
    assert corrected(runs, BEFORE)[0] == kept
