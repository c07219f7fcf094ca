"""Which disks of a node keep its weights, and how fast are they written and read?"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sizing.catalog import InstanceType
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.disks import VolumePlan, WeightsOn
from sizing.values.exact import ceiling, exact, plain
from sizing.values.units import GB, GIB, MIB
from sizing.workload import EngineName

SYSTEM_GIB, LOGS_GIB = 20, 20
"""GiB for the system, and for logs. Basis: assumed."""
IMAGES = 2
"""Images of each engine on a node during an update: the old one and the new one."""
SCRATCH_GIB = 20
"""GiB of the pods' own files, on the disk of the images. Basis: assumed."""
CACHE_RATIO = Fraction(11, 10)
"""Room over weights: file system and temporary files. Basis: assumed."""
GP3_IOPS, GP3_MAX_IOPS = 3_000, 80_000
GP3_MIB_PER_S, GP3_MAX_MIB_PER_S = 125, 2_000
"""Rates of gp3, included and highest. Basis: vendor (EBS documentation, 2026)."""
IOPS_PER_MIB_PER_S = 4
"""IOPS of a MiB/s. Basis: vendor, gp3 gives at most 0.25 MiB/s an IOPS (256 KiB operations)."""
IOPS_PER_GIB = 500
"""Maximum IOPS of a GiB. Basis: vendor, gp3 takes at most 500 IOPS a GiB beyond the included
ones."""
LEAST_GIB = 10
"""GiB of the smallest weights volume. Basis: assumed."""
NVME_READ_MIB_PER_S_PER_GB = Fraction(1)
NVME_WRITE_MIB_PER_S_PER_GB = Fraction(1, 2)
"""Write rate of local disks by size, which the catalog lacks. Basis: assumed, half of what one
public test of an m5d.4xlarge read (690 MB/s of 300 GB) and wrote (349 MB/s); measure yours."""
ENGINE_MIB_PER_S = 2_000
"""Maximum rate at which one engine reads its weights files. Basis: assumed."""
COPY_MIB_PER_S = 500
"""Maximum rate of one client that copies from S3. Basis: assumed, the AWS CLI with its defaults."""
NETWORK_GBIT_PER_S = Fraction(1)
"""Network rate of an instance without one in the catalog. Basis: assumed, below all known."""
PATHS = {WeightsOn.gp3: "/mnt/weights", WeightsOn.nvme: "/mnt/k8s-disks/0"}
"""Mount point of the weights on a node: our own, and nodeadm's for an array of local disks. Basis:
vendor (nodeadm, LocalStorageOptions, 2026)."""


def held_gib(weights_bytes: int, replicas_per_node: int) -> int:
    """GiB of one model's weights on a node: ceil(weights x 1.1 x (1 + replicas a node)).

    The old version remains while each replica of the node fetches the new one. Basis: arithmetic.
    """
    return ceiling(weights_bytes * CACHE_RATIO * (1 + replicas_per_node) / GIB)


def nvme_gib(instance: InstanceType) -> int:
    """Whole GiB of an instance's local NVMe disks together; 0 without local disks."""
    return (instance.local_nvme_gb or 0) * GB // GIB


def images_gib(engines: Iterable[EngineName]) -> int:
    """GiB of the images on a node whose services have these engines: 2 x the image of each.

    Basis: data of `EngineTraits.image_gib`.
    """
    return sum(IMAGES * engine.traits.image_gib for engine in {*engines})


def weights_on(
    held: Sequence[int], instance: InstanceType, engines: Iterable[EngineName]
) -> WeightsOn:
    """Return the disks for weights of these sizes in GiB: local NVMe while all of them fit.

    weights + images + the pods' own files <= instance store

    Basis: arithmetic. The images and the pods' files move to the array with the weights.
    """
    needed = sum(held) + images_gib(engines) + SCRATCH_GIB
    return WeightsOn.nvme if needed <= nvme_gib(instance) else WeightsOn.gp3


def volume_plan(
    weights_bytes: int,
    replicas_per_node: int,
    load_time_s: int,
    instance: InstanceType,
    *,
    on: WeightsOn,
    engine: EngineName,
) -> tuple[VolumePlan, list[Rejected]]:
    """Return the disks of a node with one model's weights on `on`, and the rejected disks.

    download = weights / the slowest of network, client and disk; load = weights / reading rate.
    Basis: vendor limits of gp3 and the instance; assumed rates of local NVMe.
    """
    wanted = ceiling(Fraction(weights_bytes, load_time_s * MIB))
    gp3_rate = _gp3_mib_per_s(wanted, instance)
    sustained = min(gp3_rate, _ebs_mib_per_s(instance.ebs_baseline_mbit_per_s))
    written = sustained
    if on is WeightsOn.nvme:
        size_gb = instance.local_nvme_gb or 0
        sustained = min(int(size_gb * NVME_READ_MIB_PER_S_PER_GB), ENGINE_MIB_PER_S)
        written = int(size_gb * NVME_WRITE_MIB_PER_S_PER_GB)
    copied = min(written, COPY_MIB_PER_S, _network_mib_per_s(instance))
    iops = max(GP3_IOPS, min(IOPS_PER_MIB_PER_S * gp3_rate, GP3_MAX_IOPS))
    held = held_gib(weights_bytes, replicas_per_node)
    size_gib = max(held, ceiling(Fraction(iops, IOPS_PER_GIB)), LEAST_GIB)
    gp3 = on is WeightsOn.gp3
    volumes = VolumePlan(
        weights_on=on,
        weights_path=PATHS[on],
        root_gib=root_gib(on, [engine]),
        held_gib=held,
        nvme_gib=nvme_gib(instance) or None,
        weights_gib=size_gib if gp3 else None,
        weights_iops=iops if gp3 else None,
        weights_mib_per_s=gp3_rate if gp3 else None,
        wanted_mib_per_s=wanted,
        sustained_mib_per_s=sustained,
        load_s=plain(Fraction(weights_bytes, MIB) / sustained),
        copy_mib_per_s=copied,
        download_s=plain(Fraction(weights_bytes, MIB) / copied),
    )
    loser = _no_gp3(volumes, size_gib, gp3_rate, instance)
    if gp3:
        loser = _no_nvme(volumes, instance, engine)
    return volumes, [*loser, *_late(volumes, load_time_s, instance)]


def root_gib(on: WeightsOn, engines: Iterable[EngineName]) -> int:
    """GiB of a node's root volume: system and logs, and the images where the weights are on gp3."""
    return SYSTEM_GIB + LOGS_GIB + (images_gib(engines) if on is WeightsOn.gp3 else 0)


def _late(volumes: VolumePlan, load_time_s: int, instance: InstanceType) -> list[Rejected]:
    """Rejection of a late start: an array is empty on each new node, so its download counts too."""
    wanted, nvme = volumes.wanted_mib_per_s, volumes.weights_on is WeightsOn.nvme
    taken = volumes.load_s + (volumes.download_s if nvme else 0)
    if taken <= load_time_s:
        return []
    numbers = f"needs {wanted} MiB/s, {instance.name} sustains {volumes.sustained_mib_per_s} MiB/s"
    numbers += " from its volume"
    if nvme:
        numbers = (
            f"{instance.name} downloads in {volumes.download_s:,.0f} s at "
            f"{volumes.copy_mib_per_s} MiB/s, then reads in {volumes.load_s:,.0f} s at "
            f"{volumes.sustained_mib_per_s} MiB/s"
        )
    option = f"load in {load_time_s} s"
    return [Rejected(option=option, reason=Reason.volume_limit, numbers=numbers)]


def _no_nvme(volumes: VolumePlan, instance: InstanceType, engine: EngineName) -> list[Rejected]:
    if volumes.nvme_gib is None:
        numbers = f"{instance.name} has no local disks"
    else:
        numbers = (
            f"{instance.name} has {volumes.nvme_gib} GiB; weights of its pool with "
            f"{volumes.held_gib} GiB of this one, {images_gib([engine])} GiB of images and "
            f"{SCRATCH_GIB} GiB of pods' files do not fit"
        )
    return [Rejected(option="weights on nvme", reason=Reason.local_storage, numbers=numbers)]


def _no_gp3(
    volumes: VolumePlan, size_gib: int, rate: int, instance: InstanceType
) -> list[Rejected]:
    numbers = (
        f"a volume of {size_gib} GiB with {rate} MiB/s on each node; the {volumes.nvme_gib} GiB "
        f"of {instance.name} have room for weights and margin, {volumes.held_gib} GiB, without one"
    )
    return [Rejected(option="weights on gp3", reason=Reason.local_storage, numbers=numbers)]


def _gp3_mib_per_s(wanted: int, instance: InstanceType) -> int:
    most = min(GP3_MAX_MIB_PER_S, _ebs_mib_per_s(instance.ebs_max_mbit_per_s))
    return max(GP3_MIB_PER_S, min(wanted, most))


def _ebs_mib_per_s(mbit_per_s: int | None) -> int:
    """Whole MiB/s of an instance's EBS limit, or the included gp3 rate when the limit is
    unknown."""
    if mbit_per_s is None:
        return GP3_MIB_PER_S
    return mbit_per_s * 1_000_000 // (8 * MIB)


def _network_mib_per_s(instance: InstanceType) -> int:
    """Whole MiB/s that the instance's network sustains."""
    rate = instance.network_gbit_per_s
    return int((NETWORK_GBIT_PER_S if rate is None else exact(rate)) * GB / (8 * MIB))
