"""Whole commands on a workload with a burst, and on one whose burst would be useless."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import ROOT, Run

BURSTING = ROOT / "tests" / "program" / "bursting.yaml"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_it_previews_offline_without_a_word(run: Run, stack: str) -> None:
    ended = run("preview", BURSTING, "--site", f"Pulumi.{stack}.yaml", "--json")
    assert (ended.code, ended.err) == (0, "")
    types = {resource["type"] for resource in json.loads(ended.out)["resources"]}
    assert {
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "kubernetes:karpenter.sh/v1:NodePool",
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    } <= types


def test_it_passes_the_gates(run: Run) -> None:
    ended = run("check", BURSTING, "--json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)["gates"]
    assert next(gate for gate in found if gate["name"] == "requirements")["passed"] is True
    quotas = [gate["detail"] for gate in found if gate["name"] == "vCPU quota"]
    assert quotas[0].startswith("32 vCPUs"), "4 nodes of the floor, 4 above"
    assert quotas[1].startswith("6 vCPUs of 'Running On-Demand Standard")


def test_size_shows_what_may_come(run: Run) -> None:
    answer = " ".join(run("size", BURSTING, "--verbose").out.split())
    assert "burst up to 4 GPUs on 4 nodes more while a replica has over 16 requests" in answer
    assert "in flight, P95 of TTFT is above 500 ms, or over 5 % of requests fail" in answer


def test_the_chat_has_no_burst(run: Run) -> None:
    assert json.loads(run("size", "tests/workloads/chat.yaml", "--json").out)["services"][0][
        "burst"
    ] is (None)


def test_a_changed_ceiling_shows_where_it_counts(run: Run, chat: Callable[..., Path]) -> None:
    few = chat(("load: mean", "load: mean, burst_gpus: 4"))
    before = few.read_text(encoding="utf-8")
    more = few.with_name("more.yaml")
    more.write_text(before.replace("burst_gpus: 4", "burst_gpus: 6"), encoding="utf-8")
    answer = run("diff", few, more).out
    assert "capacity.burst_gpus 4 -> 6" in " ".join(answer.split())
    assert "spec.limits.nvidia.com/gpu: 4 -> 6" in answer
    assert "spec.maxReplicaCount: 4 -> 6" in answer
    assert "0 replaced, 0 deleted" in answer
