"""`preview`: its scope, the answer, the figures, the tree, and the JSON for scripts."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from sizewright.record.program import record_program
from sizing.plan.whole import SCHEMA_VERSION
from tests.components.plans import CHAT as CHAT_WORKLOAD
from tests.components.plans import SOURCES
from tests.sizewright.conftest import INFEASIBLE, ROOT, UNTIMED, Run, after_contradictions

CHAT = ROOT / "tests/workloads/chat.yaml"
Chat = Callable[..., Path]
MIRROR = "sizewright:mirrors: {docker.io: copy.example.com/docker-hub}"
PROGRAM = "from sizewright.cli import main; main()"


@pytest.fixture
def reported(run: Run) -> Any:
    return json.loads(run("preview", CHAT, "--json").out)


def key(resource: dict[str, Any]) -> str:
    return f"{resource['type']}::{resource['name']}"


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_it_says_what_it_is_first_and_answers_before_the_details(run: Run) -> None:
    out = run("preview", CHAT, "--verbose").out
    assert after_contradictions(out).startswith("Offline preview: ")
    assert "It is not a diff against a cloud or a stack" in " ".join(out.split())
    said = " ".join(out.split())
    for text in (
        "11.6 requests/s on the daily mean (100,000 users x 10 a day)",
        "167 at the peak (10,000 online, a request every 60 s each)",
        "needs 12 x NVIDIA L4",
        "3 spare nodes (spare ratio 20 %) make 15 GPUs on 15 nodes",
        "survives the loss of any 3 nodes, but not of a zone: 10 of 12 needed nodes would be left",
        "surviving one of 3 zones takes 18 nodes",
        "sized on the mean, not on the peak",
        "the peak alone would need 167 GPUs, 201 nodes",
        "bound by throughput",
    ):
        assert text in said
    tree = out[out.index("\nresources:") :]
    assert "    eks.NodeGroup sw-g6-xlarge-use1-az1" in tree
    assert "desiredSize 5" in tree


def test_lines_of_text_fit_a_page(run: Run) -> None:
    opening = run("preview", CHAT, "--verbose").out.split("\n\n")[:2]
    assert all(len(line) <= 100 for part in opening for line in part.splitlines())


def test_the_json_has_the_contract_keys(reported: Any) -> None:
    assert reported.keys() == {"schema_version", "resources", "outputs"}
    assert reported["schema_version"] == SCHEMA_VERSION
    for resource in reported["resources"]:
        assert resource.keys() == {"type", "name", "parent", "inputs", "protect", "depends_on"}
    chat = reported["outputs"]["services"]["chat"]
    assert (chat["gpus_needed"], chat["gpus_total"]) == (12, 15)
    assert chat["survives"] == {"nodes": 3, "zones": 0}
    assert chat["inputs"]["traffic"]["daily_users"] == 100_000


def test_every_reference_resolves_and_every_child_is_named_after_its_parent(reported: Any) -> None:
    keys = {key(resource) for resource in reported["resources"]}
    assert len(keys) == len(reported["resources"])
    assert len(set(references(reported))) > 20
    assert set(references(reported)) <= keys
    roots = [r["name"] for r in reported["resources"] if r["parent"] is None]
    assert roots == ["sw-aws", "sw"], "the provider and the platform"
    for resource in reported["resources"]:
        assert set(resource["depends_on"]) <= keys
        if resource["parent"] is not None:
            assert resource["parent"] in keys
            assert resource["name"].startswith(resource["parent"].split("::")[1] + "-")


def test_whole_numbers_are_integers(reported: Any) -> None:
    def floats(value: object) -> Iterator[float]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for child in value:
                yield from floats(child)
        elif isinstance(value, float):
            yield value

    assert not [number for number in floats(reported) if number == int(number)]


def test_prod_is_protected_and_dev_is_not(run: Run) -> None:
    def protected(stack: str) -> set[str]:
        out = run("preview", CHAT, "--json", "--site", f"Pulumi.{stack}.yaml").out
        return {r["type"].rsplit(":", 1)[1] for r in json.loads(out)["resources"] if r["protect"]}

    assert protected("dev") == set()
    assert {"Bucket", "Cluster"} <= protected("prod")


def test_two_services_share_network_cluster_and_pool(run: Run, chat: Chat) -> None:
    both = json.loads(run("preview", CHAT, chat(name="talk"), "--json").out)["resources"]
    types = [r["type"] for r in both]
    assert types.count("aws:ec2/vpc:Vpc") == types.count("aws:eks/cluster:Cluster") == 1
    groups = [r for r in both if r["name"].startswith("sw-g6-xlarge-use1")]
    assert [r["inputs"]["scalingConfig"]["desiredSize"] for r in groups] == [10, 10, 10]
    floors = [r["name"] for r in both if r["type"] == "kubernetes:apps/v1:Deployment"]
    assert floors == [
        f"sw-{name}-serving-floor-use1-az{zone}" for name in ("chat", "talk") for zone in (1, 2, 4)
    ]


def test_an_infeasible_service_is_refused_and_nothing_is_built(run: Run, chat: Chat) -> None:
    """Guard: a continued run would delete the service's existing nodes."""
    ended = run("preview", chat(INFEASIBLE), "--verbose")
    assert ended.code == 5
    assert "It gets no GPU pool." in ended.out
    assert "resources: none; the program refuses a service that is infeasible" in ended.out
    assert "infeasible" in ended.err
    assert json.loads(run("preview", chat(INFEASIBLE), "--json").out)["resources"] == []


def test_the_program_itself_refuses_an_infeasible_service(chat: Chat) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"infeasible: .*the workload requires at least 1000 GB"
    ):
        record_program(ROOT / "Pulumi.dev.yaml", [chat(INFEASIBLE)])


@pytest.mark.parametrize("words", [("preview", UNTIMED), ("diff", UNTIMED, UNTIMED)])
def test_a_service_without_a_pool_is_reported_once(words: tuple[object, ...]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 6
    assert ended.stderr.startswith("over-nodes: not answered by this version: ")
    assert ended.stderr.count("\n") == 1


def test_a_service_beyond_this_version_builds_its_stores(run: Run) -> None:
    ended = run("preview", UNTIMED, "--verbose")
    assert ended.code == 6
    assert "It gets no GPU pool." in ended.out
    assert "NodeGroup sw-system-nodes" in ended.out
    assert "s3.Bucket sw-over-nodes-weights-bucket" in ended.out
    assert "apps.Deployment" not in ended.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  sizewright:account_ids", "account_ids: missing; expected an AWS account"),
        ("  sizewright:certificate_arn", "certificate_arn: missing; expected an ACM certificate"),
    ],
)
def test_what_building_needs_is_required(
    run: Run, tmp_path: Path, line: str, expected: str
) -> None:
    lines = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8").splitlines()
    site = tmp_path / "Pulumi.lean.yaml"
    site.write_text("\n".join(x for x in lines if not x.startswith(line)), encoding="utf-8")
    ended = run("preview", CHAT, "--site", site)
    assert (ended.code, ended.out) == (2, "")
    assert expected in ended.err
    assert run("size", CHAT, "--site", site).code == 0


def test_a_zone_without_control_plane_is_refused_for_building_only(
    run: Run, tmp_path: Path
) -> None:
    text = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    site = tmp_path / "Pulumi.three.yaml"
    site.write_text(text.replace("use1-az4", "use1-az3"), encoding="utf-8")
    ended = run("preview", CHAT, "--site", site)
    assert (ended.code, ended.out) == (2, "")
    assert "zones[2]: EKS puts no control plane into use1-az3" in ended.err
    assert run("size", CHAT, "--site", site).code == 0


def test_a_single_zone_is_refused_for_building_only(run: Run, tmp_path: Path) -> None:
    text = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    site = tmp_path / "Pulumi.one.yaml"
    site.write_text(text.replace(", use1-az2, use1-az4", ""), encoding="utf-8")
    ended = run("preview", CHAT, "--site", site)
    assert (ended.code, ended.out) == (2, "")
    assert "zones: a single zone; expected two or more" in ended.err


@pytest.mark.parametrize("source", SOURCES)
def test_an_imported_model_previews_and_checks_without_a_warning(
    run: Run, tmp_path: Path, site: Callable[..., Path], source: str
) -> None:
    """The site has a mirror of Docker Hub: without one, pulls of 15 nodes cause a warning."""
    workload = tmp_path / "imported.yaml"
    model = CHAT_WORKLOAD["model"] | {"source": {source: SOURCES[source]}}
    workload.write_text(json.dumps(CHAT_WORKLOAD | {"model": model}))
    mirrored = site(("sizewright:environment", f"{MIRROR}\n  sizewright:environment"))
    ended = run("preview", workload, "--site", mirrored, "--verbose")
    assert (ended.code, ended.err) == (0, "")
    assert "batch.Job sw-chat-weights-import-job" in ended.out
    assert run("check", workload, "--site", mirrored).code == 0
