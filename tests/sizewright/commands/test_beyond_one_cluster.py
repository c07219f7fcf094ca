"""A fleet beyond one cluster: `size` answers, `check` fails, and `preview` builds the rest."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import ROOT, Run

LIMIT = "11,575 nodes of g6-xlarge in use1-az1, of at most 450 a node group"
STORED = ("aws:rds/cluster:Cluster", "aws:s3/bucket:Bucket")
NODES = ("aws:eks/nodeGroup:NodeGroup", "kubernetes:apps/v1:Deployment")


@pytest.fixture
def huge(chat: Callable[..., Path]) -> Path:
    """The chat of 250 million users on 34,724 nodes of one GPU, 28,936 of them needed."""
    return chat(("100_000", "250_000_000"))


def test_size_shows_pool_money_quota_and_clusters(run: Run, huge: Path) -> None:
    ended = run("size", huge)
    assert (ended.code, ended.err) == (0, "")
    assert "no nodes are built; one cluster cannot hold its nodes" in ended.out
    assert "34,724 x g6.xlarge" in ended.out and "USD a month" in ended.out
    assert "138,896 vCPUs of quota L-DB2E81BA (0 in a new account); 56 clusters in" in ended.out
    (service,) = json.loads(run("size", huge, "--json").out)["services"]
    assert service["serving"] is None and service["buying"]["clusters"] == 56
    assert [r["numbers"] for r in service["rejected"] if r["reason"] == "one_cluster"] == [LIMIT]


def test_check_fails_with_the_finding_and_its_remedy(run: Run, huge: Path) -> None:
    ended = run("check", huge, "--json")
    gates = {gate["name"]: gate for gate in json.loads(ended.out)["gates"]}
    assert ended.code == 4 and "failed: one cluster" in ended.err
    assert gates["one cluster"]["passed"] is False
    assert gates["one cluster"]["detail"] == f"chat: {LIMIT}"
    assert "number of clusters" in gates["one cluster"]["remedy"]
    failed = [name for name, gate in gates.items() if gate["passed"] is False]
    assert failed == ["one cluster"], "what is built has no further fault"


def test_preview_builds_the_stores_and_no_node_of_the_service(run: Run, huge: Path) -> None:
    ended = run("preview", huge, "--json")
    assert ended.code == 6
    resources = json.loads(ended.out)["resources"]
    types = [each["type"] for each in resources]
    assert set(STORED) <= set(types)
    groups = [each["name"] for each in resources if each["type"] == NODES[0]]
    assert len(groups) == 1 and "system" in groups[0]
    assert not any(each["type"] == NODES[1] for each in resources)
    assert "an update deletes the nodes that it has" in ended.err


def test_another_service_of_the_stack_keeps_its_nodes(
    run: Run, huge: Path, chat: Callable[..., Path]
) -> None:
    ended = run("preview", huge, chat(name="small"), "--json")
    assert ended.code == 6
    names = [each["name"] for each in json.loads(ended.out)["resources"]]
    assert sum("g6-xlarge-use1" in name for name in names) >= 3
    assert "small" in " ".join(names)


def test_a_video_without_an_engine_also_exceeds_one_cluster(run: Run) -> None:
    ended = run("check", ROOT / "workloads" / "golden" / "text-to-video.yaml")
    assert ended.code == 4
    assert "no engine of this version serves it and one cluster cannot hold its nodes" in ended.out
    assert ended.err.endswith("failed: one cluster\n")
    golden = ROOT / "workloads" / "golden"
    ended = run("preview", golden / "text-to-video.yaml", "--json")
    assert ended.code == 6 and json.loads(ended.out)["resources"]
