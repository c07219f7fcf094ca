"""Import and plans of `sizing`, as ratios to a floor or to another revision, in one run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from paired import ROOT, cpu_seconds, paired, ratio, shell

from sizewright.reading.input_error import InputError, shortened

SITE = {
    "region": "us-east-1",
    "zones": ["use1-az1", "use1-az2", "use1-az4"],
    "environment": "dev",
    "account_ids": ["111122223333"],
    "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/"
    "11111111-2222-3333-4444-555555555555",
}
STATED: dict[str, object] = {
    "name": "chat",
    "kind": "chat",
    "model": "llama-3.1-8b",
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3},
    "request": {"input_tokens": 1000, "output_tokens": 500},
    "latency": {"ttft_ms": 2000, "tpot_ms": 50},
    "capacity": {"method": "calibrated"},
    "hardware": {"instance_type": "p5.48xlarge", "tensor_parallel": 1},
}
PLANS = {
    "plan of a service, stated type": (STATED, 2.2, 20),
    "plan of a service, every type": ({**STATED, "hardware": "auto"}, 54.0, 2),
}
"""Workload by name, with the highest ratio to the floor and the plans in one round. Basis: measured
2026-11-29, 1.5 and 36 times the floor on Python 3.11; the rest is for other machines."""
FLOOR_STEPS = 5000
NO_SLOWER = 1.1
"""Highest ratio to another revision. Basis: measured, equal trees differ by up to 4 %."""
MOST_IMPORT = 1.75
"""Highest ratio of importing sizing to pydantic in use. Basis: measured 2026-11-29, 1.6 on Python
3.11. Sizing declares 130 models and 47 dataclasses, and no module takes a tenth of the time."""
IN_USE = "from pydantic import BaseModel\nclass One(BaseModel):\n    number: int"
"""Least program with a pydantic model. Guard: `import pydantic` alone loads hardly any of it."""
IMPORT = "import sizing.size"
PLAN = """
import json, sys, time
from statistics import median
from sizing.catalog import load_catalog
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload

given = json.loads(sys.argv[1])
for name, module in sys.modules.items():
    if name.split(".")[0] == "sizing" and not module.__file__.startswith(given["tree"]):
        raise ImportError(f"{name} is not in this tree")
catalog, site = load_catalog(), Site.model_validate(given["site"])
workload = Workload.model_validate(given["workload"])
size([workload], site, catalog)
times = []
for _ in range(given["plans"]):
    start = time.process_time()
    size([workload], site, catalog)
    times.append(time.process_time() - start)
print(median(times))
"""


@dataclass(frozen=True)
class Figure:
    """One figure of the report."""

    what: str
    taken_s: float
    ratio: float
    floor: str
    most: float | None = None
    """Highest accepted ratio; None where the ratio is reported only."""

    @property
    def is_over(self) -> bool:
        """True where the ratio exceeds its limit."""
        return self.most is not None and self.ratio > self.most


def floor() -> int:
    """Fixed work in pure Python: fractions, as in sizing."""
    return sum(Fraction(1, n % 97 + 1).numerator for n in range(FLOOR_STEPS))


def import_figures() -> Iterator[Figure]:
    """Import of all of sizing, against pydantic in use and against its bare import."""
    commands = [_python(code) for code in (IMPORT, IN_USE, "import pydantic")]
    taken, used, bare = paired(*commands, runs=15, clock=cpu_seconds)
    yield Figure(
        "import of sizing", median(taken), ratio(taken, used), "pydantic in use", MOST_IMPORT
    )
    yield Figure("", median(taken), ratio(taken, bare), "import pydantic, which loads no model")


def _python(code: str, folder: Path = ROOT) -> Callable[[], object]:
    """Process that runs the code with the packages of a folder."""
    return shell(sys.executable, "-c", code, folder=folder, PYTHONPATH=str(folder))


def plan_figures() -> Iterator[Figure]:
    """Plans of one service, each against the fixed work."""
    from sizing.catalog import load_catalog
    from sizing.site import Site
    from sizing.size import size
    from sizing.workload import Workload

    catalog, site = load_catalog(), Site.model_validate(SITE)
    for what, (stated, most, _) in PLANS.items():
        workload = Workload.model_validate(stated)
        taken, least = paired(
            lambda workload=workload: size([workload], site, catalog),
            floor,
            runs=25,
            clock=cpu_seconds,
        )
        yield Figure(what, median(taken), ratio(taken, least), "fixed work in pure Python", most)


def figures_against(revision: str) -> Iterator[Figure]:
    """Import and plans of this tree against those of a Git revision, run in turn."""
    with TemporaryDirectory() as there:
        before = tree_of(revision, Path(there))
        imports = [_python(IMPORT, tree) for tree in (ROOT, before)]
        taken, other = paired(*imports, runs=15, clock=cpu_seconds)
        name = f"revision {revision}"
        yield Figure("import of sizing", median(taken), ratio(taken, other), name, NO_SLOWER)
        for what, (stated, _, plans) in PLANS.items():
            rounds = [[plan_s(tree, stated, plans) for tree in (ROOT, before)] for _ in range(7)]
            taken, other = ([times[side] for times in rounds] for side in (0, 1))
            yield Figure(what, median(taken), ratio(taken, other), name, NO_SLOWER)


def tree_of(revision: str, folder: Path) -> Path:
    """Write the package `sizing` of a revision into the folder. Raises InputError."""
    command = ["git", "archive", "--format=tar", revision, "sizing"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    if done.returncode:
        raise InputError(
            shortened(revision),
            message=done.stderr.decode(errors="replace").strip().splitlines()[0],
            expected="a Git revision of this project",
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def plan_s(tree: Path, workload: Mapping[str, object], plans: int) -> float:
    """Median processor seconds of a plan in a process that imports sizing from this tree."""
    given = {"tree": str(tree), "site": SITE, "workload": workload, "plans": plans}
    done = subprocess.run(
        [sys.executable, "-c", PLAN, json.dumps(given)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        raise InputError(str(tree), message=f"sizing does not run there: {last}")
    return float(done.stdout)
