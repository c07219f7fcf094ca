"""Explanations of a node's disks: where the weights are, how they get there, how they are read."""

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.plan.service.disks import PoolVolumePlan, VolumePlan, WeightsOn
from sizing.plan.service.whole import ServicePlan
from sizing.service.serving import engines_of
from sizing.workload import EngineName

SOURCE = "sizing/service/node_disks.py"
TYPES = CATALOG + "instance_types.csv"


def _on_nvme(leaf: Leaf) -> bool:
    return leaf.volumes.weights_on is WeightsOn.nvme


def _root(leaf: Leaf) -> Entry:
    return _root_of(engines_of([leaf.sized]), nvme=_on_nvme(leaf))


def _pool_root(leaf: Leaf) -> Entry:
    nvme = leaf.node_pool.volumes.weights_on is WeightsOn.nvme
    return _root_of(engines_of(_services(leaf)), nvme=nvme)


def _root_of(engines: set[EngineName], *, nvme: bool) -> Entry:
    sizes = [] if nvme else [engine.traits.image_gib for engine in sorted(engines)]
    held = ", ".join(f"two of {gib} GiB" for gib in sizes)
    where = "on local NVMe, as the weights" if nvme else f"{held} during an update"
    images = "".join(f" + {{disks.IMAGES}} * {gib}" for gib in sizes)
    return Entry(
        "GiB of a node's root volume",
        f"system 20 + logs 20 + engine images ({where})",
        f"{{disks.SYSTEM_GIB}} + {{disks.LOGS_GIB}}{images}",
        Basis.assumed,
        SOURCE,
    )


def _sustained(leaf: Leaf) -> Entry:
    if not _on_nvme(leaf):
        return Entry(
            "MiB/s the node sustains from the volume",
            "the smaller of the volume's rate and the instance's baseline EBS rate",
            "{v}",
            Basis.vendor,
            f"EC2 instance types: {TYPES}",
        )
    return Entry(
        "MiB/s the node reads from its local disks",
        "GB of the disks x 1 MiB/s, at most the 2,000 that an engine takes",
        "{v}",
        Basis.assumed,
        f"EC2 publishes no rate; one public test of other types read 2.3 MiB/s a GB: {SOURCE}",
        band=(leaf.value / 2, leaf.value * 2.3),
    )


def _copied(leaf: Leaf) -> Entry:
    disk = "half a MiB/s a GB of the local disks" if _on_nvme(leaf) else "the volume's sustained"
    return Entry(
        "MiB/s at which a new node gets the weights from S3",
        f"the smallest of the network's baseline, the client's 500 and what is written: {disk}",
        "{v}",
        Basis.assumed,
        f"network: {TYPES}; client and local disks: {SOURCE}",
    )


def _services(leaf: Leaf) -> list[ServicePlan]:
    """Services of the leaf's pool."""
    return [s for s in leaf.plan.services if s.name in leaf.node_pool.services]


def _of_services(field: str, meaning: str, how: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        parts = [
            str(getattr(service.volumes, field))
            for service in _services(leaf)
            if service.volumes is not None
        ]
        numbers = " + ".join(parts) if how == "sum" else f"{how}({', '.join(parts)})"
        if len(parts) == 1:
            numbers = parts[0]
        return Entry(meaning, f"{how} over its services", numbers)

    return entry


DISKS: Registry = {
    VolumePlan: {
        "root_gib": _root,
        "held_gib": Entry(
            "GiB that the weights take on a node",
            "ceil(weights x 1.1 x (1 + replicas a node))",
            "ceil({s.memory.weights_bytes} * 1.1 * (1 + {s.pool.replicas_per_node}) / {units.GIB})",
            Basis.assumed,
            SOURCE,
        ),
        "nvme_gib": Entry(
            "GiB of the node's local disks together",
            "the instance type's, in whole GiB",
            "{v}",
            Basis.vendor,
            TYPES,
        ),
        "weights_gib": Entry(
            "GiB of a node's weights volume",
            "what the weights take, at least IOPS / 500 and 10",
            "max({s.volumes.held_gib}, ceil({s.volumes.weights_iops} / {disks.IOPS_PER_GIB}),"
            " {disks.LEAST_GIB})",
            Basis.assumed,
            SOURCE,
        ),
        "weights_iops": Entry(
            "IOPS of the weights volume",
            "4 a MiB/s, 3,000 to 80,000",
            "max({disks.GP3_IOPS}, min({disks.IOPS_PER_MIB_PER_S} * {s.volumes.weights_mib_per_s},"
            " {disks.GP3_MAX_IOPS}))",
            Basis.vendor,
            "gp3 limits, EBS documentation (2026)",
        ),
        "weights_mib_per_s": Entry(
            "MiB/s of the weights volume",
            "the rate for the load time, 125 to 2,000, never above the instance's highest EBS rate",
            "{v}",
            Basis.vendor,
            "gp3 limits, EBS documentation (2026)",
        ),
        "wanted_mib_per_s": Entry(
            "MiB/s that reads the weights in the requested time",
            "ceil(weights / load time)",
            "ceil({s.memory.weights_bytes} / ({w.hardware.load_time_s} * {units.MIB}))",
        ),
        "sustained_mib_per_s": _sustained,
        "load_s": Entry(
            "seconds to read the weights at the sustained rate",
            "weights / sustained rate",
            "{s.memory.weights_bytes} / {units.MIB} / {s.volumes.sustained_mib_per_s}",
        ),
        "copy_mib_per_s": _copied,
        "download_s": Entry(
            "seconds to copy the weights to a new node, whose disks are empty",
            "weights / copying rate",
            "{s.memory.weights_bytes} / {units.MIB} / {s.volumes.copy_mib_per_s}",
        ),
    },
    PoolVolumePlan: {
        "root_gib": _pool_root,
        "held_gib": _of_services(
            "held_gib", "GiB that the models of the pool take on each node", "sum"
        ),
        "nvme_gib": _of_services("nvme_gib", "GiB of the node's local disks", "max"),
        "weights_gib": _of_services(
            "weights_gib",
            "GiB of the weights volume: a node may hold any of the pool's models",
            "sum",
        ),
        "weights_iops": _of_services("weights_iops", "IOPS of that volume", "max"),
        "weights_mib_per_s": _of_services("weights_mib_per_s", "MiB/s of that volume", "max"),
        "wanted_mib_per_s": _of_services(
            "wanted_mib_per_s", "MiB/s that the load times require", "max"
        ),
        "sustained_mib_per_s": _of_services(
            "sustained_mib_per_s", "MiB/s that the node sustains", "min"
        ),
        "load_s": _of_services("load_s", "slowest load of any model, seconds", "max"),
        "copy_mib_per_s": _of_services(
            "copy_mib_per_s", "MiB/s at which a new node gets weights from S3", "min"
        ),
        "download_s": _of_services(
            "download_s", "slowest copy of any model to a new node, seconds", "max"
        ),
    },
}
