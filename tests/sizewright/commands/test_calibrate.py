"""`calibrate`: a user's runs, of three formats, become a correction of later answers."""

import csv
import json
import re
from pathlib import Path

import pytest

from sizewright.measured.prediction import Predictor
from sizewright.measured.run import MeasuredRun, read_runs
from sizewright.reading.stack.workload_file import read_corrections
from sizing.catalog import load_catalog
from tests.sizewright.conftest import Run

ROOT = Path(__file__).parents[3]
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
HEAD = "id,engine,model,gpu,tp,weights,input_tokens,output_tokens,concurrency,ttft_ms,tpot_ms"
SETTINGS = [(1000, 500, 8), (1000, 500, 64), (4000, 200, 32), (200, 900, 128)]


def table(path: Path, times: list[tuple[float, float]]) -> Path:
    rows = [
        f"r{i},vllm,{LLAMA},l40s,1,,{p},{a},{n},{ttft},{tpot}"
        for i, ((p, a, n), (ttft, tpot)) in enumerate(zip(SETTINGS, times, strict=True))
    ]
    path.write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture
def slower(run: Run, tmp_path: Path) -> Path:
    """Runs that took 1.3 times the predicted TPOT and twice the TTFT."""
    path = table(tmp_path / "runs.csv", [(1.0, 1.0)] * len(SETTINGS))
    rows = json.loads(run("accuracy", path, "--json").out)["rows"]
    times = [(2 * row["predicted_ttft_ms"], 1.3 * row["predicted_tpot_ms"]) for row in rows]
    return table(path, times)


def test_the_correction_is_what_the_runs_say(run: Run, slower: Path, tmp_path: Path) -> None:
    """Four runs count against the fit, which weighs as one run."""
    out = tmp_path / "chat.calibration.json"
    ended = run("calibrate", slower, "--out", out, "--json")
    assert ended.code == 0
    (made,) = json.loads(out.read_text(encoding="utf-8"))["corrections"]
    assert made["tpot_ratio"] == pytest.approx(1.3**0.8, rel=1e-3)
    assert made["ttft_ratio"] == pytest.approx(2**0.8, rel=1e-3)
    assert (made["gpu"], made["engine"], made["runs"]) == ("NVIDIA L40S", "vllm", 4)


def test_a_corrected_catalog_answers_nearer_and_surer(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own.json"
    run("calibrate", slower, "--out", out)
    catalog = load_catalog()
    own = read_corrections(out, catalog)
    assert own is not None
    (first, *_) = [r for r in read_runs(slower) if isinstance(r, MeasuredRun)]
    before = Predictor(catalog, {}).predict(first)
    after = Predictor(catalog.with_corrections(own), {}).predict(first)
    assert after.tpot_ms == pytest.approx(before.tpot_ms * 1.3**0.8, rel=1e-3)
    assert after.ttft_ms == pytest.approx(before.ttft_ms * 2**0.8, rel=1e-3)
    assert after.tpot_band.high < before.tpot_band.high
    assert after.tpot_band.low > before.tpot_band.low
    assert (before.evidence.is_measured, after.evidence.is_measured) == (False, True)


def test_results_of_vllm_and_guidellm_are_read(run: Run, tmp_path: Path) -> None:
    vllm = tmp_path / "vllm.json"
    vllm.write_text(
        json.dumps(
            {
                "model_id": LLAMA,
                "completed": 100,
                "total_input_tokens": 100_000,
                "total_output_tokens": 50_000,
                "max_concurrency": 64,
                "mean_ttft_ms": 300.0,
                "mean_tpot_ms": 40.0,
            }
        ),
        encoding="utf-8",
    )
    means = {
        "prompt_token_count": 1000,
        "output_token_count": 500,
        "request_concurrency": 64,
        "time_to_first_token_ms": 300.0,
        "inter_token_latency_ms": 40.0,
    }
    metrics = {name: {"successful": {"mean": value}} for name, value in means.items()}
    guidellm = tmp_path / "guidellm.json"
    guidellm.write_text(json.dumps({"benchmarks": [{"metrics": metrics}]}), encoding="utf-8")
    lengths = "id,engine,model,gpu,tp,input_tokens,output_tokens,concurrency,ttft_ms,tpot_ms"
    plain = tmp_path / "plain.csv"
    row = f"a,vllm,{LLAMA},l40s,1,1000,500,64,300,40,1"
    plain.write_text(f"{lengths},length_ratio\n{row}\n", encoding="utf-8")
    made = []
    for path in (vllm, guidellm, plain):
        said = ["--gpu", "l40s", "--model", LLAMA] if path.suffix == ".json" else []
        out = tmp_path / f"{path.stem}.calibration.json"
        assert run("calibrate", path, *said, "--out", out).code == 0
        made.append(json.loads(out.read_text(encoding="utf-8")))
    assert made[0] == made[1] == made[2]
    assert made[0]["corrections"][0]["tpot_ratio"] != 1


@pytest.mark.parametrize(("failed", "code"), [(5, 0), (6, 2), (310, 2)])
def test_a_run_that_mostly_failed_says_too_little(
    run: Run, tmp_path: Path, failed: int, code: int
) -> None:
    path = tmp_path / "vllm.json"
    result = {
        "model_id": LLAMA,
        "completed": 100,
        "failed": failed,
        "total_input_tokens": 100_000,
        "total_output_tokens": 50_000,
        "max_concurrency": 64,
        "mean_ttft_ms": 300.0,
        "mean_tpot_ms": 40.0,
    }
    path.write_text(json.dumps(result), encoding="utf-8")
    ended = run("calibrate", path, "--gpu", "l40s", "--out", tmp_path / "own.json")
    assert ended.code == code
    assert (f"{failed} of {100 + failed} requests failed" in ended.err) is (code == 2)


def test_a_precision_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "vllm.json"
    path.write_text("{}", encoding="utf-8")
    ended = run("calibrate", path, "--gpu", "l40s", "--weights", "fp9", "--out", tmp_path / "o")
    assert ended.code == 2
    assert "'fp9' is not one of" in ended.err and "'fp8'" in ended.err


def test_public_runs_correct_their_own_model(run: Run, tmp_path: Path) -> None:
    """A correction from one half of a model's runs lowers the error on the other half."""
    source = ROOT / "bench/data/serving_steps.csv"
    with source.open(encoding="utf-8", newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if "MiniMax" in r["model"] and r["gpu"] == "h100"]
    path = tmp_path / "half.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(rows[::2])
    out = tmp_path / "own.json"
    configs = ROOT / "bench/data/configs"
    assert run("calibrate", path, "--configs", configs, "--out", out).code == 0
    (made,) = json.loads(out.read_text(encoding="utf-8"))["corrections"]
    assert 0.7 < made["tpot_ratio"] < 1.4
    assert made["runs"] == len(rows[::2])


SEARCH = """\
name: NAME
kind: text
model: llama-3.1-8b
traffic: {daily_users: 2_000_000, requests_per_user_per_day: 10, peak_ratio: 3}
request: {input_tokens: 1000, output_tokens: 500}
latency: {ttft_ms: 8000, tpot_ms: 120}
capacity: {method: calibrated}
hardware: {instance_type: g6e.xlarge, tensor_parallel: 1}
"""


def searching(path: Path) -> Path:
    path.write_text(SEARCH.replace("NAME", path.stem), encoding="utf-8")
    return path


def gpus_needed(run: Run, *words: object) -> dict[str, int]:
    """GPUs by service in the output of `size`."""
    answer = json.loads(run("size", *words, "--json").out)
    return {each["name"]: each["pool"]["gpus_needed"] for each in answer["services"]}


def test_a_file_next_to_the_workload_moves_its_sizing_and_no_other(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    search, other = searching(tmp_path / "search.yaml"), searching(tmp_path / "other.yaml")
    before = gpus_needed(run, search, other)
    ranked = json.loads(run("compare", search, "--all", "--json").out)["options"]
    own = tmp_path / "search.calibration.json"
    run("calibrate", slower, "--out", own)
    after = gpus_needed(run, search, other)
    assert before["search"] == before["other"] == after["other"] < after["search"]
    assert after["search"] == pytest.approx(before["search"] * 1.3**0.8, rel=0.25)
    faster = json.loads(own.read_text(encoding="utf-8"))
    faster["corrections"][0] |= {"tpot_ratio": 0.5, "ttft_ratio": 0.5}
    own.write_text(json.dumps(faster), encoding="utf-8")
    assert gpus_needed(run, search)["search"] < before["search"]
    moved = json.loads(run("compare", search, "--all", "--json").out)["options"]
    mine = [
        next(o for o in found if (o["instance_type"], o["tensor_parallel"]) == ("g6e.xlarge", 1))
        for found in (ranked, moved)
    ]
    assert mine[0]["gpus_needed"] > mine[1]["gpus_needed"]


def test_a_lock_keeps_its_rate_until_update_records_the_calibration(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    search = searching(tmp_path / "search.yaml")
    run("update", search)
    before = gpus_needed(run, search)
    run("calibrate", slower, "--out", tmp_path / "search.calibration.json")
    assert gpus_needed(run, search) == before
    answer = run("update", search, "--why").out
    assert "calibration: none -> 4 runs, TTFT x 1.74" in answer
    assert gpus_needed(run, search)["search"] > before["search"]


def row(run: Run, file: Path, name: str) -> str:
    lines = run("size", file, "--verbose").out.splitlines()
    return next((line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == [name]), "")


def source(run: Run, file: Path, name: str) -> str:
    (answer,) = json.loads(run("explain", file, name, "--json").out)["explanations"]
    return str(answer["source"])


def test_size_and_explain_say_what_became_of_a_calibration(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    search, own = searching(tmp_path / "search.yaml"), tmp_path / "search.calibration.json"
    plain = source(run, search, "safe.ttft_ms")
    assert row(run, search, "calibration") == ""
    run("calibrate", slower, "--out", own)
    text = own.read_text(encoding="utf-8")
    said = row(run, search, "calibration")
    assert said.startswith("search.calibration.json: 4 runs, TTFT x 1.74")
    assert said.endswith(", applied")
    for name in ("safe.ttft_ms", "safe.gpus_needed", "capacity.request_s"):
        assert source(run, search, name).startswith("search.calibration.json over the catalog, ")
    assert plain.startswith("the catalog, ")

    own.write_text(text.replace("NVIDIA L40S", "NVIDIA L4"), encoding="utf-8")
    said = row(run, search, "calibration")
    assert said.startswith("search.calibration.json: not applied: its runs are of ")
    assert said.endswith(" in bf16 on NVIDIA L40S with vllm")
    assert source(run, search, "safe.ttft_ms") == plain

    own.write_text(text.replace('"weights": "bf16"', '"weights": "fp8"'), encoding="utf-8")
    said = row(run, search, "calibration")
    assert " in fp8 on NVIDIA L40S with vllm, not of this model in bf16 " in said
    assert source(run, search, "safe.ttft_ms") == plain


def test_a_lock_that_is_older_than_the_calibration_is_reported(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    search = searching(tmp_path / "search.yaml")
    run("update", search)
    run("calibrate", slower, "--out", tmp_path / "search.calibration.json")
    answer = "applied to the latencies; the rate and the GPUs are the lock's and wait for `update`"
    assert row(run, search, "calibration").endswith(answer)
    assert source(run, search, "capacity.request_s").startswith("the lock next to")
    run("update", search)
    assert row(run, search, "calibration").endswith(", applied")


def test_an_unknown_engine_is_refused(run: Run, slower: Path, tmp_path: Path) -> None:
    search, own = searching(tmp_path / "search.yaml"), tmp_path / "search.calibration.json"
    run("calibrate", slower, "--out", own)
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace('"vllm"', '"vlm"'), encoding="utf-8")
    ended = run("size", search)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{own}: corrections[0].engine: unknown engine 'vlm'; expected ")
    assert ended.err.endswith("; did you mean 'vllm'?\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "fitted"),
        ('{"fitted": "2020-01-01", "corrections": []}', "run calibrate again"),
        ("no JSON", "calibrate"),
    ],
)
def test_a_foreign_correction_is_refused(run: Run, tmp_path: Path, text: str, said: str) -> None:
    workload = tmp_path / "chat.yaml"
    workload.write_bytes((ROOT / "tests/workloads/chat.yaml").read_bytes())
    (tmp_path / "chat.calibration.json").write_text(text, encoding="utf-8")
    ended = run("size", workload)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


RESULT = """{"model_id": "meta-llama/Llama-3.1-8B-Instruct", "max_concurrency": 8, "completed": 1,
"total_input_tokens": 9, "total_output_tokens": 9, "mean_ttft_ms": 1, "mean_tpot_ms": %s}"""
RANGE = "expected a number above 0 and below 1,000,000,000,000"


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ('{"mean_tpot_ms": 1}', ["--gpu", "l40s"], "completed: is missing"),
        (RESULT % "NaN", ["--gpu", "l40s"], f"mean_tpot_ms: found number nan; {RANGE}"),
        (RESULT % "-3", ["--gpu", "l40s"], f"mean_tpot_ms: found whole number -3; {RANGE}"),
        (RESULT % '"fast"', ["--gpu", "l40s"], f"mean_tpot_ms: found text 'fast'; {RANGE}"),
        (RESULT % "1e15", ["--gpu", "l40s"], f"found number 1000000000000000.0; {RANGE}"),
        (RESULT % "null", ["--gpu", "l40s"], f"mean_tpot_ms: is missing; {RANGE}"),
        (RESULT % ("9" * 5000), ["--gpu", "l40s"], "a number is too long; expected JSON"),
        ('{"mean_tpot_ms": 1}', [], "expected --gpu NAME"),
        ('{"a": 1}', ["--gpu", "l40s"], "is no load generator's result"),
        ("[1", ["--gpu", "l40s"], "expected JSON"),
    ],
)
def test_a_result_that_says_too_little_is_refused(
    run: Run, tmp_path: Path, content: str, words: list[str], said: str
) -> None:
    path = tmp_path / "result.json"
    path.write_text(content, encoding="utf-8")
    ended = run("calibrate", path, *words, "--out", tmp_path / "out.json")
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "out.json").exists()


def test_runs_without_an_answer_are_named(run: Run, slower: Path, tmp_path: Path) -> None:
    with slower.open("a", encoding="utf-8") as lines:
        lines.write(f"odd,vllm,{LLAMA},mi300x,1,,1000,500,8,100,10\n")
    ended = run("calibrate", slower, "--out", tmp_path / "own.json")
    assert ended.code == 0
    assert "left out: odd: no catalog row of GPU mi300x" in ended.err


def test_the_band_is_described_in_words(run: Run, slower: Path, tmp_path: Path) -> None:
    out = run("calibrate", slower, "--out", tmp_path / "a.json").out
    assert "8 of 10 runs take this multiple of the corrected prediction (P10 to P90)" in out
    (made,) = json.loads((tmp_path / "a.json").read_text("utf-8"))["corrections"]
    band = made["bands"]["tpot"]
    assert f"x {made['tpot_ratio']:.2f}  {band['low']:.2f} to {band['high']:.2f}  " in out


def test_a_new_calibration_is_the_cause_of_a_difference(
    run: Run, slower: Path, tmp_path: Path
) -> None:
    """The workload is the same in both folders; only one has a file of own runs."""
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        searching(tmp_path / name / "search.yaml")
    run("calibrate", slower, "--out", tmp_path / "after/search.calibration.json")
    out = run("diff", tmp_path / "before/search.yaml", tmp_path / "after/search.yaml").out
    assert "no input changed" not in out
    assert re.search(r"calibration +absent -> 4 runs, TTFT x 1\.74", out), out
