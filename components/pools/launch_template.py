"""Launch template of managed nodes: type, encrypted volumes, metadata service, tags."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from components.naming import Tags
from sizing.plan.stack.nodes import InterconnectPlan


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A gp3 volume, with its included performance where `iops` and `mib_per_s` are None."""

    device: str
    size_gib: int
    iops: int | None = None
    mib_per_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Capacity bought ahead; nodes start in it only."""

    id: str
    block: bool
    """True where it is a capacity block, false where it is an on-demand reservation."""


@dataclass(frozen=True, kw_only=True)
class Interconnect:
    """EFA on every network card, and the placement group of the nodes."""

    plan: InterconnectPlan
    security_group_ids: list[pulumi.Input[str]]
    placement_group: pulumi.Input[str] | None


def launch_template(
    name: str,
    *,
    instance_type: str,
    disks: list[Disk],
    key_arn: pulumi.Input[str],
    tags: Tags,
    security_group_ids: Sequence[pulumi.Input[str]] = (),
    user_data: str | None = None,
    reservation: Reservation | None = None,
    interconnect: Interconnect | None = None,
    opts: pulumi.ResourceOptions,
) -> ec2.LaunchTemplate:
    """Return a launch template without an image: the node group's image type decides it."""
    node_tags = tags.named(name.removesuffix("-template"))
    return ec2.LaunchTemplate(
        name,
        instance_type=instance_type,
        vpc_security_group_ids=list(security_group_ids) or None,
        network_interfaces=None if interconnect is None else _interfaces(interconnect),
        placement=(
            {"group_name": interconnect.placement_group}
            if interconnect and interconnect.placement_group
            else None
        ),
        capacity_reservation_specification=None if reservation is None else _target(reservation),
        instance_market_options=(
            {"market_type": "capacity-block"} if reservation and reservation.block else None
        ),
        block_device_mappings=[_mapping(disk, key_arn) for disk in disks],
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            # Pods are one hop further away: they get roles by pod identity, never the node's.
            "http_put_response_hop_limit": 1,
            # Guard: EKS tags nodes with keys that contain a slash, which the metadata service
            # refuses.
            "instance_metadata_tags": "disabled",
        },
        monitoring={"enabled": True},
        tag_specifications=[
            {"resource_type": "instance", "tags": node_tags},
            {"resource_type": "volume", "tags": node_tags},
        ],
        user_data=None if user_data is None else base64.b64encode(user_data.encode()).decode(),
        update_default_version=True,
        tags=tags.named(name),
        opts=opts,
    )


def _interfaces(
    interconnect: Interconnect,
) -> list[ec2.LaunchTemplateNetworkInterfaceArgsDict]:
    """Network interfaces, one for each network card; each of them is device 0 of its card.

    Guard: with interfaces named here EKS adds no security group of its own.
    Basis: vendor, EC2 user guide, "Maximize network bandwidth on Amazon EC2 instances with multiple
    network cards" (2026): EFA-only interfaces are device 0 of the cards after the first. On the
    first card it now shows a plain one and EFA-only as device 1. Assumed: one of kind efa still
    serves as both, as an earlier edition showed; it leaves device 1 to pods' addresses.
    """
    plan = interconnect.plan
    kinds = [plan.first_interface, *["efa-only"] * plan.efa_only_interfaces]
    return [
        {
            "network_card_index": card,
            "device_index": 0,
            "interface_type": kind,
            "delete_on_termination": "true",
            "security_groups": interconnect.security_group_ids,
        }
        for card, kind in enumerate(kinds)
    ]


def _target(
    reservation: Reservation,
) -> ec2.LaunchTemplateCapacityReservationSpecificationArgsDict:
    return {"capacity_reservation_target": {"capacity_reservation_id": reservation.id}}


def _mapping(
    disk: Disk, key_arn: pulumi.Input[str]
) -> ec2.LaunchTemplateBlockDeviceMappingArgsDict:
    ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "volume_type": "gp3",
        "volume_size": disk.size_gib,
        "encrypted": "true",
        "kms_key_id": key_arn,
        "delete_on_termination": "true",
    }
    if disk.iops is not None:
        ebs["iops"] = disk.iops
    if disk.mib_per_s is not None:
        ebs["throughput"] = disk.mib_per_s
    return {"device_name": disk.device, "ebs": ebs}
