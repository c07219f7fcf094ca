"""Which names do the services have, and which certificate is valid for them?"""

from collections.abc import Sequence

from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.network import CreatedZonePlan, DnsPlan, UsedZonePlan
from sizing.site import Site

PAGE_SUFFIX = "-page"
"""End of the name of a service's chat page."""


def page_name(service: str) -> str:
    """Name of the chat page of a service, which is its first label in the zone."""
    return service + PAGE_SUFFIX


def dns_plan(site: Site, services: Sequence[ServicePlan]) -> DnsPlan | None:
    """Return a name for each service with a gateway, service.domain, and for each chat page,
    service-page.domain. None without `dns` in the site.

    The certificate is for *.domain, so a new or removed service does not change it. There is none
    where the site has its own, or no service has a gateway.
    """
    dns = site.dns
    if dns is None:
        return None
    named = [s for s in services if s.gateway is not None]
    names = [*(s.name for s in named), *(page_name(s.name) for s in named if s.page_pods)]
    hosts = {name: f"{name}.{dns.domain}" for name in names}
    own = site.certificate_arn is None and hosts
    return DnsPlan(
        used=None if dns.use is None else UsedZonePlan(zone_id=dns.use.zone_id),
        created=None
        if dns.create is None
        else CreatedZonePlan(
            domain=dns.create.domain,
            parent_zone_id=dns.create.parent_zone_id,
            protected=site.protected,
        ),
        hosts=hosts,
        certificate_domain=f"*.{dns.domain}" if own else None,
    )
