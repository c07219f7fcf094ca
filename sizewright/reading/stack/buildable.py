"""What only building requires of a stack file, beyond what sizing reads from it."""

from collections.abc import Iterator

from sizewright.reading.input_error import InputError
from sizewright.reading.stack.site_file import PAGE_SECRET_KEY, PROJECT, SiteFile
from sizing.catalog import Catalog
from sizing.locks.cluster_lock import replacing
from sizing.plan.whole import Plan
from sizing.site.certificate import check_certificate
from sizing.stack.addresses import enough_addresses
from sizing.values.field_error import FieldError


def buildable(site: SiteFile, plan: Plan, catalog: Catalog) -> None:
    """Check what only building requires. Raises InputError that names what the site lacks."""
    keys = site.keys
    if len(site.site.zones) < 2:
        expected = "two or more: the control plane, load balancers and databases each need two"
        raise keys.error(("zones",), "a single zone", expected)
    for index, zone in enumerate(site.site.zones):
        if not catalog.has_control_plane(zone):
            message = f"EKS puts no control plane into {zone}"
            raise keys.error(("zones", index), message, "another zone of the region")
    if not site.site.account_ids:
        hint = "add sizewright:account_ids to the stack file"
        raise keys.error((), "account_ids: missing", 'an AWS account, e.g. ["111122223333"]', hint)
    if len(site.site.account_ids) > 1:
        expected = "one: keys and roles belong to the account of the stack"
        raise keys.error(("account_ids",), "more than one account", expected)
    try:
        check_certificate(site.site)
    except FieldError as fault:
        raise keys.of_rule(fault) from fault
    for replaced in cluster_faults(site):
        raise replaced
    if site.config:
        # Guard: a program has no such mapping, and reads it from Pulumi.
        page_secret(site, plan, stated=f"{PROJECT}:{PAGE_SECRET_KEY}" in site.config)
    gateways = any(service.gateway is not None for service in plan.services)
    if gateways and site.site.certificate_arn is None and site.site.dns is None:
        expected = "an ACM certificate for HTTPS, or dns, where the stack makes one"
        hint = "add sizewright:certificate_arn or sizewright:dns to the stack file"
        raise keys.error((), "certificate_arn: missing", expected, hint)


def page_secret(site: SiteFile, plan: Plan, *, stated: bool) -> None:
    """Check that the secret of a chat page's client is stated. Raises InputError."""
    if stated or not any(service.page_pods for service in plan.services):
        return
    expected = "the secret of page_client at the issuer"
    hint = f"`pulumi config set --secret {PROJECT}:{PAGE_SECRET_KEY}` encrypts it"
    raise site.keys.error((), f"{PAGE_SECRET_KEY}: missing", expected, hint)


def cluster_faults(site: SiteFile) -> Iterator[InputError]:
    """Faults of requests in the stack file that only another cluster could meet."""
    if site.lock is not None and site.lock.cluster is not None:
        for fault in replacing(site.site, site.lock.cluster):
            yield site.keys.of_rule(fault)


def addressable(site: SiteFile, plan: Plan) -> None:
    """Check that the network has room for what the plan puts in it. Raises InputError."""
    try:
        enough_addresses(plan.network)
    except FieldError as fault:
        raise site.keys.of_rule(fault) from fault
