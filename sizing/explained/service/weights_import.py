"""Explanations of the import of the weights."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.service.weights_import import ImportPlan
from sizing.service import weights_import


def _import_s(leaf: Leaf) -> Entry:
    rate = weights_import.IMPORT_MIB_PER_S
    return Entry(
        "seconds to copy the files into the bucket",
        "weights / rate of one stream",
        "{s.memory.weights_bytes} / ({weights_import.IMPORT_MIB_PER_S} * {units.MIB})",
        Basis.assumed,
        "sizing/service/weights_import.py: 20 to 90 MiB/s",
        band=(leaf.value * rate / 90, leaf.value * rate / 20),
    )


WEIGHTS_IMPORT: Registry = {
    ImportPlan: {
        "max_bytes": Entry(
            "most bytes that the import takes: more would not fit the nodes",
            "ceil(weights x 1.1)",
            "ceil({s.memory.weights_bytes} * 1.1)",
            Basis.assumed,
            "sizing/service/node_disks.py",
        ),
        "import_s": _import_s,
        "deadline_s": Entry(
            "seconds after which the import ends as failed; the next update continues it",
            "ceil(3 x import) + 600",
            "ceil({weights_import.IMPORT_MARGIN} * {s.weights_import.import_s})"
            " + {weights_import.IMPORT_START_S}",
            Basis.assumed,
            "sizing/service/weights_import.py",
        ),
        "scratch_gib": Entry(
            "GiB of a system node's disk for the files of an image",
            "ceil(most bytes / 2^30)",
            "ceil({s.weights_import.max_bytes} / {units.GIB})",
        ),
    },
}
