"""Disks of the nodes."""

from enum import StrEnum
from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import NODE_CLASS, TEMPLATE, Reaches
from sizing.values.exact import Number


class WeightsOn(StrEnum):
    nvme = "nvme"
    """Local disks of the node as one array, empty on each new node, without a volume's cost."""
    gp3 = "gp3"
    """Second EBS volume of the node."""


class VolumePlan(Part):
    """Disks of a GPU node for one service."""

    weights_on: WeightsOn
    """Disks with the weights."""
    weights_path: str
    """Mount point of the file system with the weights on the node."""
    root_gib: int
    """GiB of the root volume."""
    held_gib: int
    """GiB of the weights on a node, a second version and spare room included."""
    nvme_gib: int | None
    """GiB of the node's local disks together; null without local disks."""
    weights_gib: int | None
    """GiB of the gp3 volume; null without one, as are its rates."""
    weights_iops: int | None
    weights_mib_per_s: int | None
    wanted_mib_per_s: int
    """MiB/s that reads the weights in the required time."""
    sustained_mib_per_s: int
    """MiB/s at which the node reads the weights."""
    load_s: Number
    """Seconds to read the weights at the node's sustained rate."""
    copy_mib_per_s: int
    """MiB/s at which the weights are copied to the node."""
    download_s: Number
    """Seconds to copy the weights to a new node."""


class PoolVolumePlan(VolumePlan):
    """Disks of a pool's nodes for all its services."""

    weights_on: Annotated[
        WeightsOn,
        Reaches(TEMPLATE, "userData"),
        Reaches(NODE_CLASS, "spec.userData"),
        Reaches(NODE_CLASS, "spec.instanceStorePolicy"),
    ]
    weights_path: Annotated[
        str, Reaches(TEMPLATE, "userData"), Reaches(NODE_CLASS, "spec.userData")
    ]
    root_gib: Annotated[
        int,
        Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.0.ebs.volumeSize"),
    ]
    weights_gib: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.volumeSize"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.volumeSize"),
    ]
    weights_iops: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.iops"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.iops"),
    ]
    weights_mib_per_s: Annotated[
        int | None,
        Reaches(TEMPLATE, "blockDeviceMappings.1.ebs.throughput"),
        Reaches(NODE_CLASS, "spec.blockDeviceMappings.1.ebs.throughput"),
    ]
