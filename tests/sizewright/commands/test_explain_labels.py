"""`explain` knows every label that `size`, `compare` and `preview` print, and services by name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sizewright.commands.answer.explain import _meant
from sizewright.commands.answer.leaves import UnknownLeafError, named_leaves
from sizewright.reading.stack.plan import read_plan
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import catalog_of, read_workload
from sizewright.record.program import record_program
from sizewright.report.answer.comparison import comparison_tables
from sizewright.report.answer.mix import COLUMNS as MIX_COLUMNS
from sizewright.report.answer.sizing import size_tables
from sizewright.report.answer.summary import LABEL, size_summary
from sizewright.report.answer.tree import tree
from sizewright.report.change.side_by_side import side_by_side_tables
from sizewright.review.side_by_side import Sized
from sizing.catalog import load_catalog
from sizing.compare.comparison import compare
from tests.sizewright.conftest import ROOT, Run

DEV = ROOT / "Pulumi.dev.yaml"
CHAT = ROOT / "workloads" / "chat.yaml"
GOLDEN = ROOT / "workloads" / "golden" / "chat.yaml"
FAQ = ROOT / "workloads" / "faq-app.yaml"
LIMITED, CODE = (ROOT / "tests" / "program" / f"{name}.yaml" for name in ("limited-app", "code"))
"""An application with a limit of tokens and feedback, and an engine with a cache in host memory."""
VERSIONS = {"engineVersion", "version"}
"""Properties whose texts look like numbers but are not."""


def unexplained(file: Path, labels: Iterator[str]) -> list[str]:
    """Labels that match no number of the file's plan."""
    plan = read_plan([file], DEV)
    leaves, lost = named_leaves(plan), []
    for label in labels:
        try:
            assert _meant(plan, leaves, label)
        except UnknownLeafError:
            lost.append(label)
    return lost


@pytest.mark.parametrize(
    "file",
    [CHAT, GOLDEN, LIMITED, CODE, FAQ],
    ids=["calibrated", "given", "application", "host-cache", "answers"],
)
def test_every_label_of_size_explains(file: Path) -> None:
    plan = read_plan([file], DEV)
    figures = next(iter(size_tables(plan)))
    labels = [row[0] for row in figures.rows]
    assert {
        "GPUs",
        "survives",
        "price",
        "states",
        "at the peak" if file == GOLDEN else "latency",
    } <= set(labels)
    assert unexplained(file, iter(labels)) == []


def test_every_label_of_compare_explains() -> None:
    catalog = load_catalog()
    read, site = read_workload(CHAT, catalog), read_site(DEV)
    found = compare(read.workload, site.site, catalog_of(read, catalog))
    tables = list(comparison_tables(found, found.ranked.options[:3], show_all=True))
    labels = [*tables[0].columns, *MIX_COLUMNS, *(row[0] for row in tables[-1].rows)]
    assert {"USD/month", "TTFT ms", "request.output_tokens"} <= set(labels)
    assert unexplained(CHAT, iter(labels)) == []


def test_every_label_of_the_ten_lines_explains() -> None:
    lines = size_summary(read_plan([CHAT], DEV)).splitlines()[1:]
    labels = [line[:LABEL].strip() for line in lines]
    assert labels[:3] == ["cost", "load", "latency"]
    assert unexplained(CHAT, iter(labels[: labels.index("warnings")])) == []


def test_every_label_of_files_side_by_side_explains() -> None:
    services = [Sized(file, read_plan([file], DEV).services[0]) for file in (CHAT, GOLDEN)]
    table = next(iter(side_by_side_tables(services)))
    labels = [row[0] for row in table.rows]
    assert {"USD a month, nodes alone", "nodes by zone", "bound by"} <= set(labels)
    assert unexplained(CHAT, iter(labels)) == []


def test_every_property_with_a_number_in_the_tree_of_preview_explains() -> None:
    plan = read_plan([CHAT], DEV)
    lines = "\n".join(tree(record_program(DEV, [CHAT], plan), plan))
    labels = set(re.findall(r"[:,] ([A-Za-z]\w*) [\d,.]+(?=, [A-Za-z]|\n|$)", lines))
    assert {"desiredSize", "replicas"} <= labels
    assert unexplained(CHAT, iter(sorted(labels - VERSIONS))) == []


def test_a_service_is_named_without_its_file(run: Run) -> None:
    ended = run("explain", "chat", "price", "--json")
    assert ended.code == 0, ended.err
    names = [row["name"] for row in json.loads(ended.out)["explanations"]]
    assert names == ["chat.choice.usd_per_hour", "chat.choice.pool_usd_per_month"]
    assert "chat.pool.gpus_needed" in run("explain", "chat", "GPUs", "needed").out.splitlines()


def test_a_name_that_is_no_service_says_which_are(run: Run) -> None:
    ended = run("explain", "chta", "price")
    assert ended.code == 2
    assert "nor a service of the stack" in ended.err and "did you mean 'chat'?" in ended.err


@pytest.mark.parametrize(
    ("requested", "name"),
    [
        ("gpus_needed", "chat.pool.gpus_needed"),
        ("chat.states.repair.replicas", "chat.states.repair.replicas"),
        ("states.rollout.replicas", "chat.states.rollout.replicas"),
    ],
)
def test_a_count_of_the_service_and_states_go_by_name(run: Run, requested: str, name: str) -> None:
    ended = run("explain", GOLDEN, requested)
    assert ended.code == 0, ended.err
    assert name in ended.out.splitlines()
