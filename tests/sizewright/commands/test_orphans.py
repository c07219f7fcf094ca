"""Orphans of a killed engine, from a state's pending operations and an inventory of tags."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.sizewright.conftest import ROOT, Run

SCHEMA = json.loads((ROOT / "docs/schema/orphans.schema.json").read_text(encoding="utf-8"))
URN = "urn:pulumi:dev::sizewright::sizewright:index:Platform$"
VPC = "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"
OURS = {"managed-by": "sizewright", "Name": "sw-network-vpc"}


def operation(type_: str, name: str, kind: str, /, **inputs: Any) -> dict[str, Any]:
    resource = {
        "urn": f"{URN}{type_}::{name}",
        "type": type_,
        "inputs": inputs,
        "parent": f"{URN}parent::sw",
        "provider": "urn:pulumi:dev::sizewright::pulumi:providers:aws::aws::0123-id",
    }
    return {"resource": resource, "type": kind}


def export(*operations: dict[str, Any], **known: str) -> dict[str, Any]:
    resources = [{"id": id_, "outputs": {"arn": arn}} for id_, arn in known.items()]
    return {"deployment": {"resources": resources, "pending_operations": list(operations)}}


def inventory(*entries: tuple[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
            for arn, tags in entries
        ]
    }


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def orphans(run: Run, *words: object, code: int = 4) -> list[dict[str, Any]]:
    ended = run("orphans", *words, "--json")
    assert ended.code == code, ended.err
    answer = json.loads(ended.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    found: list[dict[str, Any]] = answer["orphans"]
    return found


def test_each_pending_operation_of_a_state_has_a_next_step(run: Run, tmp_path: Path) -> None:
    vpc = operation("aws:ec2/vpc:Vpc", "sw-network-vpc", "creating", tags=OURS)
    release = {"name": "karpenter", "namespace": "kube-system"}
    path = written(
        tmp_path / "state.json",
        export(
            vpc,
            operation("aws:ec2/route:Route", "sw-network-route", "creating"),
            operation("kubernetes:apps/v1:Deployment", "sw-chat-floor", "creating"),
            operation("kubernetes:helm.sh/v3:Release", "sw-nodes", "creating", **release),
            operation("aws:eks/nodeGroup:NodeGroup", "sw-g6", "updating", tags=OURS),
        ),
    )
    first, route, pod, chart, group = orphans(run, "--state", path)
    assert (first["cause"], first["type"]) == ("pending_create", "aws:ec2/vpc:Vpc")
    assert first["next"].endswith("--tag-filters Key=Name,Values=sw-network-vpc")
    assert first["adopt"].startswith("pulumi import aws:ec2/vpc:Vpc sw-network-vpc ID --parent ")
    assert "'provider=urn:pulumi:dev::sizewright::pulumi:providers:aws::aws'" in first["adopt"]
    assert route["next"] == "look for it in what it belongs to: the state records no Name tag of it"
    assert pod["next"] == "PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up"
    assert pod["adopt"] is None
    assert chart["next"].startswith("helm status karpenter --namespace kube-system")
    assert (group["cause"], group["next"]) == ("pending_other", "pulumi refresh")
    table = run("orphans", "--state", path)
    assert table.code == 4
    assert "sw-chat-floor" in table.out


def test_a_state_without_pending_operations_has_no_orphan(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "state.json", export())
    assert orphans(run, "--state", path, code=0) == []
    assert run("orphans", "--state", path).out.startswith("these files show nothing")


def test_what_has_our_tags_and_no_state_is_listed_and_what_others_own_is_not(
    run: Run, tmp_path: Path
) -> None:
    arn = "arn:aws:{}".format
    group = arn("logs:us-east-1:111122223333:log-group:/aws/eks/sw/cluster")
    tags = written(
        tmp_path / "tags.json",
        inventory(
            (VPC, OURS),
            (VPC.replace("vpc-1", "vpc-2"), OURS),
            (group, OURS),
            (arn("s3:::bucket"), {"managed-by": "somebody"}),
            (arn("ec2:us-east-1:111122223333:instance/i-1"), OURS),
            (arn("ec2:us-east-1:111122223333:volume/vol-1"), OURS),
            (arn("rds:us-east-1:111122223333:cluster-snapshot:rds:x"), OURS),
            (arn("ec2:us-east-1:111122223333:launch-template/lt-1"), OURS | {"eks:x": "y"}),
        ),
    )
    known = {"vpc-1": VPC, "/aws/eks/sw/cluster": f"{group}:*"}
    dev = written(tmp_path / "dev.json", export(**known))
    (only,) = orphans(run, "--tags", tags, "--state", dev)
    assert (only["cause"], only["arn"]) == ("untracked", VPC.replace("vpc-1", "vpc-2"))
    prod = written(tmp_path / "prod.json", export(**{"vpc-2": VPC.replace("vpc-1", "vpc-2")}))
    assert orphans(run, "--tags", tags, "--state", dev, "--state", prod, code=0) == []


def test_without_a_state_what_exists_twice_is_listed(run: Run, tmp_path: Path) -> None:
    second = VPC.replace("vpc-1", "vpc-2")
    other = VPC.replace("vpc/vpc-1", "subnet/subnet-1")
    tags = written(tmp_path / "t.json", inventory((VPC, OURS), (second, OURS), (other, OURS)))
    found = orphans(run, "--tags", tags)
    assert [(each["cause"], each["arn"]) for each in found] == [
        ("duplicate", VPC),
        ("duplicate", second),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of --state and --tags is needed"),
        (("--state", "-", "--tags", "-"), "stdin can be read once"),
        (("--state", "no-such.json"), "no such file or directory"),
        (("--state", "docs/schema/size.schema.json"), "has no deployment; expected what `pulumi"),
        (("--tags", "docs/schema/size.schema.json"), "has no ResourceTagMappingList; expected"),
    ],
)
def test_what_is_no_export_or_inventory_is_refused(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    ended = run("orphans", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_items_of_another_form_are_passed_over(run: Run, tmp_path: Path) -> None:
    state = {"deployment": {"pending_operations": [1], "resources": [1, "x"]}}
    path = written(tmp_path / "state.json", state)
    entries = {"ResourceTagMappingList": [1, {"ResourceARN": "a", "Tags": [{"Key": "x"}, 1]}]}
    tags = written(tmp_path / "tags.json", entries)
    assert orphans(run, "--state", path, code=0) == []
    assert orphans(run, "--tags", tags, "--state", path, code=0) == []


def test_what_the_program_tags_is_looked_up_by_its_name(run: Run, tmp_path: Path) -> None:
    """The database's cluster is included: its inputs in a real state have a Name tag."""
    resources = json.loads(run("preview", "tests/workloads/chat.yaml", "--json").out)["resources"]
    tagged = [r for r in resources if "Name" in (r["inputs"].get("tags") or {})]
    assert "aws:rds/cluster:Cluster" in {r["type"] for r in tagged}
    pending = [operation(r["type"], r["name"], "creating", **r["inputs"]) for r in tagged]
    found = orphans(run, "--state", written(tmp_path / "state.json", export(*pending)))
    assert [each["next"] for each in found] == [
        f"aws resourcegroupstaggingapi get-resources --tag-filters Key=Name,Values={r['name']}"
        for r in tagged
    ]
