"""Bands at any share of measurements, and which band a case has."""

from statistics import NormalDist

import pytest

from sizing.catalog import Catalog
from sizing.catalog.architecture import Kernel
from sizing.catalog.bands import Band, deviations
from sizing.catalog.coefficients import Evidence
from sizing.workload import Precision

SHARES = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)


def test_a_band_is_exact_at_its_edges_and_at_the_median() -> None:
    band = Band(low=0.8, high=1.5)
    assert [band.at(share) for share in (0.1, 0.5, 0.9)] == pytest.approx([0.8, 1, 1.5], abs=1e-12)
    assert band.at(0.9) == 1.5


def test_each_side_is_log_normal() -> None:
    """P97.72 is two standard deviations above the median, P90 1.2816, P84.13 one."""
    band = Band(low=0.5, high=1.2816)
    one = 1.2816 ** (1 / 1.2816)
    assert band.at(0.84134) == pytest.approx(one, rel=1e-4)
    assert band.at(0.97725) == pytest.approx(one**2, rel=1e-4)
    assert band.at(0.15866) == pytest.approx(0.5 ** (1 / 1.2816), rel=1e-4)


def test_more_certainty_never_costs_less() -> None:
    values = [Band(low=0.7, high=1.3).at(share) for share in SHARES]
    assert values == sorted(values)
    assert [Band(low=1, high=1).at(share) for share in SHARES] == [1] * len(SHARES)


def test_formats_and_kernels_that_nobody_measured_are_named(catalog: Catalog) -> None:
    """vLLM was measured with dense models and MiniMax-M2.5, in 16, 8 and 4 bits."""
    found = catalog.coefficients
    usual = (Precision.fp8, Precision.bf16)
    assert found.unmeasured("vllm", usual, {Kernel.grouped, Kernel.experts}) == ()
    new = {Kernel.linear, Kernel.window, Kernel.grouped}
    assert found.unmeasured("vllm", (Precision.nf4,), new) == (
        "nf4",
        "linear attention",
        "window attention",
    )
    assert found.unmeasured("sglang", usual, {Kernel.latent}) == ()


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_each_level_of_evidence_has_its_band(catalog: Catalog, engine: str) -> None:
    found = catalog.coefficients
    assert found.bands_of(engine, Evidence.own_runs) == found.bands[engine]
    assert found.bands_of(engine, Evidence.measured) == found.bands[engine]
    assert found.bands_of(engine, Evidence.generation) == found.datasheet_bands[engine]
    assert found.bands_of(engine, Evidence.unmeasured) == found.unmeasured_bands[engine]
    measured = [each for each in Evidence if each.is_measured]
    assert measured == [Evidence.own_runs, Evidence.measured]


@pytest.mark.parametrize("share", SHARES)
def test_deviations_are_those_of_the_standard_library(share: float) -> None:
    assert deviations(share) == pytest.approx(NormalDist().inv_cdf(share), abs=1e-12)
