"""Speed against its budgets, paired in one run: `make bench`.

Times of a shared machine drift, so each figure is paired with a floor measured in turn with it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from testbed.engine import engine_missing  # noqa: E402

CHAT = ROOT / "workloads" / "chat.yaml"
HOSTILE = (
    "a: " + "x " * 500_000,
    "- " * 500_000,
    "? " * 500_000,
    "{" * 1_000_000,
    "a: &" + "x" * 1_000_000,
    "a: 1" + "_1" * 500_000 + "_",
)
"""Files that are large for their content; each must be refused."""
SIZEWRIGHT = str(Path(sys.executable).parent / "sizewright")
RUNS = 7
IMPORT_SAME_MODULES = """
import sys, importlib
for name in {modules!r}: importlib.import_module(name)
"""


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def paired(*actions: Callable[[], object], runs: int = RUNS) -> list[list[float]]:
    """Times of each action in seconds, measured in turn, after one warm-up each."""
    for action in actions:
        action()
    rounds = [[seconds(action) for action in actions] for _ in range(runs)]
    return [list(times) for times in zip(*rounds, strict=True)]


def shell(*command: str) -> Callable[[], object]:
    """Action that runs the command as a separate process, in the project's folder."""
    return lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def pulumi_modules() -> list[str]:
    """Names of the Pulumi modules that a preview imports."""
    script = (
        "import sys, json; from pathlib import Path; sys.argv = ['sizewright'];"
        "from sizewright.record.program import record_program;"
        f"record_program(Path('Pulumi.dev.yaml'), [Path({str(CHAT)!r})]);"
        "print(json.dumps(sorted(m for m in sys.modules if m.startswith('pulumi'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    modules: list[str] = json.loads(done.stdout)
    return modules


def one_sizing() -> tuple[float, float]:
    """Median milliseconds of one sizing, and of reading its file."""
    from sizewright.reading.stack.plan import plan_of
    from sizewright.reading.stack.site_file import read_site
    from sizewright.reading.stack.workload_file import read_workload
    from sizing.catalog import load_catalog

    catalog = load_catalog()
    site = read_site(ROOT / "Pulumi.dev.yaml")
    file = read_workload(CHAT, catalog)
    sizing, reading = paired(
        lambda: plan_of([file], site, catalog), lambda: read_workload(CHAT, catalog), runs=200
    )
    return median(sizing) * 1000, median(reading) * 1000


CALIBRATED = {
    "name": "chat",
    "kind": "chat",
    "model": "llama-3.1-8b",
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3},
    "request": {"input_tokens": 1000, "output_tokens": 500},
    "latency": {"ttft_ms": 2000, "tpot_ms": 50},
    "capacity": {"method": "calibrated"},
    "hardware": {"instance_type": "p5.48xlarge", "tensor_parallel": 1},
}


def calibrated() -> tuple[float, float]:
    """Median milliseconds of one calibrated sizing, and seconds of ranking every type."""
    from sizewright.reading.stack.site_file import read_site
    from sizing.catalog import load_catalog
    from sizing.hardware.decision import decision
    from sizing.hardware.ranking import ranking
    from sizing.replica.case import case_of
    from sizing.replica.traffic import request_rates
    from sizing.size import service_plan
    from sizing.workload import Workload

    catalog, site = load_catalog(), read_site(ROOT / "Pulumi.dev.yaml").site
    stated = Workload.model_validate(CALIBRATED)
    free = Workload.model_validate({**CALIBRATED, "hardware": "auto"})
    case, rates = case_of(free, site, catalog), request_rates(free.traffic)

    def one_service() -> None:
        service_plan(decision(case_of(stated, site, catalog), rates, None, ()))

    (sizing,) = paired(one_service, runs=100)
    (ranked,) = paired(lambda: ranking(case, rates), runs=5)
    return median(sizing) * 1000, median(ranked)


def reading() -> tuple[float, float]:
    """Median milliseconds of loading the catalog; seconds of the slowest refusal of a file."""
    from sizewright.reading.input_error import InputError
    from sizewright.reading.stack.workload_file import read_workload
    from sizing.catalog import load_catalog

    catalog = load_catalog()
    (loading,) = paired(load_catalog, runs=20)

    def refuse(path: Path) -> None:
        try:
            read_workload(path, catalog)
        except InputError:
            return
        raise AssertionError(f"{path} was read")

    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.yaml" for number in range(len(HOSTILE))]
        for path, text in zip(paths, HOSTILE, strict=True):
            path.write_text(text)
        refusing = paired(*[lambda path=path: refuse(path) for path in paths], runs=1)
    slowest = max(median(taken) for taken in refusing)
    return median(loading) * 1000, slowest


def growth(counts: Sequence[int] = (1, 5, 10, 20)) -> list[tuple[int, float]]:
    """Seconds of sizing and recording n services in this process, modules imported."""
    from components.platform import build
    from sizewright.reading.stack.site_file import read_site
    from sizewright.reading.stack.workload_file import read_workload
    from sizewright.record import record
    from sizing.catalog import load_catalog
    from sizing.size import size

    catalog = load_catalog()
    site = read_site(ROOT / "Pulumi.dev.yaml").site
    chat = read_workload(CHAT, catalog).workload

    def run(count: int) -> object:
        services = [chat.model_copy(update={"name": f"chat-{n}"}) for n in range(count)]
        plan = size(services, site, catalog)
        return record(lambda: build(plan), config={})

    times = paired(*[lambda n=count: run(n) for count in counts], runs=3)
    return list(zip(counts, map(median, times), strict=True))


def engine_previews() -> tuple[float, float]:
    """Median seconds of `pulumi preview` of a first chat stack, and of the offline preview."""
    from testbed.engine import Stack, world_of
    from testbed.standin import StandIn

    site = ROOT / "Pulumi.dev.yaml"
    with TemporaryDirectory() as folder, StandIn(world_of(site)) as standin:
        stack = Stack(Path(folder) / "stack", standin, site)
        stack.configure([CHAT])
        stack.create()
        engine, offline = paired(
            lambda: stack.command("preview").check_returncode(),
            shell(SIZEWRIGHT, "preview", str(CHAT)),
            runs=3,
        )
    return median(engine), median(offline)


def line(what: str, taken: float, unit: str, note: str = "") -> None:
    """Print one figure with its comparison."""
    print(f"{what:<34}{taken:8.3f} {unit:<4}{note}".rstrip())


def main() -> None:
    sizing_ms, reading_ms = one_sizing()
    line("one sizing", sizing_ms, "ms", "budget 5 ms")
    line("  reading its file", reading_ms, "ms", "budget 15 ms")

    loading_ms, refused_s = reading()
    line("loading the catalog", loading_ms, "ms", "budget 25 ms")
    line("refusing a hostile file, slowest", refused_s, "s", "budget 2 s")

    calibrated_ms, ranking_s = calibrated()
    line("one calibrated sizing", calibrated_ms, "ms", "budget 5 ms")
    line("ranking of every type", ranking_s, "s", "budget 1 s")
    empty, imported = paired(
        shell(sys.executable, "-c", "pass"), shell(sys.executable, "-c", "import sizing.size")
    )
    line("import of sizing", (median(imported) - median(empty)) * 1000, "ms", "budget 150 ms")

    bare, helped, sized = paired(
        shell(sys.executable, "-c", "pass"),
        shell(SIZEWRIGHT, "--help"),
        shell(SIZEWRIGHT, "size", str(CHAT), "--json"),
    )
    line("sizewright --help", median(helped), "s", "budget 0.3 s")
    line("sizewright size", median(sized), "s", "budget 0.5 s")
    line("  an empty Python process", median(bare), "s")

    script = IMPORT_SAME_MODULES.format(modules=pulumi_modules())
    floor, previewed = paired(
        shell(sys.executable, "-c", script), shell(SIZEWRIGHT, "preview", str(CHAT))
    )
    ratio = median(a / b for a, b in zip(previewed, floor, strict=True))
    line("preview of the chat stack", median(previewed), "s", f"{ratio:.2f} x the import, budget 2")
    line("  importing the same modules", median(floor), "s")

    if engine_missing():
        print(f"engine preview: skipped, {engine_missing()}")
    else:
        engine, offline = engine_previews()
        note = f"{engine / offline:.2f} x the offline preview, budget 6 s"
        line("pulumi preview of the chat stack", engine, "s", note)

    rows = growth()
    first = rows[0][1]
    for count, taken in rows:
        line(
            f"{count:3d} services, in process", taken, "s", f"{taken / first / count:.2f} of linear"
        )


if __name__ == "__main__":
    main()
