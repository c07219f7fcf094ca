"""Explanations of the renditions of clips, and of the workers that make them."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry, setting
from sizing.explained.service.capacity import busiest_rate
from sizing.plan.service.files.renditions import (
    RenditionsPlan,
    RenditionWorkerPlan,
    VariantPlan,
)
from sizing.service.burst import burst_nodes
from sizing.workload.items.renditions import THUMBNAIL

CODE = "sizing/service/stores/renditions.py"
WORK = CATALOG + "rendition_work.csv"
_CLIP = "{s.artefact.width} * {s.artefact.height} * {s.artefact.frames}"


def with_variants(leaf: Leaf, size: str) -> str:
    """Formula of the bytes of an item, with those of its variants where it has any."""
    if leaf.sized.renditions is None:
        return size
    return f"({size} + {{s.renditions.bytes_per_clip}})"


def _renditions(leaf: Leaf) -> RenditionsPlan:
    """Return the renditions of the leaf's service. Raises ValueError."""
    if leaf.sized.renditions is None:
        raise ValueError(f"{leaf.path} without renditions")
    return leaf.sized.renditions


def _variant(leaf: Leaf) -> VariantPlan:
    return _renditions(leaf).variants[int(leaf.keys[4])]


def _width(leaf: Leaf) -> Entry:
    return Entry(
        "pixels of a row of the variant",
        "height x width of the clip / its height, to the nearest even number",
        f"2 * round({_variant(leaf).height} * {{s.artefact.width}} / {{s.artefact.height}} / 2)",
    )


def _height(leaf: Leaf) -> Entry:
    picture = _variant(leaf).name == THUMBNAIL
    field = "thumbnail_height" if picture else "videos"
    return Entry(
        "pixels of a column of the variant",
        f"renditions.{field}",
        "{v}",
        Basis.given,
        f"the workload file: renditions.{field}",
    )


def _bits(leaf: Leaf) -> Entry:
    picture = _variant(leaf).name == THUMBNAIL
    return Entry(
        "bits of the variant's file for one pixel of one frame",
        f"that of {_variant(leaf).codec}",
        "{v}",
        Basis.vendor if picture else Basis.measured,
        CATALOG + "media_formats.csv, jpeg" if picture else f"{WORK}, {_variant(leaf).codec}",
    )


def _file_bytes(leaf: Leaf) -> Entry:
    made = _variant(leaf)
    frames = "1" if made.name == THUMBNAIL else "{s.artefact.frames}"
    return Entry(
        "bytes of the variant's file",
        "width x height x frames x bits per pixel / 8",
        f"ceil({made.width} * {made.height} * {frames} * {made.bits_per_pixel}"
        " / {artefact.BITS_PER_BYTE})",
    )


def _measured(meaning: str, row: str) -> Entry:
    return Entry(
        meaning, "the highest of the measurements", "{v}", Basis.measured, f"{WORK}, {row}"
    )


def _encode_s(leaf: Leaf) -> Entry:
    codec = _variant(leaf).codec
    return _measured("CPU seconds to encode a million pixels of frames", codec)


def _cpu_s(leaf: Leaf) -> Entry:
    """CPU seconds of one clip, as a sum over its parts."""
    frames = "{s.artefact.frames} / {renditions.MEGAPIXEL}"
    parts = [f"{_CLIP} / {{renditions.MEGAPIXEL}} * {{s.renditions.decode_cpu_s_per_megapixel}}"]
    parts += [
        f"{v.width} * {v.height} * {frames} * {v.cpu_s_per_megapixel}"
        for v in _renditions(leaf).variants
        if v.cpu_s_per_megapixel is not None
    ]
    return Entry(
        "CPU seconds for one clip, which size the workers",
        "1 + Mpixel of the clip x s to decode + Mpixel of each rendition x s to encode",
        f"{{renditions.CLIP_CPU_S}} + {' + '.join(parts)}",
        Basis.measured,
        WORK,
        remarks=("by bench/renditions.py, the highest; your clips may differ, so measure them",),
    )


def _clips_per_s(leaf: Leaf) -> Entry:
    if leaf.sized.pool is None or leaf.sized.item is None:
        return Entry("clips a second at the busiest moment", "busiest rate", busiest_rate(leaf))
    pool = leaf.pool
    added = burst_nodes(leaf.sized.inputs, pool) * pool.replicas_per_node
    return Entry(
        "clips a second at the busiest moment",
        "min(busiest rate, replicas with spares and burst / P10 of the seconds of a clip)",
        f"min({busiest_rate(leaf)}, ({pool.replicas_total} + {added}) / {{s.item.low_s}})",
    )


def _memory_mib(leaf: Leaf) -> Entry:
    made = " + ".join(f"{v.width} * {v.height}" for v in _renditions(leaf).variants)
    frame = "{s.artefact.width} * {s.artefact.height}"
    return Entry(
        "MiB that the worker requests and may use",
        "512 + 100 x Mpixel of a frame of the clip + 250 x those of all variants",
        "ceil({renditions.WORKER_MIB} + "
        f"({{renditions.CLIP_MIB}} * {frame} + {{renditions.VARIANT_MIB}} * ({made}))"
        " / {renditions.MEGAPIXEL})",
        Basis.measured,
        CODE,
        remarks=("above the memory that three codecs at once took at two sizes",),
    )


RENDITIONS: Registry = {
    VariantPlan: {
        "width": _width,
        "height": _height,
        "bits_per_pixel": _bits,
        "file_bytes": _file_bytes,
        "cpu_s_per_megapixel": _encode_s,
    },
    RenditionWorkerPlan: {
        "threads": setting(
            "threads of ffmpeg", "virtual CPUs of a node", Basis.vendor, f"m7i.large: {CODE}"
        ),
        "cpu_millicores": setting(
            "millicores that the worker requests", "fixed: most of a node", Basis.assumed, CODE
        ),
        "memory_mib": _memory_mib,
        "scratch_mib": Entry(
            "MiB on the node's disk for one clip and its variants",
            "512 + 2 x bytes of the uncompressed clip",
            "{renditions.SCRATCH_SPARE_MIB}"
            f" + ceil(2 * {_CLIP} * {{jobs.BYTES_PER_PIXEL}} / {{units.MIB}})",
            Basis.assumed,
            CODE,
        ),
        "attempts": setting("attempts of one clip", "fixed", Basis.assumed, CODE),
        "receives": Entry(
            "times that a clip is handed out before the queue itself gives it up",
            "attempts + 20",
            "{s.renditions.worker.attempts} + {jobs.BACKUP_RECEIVES}",
            Basis.assumed,
            CODE,
        ),
        "visibility_s": Entry(
            "seconds after which the clip of a lost worker returns to the queue",
            "2 x CPU seconds of a clip / threads, 60 s to 12 h",
            "min(max(ceil({jobs.VISIBLE_ITEMS} * {s.renditions.cpu_s_per_clip}"
            " / {renditions.VCPUS}), {jobs.SHORTEST_VISIBILITY_S}),"
            " {jobs.LONGEST_VISIBILITY_S})",
            Basis.assumed,
            CODE,
        ),
        "heartbeat_s": Entry(
            "seconds between two extensions of that time",
            "floor(that time / 3)",
            "floor({s.renditions.worker.visibility_s} / {jobs.HEARTBEATS})",
            Basis.assumed,
            CODE,
        ),
        "clip_timeout_s": Entry(
            "seconds after which ffmpeg counts as hung",
            "4 x CPU seconds of a clip / threads + 600",
            "ceil({jobs.SLOWEST_ITEM} * {s.renditions.cpu_s_per_clip} / {renditions.VCPUS})"
            " + {jobs.SLOWEST_EXTRA_S}",
            Basis.assumed,
            CODE,
        ),
        "stop_s": setting(
            "seconds in which a worker gives its clip back", "fixed", Basis.assumed, CODE
        ),
    },
    RenditionsPlan: {
        "bytes_per_clip": lambda leaf: Entry(
            "bytes of all variants of one clip",
            "the sum of their files",
            " + ".join(str(each.file_bytes) for each in _renditions(leaf).variants),
        ),
        "decode_cpu_s_per_megapixel": _measured(
            "CPU seconds to read a million pixels of the clip's frames", "decode"
        ),
        "cpu_s_per_clip": _cpu_s,
        "usual_cpu_s_per_clip": Entry(
            "CPU seconds for a usual clip",
            "as CPU seconds for one clip, by the median of the measurements",
            "{v}",
            Basis.measured,
            WORK,
            arithmetic=False,
        ),
        "cpu_s_per_clip_s": Entry(
            "CPU seconds for one second of a clip",
            "CPU seconds of a clip / its seconds",
            "{s.renditions.cpu_s_per_clip} / {s.artefact.clip_s}",
        ),
        "clips_per_s": _clips_per_s,
        "workers_needed": Entry(
            "workers, each on a node of 2 virtual CPUs",
            "ceil(clips/s x CPU s of a clip / (2 x 0.7)), at least 1",
            "max(1, ceil({s.renditions.clips_per_s} * {s.renditions.cpu_s_per_clip}"
            " / ({renditions.VCPUS} * {renditions.UTILISATION})))",
            Basis.assumed,
            f"share of a node's CPU time: {CODE}",
        ),
        "workers_total": Entry(
            "workers with a spare one",
            "needed + 1",
            "{s.renditions.workers_needed} + {renditions.SPARE_WORKERS}",
            Basis.assumed,
            CODE,
        ),
    },
}
