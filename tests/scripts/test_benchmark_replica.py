"""The program of the Job runs the load generator of the engine's image, here a stand-in for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sizewright.measured.load_test import MARK
from templates.programs import program

STAND_IN = Path(__file__).parent / "benchmark_stand_in.py"
RUN = {
    "name": "closed-8",
    "seconds": 1,
    "arguments": ["--max-concurrency", "8", "--num-prompts", "100", "--num-warmups", "8"],
}
SETTINGS: dict[str, Any] = {
    "command": [
        *(sys.executable, str(STAND_IN), "bench", "serve", "--model", "m"),
        *("--random-input-len", "100", "--random-output-len", "400"),
    ],
    "deadline_s": 60,
    "most_failed": 0.05,
    "runs": [RUN, RUN | {"name": "second"}],
    "setting": {"model": "m"},
}
TIMES = {"times": {"8": [100.0, 20.0]}}


def ended(settings: dict[str, Any], stand_in: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run the program without comments, as a pod does."""
    variables = {"BENCHMARK": json.dumps(settings), "STAND_IN": json.dumps(stand_in)}
    return subprocess.run(
        [sys.executable, "-c", program("benchmark_replica").text],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def results(out: str) -> list[dict[str, Any]]:
    return [json.loads(line[len(MARK) :]) for line in out.splitlines() if line.startswith(MARK)]


def test_each_run_is_one_line_with_its_result_and_setting() -> None:
    done = ended(SETTINGS, TIMES)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = results(done.stdout)
    assert (first["run"], second["run"]) == ("closed-8", "second")
    assert first["setting"] == {"model": "m"}
    assert first["result"]["mean_tpot_ms"] == 20.0
    assert first["result"]["total_output_tokens"] == 40_000
    assert "latencies" not in first["result"], "one line stays short"


def test_a_run_that_does_not_fit_is_left_out_with_its_reason() -> None:
    late = SETTINGS | {"runs": [RUN | {"name": "long", "seconds": 61}, RUN]}
    done = ended(late, TIMES)
    assert done.returncode == 1
    assert "left out long: it needs 61 s, and 60 s are left" in done.stdout
    assert [line["run"] for line in results(done.stdout)] == ["closed-8"]


def test_a_run_that_exceeds_the_bound_is_stopped() -> None:
    done = ended(SETTINGS | {"deadline_s": 1.2}, TIMES | {"sleep_s": 30})
    assert (done.returncode, results(done.stdout)) == (1, [])
    assert "stopped at closed-8: the time bound is reached" in done.stdout


def test_failed_requests_are_in_the_result_and_end_the_ladder() -> None:
    done = ended(SETTINGS, TIMES | {"failed": 6})
    assert done.returncode == 1
    (only,) = results(done.stdout)
    assert (only["result"]["failed"], only["result"]["completed"]) == (6, 94)
    assert "stopped at closed-8: 6 of 100 requests failed" in done.stdout
    assert len(results(ended(SETTINGS, TIMES | {"failed": 5}).stdout)) == 2


def test_a_load_generator_that_fails_ends_the_ladder() -> None:
    done = ended(SETTINGS, TIMES | {"code": 3})
    assert (done.returncode, results(done.stdout)) == (1, [])
    assert "stopped at closed-8: the load generator ended with code 3" in done.stdout
    lacking = ended(SETTINGS | {"command": ["/no/such/program"]}, TIMES)
    assert lacking.returncode == 1
    assert "/no/such/program: No such file or directory" in lacking.stdout
