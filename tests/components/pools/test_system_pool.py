from pulumi_aws import ec2

from components.naming import Tags
from components.pools.cpu_nodes import CpuNodes, CpuNodesArgs
from components.pools.system_pool import SystemPool, SystemPoolArgs
from sizewright.record import Recorded
from sizing.plan.stack.nodes import CpuPool
from templates.scheduling import RENDITIONS_TAINT
from tests.components.plans import chat_plan, rendered_plan, site
from tests.components.recording import before, children, named, recorded

PLAN = chat_plan("prod").system


def nodes_args(plan: CpuPool, taints: dict[str, str] | None = None) -> CpuNodesArgs:
    return CpuNodesArgs(
        plan=plan,
        cluster_name="sizewright-test",
        kubernetes_version="1.35",
        node_role_arn="arn:aws:iam::123456789012:role/node",
        subnet_ids=["subnet-1", "subnet-2"],
        volumes_key_arn="arn:aws:kms:us-east-1:123456789012:key/volumes",
        after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")],
        tags=Tags.of_site(site("prod")),
        taints=taints or {},
    )


def pool(preview: bool) -> Recorded:
    def program() -> None:
        SystemPool("s", SystemPoolArgs(nodes=nodes_args(PLAN), coredns_version=None))

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    assert children(pool(preview), "s") == [
        "Addon s-coredns",
        "LaunchTemplate s-template",
        "NodeGroup s-nodes",
    ]


def test_fixed_untainted_group_over_all_subnets(preview: bool) -> None:
    recording = pool(preview)
    nodes = named(recording, "s-nodes").inputs
    count = PLAN.nodes_total
    assert nodes["scalingConfig"] == {"minSize": count, "desiredSize": count, "maxSize": count}
    assert nodes["amiType"] == PLAN.ami_type
    assert nodes["subnetIds"] == ["subnet-1", "subnet-2"]
    assert "taints" not in nodes, "CoreDNS must run here"
    assert "instanceTypes" not in nodes, "the launch template says it"
    assert "aws:ec2/vpc:Vpc::outlives" in before(recording, named(recording, "s-nodes"))


def test_template(preview: bool) -> None:
    template = named(pool(preview), "s-template").inputs
    assert template["instanceType"] == PLAN.instance_type
    assert template["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/xvda",
            "ebs": {
                "deleteOnTermination": "true",
                "encrypted": "true",
                "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/volumes",
                "volumeSize": PLAN.root_gib,
                "volumeType": "gp3",
            },
        }
    ]
    assert "userData" not in template


def test_coredns_waits_for_nodes(preview: bool) -> None:
    needs = named(pool(preview), "s-coredns").depends_on
    assert "aws:eks/nodeGroup:NodeGroup::s-nodes" in needs


def test_nodes_for_renditions_are_tainted_and_labelled(preview: bool) -> None:
    plan = rendered_plan().rendition_nodes
    assert plan is not None

    def program() -> None:
        CpuNodes("r", nodes_args(plan, dict(RENDITIONS_TAINT)))

    recording = recorded(program, preview)
    assert children(recording, "r") == ["LaunchTemplate r-template", "NodeGroup r-nodes"]
    nodes = named(recording, "r-nodes").inputs
    ((key, value),) = RENDITIONS_TAINT.items()
    assert nodes["taints"] == [{"key": key, "value": value, "effect": "NO_SCHEDULE"}]
    assert nodes["labels"] == RENDITIONS_TAINT
    assert nodes["scalingConfig"]["desiredSize"] == plan.nodes_total
