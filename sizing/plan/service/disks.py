"""The disks of the nodes."""

from enum import StrEnum
from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import NODE_CLASS, TEMPLATE, Reaches
from sizing.values.exact import Number


class WeightsOn(StrEnum):
    nvme = "nvme"
    """The node's local disks as one array: empty on each new node, no volume to pay for."""
    gp3 = "gp3"
    """A second EBS volume of the node."""


class VolumePlan(Part):
    """Disks of a GPU node, as one service would have them."""

    weights_on: WeightsOn
    """Which disks hold the weights."""
    weights_path: str
    """Where the file system that holds the weights is mounted on the node."""
    root_gib: int
    """GiB of the root volume."""
    held_gib: int
    """GiB that the weights take on a node, a second version and room included."""
    nvme_gib: int | None
    """GiB of the node's local disks together; null without any."""
    weights_gib: int | None
    """Of the gp3 volume; null without one, as its rates are."""
    weights_iops: int | None
    weights_mib_per_s: int | None
    wanted_mib_per_s: int
    """MiB/s that reads the weights in the asked-for time."""
    sustained_mib_per_s: int
    """MiB/s that the node reads the weights at."""
    load_s: Number
    """Seconds to read the weights at the rate that the node sustains."""
    copy_mib_per_s: int
    """MiB/s that the weights are copied to the node at."""
    download_s: Number
    """Seconds to copy the weights to a new node."""


class PoolVolumePlan(VolumePlan):
    """Disks of a pool's nodes, for all its services."""

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
