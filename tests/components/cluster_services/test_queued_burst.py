"""A burst of queued services alone: KEDA reads queues of jobs, and nothing measures requests."""

import json
from typing import Any

from tests.components.plans import queued_burst_plan
from tests.components.recording import before, children, named
from tests.components.stacks import stack

SERVICES = "sw-cluster-services-burst"


def test_children(preview: bool) -> None:
    recording = stack(queued_burst_plan(), preview)
    assert children(recording, SERVICES) == [
        f"Identity {SERVICES}-pods-identity",
        f"NodeAutoscaler {SERVICES}-nodes",
        f"PodIdentityAssociation {SERVICES}-pods-association",
        f"Release {SERVICES}-pods",
    ]
    assert children(recording, "sw-queued-burst") == [
        "Deployment sw-queued-burst-replicas",
        "PodDisruptionBudget sw-queued-burst-budget",
        "ScaledObject sw-queued-burst-scaling",
        "TriggerAuthentication sw-queued-burst-queue-access",
    ]


def test_keda_reads_queues_of_this_product_and_metrics_and_no_more() -> None:
    recording = stack(queued_burst_plan())
    (policy,) = [
        r
        for r in recording.resources
        if r.type == "aws:iam/rolePolicy:RolePolicy" and r.name.startswith(f"{SERVICES}-pods")
    ]
    queue, metrics = json.loads(str(policy.inputs["policy"]))["Statement"]
    assert queue == {
        "Effect": "Allow",
        "Action": "sqs:GetQueueAttributes",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:*",
        "Condition": {"StringEquals": {"aws:ResourceTag/managed-by": "sizewright"}},
    }
    assert metrics == {"Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"}
    tags: Any = named(recording, "sw-queued-jobs-queue-waiting").inputs["tags"]
    assert tags["managed-by"] == "sizewright", "or KEDA may not read it"


def test_keda_starts_with_its_role() -> None:
    """Guard: EKS gives a pod its role when the pod starts."""
    recording = stack(queued_burst_plan())
    association = named(recording, f"{SERVICES}-pods-association")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == (
        "kube-system",
        "keda-operator",
    )
    release = named(recording, f"{SERVICES}-pods", "helm.sh/v3:Release")
    assert association.key in before(recording, release)


def test_the_scaling_rule_reads_the_queue_of_its_service() -> None:
    recording = stack(queued_burst_plan())
    spec: Any = named(recording, "sw-queued-burst-scaling").inputs["spec"]
    length, age = spec["triggers"]
    queue = "aws:sqs/queue:Queue::sw-queued-jobs-queue-waiting"
    assert length["metadata"]["queueURL"] == {"$ref": queue, "property": "url"}
    assert age["metadata"]["dimensionValue"] == {"$ref": queue, "property": "name"}


def test_the_rule_waits_for_its_authentication() -> None:
    recording = stack(queued_burst_plan())
    access = named(recording, "sw-queued-burst-queue-access")
    rule = named(recording, "sw-queued-burst-scaling")
    assert access.key in before(recording, rule)
