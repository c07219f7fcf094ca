"""Speed as ratios to floors, paired in one run: `make bench`.

`python bench/speed.py [--against REVISION]`. Times of a shared machine drift, so each ratio is to a
floor that is measured in turn with it. Ratios with a limit are gates (exit code 4); seconds are
reported. With a Git revision, only `sizing` is measured: both trees run in turn.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from paired import kept_bytecode, paired, ratio, shell  # noqa: E402
from speed_sizing import Figure, figures_against, import_figures, plan_figures  # noqa: E402

from sizewright.exit_code import ExitCode  # noqa: E402
from sizewright.reading.input_error import InputError  # noqa: E402
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
IMPORT_SAME_MODULES = """
import sys, importlib
for name in {modules!r}: importlib.import_module(name)
"""


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


def reading() -> Iterator[Figure]:
    """Reading of a workload file, and the slowest refusal of a hostile one, against the catalog."""
    from sizewright.reading.stack.workload_file import read_workload
    from sizing.catalog import load_catalog

    catalog = load_catalog()

    def refuse(path: Path) -> None:
        try:
            read_workload(path, catalog)
        except InputError:
            return
        raise AssertionError(f"{path} was read")

    floor = "loading the catalog"
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.yaml" for number in range(len(HOSTILE))]
        for path, text in zip(paths, HOSTILE, strict=True):
            path.write_text(text)
        refusals = [lambda path=path: refuse(path) for path in paths]
        loading, chat, *refusing = paired(
            load_catalog, lambda: read_workload(CHAT, catalog), *refusals, runs=3
        )
    slowest = max(refusing, key=median)
    yield Figure("reading a workload file", median(chat), ratio(chat, loading), floor)
    yield Figure("refusing a hostile file", median(slowest), ratio(slowest, loading), floor)


def growth(counts: Sequence[int] = (1, 5, 10, 20)) -> Iterator[Figure]:
    """Sizing and recording n services in this process, against n times one service."""
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
    for count, taken in zip(counts, times, strict=True):
        floor = [count * one for one in times[0]]
        yield Figure(f"{count} services", median(taken), ratio(taken, floor), "linear growth")


def commands() -> Iterator[Figure]:
    """Commands in a process of their own, against what they cannot avoid."""
    bare, helped, sized = paired(
        shell(sys.executable, "-c", "pass"),
        shell(SIZEWRIGHT, "--help"),
        shell(SIZEWRIGHT, "size", str(CHAT), "--json"),
    )
    for what, taken in (("sizewright --help", helped), ("sizewright size", sized)):
        yield Figure(what, median(taken), ratio(taken, bare), "an empty Python process")
    script = IMPORT_SAME_MODULES.format(modules=pulumi_modules())
    importing, previewed = paired(
        shell(sys.executable, "-c", script), shell(SIZEWRIGHT, "preview", str(CHAT))
    )
    floor = "importing the same modules"
    yield Figure("sizewright preview", median(previewed), ratio(previewed, importing), floor, 2.0)


def engine_preview() -> Iterator[Figure]:
    """`pulumi preview` of a first chat stack against the offline preview."""
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
    yield Figure("pulumi preview", median(engine), ratio(engine, offline), "the offline preview")


def line(figure: Figure) -> str:
    """Seconds of one figure, and its ratio with the limit."""
    text = f"{figure.what:<32}{figure.taken_s:9.4f} s {figure.ratio:7.2f} x {figure.floor}"
    if figure.most is None:
        return text
    return f"{text}, {'OVER' if figure.is_over else 'at most'} {figure.most:g}"


def parts(against: str | None) -> list[Callable[[], Iterator[Figure]]]:
    """Parts of the report, in order."""
    if against is not None:
        return [lambda: figures_against(against), import_figures, plan_figures]
    engine = [] if engine_missing() else [engine_preview]
    return [import_figures, plan_figures, reading, commands, *engine, growth]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="REVISION", help="a Git revision to compare with")
    given = parser.parse_args(arguments)
    over = 0
    try:
        with kept_bytecode():
            for figure in chain.from_iterable(part() for part in parts(given.against)):
                print(line(figure), flush=True)
                over += figure.is_over
    except InputError as fault:
        print(fault, file=sys.stderr)
        return ExitCode.bad_input
    if given.against is None and engine_missing():
        print(f"engine preview: skipped, {engine_missing()}")
    if over:
        print(f"{over} ratios are over their limits", file=sys.stderr)
        return ExitCode.gate_failed
    return ExitCode.ok


if __name__ == "__main__":
    sys.exit(main())
