"""The calibration file that follows from a measured service."""

from dataclasses import replace
from math import log

from sizewright.measured.calibration import Ratios, correction_of
from sizewright.measured.observed.expected import Expectation
from sizing.catalog.bands import Bands
from sizing.catalog.correction import Corrections


def observed_corrections(
    expected: Expectation | None, before: Corrections | None
) -> Corrections | str:
    """Corrections as `calibrate` writes them, or the reason why there are none.

    The TTFT of a service with random arrivals is not that of a closed loop, so its correction stays
    as `before` has it. Other corrections of that file stay too.
    """
    if expected is None or expected.sized.shape is None:
        return "the plan predicts no times of this service"
    steps = replace(expected.replica.steps, correction=None)
    if steps.speculation.is_used:
        return "the service drafts tokens, and corrections are not applied to it"
    runs = expected.runs()
    if not runs:
        return "the time per output token was not measured"
    ratios = Ratios([log(run.ratio) for run in runs], [])
    shape, name = expected.sized.shape, expected.sized.model
    made = correction_of(name, shape, steps, ratios, runs=len(runs))
    old = expected.replica.steps.correction
    if old is not None:
        bands = Bands(tpot=made.bands.tpot, ttft=old.bands.ttft, full_load=made.bands.full_load)
        made = made.model_copy(update={"ttft_ratio": old.ttft_ratio, "bands": bands})
    kept = () if before is None else tuple(c for c in before.corrections if c != old)
    return Corrections(fitted=steps.coefficients.fitted, corrections=(made, *kept))
