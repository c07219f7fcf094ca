"""`compare A B`: sized plans side by side, and the better one where better has a meaning."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.review.side_by_side import MEASURES, best, leaf
from sizing.plan.service.whole import ServicePlan
from tests.sizewright.conftest import INFEASIBLE, ROOT, UNTIMED, Run, after_contradictions

CHAT = ROOT / "tests/workloads/chat.yaml"
SPANNING = ROOT / "tests/program/spanning.yaml"
OTHER_CARD = ("instance_type: g6.xlarge", "instance_type: g6e.xlarge")
MORE_USERS = ("daily_users: 100_000", "daily_users: 130_000")
MORE_SPARE = ("spare_ratio: 0.20", "spare_ratio: 0.60")
COST, TTFT = "choice.pool_usd_per_month", "calibrated.safe.ttft_ms"


def rows(text: str) -> dict[str, list[str]]:
    """Cells of a piped comparison by row; two blanks separate columns."""
    lines = after_contradictions(text).split("\n\n", maxsplit=1)[0].splitlines()[2:]
    cells = ([cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines)
    return {first: rest for first, *rest in cells}


@pytest.fixture
def sized() -> Callable[..., ServicePlan]:
    def build(path: Path, **parts: dict[str, object]) -> ServicePlan:
        """Service of a file; `pool={"nodes_total": 3}` changes leaves of a part."""
        service = read_plan([path], ROOT / "Pulumi.dev.yaml").services[0]
        for name, update in parts.items():
            part = getattr(service, name)
            service = service.model_copy(update={name: part.model_copy(update=update)})
        return service

    return build


def test_two_cards_for_one_load(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("compare", CHAT, chat(OTHER_CARD, name="other"))
    assert (ended.code, ended.err) == (0, "")
    assert after_contradictions(ended.out).splitlines()[1].split() == ["chat.yaml", "other.yaml"]
    answer = rows(ended.out)
    assert answer["service"] == ["chat", "other"]
    assert answer["requests, mean"] == ["11.6 /s", "11.6 /s"]
    assert answer["requests, peak"] == ["167 /s", "167 /s"]
    assert answer["method"] == ["given", "given"]
    assert answer["instance type"] == ["g6.xlarge", "g6e.xlarge"]
    assert answer["precision"] == ["nf4", "nf4"]
    assert answer["tensor parallel"] == ["1", "1"]
    assert answer["GPUs needed"] == ["12", "12"]
    assert [answer[f"nodes {kind}"] for kind in ("needed", "spare", "in all")] == [
        ["12", "12"],
        ["3", "3"],
        ["15", "15"],
    ]
    assert answer["nodes by zone"] == ["use1-az1 5, use1-az2 5, use1-az4 5"] * 2
    assert answer["survives any nodes"] == ["3", "3"]
    assert answer["survives any zones"] == ["none", "none"]
    assert answer["the largest zone lost"] == ["10 left, 12 nodes needed: too few"] * 2
    assert answer["a new version rolls out"] == ["12 left, 12 replicas needed: enough"] * 2
    assert answer["one node in repair"] == ["14 left, 12 replicas needed: enough"] * 2
    assert answer["utilisation, mean"] == ["77.2 %", "77.2 %"]
    assert answer["TTFT, sizing estimate"] == ["500 ms", "219 ms *"]
    assert answer["TPOT, sizing estimate"] == ["65.8 ms", "16.4 ms *"]
    assert answer["USD a month, nodes alone"] == ["8,813 *", "20,378"]
    assert "Karpenter AWS provider: generated on-demand prices, 2026-07-20" in ended.out


def test_a_smaller_load_is_not_better(run: Run, chat: Callable[..., Path]) -> None:
    answer = rows(run("compare", CHAT, chat(MORE_USERS, name="more")).out)
    assert answer["nodes in all"] == ["15", "20"]
    assert answer["GPUs needed"] == ["12", "16"]
    assert answer["USD a month, nodes alone"] == ["8,813", "11,750"]
    assert answer["survives any nodes"] == ["3", "4 *"]


def test_more_spare_for_one_load(run: Run, chat: Callable[..., Path]) -> None:
    answer = rows(run("compare", CHAT, chat(MORE_SPARE, name="safer")).out)
    assert answer["nodes in all"] == ["15 *", "20"]
    assert answer["survives any nodes"] == ["3", "8 *"]
    assert answer["survives any zones"] == ["none", "1 *"]
    assert answer["GPUs needed"] == ["12", "12"]


def test_three_files_and_what_nobody_predicts(run: Run, chat: Callable[..., Path]) -> None:
    answer = rows(run("compare", CHAT, chat(OTHER_CARD, name="other"), SPANNING).out)
    assert answer["service"] == ["chat", "other", "spanning"]
    assert answer["nodes a replica"] == ["1", "1", "2"]
    assert answer["TTFT, sizing estimate"] == ["500 ms", "219 ms", "not predicted"]
    assert answer["survives any zones"] == ["none", "none", "1 *"]


def test_figures_are_those_of_size(run: Run, chat: Callable[..., Path]) -> None:
    files = [CHAT, chat(OTHER_CARD, name="other")]
    answer = json.loads(run("compare", *files, "--json").out)
    expected: list[dict[str, Any]] = []
    for file in files:
        [service] = json.loads(run("size", file, "--json").out)["services"]
        expected.append({"file": str(file), **service})
    assert answer["services"] == expected
    assert answer["better"] == {
        **{path: [] for path in MEASURES},
        COST: [0],
        TTFT: [1],
        "calibrated.safe.tpot_ms": [1],
    }


def test_every_measure_is_a_number_of_the_plan(sized: Callable[..., ServicePlan]) -> None:
    """Each is one of text, or of images that wait in a queue."""
    services = [sized(CHAT), sized(ROOT / "workloads" / "flux-queue.yaml")]
    for path, measure in MEASURES.items():
        has = [s for s in services if isinstance(leaf(s, path), int | float)]
        assert has, path
        assert all(leaf(s, other) is not None for s in has for other in measure.alike), path


@pytest.mark.parametrize(
    ("path", "values", "better"),
    [
        (COST, (2, 1, 1), {1, 2}),
        (COST, (1, 1, 1), set()),
        (COST, (1, None, 2), set()),
        (COST, (0, 1, 2), {0}),
    ],
)
def test_best(
    sized: Callable[..., ServicePlan], path: str, values: tuple[int | None, ...], better: set[int]
) -> None:
    """Tied values are better together; an unknown value is neither best nor worst."""
    services = [sized(CHAT, choice={"pool_usd_per_month": value}) for value in values]
    assert best(services, path) == better


def test_which_way_is_better(sized: Callable[..., ServicePlan]) -> None:
    few, many = sized(CHAT, pool={"nodes_total": 14}), sized(CHAT, pool={"nodes_total": 16})
    assert best([few, many], "pool.nodes_total") == {0}
    survives = sized(CHAT).pool
    assert survives is not None
    safe = sized(CHAT, pool={"survives": survives.survives.model_copy(update={"zones": 2})})
    assert best([few, safe], "pool.survives.zones") == {1}
    assert best([few, safe], "pool.nodes_spare") == frozenset()


@pytest.mark.parametrize(
    ("part", "update"),
    [
        ("traffic", {"requests_per_s_mean": 3}),
        ("traffic", {"requests_per_s_peak": None}),
        ("capacity", {"load": "peak"}),
        ("inputs", {"request": None}),
    ],
)
def test_another_load_is_not_compared(
    sized: Callable[..., ServicePlan], part: str, update: dict[str, object]
) -> None:
    cheap = sized(CHAT, choice={"pool_usd_per_month": 1})
    assert best([sized(CHAT), cheap], COST) == {1}
    assert (
        best([sized(CHAT), sized(CHAT, choice={"pool_usd_per_month": 1}, **{part: update})], COST)
        == set()
    )


def test_nodes_of_another_type_are_not_fewer(sized: Callable[..., ServicePlan]) -> None:
    larger = sized(CHAT, pool={"nodes_total": 2, "instance_type": "p5.48xlarge"})
    assert best([sized(CHAT), larger], "pool.nodes_total") == frozenset()
    assert best([], "pool.nodes_total") == frozenset()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_nothing_is_cut_at_any_width(
    run: Run, chat: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    words = ("compare", CHAT, chat(OTHER_CARD, name="other"))
    piped = run(*words).out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    narrow = run(*words).out
    assert max(map(len, narrow.splitlines())) <= width
    assert Counter("".join(piped.split())) == Counter("".join(narrow.split()))
    assert "\x1b" not in piped + narrow


def test_columns_alike_are_cut_alike(
    run: Run, chat: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: 60)
    lines = run("compare", CHAT, chat(OTHER_CARD, name="other")).out.splitlines()
    zones = [line.split() for line in lines if "use1-az" in line]
    assert zones == [
        ["nodes", "by", "zone", *["use1-az1", "5,"] * 2],
        ["use1-az2", "5,"] * 2,
        ["use1-az4", "5"] * 2,
    ]


def test_files_named_alike_are_distinguished(run: Run, chat: Callable[..., Path]) -> None:
    other = chat(OTHER_CARD)
    lines = after_contradictions(run("compare", CHAT, other).out).splitlines()
    assert lines[1].split() == [str(CHAT), str(other)]


def test_a_file_without_a_pool(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("compare", CHAT, UNTIMED)
    assert ended.code == 6
    answer = rows(ended.out)
    assert answer["nodes in all"] == ["15", "-"]
    assert answer["requests, mean"] == ["11.6 /s", "11.6 /s"]
    assert "why there is no pool" in ended.out
    assert ended.err.startswith("over-nodes: not answered by this version")
    assert run("compare", UNTIMED, chat(INFEASIBLE, OTHER_CARD, name="never")).code == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((CHAT, "nowhere.yaml"), "nowhere.yaml"),
        ((CHAT, SPANNING, "--all"), "--all lists the options of one FILE"),
        ((), "Missing argument 'FILE...'"),
    ],
)
def test_wrong_input_is_one_error(run: Run, words: tuple[object, ...], message: str) -> None:
    ended = run("compare", *words)
    assert ended.code == 2
    assert message in ended.err
    assert ended.out == "" and "Traceback" not in ended.err
