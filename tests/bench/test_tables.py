"""The commands on a table: every row is answered, or counted with its reason."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import fleets
import pytest
import throughput
from capacity_table import NEEDED, closed_runs, read_table, setting_of
from table_command import exit_code, table_parser
from tally import Tally

from sizewright.measured.prediction import Predictor, Unanswerable, config_files
from sizing.catalog import load_catalog

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "bench/data/configs"
LLAMA = CONFIGS / "meta-llama--Llama-3.1-8B-Instruct.json"
EMPTY = "expected a number above 0 and below 1,000,000,000,000"

Table = Callable[..., Path]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def row(**changes: str) -> dict[str, str]:
    """A row at unlimited supply, measured by nobody."""
    made = {
        "workload": "llm",
        "core": "1",
        "split": "heldout",
        "group": "made up",
        "source_id": "nobody",
        "engine": "vLLM",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "weight_prec": "bf16",
        "gpu": "H100-SXM-80GB",
        "n_gpus": "1",
        "tp": "1",
        "input_tokens": "1000",
        "output_tokens": "500",
        "load_type": "offline_max",
        "concurrency": "max",
        "out_tok_s": "5000",
        "ttft_ms_mean": "",
        "tpot_ms_mean": "",
    }
    return made | changes


def closed(flight: str, ttft: str, tpot: str, **changes: str) -> dict[str, str]:
    times = {"ttft_ms_mean": ttft, "tpot_ms_mean": tpot}
    return row(load_type="closed_concurrency", concurrency=flight, **times, **changes)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Writes rows as a CSV file, by default in the reverse order of columns."""

    def write(rows: Sequence[Mapping[str, str]], columns: Sequence[str] = ()) -> Path:
        path = tmp_path / "table.csv"
        with path.open("w", encoding="utf-8", newline="") as lines:
            names = columns or [*reversed(row()), "comment"]
            writer = csv.DictWriter(lines, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def started(*arguments: object) -> Ended:
        capsys.readouterr()
        code = exit_code(throughput.main, table_parser(""), [str(each) for each in arguments])
        return Ended(code, *capsys.readouterr())

    return started


@pytest.fixture
def run_fleets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """The command, whose fits read twelve runs of two models instead of the project's file."""
    names = ("meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-32B")
    taught = runs_file(tmp_path / "taught.csv", names, ("h100", "b200"))
    monkeypatch.setattr(fleets, "RUNS", taught)

    def started(*arguments: object) -> Ended:
        capsys.readouterr()
        given = [str(each) for each in arguments]
        code = exit_code(fleets.main, fleets.arguments(), given)
        return Ended(code, *capsys.readouterr())

    return started


def runs_file(path: Path, models: Sequence[str], gpus: Sequence[str] = ("h100",)) -> Path:
    head = "id,engine,model,gpu,tp,weights,input_tokens,output_tokens,concurrency,ttft_ms,tpot_ms"
    lines = [
        f"{model} {gpu} {n},vllm,{model},{gpu},1,,1000,500,{n},{50 + 5 * n},{12 + n}"
        for model in models
        for gpu in gpus
        for n in (4, 16, 64)
    ]
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return path


REFUSED = [
    row(gpu="MI300X", group="amd"),
    row(gpu="MI300X", group="amd"),
    row(gpu="A100-PCIe-80GB", group="pcie"),
    row(model="nobody/nothing", group="nothing"),
    row(engine="LMDeploy", group="deploy"),
    row(weight_prec="autoquant", group="auto"),
    row(load_type="bursts", group="bursts"),
    row(core="0", group="reference"),
    row(tp="", n_gpus="8", group="layout"),
    row(tp="1.5", group="layout"),
    row(input_tokens="many", group="many"),
    row(output_tokens="", group="many"),
    row(workload="image", group="pictures"),
]
REASONS = {
    "no catalog row of GPU MI300X": 2,
    "no catalog row of GPU A100-PCIe-80GB": 1,
    "no config.json and no catalog row of model nobody/nothing": 1,
    "no coefficients for engine LMDeploy": 1,
    "unknown precision autoquant": 1,
    "load bursts": 1,
    "core is 0": 1,
    "tp: is empty, with more than one GPU": 1,
    "tp: found '1.5'; expected a whole number": 1,
    f"input_tokens: found 'many'; {EMPTY}": 1,
    f"output_tokens: is empty; {EMPTY}": 1,
    "workload image": 1,
}


def test_each_row_is_answered_or_counted_with_its_reason(table: Table, run: Run) -> None:
    ended = run(table([row(), row(engine="SGLang"), *REFUSED]))
    assert (ended.code, ended.err) == (0, "")
    assert f"2 of {2 + len(REFUSED)} rows answered; the others, by reason:" in ended.out
    for reason, count in REASONS.items():
        assert f"\n  {count:5} {reason}\n" in ended.out
    assert "\n9 groups without an answered row" in ended.out
    assert "\n      2 amd: no catalog row of GPU MI300X\n" in ended.out
    assert "sglang H100-SXM-80GB" in ended.out


def test_fleets_count_the_same_rows(table: Table, run_fleets: Run) -> None:
    ended = run_fleets(table([row(), *REFUSED]))
    assert (ended.code, ended.err) == (0, "")
    assert f"1 of {1 + len(REFUSED)} rows answered" in ended.out
    assert "\n      2 offline: no catalog row of GPU MI300X\n" in ended.out
    assert "\n      1 load bursts\n" in ended.out
    assert "\n      2 amd: offline: no catalog row of GPU MI300X\n" in ended.out
    assert "unlimited supply; P90 estimate, as sized\n" in ended.out


def test_every_split_is_shown_by_its_own_name(table: Table, run: Run) -> None:
    ended = run(table([row(), row(split="secret"), row(split="")]))
    titles = [line.split("  ")[0] for line in ended.out.splitlines() if line.endswith("bias")]
    assert titles == ["secret", "heldout", "no split stated"]


@pytest.mark.parametrize("rows", [[], [row(gpu="MI300X")], [row(workload="video")]])
def test_a_table_without_an_answer_is_incomplete(
    table: Table, run: Run, run_fleets: Run, rows: list[dict[str, str]]
) -> None:
    for command in (run, run_fleets):
        ended = command(table(rows))
        assert (ended.code, ended.err) == (6, "no row of the table was answered\n")
        assert f"0 of {len(rows)} rows answered" in ended.out
    assert "unlimited supply; P90 estimate, as sized: no question" in ended.out


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_named(table: Table, run: Run, column: str) -> None:
    ended = run(table([row()], [name for name in row() if name != column]))
    assert ended.code == 2
    assert f"table.csv:1:1: {column}: column is missing; expected workload, engine," in ended.err


def test_columns_that_are_not_needed_may_be_missing(table: Table, run: Run) -> None:
    ended = run(table([row()], NEEDED))
    assert ended.code == 0
    assert "1 of 1 rows answered" in ended.out


def test_what_cannot_be_read_is_bad_input(
    table: Table, run: Run, run_fleets: Run, tmp_path: Path
) -> None:
    path, none = table([row()]), tmp_path / "none"
    for command in (run, run_fleets):
        assert "none: no such file" in command(none).err
        ended = command(path, "--configs", none)
        assert (ended.code, "none: is not a folder; expected <org>--" in ended.err) == (2, True)
    assert run_fleets(path, none).code == 2


def test_a_config_describes_a_model_by_id_and_by_name(
    table: Table, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "nobody--Nothing-8B.json").write_bytes(LLAMA.read_bytes())
    (folder / "nobody--Broken-8B.json").write_text(json.dumps({"model_type": "llama"}))
    names = ("nobody/Nothing-8B", "nothing-8b", "Nothing-8B-Instruct-FP8", "nobody/Broken-8B")
    path = table([row(model=name, group=name) for name in names])
    assert "0 of 4 rows answered" in run(path).out
    ended = run(path, "--configs", folder)
    assert ended.code == 0
    assert "3 of 4 rows answered" in ended.out
    assert "nobody--Broken-8B.json: " in ended.out


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_catalog(), config_files(CONFIGS))


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct"),
        ("llama(2)-7b", "meta-llama/Llama-2-7b-hf"),
        ("Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "meta-llama/Llama-3.1-8B-Instruct"),
        ("somebody/Qwen2-7B-Instruct-AWQ", "Qwen/Qwen2-7B"),
        ("Mistral-7B-v0.1", "mistralai/Mistral-7B-v0.1"),
        ("Mistral-7B", "mistralai/Mistral-7B-Instruct-v0.3"),
        ("unsloth/Meta-Llama-3.1-70B-Instruct", "meta-llama/Llama-3.1-70B"),
    ],
)
def test_other_spellings_of_a_model(predictor: Predictor, name: str, repository: str) -> None:
    assert predictor.shape(name) == predictor.shape(repository)


@pytest.mark.parametrize("name", ["DeepSeek-V3.1", "Llama-3.1", "Qwen2", "", "8B"])
def test_no_other_model_stands_for_an_unknown_one(predictor: Predictor, name: str) -> None:
    with pytest.raises(Unanswerable, match=r"no config\.json and no catalog row"):
        predictor.shape(name)


def test_a_name_of_two_models_is_refused_with_both(tmp_path: Path) -> None:
    for name, source in (
        ("one--Same-8B-Chat", LLAMA),
        ("two--Same-8B-it", CONFIGS / "Qwen--Qwen2-7B.json"),
    ):
        (tmp_path / f"{name}.json").write_bytes(source.read_bytes())
    predictor = Predictor(load_catalog(), config_files(tmp_path))
    with pytest.raises(Unanswerable, match="model Same-8B may be one/Same-8B-Chat or two/Same"):
        predictor.shape("Same-8B")


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("A100-SXM-40GB", "NVIDIA A100 SXM4 40GB"),
        ("A100 SXM4 80GB", "NVIDIA A100 SXM4 80GB"),
        ("b200_sxm", "NVIDIA B200 SXM"),
        ("B200-SXM-180GB", "NVIDIA B200 SXM"),
        ("L4-24GB", "NVIDIA L4"),
        ("h100", "NVIDIA H100 SXM5 80GB"),
    ],
)
def test_other_spellings_of_a_gpu(predictor: Predictor, name: str, card: str) -> None:
    assert predictor.gpu(name).name == card


@pytest.mark.parametrize("name", ["H100-94GB", "A100-PCIe-80GB", "GH200-96GB", ""])
def test_no_other_card_stands_for_an_unknown_one(predictor: Predictor, name: str) -> None:
    with pytest.raises(Unanswerable, match="no catalog row of GPU"):
        predictor.gpu(name)


def read(path: Path) -> list[dict[str, str]]:
    return read_table(path, Tally())


def test_a_closed_loop_is_predicted_as_a_closed_loop(table: Table, predictor: Predictor) -> None:
    """64 requests in flight over two replicas are 32 on each."""
    (cells,) = read(table([closed("64", "200", "15", n_gpus="2", out_tok_s="1")]))
    (loop,) = closed_runs([cells], predictor, Tally())
    assert (loop.concurrency, loop.ttft_ms, loop.tpot_ms) == (32, 200, 15)
    rate = predictor.predict(loop).requests_per_s * 500
    assert throughput.capacity(cells, predictor).ratio == pytest.approx(2 * rate)
    batch = cells | {"load_type": "static_batch"}
    assert throughput.capacity(batch, predictor).ratio != pytest.approx(2 * rate, rel=1e-3)


def test_one_request_at_a_time_is_a_closed_loop_of_one(table: Table, predictor: Predictor) -> None:
    (cells,) = read(table([closed("", "200", "15") | {"load_type": "serial"}]))
    assert setting_of(cells, predictor).run.concurrency == 1


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (closed("8", "", "15"), "closed loop: no mean TTFT and mean TPOT"),
        (closed("", "200", "15"), f"closed loop: concurrency: is empty; {EMPTY}"),
        (closed("some", "200", "15"), f"closed loop: concurrency: found 'some'; {EMPTY}"),
        (closed("8", "200", "15", core="0"), "closed loop: core is 0"),
    ],
)
def test_a_closed_loop_without_its_numbers_is_counted(
    table: Table, predictor: Predictor, cells: dict[str, str], reason: str
) -> None:
    tally = Tally()
    assert closed_runs(read(table([cells])), predictor, tally) == []
    assert tally.reasons == {reason: 1}


def test_fleets_answer_the_closed_loops_of_a_table_and_of_a_file(
    table: Table, run_fleets: Run, tmp_path: Path
) -> None:
    """The model of the file is unknown to the fit, and half of its runs have an unknown GPU."""
    loops = [closed(str(n), str(50 + 5 * n), str(12 + n / 4)) for n in (4, 16, 64)]
    file = runs_file(tmp_path / "runs.csv", ["Qwen/Qwen2-7B"], ("h100", "mi300x"))
    ended = run_fleets(table([row(), *loops]), file)
    assert (ended.code, ended.err) == (0, "")
    assert "4 of 4 rows answered" in ended.out
    assert "3 of 6 rows answered" in ended.out
    assert "\n      3 no catalog row of GPU mi300x\n" in ended.out
    for name in ("closed loops of the table", "closed loops"):
        title = f"\n{name}, model left out, target: TPOT; P90 estimate, as sized\n"
        assert title in ended.out
    assert "vllm                                           3" in ended.out


def test_a_table_without_group_cells_is_grouped_by_its_names(table: Table) -> None:
    (cells,) = read(table([row(group="")]))
    parts = ["nobody", "vLLM", "H100-SXM-80GB", "meta-llama/Llama-3.1-8B-Instruct", "bf16"]
    assert cells["group"] == "|".join(parts)


def test_the_exit_code_is_that_of_the_process(table: Table) -> None:
    path = table([row(gpu="MI300X")])
    done = subprocess.run(
        [sys.executable, ROOT / "bench/throughput.py", path],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (6, "no row of the table was answered\n")
