"""`explain`: selection of a number, and its explanation."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import INFEASIBLE, Run

CHAT = "tests/workloads/chat.yaml"


@pytest.mark.parametrize(
    "pointer",
    [
        "/services/0/pool/gpus_total",
        "chat.pool.gpus_total",
        "pool.gpus_total",
        "gpus_total",
    ],
)
def test_every_way_to_name_a_number(run: Run, pointer: str) -> None:
    ended = run("explain", CHAT, pointer)
    assert (ended.code, ended.err) == (0, "")
    for line in (
        "chat.pool.gpus_total",
        "means    GPUs in all, spare ones included",
        "value    15",
        "formula  nodes x GPUs a node",
        "numbers  15 * 1",
        "pointer  /services/0/pool/gpus_total",
    ):
        assert line in ended.out.splitlines()
    assert "the published chat design (100,000 users) prints 15" in ended.out


def test_ambiguous_lists_the_candidates(run: Run) -> None:
    ended = run("explain", CHAT, "nodes_total")
    assert (ended.code, ended.out) == (2, "")
    assert "chat.pool.nodes_total, system.nodes_total" in ended.err


@pytest.mark.parametrize(
    ("requested", "said"),
    [
        ("pool.gpu_totl", "did you mean 'pool.gpus_total'?"),
        ("chat.pol.gpus_total", "did you mean 'chat.pool.gpus_total'?"),
        ("/services/0/pool/gpus_totl", "did you mean '/services/0/pool/gpus_total'?"),
        ("nothing-like-it", "the plan has no number 'nothing-like-it'"),
        ("pool.binding", "chat.pool.binding is not a number: text 'throughput'"),
        ("peak_flop_per_s", "is unknown for this workload"),
    ],
)
def test_unknown_says_what_is_near(run: Run, requested: str, said: str) -> None:
    ended = run("explain", CHAT, requested)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_part_lists_its_numbers(run: Run) -> None:
    ended = run("explain", CHAT, "chat.database", "--json")
    names = [row["name"] for row in json.loads(ended.out)["explanations"]]
    assert "chat.database.max_acu" in names
    assert all(name.startswith("chat.database.") for name in names)


def test_a_part_goes_before_what_is_no_number(run: Run) -> None:
    """`chat.serving.pool` is the name of a pool."""
    ended = run("explain", CHAT, "pool", "--json")
    names = [row["name"] for row in json.loads(ended.out)["explanations"]]
    assert "chat.pool.gpus_total" in names
    assert all(name.startswith("chat.pool.") for name in names)


def test_what_is_nothing_like_a_name_is_not_guessed_at(run: Run) -> None:
    assert run("explain", CHAT, "nope").err == "Error: the plan has no number 'nope'\n"


def test_a_band_is_shown_for_an_estimate(run: Run) -> None:
    out = run("explain", CHAT, "database.max_acu").out
    assert "band     1 to 7" in out
    assert "basis    assumed: " in out


def test_without_pointer_every_number_but_the_inputs(run: Run) -> None:
    every = json.loads(run("explain", CHAT, "--all", "--json").out)["explanations"]
    shown = json.loads(run("explain", CHAT, "--json").out)["explanations"]
    inputs = [row for row in every if row["name"].startswith("chat.inputs.")]
    assert inputs and len(shown) == len(every) - len(inputs)
    assert len({row["name"] for row in every}) == len(every)


def test_json_names(run: Run) -> None:
    (row,) = json.loads(run("explain", CHAT, "gpus_total", "--json").out)["explanations"]
    assert list(row) == [
        "name", "pointer", "value", "meaning", "symbols", "numbers", "arithmetic", "basis",
        "source", "low", "high", "remarks",
    ]  # fmt: skip


def test_list_has_value_formula_basis_and_remarks(run: Run) -> None:
    lines = run("explain", CHAT).out.splitlines()
    assert ["gpus_total", "15", "15 * 1", "arithmetic"] in [
        [cell.strip() for cell in line.split("  ") if cell] for line in lines
    ]
    assert lines.index("remarks") < len(lines) - 5
    assert any("slips" in line for line in lines)


def test_services_of_several_kinds_keep_their_names(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("explain", chat(name="search"), "search.traffic.requests_per_s_mean")
    assert "numbers  100000 * 10 / 86400" in ended.out


def test_infeasible_is_explained_as_far_as_it_goes(run: Run, chat: Callable[..., Path]) -> None:
    textbook = ("method: given, requests_per_gpu_per_s: 1", "method: textbook")
    ended = run("explain", chat(INFEASIBLE, textbook))
    assert ended.code == 5
    assert "requests_per_s_mean" in ended.out
    assert "chat: infeasible" in ended.err


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_nothing_is_cut_at_any_width(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    piped = run("explain", CHAT).out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    narrow = run("explain", CHAT).out
    assert max(map(len, narrow.splitlines())) <= width
    assert Counter("".join(narrow.split())) == Counter("".join(piped.split()))
