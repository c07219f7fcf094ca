"""Do the workloads and the site of a stack agree with each other and with the catalog?"""

from collections.abc import Sequence

from sizing.catalog import Catalog
from sizing.catalog.lookup import check_site
from sizing.fleet.capacity_source import check_capacity
from sizing.hardware.decision import Decision
from sizing.service.access import check_access
from sizing.service.stores.region_copy import check_copy_region
from sizing.site import Site
from sizing.stack.mirror_check import check_mirrors
from sizing.stack.names import PAGE_SUFFIX, page_name
from sizing.stack.shared import check_ami_release
from sizing.values.field_error import FieldError, of_site, of_workload
from sizing.workload import Workload
from sizing.workload.application import check_client


def check_stack(workloads: Sequence[Workload], site: Site, catalog: Catalog) -> None:
    """Check names of services, clients of stores, access, the site, its mirrors, the bought
    capacity and the regions of copies.

    `size` calls it before anything is sized, and refuses unknown models and GPUs later.
    Raises StackFieldError with the field, and with the workload or the site that has it.
    """
    names = [workload.name for workload in workloads]
    for index, workload in enumerate(workloads):
        with of_workload(index):
            if workload.name in names[:index]:
                message = f"another file already has a service named {workload.name}"
                raise FieldError(("name",), message, "a unique name")
            if any(w.has_page and page_name(w.name) == workload.name for w in workloads):
                message = f"{workload.name} is the name of another service's chat page"
                raise FieldError(("name",), message, f"a name without {PAGE_SUFFIX} at its end")
            check_client(workload)
            check_access(workload, site)
    with of_site():
        check_site(site, catalog)
        check_ami_release(site)
        check_mirrors(workloads, site, catalog)
        _check_signing_key(workloads, site)
    for index, workload in enumerate(workloads):
        with of_workload(index):
            check_capacity(workload, site, catalog)
            check_copy_region(workload, site, catalog)


def _check_signing_key(workloads: Sequence[Workload], site: Site) -> None:
    """Raises FieldError where a service has a content delivery network, and the site no key."""
    with_cdn = next((workload.name for workload in workloads if workload.cdn is not None), None)
    if with_cdn is not None and site.signing_key is None:
        message = f"missing, and the cdn of {with_cdn} needs signed addresses"
        hint = "docs/how-to/deliver-results-by-a-cdn.md makes the key pair and the secret"
        raise FieldError(("signing_key",), message, "public_key and secret_arn", hint)


def check_engine_image(decisions: Sequence[Decision], site: Site) -> None:
    """Check that the stack has one engine where the site names a copy or a digest of its image.
    Raises FieldError for several engines, and where one is still to be chosen."""
    served = [each for each in decisions if not each.unserved]
    engines = sorted({name for each in served for name in each.requested.engines})
    for field in ("engine_image_repository", "engine_image_digest"):
        if getattr(site, field) is not None and len(engines) > 1:
            message = f"it is of one engine, and this stack has {' and '.join(engines)}"
            hint = "name copies in mirrors, and digests in the stack's lock"
            raise FieldError((field,), message, "no such key", hint)
