"""Every example workload on every example stack is recorded, or refused with a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sizewright.feasibility import exit_code
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.buildable import addressable, buildable
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.record.program import record_program
from sizing.catalog import load_catalog

ROOT = Path(__file__).parents[2]
WORKLOADS = sorted(
    path
    for folder in ("workloads", "workloads/golden")
    for path in (ROOT / folder).glob("*.yaml")
    if not path.name.startswith("Pulumi.")
)
STACKS = sorted([*ROOT.glob("Pulumi.*.yaml"), *(ROOT / "stacks").glob("Pulumi.*.yaml")])
ALIKE = (
    ("dev", "prod"),
    ("clips-public", "public", "team-chat"),
    ("burst", "existing-network"),
    ("existing-cluster", "workloads"),
    ("platform",),
)
"""Stacks whose sites differ little."""
LACKING = (
    "certificate_arn: missing",
    "the site names no issuer of tokens",
    "page_client_secret: missing",
    "signing_key: missing",
    "the site names no client by which people sign in",
    "token_issuer: missing",
)
"""Reasons why an example stack refuses a workload of another stack."""


ROUTED = [ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small")]
"""Examples of one stack, which are refused without each other."""


def together(workload: Path) -> list[Path]:
    """Files of the stack that an example belongs to."""
    return ROUTED if workload in ROUTED else [workload]


def test_the_examples_were_found() -> None:
    assert len(WORKLOADS) >= 5
    assert {path.name.split(".")[1] for path in STACKS} == {name for a in ALIKE for name in a}


def pairs() -> Iterator[Any]:
    """Every example on every stack.

    Of stacks that are alike, one in turn has each example, with that of the example's own name. The
    others run in `make prove`.
    """
    for number, workload in enumerate(WORKLOADS):
        chosen = {alike[number % len(alike)] for alike in ALIKE} | {workload.stem}
        for stack in STACKS:
            name = stack.name.split(".")[1]
            marks = [] if name in chosen else [pytest.mark.prove]
            case = f"{workload.parent.name}/{workload.stem}-{name}"
            yield pytest.param(workload, stack, id=case, marks=marks)


@pytest.mark.parametrize(("workload", "stack"), [*pairs()])
def test_every_example_workload_previews_on_every_example_stack(
    workload: Path, stack: Path
) -> None:
    """Guard: a key, a pool or a database that the plan lacks must not be read."""
    catalog, site, files = load_catalog(), read_site(stack), together(workload)
    try:
        plan = plan_of([read_workload(file, catalog) for file in files], site, catalog)
        buildable(site, plan, catalog)
        addressable(site, plan)
    except InputError as fault:
        assert any(what in str(fault) for what in LACKING), str(fault)
        return
    assert exit_code(plan).name in ("ok", "incomplete")
    assert record_program(stack, files, plan).resources


@pytest.mark.parametrize("name", ["existing-cluster", "workloads"])
def test_a_service_without_data_previews_on_a_cluster_of_another_owner(
    name: str, tmp_path: Path
) -> None:
    """Guard: without database, firewall and network the stack makes no key of logs."""
    path, site_path = tmp_path / "chat.yaml", ROOT / "stacks" / f"Pulumi.{name}.yaml"
    text = (ROOT / "workloads/golden/chat.yaml").read_text(encoding="utf-8")
    path.write_text(text + "data: none\n", encoding="utf-8")
    recorded = record_program(site_path, [path])
    made = [r.name for r in recorded.resources if r.type == "aws:kms/key:Key"]
    assert made == ["sw-keys-volumes", "sw-keys-weights"]
