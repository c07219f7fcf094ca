"""A user's own runs may show that a replica is fast, but not that it beats its datasheet."""

from dataclasses import replace

import pytest

from sizing.catalog import load_catalog
from sizing.catalog.bands import EDGE, Band, Bands
from sizing.catalog.correction import Correction
from sizing.model.rows import architecture_of
from sizing.replica.lengths import Lengths
from sizing.replica.rate import replica_times
from sizing.steps.model import step_model
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision
from tests.sizing.made_up import QUEUED

CATALOG = load_catalog()
LENGTHS = Lengths(1000, 0, 500, 0, 0, ((1000, 1),))
SURE = Band(low=1, high=1)


@pytest.mark.parametrize("batch", [1, 64])
def test_no_step_that_is_sized_is_faster_than_the_datasheet(batch: int) -> None:
    shape = architecture_of(CATALOG.model("llama-3.1-8b"))
    assert shape is not None
    plain = step_model(
        shape,
        CATALOG.gpu("h100"),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(),
        formats=Formats(Precision.bf16, Precision.bf16),
    )
    assert plain is not None
    fast = Correction(
        model="meta-llama/Llama-3.1-8B-Instruct",
        parameters=shape.parameters,
        layers=shape.layers,
        gpu=plain.card.name,
        engine="vllm",
        weights=Precision.bf16,
        experts=Precision.bf16,
        runs=1,
        tpot_ratio=0.05,
        ttft_ratio=1,
        bands=Bands(tpot=SURE, ttft=SURE, full_load=SURE),
    )
    times = replica_times(replace(plain, correction=fast), LENGTHS, 64, EDGE, QUEUED)
    # weights without the input embedding, 16 bits, and the cache: 1,250 tokens of 131,072 bytes
    read = 2 * (8_030_261_248 - 128_256 * 4096) + batch * 1250 * 131_072
    assert times.decode_s[batch - 1] == pytest.approx(read / 3.35e12, rel=0.01)
    assert times.decode_s[batch - 1] >= read / 3.35e12 * (1 - 1e-9)
    usual = replica_times(plain, LENGTHS, 64, EDGE, QUEUED)
    assert usual.decode_s[batch - 1] > times.decode_s[batch - 1]
