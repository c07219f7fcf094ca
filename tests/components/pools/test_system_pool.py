from pulumi_aws import ec2

from components.naming import Tags
from components.pools.system_pool import SystemPool, SystemPoolArgs
from sizewright.record import Recorded
from tests.components.plans import chat_plan, site
from tests.components.recording import before, children, named, recorded

PLAN = chat_plan("prod").system


def pool(preview: bool) -> Recorded:
    def program() -> None:
        args = SystemPoolArgs(
            plan=PLAN,
            cluster_name="sizewright-test",
            kubernetes_version="1.35",
            coredns_version=None,
            node_role_arn="arn:aws:iam::123456789012:role/node",
            subnet_ids=["subnet-1", "subnet-2"],
            volumes_key_arn="arn:aws:kms:us-east-1:123456789012:key/volumes",
            after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")],
            tags=Tags.of_site(site("prod")),
        )
        SystemPool("s", args)

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
