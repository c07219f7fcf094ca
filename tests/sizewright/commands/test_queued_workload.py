"""Whole commands on a queued workload whose workers may grow, with and without an issuer."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.sizewright.conftest import ROOT, Run

QUEUED = ROOT / "tests" / "program" / "queued-burst.yaml"
SITE = ROOT / "tests" / "program" / "Pulumi.public.yaml"


def test_it_previews_offline_with_its_pods_and_its_queue(run: Run) -> None:
    ended = run("preview", QUEUED, "--site", str(SITE), "--json")
    assert (ended.code, ended.err) == (0, "")
    types = {resource["type"] for resource in json.loads(ended.out)["resources"]}
    assert {
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "kubernetes:keda.sh/v1alpha1:TriggerAuthentication",
        "kubernetes:apps/v1:Deployment",
        "aws:sqs/queue:Queue",
    } <= types
    assert "kubernetes:core/v1:Service" not in types
    assert not [kind for kind in types if "TargetGroupBinding" in kind]


def test_it_passes_the_gates(run: Run) -> None:
    ended = run("check", QUEUED, "--site", str(SITE), "--json")
    gates = {gate["name"]: gate for gate in json.loads(ended.out)["gates"]}
    for name in ("requirements", "flags of queued-burst", "limits of queued-burst"):
        assert gates[name]["passed"] is True, gates[name]
    assert "by the worker next to the engine" in gates["limits of queued-burst"]["detail"]


def test_size_shows_which_jobs_start_replicas(run: Run) -> None:
    answer = " ".join(run("size", QUEUED, "--site", str(SITE), "--verbose").out.split())
    assert "burst up to 4 GPUs on 4 nodes more while over" in answer
    assert "jobs wait, one replica for each" in answer


def test_without_an_issuer_it_has_no_nodes_and_says_why(
    run: Run, site: Callable[..., Path]
) -> None:
    ended = run("preview", QUEUED, "--site", site())
    assert ended.code == 6
    assert "add sizewright:token_issuer and sizewright:token_jwks_url" in " ".join(
        (ended.out + ended.err).split()
    )
