"""`accuracy`: measured runs against predictions, rows without an answer included."""

import json
import re
from pathlib import Path

import pytest

from tests.sizewright.conftest import Run

ROOT = Path(__file__).parents[3]
PUBLIC = ROOT / "bench/data/serving_steps.csv"
CONFIGS = ROOT / "bench/data/configs"
HEAD = "id,engine,model,gpu,tp,weights,input_tokens,output_tokens,concurrency,ttft_ms,tpot_ms"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
GOOD = f"good,vllm,{LLAMA},h100,1,,1000,500,64,150,15"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Table with one answerable row, and one of each kind without an answer."""
    rows = [
        GOOD,
        "model,vllm,nobody/nothing,h100,1,,1000,500,64,150,15",
        f"gpu,vllm,{LLAMA},mi300x,1,,1000,500,64,150,15",
        f"engine,atom,{LLAMA},h100,1,,1000,500,64,150,15",
        f"cell,vllm,{LLAMA},h100,1,,many,500,64,150,15",
        f"datasheet,trtllm,{LLAMA},L40S,1,fp8,1000,500,64,,15",
    ]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return path


def test_rows_without_an_answer_stay_with_their_reason(run: Run, table: Path) -> None:
    ended = run("accuracy", table, "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    reasons = {row["id"]: row["reason"] for row in found["rows"]}
    assert reasons == {
        "good": None,
        "model": "no config.json and no catalog row of model nobody/nothing",
        "gpu": "no catalog row of GPU mi300x",
        "engine": "no coefficients for engine atom",
        "cell": "input_tokens: found 'many'; expected a number above 0 and below 1,000,000,000,000",
        "datasheet": None,
    }
    for row in found["rows"]:
        assert (row["predicted_tpot_ms"] is None) == (row["reason"] is not None)
    assert found["summary"]["all"]["rows"] == 6
    assert found["summary"]["all"]["answered"] == 2


def test_a_row_has_prediction_and_band_for_both_times(run: Run, table: Path) -> None:
    row, *_, datasheet = json.loads(run("accuracy", table, "--json").out)["rows"]
    for quantity in ("tpot_ms", "ttft_ms"):
        low, middle, high = (row[f"{side}_{quantity}"] for side in ("low", "predicted", "high"))
        assert 0 < low < middle < high
    assert (row["measured_tpot_ms"], row["measured_ttft_ms"]) == (15.0, 150.0)
    assert row["gpu_measured"] is True
    assert datasheet["gpu_measured"] is False
    assert datasheet["measured_ttft_ms"] is None
    wide = datasheet["high_tpot_ms"] / datasheet["predicted_tpot_ms"]
    assert wide >= row["high_tpot_ms"] / row["predicted_tpot_ms"]


def test_the_summary_is_that_of_the_rows(run: Run, table: Path) -> None:
    found = json.loads(run("accuracy", table, "--json").out)
    row = found["rows"][0]
    error = abs(row["predicted_tpot_ms"] / row["measured_tpot_ms"] - 1) * 100
    vllm = found["summary"]["by_engine"]["vllm"]
    assert (vllm["rows"], vllm["answered"]) == (3, 1)
    assert vllm["tpot_ms"]["median_percent"] == pytest.approx(error, abs=0.01)
    assert found["summary"]["by_engine"]["atom"]["tpot_ms"] is None
    assert set(found["summary"]) == {"all", "by_gpu", "by_model", "by_engine"}


def test_a_config_next_to_the_file_describes_a_model(run: Run, table: Path, tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    configs.mkdir()
    source = CONFIGS / "meta-llama--Llama-3.1-8B-Instruct.json"
    (configs / "nobody--nothing.json").write_bytes(source.read_bytes())
    rows = json.loads(run("accuracy", table, "--configs", configs, "--json").out)["rows"]
    assert rows[1]["reason"] is None
    assert rows[1]["predicted_tpot_ms"] == pytest.approx(rows[0]["predicted_tpot_ms"])


def test_the_public_rows_are_all_answered_within_reach(run: Run) -> None:
    """In-sample, so this shows only that file, reader and coefficients belong together."""
    ended = run("accuracy", PUBLIC, "--configs", CONFIGS, "--json")
    found = json.loads(ended.out)["summary"]["all"]
    assert found["rows"] == found["answered"] == 1582
    assert found["tpot_ms"]["median_percent"] < 11
    assert 75 <= found["tpot_ms"]["in_band_percent"] <= 95
    assert found["ttft_ms"]["median_percent"] < 35


def test_the_table_names_reasons_and_groups(run: Run, table: Path) -> None:
    ended = run("accuracy", table)
    assert ended.code == 0
    assert "no catalog row of GPU mi300x" in ended.out
    assert "GPU or precision from its datasheet" in ended.out
    assert "TPOT: |predicted / measured - 1| in %" in ended.out
    assert "bias: the median of predicted / measured, above 1 is too slow" in ended.out
    rows, summary, *_ = ended.out.split("\n\n")
    assert re.search(r"  15 ms  +[\d.]+ ms  +[\d.]+ to [\d.]+ ms  +150 ms", rows)
    assert re.search(r"\nall +6 +2 +[\d.]+ %  +[\d.]+ %  +[\d.]+ %  +x \d\.\d\d  ", summary)
    assert "e+" not in ended.out


@pytest.mark.parametrize("width", [60, 80])
def test_narrow_tables_name_every_figure(
    run: Run, table: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    out = run("accuracy", table).out
    assert max(map(len, out.splitlines())) <= width
    for figure in ("TPOT measured 15 ms  predicted", "TTFT measured 150 ms", r"bias x 1\.\d\d"):
        assert re.search(figure, out)
    assert "P10 to P90\n" not in out and "in\n" not in out, "no figure without its name"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column is missing"),
        ("id,engine\nx,y\n", "runs.csv:1:1: model: column is missing"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    ended = run("accuracy", path)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_no_file_and_no_folder_are_refused(run: Run, tmp_path: Path, table: Path) -> None:
    assert run("accuracy", tmp_path / "none.csv").code == 2
    ended = run("accuracy", table, "--configs", tmp_path / "none")
    assert ended.code == 2
    assert "is not a folder" in ended.err
