"""Load one replica run by run, and print each result as one line.

The variable BENCHMARK holds the runs as JSON. A run that cannot end before the deadline is left
out. A run in which too many requests failed ends the whole: nothing follows from its times.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARK = "sizewright-run "
"""Start of a line with a result."""
RESULT = "result.json"


def main() -> int:
    """Return 0 where every run was counted, else 1."""
    settings = json.loads(os.environ["BENCHMARK"])
    ends = time.monotonic() + settings["deadline_s"]
    complete = True
    for run in settings["runs"]:
        left = ends - time.monotonic()
        if run["seconds"] > left:
            _say(f"left out {run['name']}: it needs {run['seconds']} s, and {left:.0f} s are left")
            complete = False
            continue
        result = _result([*settings["command"], *run["arguments"]], left)
        if isinstance(result, str):
            _say(f"stopped at {run['name']}: {result}")
            return 1
        line = {"run": run["name"], "setting": settings["setting"], "result": result}
        _say(MARK + json.dumps(line, sort_keys=True))
        failed, done = result.get("failed") or 0, result.get("completed") or 0
        if failed > settings["most_failed"] * (failed + done) or not done:
            _say(f"stopped at {run['name']}: {failed} of {failed + done} requests failed")
            return 1
    return 0 if complete else 1


def _result(command: list[str], left: float) -> Mapping[str, Any] | str:
    """Return the single numbers and texts of a run's result, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        saved = ["--save-result", "--result-dir", folder, "--result-filename", RESULT]
        try:
            ended = subprocess.run([*command, *saved], timeout=left, check=False)
        except subprocess.TimeoutExpired:
            return "the time bound is reached"
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        if ended.returncode:
            return f"the load generator ended with code {ended.returncode}"
        try:
            values = json.loads((Path(folder) / RESULT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "the load generator saved no result"
    return {k: v for k, v in values.items() if v is None or isinstance(v, str | int | float)}


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
