"""`compare` on a terminal of 80 columns is a table; rejected types are grouped with their best."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sizewright.layout.numbers import data_size, duration, exact_number, number, share, usd
from sizewright.record import Recorded, RecordedResource
from sizewright.report.answer.comparison import FIRST
from sizewright.report.answer.rejections import rejection_rows
from sizewright.report.change.difference import resource_lines
from sizewright.review.changes import load_rules
from sizewright.review.compare import Change, flags, leaf_changes
from sizewright.review.compare_resources import resource_changes
from sizing.plan.part import Reason, Rejected
from tests.sizewright.conftest import ROOT, Run

AUTO = """
name: chat
kind: chat
model: llama-3.1-8b
traffic: {daily_users: 100_000, requests_per_user_per_day: 10, peak_ratio: 2}
request: {input_tokens: 100, output_tokens: 400, context_tokens: 2048}
latency: {ttft_ms: 1000, tpot_ms: 60}
hardware: auto
data: none
"""
TABLE = re.compile(r"^[\d,]+|unknown")


@pytest.fixture
def workload(tmp_path: Path) -> Callable[..., Path]:
    def build(*replaced: tuple[str, str]) -> Path:
        text = AUTO
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "auto.yaml"
        path.write_text(text, "utf-8")
        return path

    return build


def ranking(out: str) -> list[str]:
    """Rows of the first table."""
    lines = out.split("\n\n", maxsplit=1)[0].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("USD/month"))
    return lines[start + 1 :]


def test_at_80_columns_compare_is_a_table_with_the_pareto_optimal_types_first(
    run: Run, workload: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: 80)
    out = run("compare", workload()).out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 40, "one screen"
    rows = ranking(out)
    assert 0 < len(rows) <= FIRST
    assert all(TABLE.match(row) and len(row.split()) >= 9 for row in rows), rows
    marks = ["*" in row for row in rows]
    assert marks[0] and marks == sorted(marks, reverse=True)
    assert re.search(r"and \d+ more types: --all lists every option", out)
    assert "\nwhat the others lack: --all shows the numbers\n" in out and ": engine" in out
    in_full = run("compare", workload(), "--all").out
    assert "\nwhat the others lack\n" in in_full and "closest is " in in_full
    every = ranking(in_full)
    assert len(every) > len(rows)


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", ["clips", "image-studio"])
def test_items_have_seconds_and_no_tokens(
    run: Run, monkeypatch: pytest.MonkeyPatch, *, name: str, width: int
) -> None:
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    workload = ROOT / "workloads" / f"{name}.yaml"
    out = run("compare", workload).out
    assert "TTFT" not in out and "TPOT" not in out and "unknown  " not in out
    assert max(map(len, out.splitlines())) <= width
    heads = [line for line in out.splitlines() if "USD/month" in line]
    assert len(heads) == 2 and all("s/item" in head for head in heads)
    rows = ranking(out)
    assert any("*" in row for row in rows), "items are compared by cost and seconds"
    first = json.loads(run("compare", workload, "--json").out)["options"][0]
    assert first["ttft_ms"] is None and first["tpot_ms"] is None
    assert first["basis"] == "measured"
    assert f" {number(first['item_s'])} " in next(
        row for row in rows if first["instance_type"] in row
    )


def test_text_has_no_seconds_of_an_item(run: Run, workload: Callable[..., Path]) -> None:
    out = run("compare", workload()).out
    assert "TTFT ms" in out and "s/item" not in out
    options = json.loads(run("compare", workload(), "--json").out)["options"]
    assert {option["item_s"] for option in options} == {None}


@pytest.mark.parametrize("width", [80, 160])
def test_side_by_side_shows_the_times_that_the_services_have(
    run: Run, monkeypatch: pytest.MonkeyPatch, *, width: int
) -> None:
    """Guard: paths are short, so that no label of a row is wrapped."""
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    monkeypatch.chdir(ROOT)
    files = [f"workloads/{name}.yaml" for name in ("image-studio", "flux-queue", "chat")]
    items, text, both = (
        run("compare", *chosen).out for chosen in (files[:2], (files[2], files[2]), files[1:])
    )
    assert "response, sizing estimate" in items and "TTFT" not in items
    assert "TTFT, sizing estimate" in text and "an item" not in text
    assert "response, sizing estimate" in both and "TTFT, sizing estimate" in both


def test_rejections_are_grouped_and_quote_the_best_attempt() -> None:
    def rejected(option: str, reason: Reason, numbers: str) -> Rejected:
        name = option.split(",", maxsplit=1)[0].split(":", maxsplit=1)[0]
        return Rejected(option=option, reason=reason, numbers=numbers, instance_type=name)

    rows = list(
        rejection_rows(
            [
                rejected("b.large, tensor parallel 8, fp8", Reason.latency, "TPOT 61 ms"),
                rejected("a.large, tensor parallel 1, bf16", Reason.latency, "TPOT 900 ms"),
                rejected("c: method calibrated", Reason.unknown_fact, "lacks X"),
                rejected("d: method calibrated", Reason.unknown_fact, "lacks X"),
                rejected("e", Reason.unknown_fact, "lacks Y"),
            ]
        )
    )
    assert rows == [
        (
            "2 options",
            "latency",
            "closest is b.large, tensor parallel 8, fp8: TPOT 61 ms; the others: a.large",
        ),
        ("2 options", "unknown_fact", "lacks X: c, d"),
        ("e", "unknown_fact", "lacks Y"),
    ]


def test_of_a_type_that_is_too_small_the_largest_replica_is_quoted(
    run: Run, workload: Callable[..., Path]
) -> None:
    """Guard: the first attempt is one card alone, which proves nothing about eight."""
    path = workload(
        ("model: llama-3.1-8b", "model: llama-3.1-405b"),
        ("hardware: auto", "hardware: {instance_type: auto, families: [g5]}"),
    )
    out = run("compare", path).out
    (row,) = [line for line in out.splitlines() if " memory " in line]
    assert "closest is g5.48xlarge, tensor parallel 8: " in row
    assert "8 x NVIDIA A10G leave " in row


def test_engine_flags_are_named_in_a_diff() -> None:
    def pod(*arguments: str) -> Recorded:
        container = {"args": ["/weights/m", *arguments], "image": "e"}
        spec = {"template": {"spec": {"containers": [container]}}}
        floor = RecordedResource(
            type="kubernetes:apps/v1:Deployment",
            name="floor",
            parent=None,
            inputs={"spec": spec},
            protect=False,
        )
        return Recorded((floor,), {})

    old = pod("--max-num-seqs", "56", "--dtype", "auto", "--enforce-eager")
    new = pod("--dtype", "auto", "--max-num-seqs", "138", "--seed=1")
    (change,) = resource_changes(old, new, load_rules())
    assert {c.path.rpartition(".args.")[2]: (c.old, c.new) for c in change.changes} == {
        "--max-num-seqs": ("56", "138"),
        "--seed": (None, "1"),
        "--enforce-eager": (True, None),
    }
    text = "\n".join(resource_lines([change], 0))
    assert "--max-num-seqs: 56 -> 138" in text


def test_arguments_without_flags_or_with_one_twice_are_compared_by_place() -> None:
    assert list(leaf_changes({"args": ["a", "b"]}, {"args": ["a", "c"]})) == [
        Change("args[1]", "b", "c")
    ]
    twice = {"args": ["--add", "a", "--add", "b"]}
    assert list(leaf_changes(twice, {"args": ["--add", "a", "--add", "c"]})) == [
        Change("args[3]", "b", "c")
    ]
    assert flags(["model", "--n", "-1", "--on", "--k=v"]) == {
        "[0]": "model",
        "--n": "-1",
        "--on": True,
        "--k": "v",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (number(11.574), "11.6"),
        (number(3408.33), "3,410"),
        (number(100_001), "100,001"),
        (number(0.083333), "0.0833"),
        (data_size(1_186_250_000_000), "1.19 TB"),
        (duration(136.52), "137 s"),
        (duration(0.041449), "41.4 ms"),
        (share(0.77244), "77.2 %"),
        (usd(8812.56), "8,813"),
        (exact_number(0.8048), "0.8048"),
        (exact_number(1234.5678), "1,234.5678"),
    ],
)
def test_prose_has_three_significant_digits_counts_and_money_in_full(text: str, said: str) -> None:
    assert text == said


def test_no_measure_in_size_has_more_than_three_digits(run: Run) -> None:
    out = run("size", ROOT / "workloads" / "golden" / "text-to-text.yaml", "--verbose").out
    rows = out.split("\n\n")[0]
    long = [m for m in re.findall(r"\d+\.\d+", rows) if len(m.replace(".", "").lstrip("0")) > 3]
    assert not long


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_site_that_is_refused_is_refused_in_every_form(
    run: Run, workload: Callable[..., Path], tmp_path: Path, form: tuple[str, ...]
) -> None:
    site, text = tmp_path / "Pulumi.dev.yaml", (ROOT / "Pulumi.dev.yaml").read_text("utf-8")
    assert "use1-az4" in text
    site.write_text(text.replace("use1-az4", "use1-az9"), "utf-8")
    ended = run("compare", workload(), "--site", site, *form)
    assert (ended.code, "use1-az9" in ended.out + ended.err) == (2, True)
    assert "options" not in ended.out
