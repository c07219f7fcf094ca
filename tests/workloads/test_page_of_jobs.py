"""The jobs on the page for clients are jobs that the example service accepts."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.service.items.jobs import JobApiPlan
from templates.programs import JOB_API, programs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "make-images-and-clips-as-jobs.md"
LIMITS = {"kind", "model", "takes_images", "width", "height", "frames", "fps", "iterations"}
"""Fields of the function's plan that bound a job."""
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from job_request import Service, accepted
body, limits = json.loads(sys.stdin.read())
print(json.dumps(accepted(body, Service(**limits))))
"""


@cache
def clips() -> JobApiPlan:
    """Function of the clips of the page."""
    stack = ROOT / "tests" / "program" / "Pulumi.public.yaml"
    jobs = read_plan([ROOT / "workloads" / "clips.yaml"], stack).services[0].jobs
    assert jobs is not None and jobs.api is not None
    return jobs.api


def bodies() -> list[dict[str, Any]]:
    """JSON bodies that the page sends."""
    return [json.loads(text) for text in re.findall(r"-d '([^']+)'", PAGE.read_text("utf-8"))]


def accepted(body: dict[str, Any], folder: Path) -> Any:
    """Fields for the engine, as the function makes them. Raises CalledProcessError."""
    for each in programs(JOB_API).files:
        (folder / each.file).write_text(each.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        input=json.dumps([body, clips().model_dump(include=LIMITS)]),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_each_body_of_the_page_is_accepted(tmp_path: Path) -> None:
    found = bodies()
    assert len(found) == 1
    for body in found:
        request = accepted(body, tmp_path)
        assert request["prompt"] == body["prompt"]
        assert request["fps"] == clips().fps == 16, "the model's own frames of a second"
        assert request["num_frames"] == int(body["seconds"]) * 16 <= clips().frames == 81


def test_a_longer_clip_is_not(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        accepted(bodies()[0] | {"seconds": "6"}, tmp_path)
