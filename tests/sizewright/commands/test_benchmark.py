"""`benchmark` writes a Job for one replica; the log of the Job corrects the sizing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sizewright.measured.load_test import MARK
from tests.scripts.benchmark_stand_in import SWITCHES, VALUES
from tests.scripts.test_benchmark_replica import STAND_IN
from tests.sizewright.commands.test_engine_switch import CHAT as OTHER
from tests.sizewright.conftest import INFEASIBLE, ROOT, Run

CHAT = "workloads/chat.yaml"
PROGRAM = ROOT / "templates/scripts/benchmark_replica.py"


def job(folder: Path) -> Any:
    _, job = yaml.safe_load_all((folder / "benchmark-job.yaml").read_text(encoding="utf-8"))
    return job


def settings(folder: Path) -> Any:
    """Settings of the program of a written Job."""
    (container,) = job(folder)["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    return json.loads(variables["BENCHMARK"].replace("$$", "$"))


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


@pytest.fixture
def written(run: Run, tmp_path: Path) -> Callable[..., tuple[Any, Path]]:
    """Answer of a benchmark of a workload with these options, and its folder."""

    def make(workload: object, *words: object, folder: str = "made") -> tuple[Any, Path]:
        directory = tmp_path / folder
        ended = run("benchmark", workload, "--directory", directory, "--json", *words)
        assert ended.code == 0, ended.err
        return json.loads(ended.out), directory

    return make


Written = Callable[..., tuple[Any, Path]]


def test_runs_have_the_lengths_and_the_load_of_the_plan(
    run: Run, written: Written, chat: Callable[..., Path]
) -> None:
    plan = json.loads(run("size", CHAT, "--json").out)["services"][0]
    answer, folder = written(CHAT)
    command = settings(folder)["command"]
    assert option(command, "--random-input-len") == str(plan["inputs"]["request"]["input_tokens"])
    assert option(command, "--random-output-len") == str(plan["inputs"]["request"]["output_tokens"])
    estimate, runs = plan["calibrated"], {run["name"]: run for run in answer["runs"]}
    sized = round(estimate["in_flight_peak"] / plan["pool"]["replicas_needed"])
    closed = {run["concurrency"] for run in runs.values()} - {None}
    assert closed == {1, -(-sized // 2), sized, plan["serving"]["max_num_seqs"]}
    rate = estimate["safe"]["requests_per_replica_per_s"]
    assert runs["open"]["requests_per_s"] == pytest.approx(rate)
    assert runs["open"]["requests"] * (1 - estimate["percentile"] / 100) >= 10
    other, folder = written(chat(("output_tokens: 400", "output_tokens: 200")), folder="other")
    assert option(settings(folder)["command"], "--random-output-len") == "200"
    assert other["runs"] != answer["runs"]


def test_every_option_is_one_of_the_pinned_load_generator(written: Written) -> None:
    _, folder = written(CHAT)
    known = {f"--{name}" for name in (*VALUES, *SWITCHES)}
    given = settings(folder)
    assert given["command"][:3] == ["vllm", "bench", "serve"]
    seeds = set()
    for each in given["runs"]:
        words = [*given["command"], *each["arguments"]]
        assert {word for word in words if word.startswith("--")} <= known
        seeds.add(option(words, "--seed"))
    assert len(seeds) == len(given["runs"]), "no run finds the prompts of another in the cache"


def test_the_job_ends_at_the_bound_and_never_retries(written: Written) -> None:
    answer, folder = written(CHAT)
    spec = job(folder)["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (3600, 0)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert answer["minutes_at_most"] < answer["bound_minutes"] == 60
    assert answer["usd_at_most"] == pytest.approx(answer["minutes_at_most"] / 60 * 1.861, rel=0.01)
    assert not answer["left_out"]


@pytest.mark.parametrize(("option", "minutes"), [(("--minutes", 15), 15), (("--usd", 0.4), 12.88)])
def test_runs_beyond_the_bound_are_named(
    run: Run, tmp_path: Path, written: Written, option: tuple[str, object], minutes: float
) -> None:
    answer, folder = written(CHAT, *option)
    assert answer["bound_minutes"] == pytest.approx(minutes, rel=0.01)
    assert answer["minutes_at_most"] <= answer["bound_minutes"]
    assert job(folder)["spec"]["activeDeadlineSeconds"] == int(answer["bound_minutes"] * 60)
    left_out = [each["name"] for each in answer["left_out"]]
    assert (
        "open loop" in " ".join(answer["notes"])
        and left_out
        and "open" in {each["name"] for each in answer["runs"]}
    )
    ended = run("benchmark", CHAT, *option, "--directory", tmp_path / "text")
    for name in left_out:
        assert f"left out: {name}: it does not fit into the bound" in ended.err


def test_only_the_measured_replica_gets_the_load(written: Written) -> None:
    answer, folder = written(CHAT)
    service, load, measured = yaml.safe_load_all(
        (folder / "benchmark-network.yaml").read_text(encoding="utf-8")
    )
    chosen = {
        "app.kubernetes.io/name": "chat-benchmark",
        "app.kubernetes.io/component": "floor",
    }
    assert service["spec"]["selector"] == chosen
    assert measured["spec"]["podSelector"]["matchLabels"] == chosen
    assert load["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"] == chosen
    pod = job(folder)["spec"]["template"]
    sender = measured["spec"]["ingress"][-1]["from"][0]["podSelector"]["matchLabels"]
    assert sender.items() <= pod["metadata"]["labels"].items()
    assert load["spec"]["podSelector"]["matchLabels"] == sender
    (near,) = pod["spec"]["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert near["labelSelector"]["matchLabels"] == chosen
    texts = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert "${wire:" not in texts and "nvidia.com/gpu:" not in texts
    assert [step for step in answer["steps"] if "label --overwrite $POD" in step]


def test_the_log_of_the_job_corrects_the_sizing(run: Run, written: Written, tmp_path: Path) -> None:
    """The program of the Job runs with a stand-in whose engine is faster than predicted."""
    workload = tmp_path / "chat.yaml"
    workload.write_text((ROOT / CHAT).read_text(encoding="utf-8"), encoding="utf-8")
    _, folder = written(workload)
    given = settings(folder)
    given["command"][:1] = [sys.executable, str(STAND_IN)]
    stand_in = {"times": {"open": [100.0, 15.0]}}
    for each in given["runs"][:-1]:
        concurrency = option(each["arguments"], "--max-concurrency")
        stand_in["times"][concurrency] = [60.0 + int(concurrency), 8.0 + int(concurrency) / 20]
    ended = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=os.environ | {"BENCHMARK": json.dumps(given), "STAND_IN": json.dumps(stand_in)},
        capture_output=True,
        text=True,
        check=True,
    )
    log = tmp_path / "chat.log"
    log.write_text(f"Namespace(backend='openai')\n{ended.stdout}", encoding="utf-8")
    before = json.loads(run("size", workload, "--json").out)["services"][0]
    out = workload.with_name("chat.calibration.json")
    made = run("calibrate", log, "--out", out, "--json")
    assert made.code == 0
    assert "left out: chat.log open: an open loop corrects nothing" in made.err
    assert "P95 TPOT 15 ms" in made.err
    (correction,) = json.loads(made.out)["corrections"]
    assert (correction["gpu"], correction["engine"]) == (before["pool"]["gpu"], "vllm")
    assert correction["runs"] == len(given["runs"]) - 1
    after = json.loads(run("size", workload, "--json").out)["services"][0]
    assert after["own_runs"]["applied"] is True
    assert after["pool"]["gpus_needed"] < before["pool"]["gpus_needed"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no marks\n", "has no result"),
        (f"x\n{MARK}{{]\n", ":2:1: cannot be read"),
        (f'{MARK}{{"run": "a", "result": {{}}, "setting": {{"gpus": 1}}}}\n', "cannot be read"),
        (
            MARK + '{"run": "a", "setting": {}, "result": {"completed": 9, "failed": 1}}',
            "1 of 10 requests failed",
        ),
    ],
)
def test_a_log_without_usable_results_is_refused(
    run: Run, tmp_path: Path, content: str, message: str
) -> None:
    log = tmp_path / "chat.log"
    log.write_text(content, encoding="utf-8")
    ended = run("calibrate", log, "--out", tmp_path / "out.json")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err.replace("\n", " ")
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("workloads/embeddings.yaml",), "kind"),
        (("workloads/image-studio.yaml", "--service", "image-studio"), "kind"),
        ((CHAT, "--service", "chats"), "did you mean 'chat'?"),
        ((CHAT, "workloads/rag.yaml"), "--service NAME"),
        ((CHAT, "--usd", "0.01"), "a bound of at least"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    run: Run, tmp_path: Path, words: tuple[str, ...], field: str
) -> None:
    ended = run("benchmark", *words, "--directory", tmp_path / "never")
    assert (ended.code, ended.out) == (2, "")
    assert field in ended.err.replace("\n", " ")
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm"])
def test_another_engine_is_refused(run: Run, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(f"{OTHER}engine: {{name: {engine}}}\n", encoding="utf-8")
    ended = run("benchmark", path, "--directory", tmp_path / "never")
    assert (ended.code, ended.out) == (2, "")
    assert "engine.name" in ended.err and engine in ended.err


def test_infeasible_writes_nothing(run: Run, tmp_path: Path, chat: Callable[..., Path]) -> None:
    ended = run("benchmark", chat(INFEASIBLE), "--directory", tmp_path / "never")
    assert (ended.code, ended.out) == (5, "")
    assert not (tmp_path / "never").exists()


def test_a_full_folder_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("", encoding="utf-8")
    ended = run("benchmark", CHAT, "--directory", tmp_path)
    assert ended.err == f"{tmp_path}: is not empty; expected a new or empty folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_text_is_narrow_and_says_time_and_money(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.layout.paragraph.output_width", lambda: 80)
    ended = run("benchmark", CHAT, "--directory", tmp_path / "out")
    assert ended.code == 0
    prose, steps = ended.out.split("Run it:")
    assert max(map(len, prose.splitlines())) <= 80
    said = " ".join(prose.split())
    assert "USD of node time" in said and "The Job ends after 60 minutes" in said
    assert "kubectl -n chat label --overwrite $POD" in steps


def test_what_the_traffic_loses_is_said(written: Written, tmp_path: Path) -> None:
    text = (ROOT / CHAT).read_text(encoding="utf-8")
    workload = tmp_path / "chat.yaml"
    workload.write_text(text, encoding="utf-8")
    assert "has 2 of 3 spare replicas" in " ".join(written(workload)[0]["notes"])
    workload.write_text(re.sub(r"(?m)^redundancy:.*\n(?: .*\n)*", "", text), encoding="utf-8")
    assert workload.read_text(encoding="utf-8") != text
    answer, folder = written(workload, "--minutes", 5, folder="short")
    notes = " ".join(answer["notes"])
    assert "has fewer replicas than it needs" in notes
    assert [run["name"][:6] for run in answer["runs"]] == ["closed"] and "open loop" not in notes
    assert len(settings(folder)["runs"]) == 1


def test_an_unknown_price_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.commands.operate.benchmark.price_per_hour", lambda _: None)
    monkeypatch.setattr(
        "sizewright.commands.operate.measured_replica.price_per_hour", lambda _: None
    )
    ended = run("benchmark", CHAT, "--directory", tmp_path / "out")
    assert ended.code == 0
    assert "an unknown cost" in ended.out.replace("\n", " ") and " USD " not in ended.out
    refused = run("benchmark", CHAT, "--usd", 5, "--directory", tmp_path / "never")
    assert refused.code == 2 and "no source states the price" in refused.err


def test_the_answer_is_that_of_its_schema(written: Written) -> None:
    answer, _ = written(CHAT, "--minutes", 15)
    schema = json.loads((ROOT / "docs/schema/benchmark.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(answer)
