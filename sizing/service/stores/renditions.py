"""How much CPU time do the renditions of clips take, and how many bytes do they have?"""

from collections.abc import Sequence
from fractions import Fraction

from sizing.catalog import Catalog
from sizing.catalog.media import FormatBytes, RenditionWork
from sizing.fleet.packing import NODES_PER_GROUP_LIMIT
from sizing.locks.versions import image_reference
from sizing.plan.service.files.artefact import ArtefactPlan
from sizing.plan.service.files.renditions import (
    RenditionsPlan,
    RenditionWorkerPlan,
    VariantPlan,
)
from sizing.plan.service.items.item import ItemPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.service.burst import burst_nodes
from sizing.service.items.jobs import (
    BACKUP_RECEIVES,
    BYTES_PER_PIXEL,
    HEARTBEATS,
    SLOWEST_EXTRA_S,
    SLOWEST_ITEM,
    visibility_s,
    worker_image,
)
from sizing.service.stores.artefact import BITS_PER_BYTE
from sizing.site.mirrors import mirrored
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.values.units import MIB
from sizing.workload import Renditions
from sizing.workload.items.renditions import THUMBNAIL, fit_the_clip
from sizing.workload.kinds import MediaFormat

FFMPEG_IMAGE = "mwader/static-ffmpeg"
"""Item of data/pins.csv of the image with ffmpeg."""
FFMPEG_REPOSITORY = f"docker.io/{FFMPEG_IMAGE}"
DECODE = "decode"
"""Row of the catalog for reading a clip."""
CLIP_CPU_S = 1
"""CPU seconds of a clip besides its frames. Basis: assumed; the start of ffmpeg, the transfers and
their digests."""
MEGAPIXEL = 1_000_000
VCPUS = 2
"""Virtual CPUs of a node. Basis: vendor (m7i.large)."""
UTILISATION = Fraction(7, 10)
"""Share of a node's CPU time that ffmpeg gets at the busiest moment. Basis: assumed; the agents of
the node take a part, and a worker waits for S3."""
SPARE_WORKERS = 1
"""Workers beyond those needed. Basis: assumed; a lost node costs no clip, and its clip comes
again."""
MILLICORES = 1_500
"""CPU that a worker requests of a node with 2 CPUs. Basis: assumed; the agents of the node take the
rest."""
WORKER_MIB, CLIP_MIB, VARIANT_MIB = 512, 100, 250
"""MiB of a worker itself, for a megapixel of the clip's frame, and for one of all variants. Basis:
above two measurements, see `_memory_mib`."""
NODE_MIB = 6_656
"""MiB of a node for a worker: 8 GiB without what Kubernetes and the node's agents take. Basis:
vendor (m7i.large; EKS reserves 255 + 11 MiB for each of its pods), agents assumed."""
SCRATCH_SPARE_MIB = 512
"""MiB on the node's disk beyond the frames of a clip. Basis: measured; a static ffmpeg has 165 MiB
(imageio-ffmpeg 0.8.1, 2026-11-30)."""
ATTEMPTS = 3
"""Attempts of one clip. Basis: assumed."""
STOP_S = 30
"""Seconds in which a worker gives a clip back. Basis: assumed; a poll of 10 s, and short calls."""


def renditions_plan(
    case: Case,
    file: ArtefactPlan | None,
    rates: Rates,
    *,
    pool: PoolPlan | None = None,
    item: ItemPlan | None = None,
    jobs: JobsPlan | None = None,
) -> RenditionsPlan | None:
    """Return the variants of each clip and their workers; None where the workload has none.

    CPU s a clip = 1 + Mpixel of the clip x s to decode + sum of Mpixel of a rendition x s to encode
    workers = ceil(clips/s x CPU s / (2 CPUs x 0.7)) + 1

    Raises FieldError where the pixels of a clip are not known, or a rendition is higher than it.
    Basis: measured CPU seconds (`sizing/catalog/data/rendition_work.csv`), the highest of them.
    """
    wanted = case.workload.renditions
    if wanted is None:
        return None
    if file is None:
        expected = "request.width, request.height and request.frames"
        raise FieldError(("renditions",), "the pixels of a clip are not known", expected)
    fit_the_clip(wanted, file.height)
    variants = variants_of(wanted, file, case.catalog)
    high = _cpu_s(file, variants, case.catalog, "high_cpu_s_per_megapixel")
    usual = _cpu_s(file, variants, case.catalog, "cpu_s_per_megapixel")
    clip_s = None if file.clip_s is None else Fraction(file.clip_s).limit_denominator(10**6)
    rate = clips_per_s(case, rates, pool, item)
    needed = max(1, ceiling(rate * high / (VCPUS * UTILISATION)))
    built = jobs is not None and jobs.worker is not None
    if built and needed + SPARE_WORKERS > NODES_PER_GROUP_LIMIT:
        limit = f"a node group has {NODES_PER_GROUP_LIMIT}"
        message = f"it needs {needed + SPARE_WORKERS:,} nodes, and {limit}"
        raise FieldError(("renditions",), message, "fewer or smaller renditions")
    return RenditionsPlan(
        variants=variants,
        decode_cpu_s_per_megapixel=plain(
            exact(case.catalog.rendition(DECODE).high_cpu_s_per_megapixel)
        ),
        bytes_per_clip=sum(each.file_bytes for each in variants),
        cpu_s_per_clip=plain(high),
        usual_cpu_s_per_clip=plain(usual),
        cpu_s_per_clip_s=plain_or_none(None if clip_s is None else high / clip_s),
        clips_per_s=plain(rate),
        workers_needed=needed,
        workers_total=needed + SPARE_WORKERS,
        worker=_worker(case, file, variants, high) if built else None,
    )


def variants_of(
    wanted: Renditions, file: ArtefactPlan, catalog: Catalog
) -> tuple[VariantPlan, ...]:
    """Return the further files of each clip: renditions in their order, then the thumbnail.

    width = height x width of the clip / its height, to the nearest even number
    bytes = width x height x frames x bits per pixel / 8; a thumbnail has one frame
    """
    made = [
        _variant(each.name, each.codec.value, each.height, file, catalog.rendition(each.codec))
        for each in wanted.videos
    ]
    if wanted.thumbnail_height is not None:
        jpeg = catalog.media_format(MediaFormat.jpeg.value)
        one = file.model_copy(update={"frames": 1})
        made.append(_variant(THUMBNAIL, jpeg.format, wanted.thumbnail_height, one, jpeg))
    return tuple(made)


def _variant(
    name: str, codec: str, height: int, file: ArtefactPlan, of: RenditionWork | FormatBytes
) -> VariantPlan:
    """Return one file of a clip. Raises ValueError for a codec without bits."""
    if of.bits_per_pixel is None:
        raise ValueError(f"rendition_work.csv: {codec} has no bits_per_pixel")
    width = 2 * round(Fraction(height * file.width, file.height) / 2)
    bits = exact(of.bits_per_pixel)
    work = of.high_cpu_s_per_megapixel if isinstance(of, RenditionWork) else None
    return VariantPlan(
        name=name,
        codec=codec,
        width=width,
        height=height,
        bits_per_pixel=plain(bits),
        file_bytes=ceiling(width * height * file.frames * bits / BITS_PER_BYTE),
        cpu_s_per_megapixel=plain_or_none(None if work is None else exact(work)),
    )


def _cpu_s(
    file: ArtefactPlan, variants: Sequence[VariantPlan], catalog: Catalog, column: str
) -> Fraction:
    """CPU seconds for all variants of one clip, by a column of the measurements."""

    def seconds(work: RenditionWork, width: int, height: int) -> Fraction:
        megapixels = Fraction(width * height * file.frames, MEGAPIXEL)
        return megapixels * exact(getattr(work, column))

    whole = CLIP_CPU_S + seconds(catalog.rendition(DECODE), file.width, file.height)
    return whole + sum(
        seconds(catalog.rendition(each.codec), each.width, each.height)
        for each in variants
        if each.name != THUMBNAIL
    )


def clips_per_s(case: Case, rates: Rates, pool: PoolPlan | None, item: ItemPlan | None) -> Fraction:
    """Clips a second at the busiest moment: no more than arrive, and than the fleet makes.

    min(busiest rate, replicas with spares and burst / P10 of the seconds of a clip)

    Basis: arithmetic; jobs with fewer steps than the sized clip may come faster, up to the busiest
    rate, and then wait in the queue of renditions.
    """
    if pool is None or item is None:
        return rates.busiest
    added = burst_nodes(case.workload, pool) * pool.replicas_per_node
    fleet = Fraction(pool.replicas_total + added) / Fraction(item.low_s).limit_denominator(10**9)
    return min(rates.busiest, fleet)


def _memory_mib(file: ArtefactPlan, variants: Sequence[VariantPlan]) -> int:
    """MiB of a worker: 512 + 100 x Mpixel of a frame of the clip + 250 x those of all variants.

    Raises FieldError where no node has so many. Basis: measured with three codecs at once, 0.84 GiB
    at 1280 x 720 and 1.26 GiB at 1920 x 1088 (ffmpeg 9.0.2, 2 threads, 2026-11-30).
    """
    made = sum(v.width * v.height for v in variants)
    clip = Fraction(file.width * file.height, MEGAPIXEL)
    wanted = ceiling(WORKER_MIB + CLIP_MIB * clip + VARIANT_MIB * Fraction(made, MEGAPIXEL))
    if wanted > NODE_MIB:
        message = f"their encoders need {wanted:,} MiB at once, and a node has {NODE_MIB:,}"
        raise FieldError(("renditions",), message, "fewer or smaller renditions")
    return wanted


def _worker(
    case: Case, file: ArtefactPlan, variants: Sequence[VariantPlan], cpu_s: Fraction
) -> RenditionWorkerPlan:
    """Return the worker, whose times follow from the seconds of a clip on all its threads."""
    clip_s = cpu_s / VCPUS
    frames_bytes = file.width * file.height * BYTES_PER_PIXEL * file.frames
    visible_s = visibility_s(clip_s)
    return RenditionWorkerPlan(
        image=worker_image(case.site, case.catalog),
        ffmpeg_image=mirrored(
            image_reference(FFMPEG_IMAGE, FFMPEG_REPOSITORY, case.catalog), case.site.mirrors
        ),
        threads=VCPUS,
        cpu_millicores=MILLICORES,
        memory_mib=_memory_mib(file, variants),
        scratch_mib=SCRATCH_SPARE_MIB + ceiling(Fraction(2 * frames_bytes, MIB)),
        attempts=ATTEMPTS,
        receives=ATTEMPTS + BACKUP_RECEIVES,
        visibility_s=visible_s,
        heartbeat_s=visible_s // HEARTBEATS,
        clip_timeout_s=ceiling(SLOWEST_ITEM * clip_s) + SLOWEST_EXTRA_S,
        stop_s=STOP_S,
    )
