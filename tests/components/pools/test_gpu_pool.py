import base64

from pulumi_aws import ec2

from components.naming import Tags
from components.pools.gpu_pool import GpuPool, GpuPoolArgs
from sizewright.record import Recorded
from sizing.plan.service.pool import CapacitySource
from sizing.plan.stack.nodes import NodePool
from tests.components.plans import ZONES, chat_plan, site, spanning_plan, volume_plan
from tests.components.recording import before, children, named, of_type, recorded

PLAN = chat_plan("prod").pools[0]


def pool(preview: bool, plan: NodePool = PLAN) -> Recorded:
    def program() -> None:
        args = GpuPoolArgs(
            plan=plan,
            cluster_name="sizewright-test",
            node_role_arn="arn:aws:iam::123456789012:role/node",
            subnet_ids={zone: f"subnet-{zone}" for zone in ZONES},
            user_data="#!/bin/bash\n",
            vpc_id="vpc-1",
            cluster_group_id="sg-cluster",
            volumes_key_arn="arn:aws:kms:us-east-1:123456789012:key/volumes",
            after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")],
            tags=Tags.of_site(site("prod")),
        )
        GpuPool("g", args)

    return recorded(program, preview)


def test_one_fixed_group_in_each_zone(preview: bool) -> None:
    recording = pool(preview)
    assert children(recording, "g") == [
        "LaunchTemplate g-template",
        *(f"NodeGroup g-{zone}" for zone in ZONES),
    ]
    for zone in ZONES:
        group = named(recording, f"g-{zone}")
        assert group.inputs["scalingConfig"] == {"minSize": 5, "desiredSize": 5, "maxSize": 5}
        assert group.inputs["subnetIds"] == [f"subnet-{zone}"]
        assert group.ignore_changes == (), "a changed count must show"
        assert "aws:ec2/vpc:Vpc::outlives" in before(recording, group)
        others = {f"aws:eks/nodeGroup:NodeGroup::g-{other}" for other in ZONES if other != zone}
        assert not others & set(before(recording, group)), "no zone waits for another"


def test_an_update_waits_as_long_as_its_nodes_take(preview: bool) -> None:
    plan = PLAN.model_copy(update={"update_timeout_s": 5_400})
    groups = of_type(pool(preview, plan), "NodeGroup")
    assert {group.update_timeout for group in groups} == {"5400s"}


def test_a_zone_without_nodes_has_no_group(preview: bool) -> None:
    plan = PLAN.model_copy(update={"nodes_by_zone": {ZONES[0]: 4, ZONES[1]: 0}})
    groups = of_type(pool(preview, plan), "NodeGroup")
    assert [group.name for group in groups] == [f"g-{ZONES[0]}"]


def test_only_gpu_pods_land_here(preview: bool) -> None:
    inputs = named(pool(preview), f"g-{ZONES[0]}").inputs
    assert inputs["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
    ]
    assert inputs["labels"] == {
        "sizewright.dev/pool": "g6-xlarge",
        "sizewright.dev/gpu": "NVIDIA-L4",
        "sizewright.dev/zone": ZONES[0],
    }
    assert inputs["amiType"] == "AL2023_x86_64_NVIDIA"
    assert inputs["releaseVersion"] == "1.35.0-20261101"
    assert inputs["version"] == "1.35"
    assert inputs["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}
    assert "instanceTypes" not in inputs, "the launch template says it"


def test_without_a_release_eks_chooses(preview: bool) -> None:
    plan = PLAN.model_copy(update={"release_by_zone": dict.fromkeys(ZONES)})
    assert "releaseVersion" not in named(pool(preview, plan), f"g-{ZONES[0]}").inputs


def test_volumes(preview: bool) -> None:
    plan = volume_plan().pools[0]
    template = named(pool(preview, plan), "g-template").inputs
    root, weights = template["blockDeviceMappings"]
    assert (root["deviceName"], weights["deviceName"]) == ("/dev/xvda", "/dev/xvdb")
    assert root["ebs"]["volumeSize"] == plan.volumes.root_gib
    assert weights["ebs"] == {
        "volumeType": "gp3",
        "volumeSize": plan.volumes.weights_gib,
        "iops": plan.volumes.weights_iops,
        "throughput": plan.volumes.weights_mib_per_s,
        "encrypted": "true",
        "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/volumes",
        "deleteOnTermination": "true",
    }
    assert root["ebs"]["encrypted"] == "true"


def test_local_disks_need_no_weights_volume(preview: bool) -> None:
    (root,) = named(pool(preview), "g-template").inputs["blockDeviceMappings"]
    assert root["ebs"]["volumeSize"] == PLAN.volumes.root_gib == 40


def test_template(preview: bool) -> None:
    template = named(pool(preview), "g-template").inputs
    assert template["instanceType"] == "g6.xlarge"
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert template["metadataOptions"]["instanceMetadataTags"] == "disabled"
    assert template["updateDefaultVersion"] is True
    assert template["monitoring"] == {"enabled": True}
    assert base64.b64decode(template["userData"]) == b"#!/bin/bash\n"
    assert [s["resourceType"] for s in template["tagSpecifications"]] == ["instance", "volume"]
    assert template["tagSpecifications"][0]["tags"] == {**template["tags"], "Name": "g"}


IDS = {zone: f"cr-0123456789abcde{index}" for index, zone in enumerate(ZONES)}


def test_each_zone_starts_in_its_own_reservation(preview: bool) -> None:
    source = CapacitySource.reservations
    plan = PLAN.model_copy(update={"reservation_by_zone": IDS, "capacity_source": source})
    recording = pool(preview, plan)
    for zone in ZONES:
        template = named(recording, f"g-{zone}-template")
        assert template.inputs["capacityReservationSpecification"] == {
            "capacityReservationTarget": {"capacityReservationId": IDS[zone]}
        }
        assert "instanceMarketOptions" not in template.inputs
        group = named(recording, f"g-{zone}")
        assert group.inputs["capacityType"] == "ON_DEMAND"
        assert f"{template.type}::{template.name}" in before(recording, group)
    assert not [r for r in recording.resources if r.name == "g-template"]


def test_a_block_is_another_market(preview: bool) -> None:
    zone = ZONES[0]
    values = {
        "nodes_by_zone": {zone: 4},
        "reservation_by_zone": {zone: IDS[zone]},
        "capacity_source": CapacitySource.blocks,
    }
    recording = pool(preview, PLAN.model_copy(update=values))
    template = named(recording, f"g-{zone}-template").inputs
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = template["capacityReservationSpecification"]["capacityReservationTarget"]
    assert target == {"capacityReservationId": IDS[zone]}
    assert named(recording, f"g-{zone}").inputs["capacityType"] == "CAPACITY_BLOCK"


def test_on_demand_reserves_nothing(preview: bool) -> None:
    recording = pool(preview)
    template = named(recording, "g-template").inputs
    assert not {"capacityReservationSpecification", "instanceMarketOptions"} & set(template)
    assert named(recording, f"g-{ZONES[0]}").inputs["capacityType"] == "ON_DEMAND"


def test_repair_stays_within_the_spare(preview: bool) -> None:
    # three spare nodes, one in each zone's share
    assert named(pool(preview), f"g-{ZONES[0]}").inputs["nodeRepairConfig"] == {
        "enabled": True,
        "maxParallelNodesRepairedCount": 1,
        "maxUnhealthyNodeThresholdCount": 3,
    }


def test_groups_follow_the_template_s_latest_version() -> None:
    group = named(pool(False), f"g-{ZONES[0]}").inputs
    assert group["launchTemplate"] == {
        "id": {"$ref": "aws:ec2/launchTemplate:LaunchTemplate::g-template", "property": "id"},
        "version": {
            "$ref": "aws:ec2/launchTemplate:LaunchTemplate::g-template",
            "property": "latestVersion",
        },
    }


def test_nodes_that_share_replicas_have_efa_on_every_card_and_are_close(preview: bool) -> None:
    recording = pool(preview, spanning_plan().pools[0])
    for zone in ZONES:
        template = named(recording, f"g-{zone}-template").inputs
        first, *others = template["networkInterfaces"]
        assert (first["interfaceType"], first["networkCardIndex"], first["deviceIndex"]) == (
            "efa",
            0,
            0,
        )
        assert [card["networkCardIndex"] for card in others] == list(range(1, 32))
        assert {card["interfaceType"] for card in others} == {"efa-only"}
        assert {card["deviceIndex"] for card in others} == {0}
        assert first["securityGroups"][0] == "sg-cluster", "EKS adds no group of its own"
        group = named(recording, f"g-{zone}-placement")
        assert group.inputs["strategy"] == "cluster"
        assert "groupName" in template["placement"]
        assert f"{group.type}::{group.name}" in before(recording, named(recording, f"g-{zone}"))
        labels = named(recording, f"g-{zone}", "NodeGroup").inputs["labels"]
        assert labels["sizewright.dev/zone"] == zone


def test_efa_passes_within_its_own_group_only(preview: bool) -> None:
    recording = pool(preview, spanning_plan().pools[0])
    for rule in ("g-efa-in", "g-efa-out"):
        inputs = named(recording, rule).inputs
        assert inputs["ipProtocol"] == "-1"
        assert inputs["securityGroupId"] == inputs["referencedSecurityGroupId"]
        assert "cidrIpv4" not in inputs


def test_one_node_a_replica_needs_nothing_of_that(preview: bool) -> None:
    recording = pool(preview)
    assert not {"networkInterfaces", "placement"} & set(named(recording, "g-template").inputs)
    assert not of_type(recording, "PlacementGroup") + of_type(recording, "SecurityGroup")


def test_capacity_bought_ahead_brings_its_own_placement(preview: bool) -> None:
    plan = spanning_plan().pools[0]
    joined = plan.interconnect
    assert joined is not None
    bought = {
        "interconnect": joined.model_copy(update={"placement": None}),
        "reservation_by_zone": IDS,
        "capacity_source": CapacitySource.reservations,
    }
    recording = pool(preview, plan.model_copy(update=bought))
    assert not of_type(recording, "PlacementGroup")
    assert "networkInterfaces" in named(recording, f"g-{ZONES[0]}-template").inputs
