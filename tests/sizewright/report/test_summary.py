"""The ten lines of `size` and `preview`: how many there are, and what they say in each case."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import INFEASIBLE, ROOT, Run
from tests.test_words import banned

CHAT = "workloads/chat.yaml"
GIVEN = "tests/workloads/chat.yaml"
GOLDEN = ROOT / "workloads" / "golden"
IMAGES = GOLDEN / "text-to-image.yaml"
VIDEO = GOLDEN / "text-to-video.yaml"
PUBLIC = ("tests/program/public.yaml", "--site", "tests/program/Pulumi.public.yaml")
MORE = "more       `--verbose` shows all figures, `sizewright explain FILE` each reason."
OFFLINE = "Offline preview: recorded on this machine; not a diff against a cloud"


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (("size", CHAT), 9),
        (("size", GIVEN), 10),
        (("size", IMAGES), 10),
        (("size", VIDEO), 10),
        (("preview", CHAT), 10),
        (("preview", GIVEN), 10),
        (("preview", IMAGES), 10),
    ],
    ids=str,
)
def test_an_answer_has_at_most_ten_lines(run: Run, words: tuple[str, ...], rows: int) -> None:
    lines = run(*words).out.splitlines()
    assert len(lines) == rows <= 10
    assert all(line == line.rstrip() != "" for line in lines)
    assert lines[-1].startswith(("more  ", "warnings  ")) and lines[-1].endswith(
        MORE.partition("`")[2]
    )


def test_the_fullest_answer_has_ten_lines(run: Run, tmp_path: Path) -> None:
    """No nodes, a contradiction, a latency row and a saving, which gives way."""
    text = (ROOT / CHAT).read_text(encoding="utf-8").replace("100_000", "900_000_000")
    for load, rows in (("peak", {"buy", "measure"}), ("mean", {"buy"})):
        path = tmp_path / "chat.yaml"
        path.write_text(text.replace("load: peak", f"load: {load}"), encoding="utf-8")
        lines = run("size", path).out.splitlines()
        assert len(lines) == 10
        assert {line.split()[0] for line in lines} & {"buy", "measure"} == rows


def test_met_targets_in_whole(run: Run) -> None:
    assert run("size", CHAT).out.splitlines() == [
        "chat: 15 GPUs (NVIDIA L40S) on 15 x g6e.xlarge, 12 needed + 3 spare",
        "cost       at least 20,378 USD a month (nodes only, list price of 2026-07-20)",
        "load       chat receives 142 requests/s at the peak: 70.5 % utilisation",
        "latency    met for 95 %: TTFT 232 of 500 ms, TPOT 42.5 of 50 ms (P90 estimate)",
        "survives   loss of any 3 nodes, no zone (a lost zone leaves 10; 12 needed)",
        "bound by   throughput, 12.1 requests/s a GPU at 90 % (P90); spare ratio 20 %",
        "buy        60 vCPUs of quota L-DB2E81BA (0 in a new account); "
        "1 cluster in use1-az1, use1-az2, use1-az4",
        "warnings   7 versions are unverified.",
        MORE,
    ]


def test_a_preview_counts_what_costs_money(run: Run) -> None:
    lines = run("preview", CHAT).out.splitlines()
    assert lines[0] == OFFLINE
    assert lines[-3:] == [
        "resources  128, with 4 node groups, 1 NAT gateway, 1 load balancer, 1 database",
        "warnings   No lock pins the versions. 7 versions are unverified.",
        MORE,
    ]
    assert max(map(len, lines)) <= 80


def test_missed_targets_follow_the_contradictions(run: Run) -> None:
    first, *lines = run("size", GIVEN).out.splitlines()
    assert first.startswith("contradictions in chat: peak_above")
    assert "latency    missed at the peak: requests queue, and the queue grows" in lines
    load = "chat receives 167 requests/s at the peak: 1,110 % utilisation"
    assert f"load       {load}; the peak needs 201 nodes with this redundancy" in lines
    assert "bound by   throughput, 1 request/s a GPU (as measured); spare ratio 20 %" in lines


def test_images_get_no_nodes(run: Run) -> None:
    contradicted, no_nodes, what, *lines = run("preview", IMAGES).out.splitlines()
    assert contradicted.startswith("contradictions in text-to-image: ")
    assert no_nodes.startswith("text-to-image: no nodes are built; no engine of this version")
    assert what == OFFLINE
    mean = "receives 11,600 requests/s at the mean: 93.9 % utilisation; no peak is given"
    assert f"load       text-to-image {mean}" in lines
    assert "resources  88, with 1 node group, 1 NAT gateway, 1 database" in lines
    assert lines[-1].startswith("warnings   No lock pins the versions. 3 versions are unverified.")


def test_the_reason_of_an_infeasible_service(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("preview", chat(INFEASIBLE))
    assert ended.code == 5
    lines = ended.out.splitlines()
    assert "chat: no GPU pool" in lines
    assert "load       chat receives 167 requests/s at the peak" in lines
    verdict = next(line for line in lines if line.startswith("verdict"))
    assert (
        "infeasible: g6.xlarge: " in verdict and "the workload requires at least 1000 GB" in verdict
    )
    assert "resources  none; the program refuses a service that is infeasible" in lines


def test_a_burst_serves_the_peak(run: Run) -> None:
    load = "529 % utilisation without the burst of up to 10 GPUs"
    out = run("size", "workloads/chat-burst.yaml").out
    assert load in out and "latency    met for 95 %: " in out


@pytest.mark.parametrize("command", ["size", "preview"])
def test_what_is_open_to_the_internet_is_a_warning(run: Run, command: str) -> None:
    assert "Open to the internet: " in run(command, *PUBLIC).out
    assert "internet" not in run(command, CHAT).out


def test_several_services_have_a_block_each(run: Run, chat: Callable[..., Path]) -> None:
    out = run("size", CHAT, chat(name="search")).out
    opening, first, second, tail = out.split("\n\n")
    assert opening.startswith("contradictions in search: ")
    assert (first.split(":")[0], second.split(":")[0]) == ("chat", "search")
    assert len(out.splitlines()) <= 20
    assert tail.splitlines()[-1] == MORE


@pytest.mark.parametrize("width", [40, 80, 160])
def test_lines_wrap_and_lose_nothing(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    piped = run("size", GIVEN).out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    wrapped = run("size", GIVEN).out
    assert max(map(len, wrapped.splitlines())) <= width
    assert sorted("".join(piped.split())) == sorted("".join(wrapped.split()))


def test_words_of_the_field(run: Run) -> None:
    """A phrase may be composed of several literals, so the answers are also read as a whole."""
    assert not banned(" ".join(run("preview", path).out for path in (CHAT, GIVEN, IMAGES)))


@pytest.mark.parametrize("short", ["-v", "--verbose"])
def test_verbose_prints_the_tables(run: Run, short: str) -> None:
    out = run("size", CHAT, short).out
    assert "\nunverified\n" in out and "\nchat: not taken\n" in out and "\nmethods " in out
    tree = run("preview", CHAT, short).out
    assert "\nresources: 128 in 25 components, " in tree and "eks.NodeGroup sw-g6e" in tree
