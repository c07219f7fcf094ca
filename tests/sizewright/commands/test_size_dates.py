"""`size --start` and `--as-of`: the calendar for people and in JSON, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sizewright.layout.table import table_text
from sizewright.reading.stack.plan import read_plan
from sizewright.report.buying import NOTHING, buying_line, buying_tables, calendar_table
from tests.sizewright.conftest import INFEASIBLE, ROOT, Run

CHAT = ROOT / "workloads" / "chat.yaml"
GOLDEN = ROOT / "workloads" / "golden"
DATES = ("--start", "2027-02-01", "--as-of", "2027-01-20")


def test_without_dates_size_has_no_calendar(run: Run) -> None:
    assert "calendar" not in run("size", CHAT).out
    steps = json.loads(run("size", CHAT, "--json").out)["calendar"]["steps"]
    assert all("date" not in step and "late_days" not in step for step in steps)


def test_two_dates_show_what_is_late_and_the_earliest_start(run: Run) -> None:
    ended = run("size", CHAT, *DATES)
    assert (ended.code, ended.err) == (0, "")
    title = "calendar: start on 2027-02-01 is too early; the earliest is 2027-02-09, after 20 days"
    assert title in ended.out.splitlines()
    assert re.search(
        r"^2027-01-12 \(8 days late\)  on_demand, reservation  request 60 for quota L-DB2E81BA",
        ended.out,
        re.MULTILINE,
    )
    assert re.search(r"^2027-01-31 +all +build with `pulumi up`", ended.out, re.MULTILINE)


def test_json_has_the_dates(run: Run) -> None:
    calendar = json.loads(run("size", CHAT, "--json", *DATES).out)["calendar"]
    assert (calendar["start"], calendar["earliest_start"]) == ("2027-02-01", "2027-02-09")
    first = calendar["steps"][0]
    assert (first["date"], first["late_days"], first["days_from_start"]) == ("2027-01-12", 8, -20)


def test_a_start_far_enough_is_not_too_early(run: Run) -> None:
    ended = run("size", CHAT, "--start", "2027-02-01", "--as-of", "2027-01-12")
    title = "calendar: start on 2027-02-01; the earliest is 2027-02-01, after 20 days"
    assert title in ended.out.splitlines()
    assert "late" not in ended.out.partition("calendar")[2]


def test_a_start_alone_has_dates_and_nothing_late(run: Run) -> None:
    said = run("size", CHAT, "--start", "2027-02-01").out.partition("calendar")[2]
    assert said.startswith(": start on 2027-02-01\n") and "late" not in said


def test_the_verbose_answer_counts_days_before_the_start(run: Run) -> None:
    out = run("size", CHAT, "--verbose").out
    assert "calendar: the first request is due 20 days before the start" in out
    assert re.search(r"^20 days before +on_demand, reservation", out, re.MULTILINE)
    assert "chat: ways to buy its nodes" in out
    assert re.search(r"^on_demand \(used\) +within limits +15 nodes x 4 = 60 vCPUs", out, re.M)
    assert re.search(r"^capacity_block +not possible +g6e.xlarge is not sold", out, re.M)


def test_what_cannot_be_bought_has_no_dates(run: Run) -> None:
    ended = run("size", GOLDEN / "text-to-video.yaml", "--start", "2027-02-01")
    assert ended.code == 0
    assert "no way to buy the nodes is within the published limits" in ended.out


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (
            ("--start", "2027-01-20", "--as-of", "2027-01-20"),
            "--start 2027-01-20 is not after --as-of 2027-01-20",
        ),
        (("--start", "tomorrow"), "Invalid value for '--start'"),
        (("--as-of", "2027-02-30"), "Invalid value for '--as-of'"),
    ],
    ids=str,
)
def test_dates_that_are_refused(run: Run, dates: tuple[str, ...], said: str) -> None:
    ended = run("size", CHAT, *dates)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize("width", [80, 160])
def test_nothing_is_cut_at_any_width(width: int) -> None:
    plan = read_plan([GOLDEN / "text-to-image.yaml"], GOLDEN / "Pulumi.golden.yaml")
    for table in (*buying_tables(plan), calendar_table(plan)):
        lines = table_text(table, width=width).splitlines()
        assert max(map(len, lines)) <= width
        words = " ".join(" ".join(lines).split())
        for row in table.rows:
            assert set(" ".join(row).split()) <= set(words.split())


def test_a_service_without_a_pool_has_nothing_to_buy(chat: Callable[..., Path]) -> None:
    plan = read_plan([chat(INFEASIBLE)], ROOT / "Pulumi.dev.yaml")
    assert buying_line(plan.services[0]) == "" and not list(buying_tables(plan))
    assert calendar_table(plan).rows == [(NOTHING,)]
