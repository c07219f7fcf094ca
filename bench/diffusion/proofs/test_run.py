"""The command on small models: each family leaves whole rows, and a fault is a reason.

Small models show that each class is built and called. Their times mean nothing, and none is tested.
"""

import csv
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusion.parts import Part, models
from diffusion.rows import COLUMNS
from diffusion.timing import ONCE, Fp8Linear, Timed, to_eight_bits
from diffusion_steps import Bench, main

FAMILIES = [
    "flux.1-dev",
    "wan2.2-ti2v-5b",
    "sdxl-1.0-base",
    "stable-diffusion-1.5",
    "hunyuanvideo",
    "sd3.5-medium",
    "qwen-image",
    "cogvideox-5b",
    "flux.2-klein-4b",
    "sana-1.6b-1024",
    "mochi-1-preview",
    "cosmos-predict2-2b-text2image",
    "cosmos-predict2-14b-video2world",
]
"""A model of each class, and more where the inputs of a class differ."""
ON_A_CARD = {"driver", "power_limit_w", "peak_gb"}
"""Cells that only a card fills."""
EMPTY = ON_A_CARD | {"items_s", "reason"}

Run = Callable[..., list[dict[str, str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    table = tmp_path / "table.csv"

    def started(*words: str) -> list[dict[str, str]]:
        assert main(["--tiny", "--table", str(table), *words]) == 0
        with table.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    return started


def test_the_families_have_all_classes() -> None:
    known = models(tiny=True)
    assert {known[name].denoiser.class_name for name in FAMILIES} == {
        parts.denoiser.class_name for parts in known.values()
    }


@pytest.mark.parametrize("model", FAMILIES)
def test_rows_are_whole_and_measured_once(run: Run, model: str) -> None:
    words = ["--models", model, "--runtimes", "eager"]
    rows = run(*words)
    assert [(row["weight_prec"], row["model"]) for row in rows] == [
        *[("bf16", model)],
        *[("fp8", model)],
        *[("bf16", model)] * 2,
        *[("fp8", model)] * 2,
    ], "the first shape of each precision comes first"
    assert len({(row["resolution"], row["frames"]) for row in rows}) == 3
    for row in rows:
        assert tuple(row) == COLUMNS
        assert {name for name, cell in row.items() if not cell} == EMPTY, row["reason"]
        parts = float(row["passes"]) * float(row["encode_ms"]) + float(row["decode_ms"])
        whole = parts + float(row["steps"]) * float(row["step_ms"])
        assert float(row["sec_per_item"]) == pytest.approx(whole / 1000, abs=1e-3)
    assert run(*words) == rows, "a second run measures nothing again"


@pytest.mark.parametrize("model", ["flux.1-dev", "wan2.2-ti2v-5b", "mochi-1-preview"])
def test_compiled_rows_are_whole(run: Run, model: str) -> None:
    words = ["--models", model, "--runtimes", "compiled", "--shapes", "1", "--precisions", "bf16"]
    (row,) = run(*words)
    assert (row["engine"], row["reason"]) == ("diffusers torch.compile", "")


def test_nothing_starts_after_the_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    words = ["--tiny", "--table", str(table), "--models", "sd3-medium"]
    assert main([*words, "--minutes", "-1"]) == 0
    assert not table.exists()
    assert "minutes have passed; run again" in capsys.readouterr().out


def at_each_call(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Let each measurement act with its number, from 1, and return a time at once."""
    done: list[str] = []

    def timed(bench: Bench, call: Callable[[], torch.Tensor]) -> Timed:
        done.append(bench.device)
        act(len(done))
        return Timed(1.0, 1.0, 1.0, 1, None, True)

    monkeypatch.setattr(Bench, "_timed", timed)


def test_no_part_starts_after_the_minutes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part takes a minute. FLUX.1 has a step, two encoders and a decoder."""
    minutes = 0

    def pass_a_minute(number: int) -> None:
        nonlocal minutes
        minutes = number

    at_each_call(monkeypatch, pass_a_minute)
    monkeypatch.setattr(time, "monotonic", lambda: 60.0 * minutes)
    words = ["--models", "flux.1-dev", "--runtimes", "eager", "--shapes", "2"]
    (row,) = run(*words, "--minutes", "1.5")
    assert minutes == 2, "the step and the first encoder"
    assert float(row["step_ms"]) == 1 and row["encode_ms"] == row["decode_ms"] == ""
    assert row["reason"].count("not measured, because the minutes had passed") == 2
    rows = run(*words, "--minutes", "99")
    assert len(rows) == 4 and not any(row["reason"] for row in rows)
    assert rows[-1]["id"] == row["id"], "a row with a reason is measured again, after the others"


def test_a_run_that_is_ended_keeps_all_rows_before(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second and third shape share a model, a precision and a runtime."""

    def end_in_the_third_step(number: int) -> None:
        if number == 7:  # step, two encoders and decoder; step and decoder; step
            raise KeyboardInterrupt

    at_each_call(monkeypatch, end_in_the_third_step)
    words = ["--models", "flux.1-dev", "--runtimes", "eager", "--precisions", "bf16"]
    with pytest.raises(KeyboardInterrupt):
        run(*words)
    rows = run(*words, "--minutes", "-1")
    assert len({row["resolution"] for row in rows}) == len(rows) == 2
    assert not any(row["reason"] for row in rows)


def test_a_missing_class_is_a_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Part._made

    def without_flux(part: Part) -> torch.nn.Module:
        return made(Part(part.name, part.class_name.replace("Flux", "Absent"), part.config))

    monkeypatch.setattr(Part, "_made", without_flux)
    words = ["--models", "flux.1-dev", "--shapes", "1", "--runtimes", "eager"]
    row = run(*words, "--precisions", "bf16")[0]
    assert row["reason"].startswith("denoiser: no class AbsentTransformer2DModel in diffusers")
    assert row["sec_per_item"] == row["step_ms"] == ""
    assert float(row["decode_ms"]) > 0, "the other parts are measured"


def test_a_full_memory_is_a_reason() -> None:
    def full() -> Timed:
        raise torch.OutOfMemoryError("tried to allocate")

    bench = Bench("cpu", ONCE, torch.float32, end_s=float("inf"))
    assert bench.attempt("denoiser", full) == "denoiser: out of memory"


def test_another_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,model\n", encoding="utf-8")
    assert main(["--tiny", "--table", str(table)]) == 2
    assert "has other columns; expected id, workload," in capsys.readouterr().err
    assert table.read_text(encoding="utf-8") == "id,model\n"


def test_eight_bits_are_near_the_wide_layer() -> None:
    torch.manual_seed(1)
    wide = torch.nn.Linear(64, 48).to(torch.bfloat16)
    values = torch.randn(2, 5, 64).to(torch.bfloat16)
    with torch.no_grad():
        expected, found = wide(values), Fp8Linear(wide)(values)
    assert found.shape == expected.shape
    assert ((found - expected).norm() / expected.norm()).item() < 0.06


def test_all_layers_of_the_blocks_are_in_eight_bits() -> None:
    module = models(tiny=True)["flux.1-dev"].denoiser.module("cpu", torch.bfloat16)
    kept = {id(layer) for layer in module.modules() if isinstance(layer, torch.nn.Linear)}
    assert 0 < to_eight_bits(module) < len(kept), "layers outside the blocks keep their precision"
    for blocks in (module.transformer_blocks, module.single_transformer_blocks):
        assert not any(isinstance(layer, torch.nn.Linear) for layer in blocks.modules())
