"""Does each mirror match an image or a chart that this product pulls?"""

from collections.abc import Iterator, Sequence

from sizing.catalog import Catalog
from sizing.service.application.api import APPLICATION_REPOSITORY
from sizing.service.application.page import PAGE_REPOSITORY
from sizing.service.items.jobs import WORKER_IMAGE
from sizing.service.serving import COPY_IMAGE
from sizing.service.stores.renditions import FFMPEG_REPOSITORY
from sizing.site import Site
from sizing.site.mirrors import address_parts, begins
from sizing.values.field_error import FieldError
from sizing.workload import ENGINES, Workload


def check_mirrors(workloads: Sequence[Workload], site: Site, catalog: Catalog) -> None:
    """Check that each mirror matches an image or a chart. Raises FieldError for one without a
    match."""
    known = sorted(set(_upstream(workloads, site, catalog)))
    for prefix in site.mirrors:
        if not any(begins(place, prefix) for place in known):
            registries = ", ".join(sorted({place.partition("/")[0] for place in known}))
            message = f"{prefix} is the beginning of no image and of no chart"
            raise FieldError(("mirrors", prefix), message, f"one of {registries}, or longer")


def _upstream(workloads: Sequence[Workload], site: Site, catalog: Catalog) -> Iterator[str]:
    """Yield every image and chart that this product, or these workloads, may pull."""
    yield from (COPY_IMAGE, WORKER_IMAGE, FFMPEG_REPOSITORY, APPLICATION_REPOSITORY)
    yield PAGE_REPOSITORY
    for traits in ENGINES.values():
        yield site.engine_image_repository or traits.repository
        if traits.groups is not None:
            yield traits.groups.image
    yield from (row.image for row in catalog.chart_images)
    for pin in catalog.pins:
        if pin.repository is not None:
            yield address_parts(pin.repository)[1]
    for workload in workloads:
        source = workload.model.source
        if source is not None and source.image is not None:
            yield source.image.reference
