"""A queued service in a whole stack: its keys, its logs and its parts without nodes."""

import json
from typing import Any

import pytest

from components.platform import build
from sizewright.record import Recorded
from sizing.plan.whole import Plan
from sizing.site.reuse import Cluster, Network
from sizing.stack.shared import keys_plan
from templates.render import render
from tests.components.plans import CHAT, STUDIO, ZONES, plan_of, queued_plan
from tests.components.recording import before, children, named, of_type, recorded
from tests.components.stacks import stack

CLUSTER = {
    "name": "shared",
    "endpoint": "https://shared.eks.amazonaws.com",
    "certificate_authority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "security_group_id": "sg-00000001",
}
NETWORK = Network.model_validate(
    {
        "use": {
            "vpc_id": "vpc-00000001",
            "vpc_cidr": "10.20.0.0/16",
            "private_subnet_ids": {zone: f"subnet-0000000{zone[-1]}" for zone in ZONES},
        }
    }
)


def key_of(recording: Recorded, name: str, key: str) -> str:
    value: Any = named(recording, name).inputs[key]
    return str(value["$ref"].split("::")[1])


def policy_of(recording: Recorded, role: str) -> Any:
    return json.loads(str(named(recording, f"sw-keys-{role}", "kms/key").inputs["policy"]))


def test_the_parts_of_a_queued_service_without_an_engine(preview: bool) -> None:
    parts = children(stack(without_engine(queued_plan()), preview), "sw-queued")
    assert parts == [
        "Database sw-queued-database",
        "Gateway sw-queued-gateway",
        "Intake sw-queued-jobs",
        "ObjectStore sw-queued-artefacts",
        "ObjectStore sw-queued-weights",
    ]


def without_engine(plan: Plan) -> Plan:
    return with_service(plan, serving=None, quota=None, burst=None)


def with_service(plan: Plan, **values: object) -> Plan:
    service, *others = plan.services
    return plan.model_copy(update={"services": (service.model_copy(update=values), *others)})


def test_without_an_issuer_nothing_accepts_jobs(preview: bool) -> None:
    plan = queued_plan()
    jobs = plan.services[0].jobs
    assert jobs is not None
    closed = with_service(
        without_engine(plan), jobs=jobs.model_copy(update={"api": None}), gateway=None
    )
    recording = stack(closed, preview)
    for kind in ("sqs/queue", "dynamodb/", "lambda/"):
        assert not [r for r in of_type(recording, kind) if "queued" in r.name], kind


def test_its_stores_have_the_key_of_data_and_its_log_that_of_logs() -> None:
    recording = stack(queued_plan())
    for queue in ("waiting", "dead-letters"):
        name = f"sw-queued-jobs-queue-{queue}"
        assert key_of(recording, name, "kmsMasterKeyId") == "sw-keys-data"
    group = "sw-queued-jobs-function-logs"
    assert key_of(recording, group, "kmsKeyId") == "sw-keys-logs"
    rows: Any = named(recording, "sw-queued-jobs-table-rows").inputs["serverSideEncryption"]
    assert rows["kmsKeyArn"]["$ref"].endswith("::sw-keys-data")
    assert f":log-group:{group}-*" in json.dumps(policy_of(recording, "logs"))


def test_queues_and_tables_use_the_key_of_data_where_there_are_some() -> None:
    def services(plan: Plan) -> set[str]:
        (use,) = (s for s in policy_of(stack(plan), "data")["Statement"] if s["Sid"] == "Use")
        hosts = use["Condition"]["StringEquals"]["kms:ViaService"]
        assert hosts == sorted(hosts)
        return {host.split(".")[0] for host in hosts}

    others = {"rds", "s3", "secretsmanager"}
    assert services(queued_plan()) == others | {"dynamodb", "sqs"}
    assert services(plan_of(CHAT)) == others
    assert "sw-queued-jobs" not in json.dumps(policy_of(stack(plan_of(CHAT)), "logs"))


def test_its_log_has_a_key_in_another_owner_s_cluster_and_network() -> None:
    """Guard: no other part of such a stack needs the key of logs."""
    plan, closed = queued_plan(), plan_of(STUDIO)
    elsewhere = {"cluster": Cluster.model_validate({"use": CLUSTER}), "network": NETWORK}
    site = plan.site.model_copy(update=elsewhere)
    assert {"data", "logs"} <= set(keys_plan(site, plan.services, ()).made)
    assert "logs" not in keys_plan(site, closed.services, ()).made
    bare = plan.services[0].model_copy(update={"database": None})
    assert {"data", "logs"} <= set(keys_plan(site, [bare], ()).made)


def test_its_stores_are_protected_in_prod(preview: bool) -> None:
    def protected(environment: str) -> list[str]:
        recording = stack(queued_plan(environment=environment), preview)
        return sorted(r.name for r in recording.resources if r.protect and "queued" in r.name)

    assert protected("prod") == [
        "sw-queued-artefacts-bucket",
        "sw-queued-database-cluster",
        "sw-queued-gateway-balancer",
        "sw-queued-jobs-queue-dead-letters",
        "sw-queued-jobs-queue-waiting",
        "sw-queued-jobs-table-rows",
        "sw-queued-weights-bucket",
    ]
    assert protected("dev") == []


def test_a_service_that_answers_at_once_has_no_parts_for_jobs(preview: bool) -> None:
    recording = stack(plan_of(STUDIO), preview)
    assert not of_type(recording, "dynamodb/")
    assert not of_type(recording, "lambda/")


WIRES = ("queue_url", "dead_letters_url", "jobs_table", "artefacts_bucket")


@pytest.fixture
def with_engine(preview: bool, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Stack of the studio as a queued service: its pods have an engine, and each wire of a worker.

    The documents are those of a studio that answers at once, with the wires added.
    """
    studio, queued = plan_of(STUDIO), queued_plan()
    marks = " ".join(f"${{wire:{name}}}" for name in ("weights_bucket", *WIRES))
    texts = {
        path: text.replace("${wire:weights_bucket}", marks) for path, text in render(studio).items()
    }
    monkeypatch.setattr("components.platform.render", lambda plan: texts)
    of = queued.services[0]
    parts = ("jobs", "gateway", "buckets", "database")
    plan = with_service(studio, **{part: getattr(of, part) for part in parts})
    plan = plan.model_copy(update={"keys": queued.keys})
    return recorded(lambda: build(plan), preview)


def test_workers_have_rights_and_wires(with_engine: Recorded, preview: bool) -> None:
    policy = str(named(with_engine, "sw-studio-serving-identity-policy").inputs["policy"])
    pods = json.dumps([r.inputs for r in of_type(with_engine, "Deployment") if "floor" in r.name])
    if preview:
        return
    for action in ("sqs:ReceiveMessage", "dynamodb:UpdateItem", "s3:PutObject"):
        assert action in policy
    assert "sw-studio-weights-bucket" in policy
    for name in ("waiting.url", "dead-letters.url", "table-rows.name", "artefacts-bucket.bucket"):
        assert f"{name}}}" in pods


def test_workers_wait_for_their_queue_and_nothing_registers_them(with_engine: Recorded) -> None:
    assert not of_type(with_engine, "TargetGroupBinding")
    (pods, *_) = [r for r in of_type(with_engine, "Deployment") if "floor" in r.name]
    waits = before(with_engine, pods)
    assert "aws:sqs/queue:Queue::sw-studio-jobs-queue-waiting" in waits
    assert "aws:dynamodb/table:Table::sw-studio-jobs-table-rows" in waits
    assert "aws:iam/rolePolicy:RolePolicy::sw-studio-serving-identity-policy" in waits
