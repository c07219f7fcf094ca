"""The fit of images and clips: it finds made-up coefficients, and each group counts once."""

import csv
from dataclasses import replace
from pathlib import Path

import fit_media
import pytest
from fit_media import Left, band_of, fit, leave_out, rows_of

from sizewright.measured.media import MediaCase
from sizing.catalog import load_catalog
from tests.sizewright.measured.test_media import COLUMNS, GOOD, case

CATALOG = load_catalog()
LIKE = CATALOG.media_coefficients


def made_up(linear: float) -> list[MediaCase]:
    """Rows that are measured exactly as these coefficients predict."""
    true = LIKE.model_copy(
        update={"coefficients": LIKE.coefficients.model_copy(update={"linear": linear})}
    )
    rows = []
    for model in ("FLUX.1-dev", "SD3-medium", "HunyuanVideo"):
        for gpu in ("H100-SXM-80GB", "A100-SXM4-80GB"):
            for engine in ("diffusers", "torch.compile"):
                found = case(CATALOG, model=model, gpu=gpu, engine=engine)
                seconds = replace(found, model=replace(found.model, coefficients=true)).time()
                run = replace(found.run, seconds_per_item=seconds.seconds_per_item)
                rows.append(replace(found, run=run))
    return rows


def test_the_fit_moves_to_the_rows() -> None:
    for linear in (1.2, 2.4):
        rows = rows_of(made_up(linear))
        made = fit_media.coefficients_of(fit(rows, LIKE), LIKE)
        for row in rows:
            assert row.predicted(made) == pytest.approx(row.measured, rel=0.05)


def test_a_denoiser_is_predicted_without_its_rows() -> None:
    rows = rows_of(made_up(1.6))
    left = leave_out(rows, LIKE, lambda row: row.denoiser)
    assert len(left) == len(rows)
    assert max(each.error for each in left) < 12
    off = [
        replace(row, case=replace(row.case, run=replace(row.case.run, seconds_per_item=1e4)))
        if row.denoiser == "hunyuanvideo"
        else row
        for row in rows
    ]
    others = leave_out(off, LIKE, lambda row: row.denoiser)
    assert [x.predicted for x in others if x.row.denoiser == "hunyuanvideo"] == [
        x.predicted for x in left if x.row.denoiser == "hunyuanvideo"
    ], "its own rows do not teach it"


def test_each_group_counts_once_in_the_band() -> None:
    made = made_up(1.6)
    rows = rows_of([made[0]] * 20 + made[1:2])
    left = [
        Left(row, row.measured / ratio) for row, ratio in zip(rows, [2.0] * 20 + [0.5], strict=True)
    ]
    found = band_of(left)
    assert (found.low, found.high) == (0.5, 2.0), "20 rows of a group weigh as much as 1"


def test_excluded_rows_have_a_reason(tmp_path: Path) -> None:
    with fit_media.EXCLUDED.open(encoding="utf-8", newline="") as lines:
        excluded = list(csv.DictReader(lines))
    assert excluded and all(row["reason"] for row in excluded)
    table = tmp_path / "throughput.csv"
    with table.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        writer.writerows([GOOD, GOOD | {"id": excluded[0]["id"]}, GOOD | {"gpu": "X"}])
    cases, reasons = fit_media.measured_cases(table)
    assert len(cases) == 1
    assert reasons == {excluded[0]["reason"]: 1, "no catalog row of GPU X": 1}


def test_the_catalog_holds_a_fit_of_many_groups() -> None:
    assert LIKE.rows > 100 and LIKE.groups > 40 and "hopper" in LIKE.measured
    assert LIKE.datasheet_band.low <= LIKE.band.low < 1 < LIKE.band.high
    assert LIKE.band.high <= LIKE.datasheet_band.high
