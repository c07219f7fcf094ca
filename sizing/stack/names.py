"""Under which names are the services reached, and which certificate says so?"""

from collections.abc import Sequence

from sizing.plan import CreatedZonePlan, DnsPlan, ServicePlan, UsedZonePlan
from sizing.site import Site


def dns_plan(site: Site, services: Sequence[ServicePlan]) -> DnsPlan | None:
    """A name for each service with a gateway: service.domain. None without `dns` in the site.

    The certificate is for *.domain, so that a service that comes or goes does not change it; there
    is none where the site has its own, or nothing has a gateway.
    """
    dns = site.dns
    if dns is None:
        return None
    hosts = {s.name: f"{s.name}.{dns.domain}" for s in services if s.gateway is not None}
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
