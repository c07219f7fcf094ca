"""Which dashboards show whether a stack does what its plan says?"""

from typing import Any

from sizing.plan.whole import Plan
from templates.monitoring.fleet_panels import fleet_panels, money_panels, unpriced
from templates.monitoring.panels import dashboard
from templates.monitoring.service_panels import replica_panels, request_panels
from templates.monitoring.watched import Watched, watched


def dashboards(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return Grafana dashboards by name: `service-NAME` for each service, `fleet` and `money`.

    A plan without nodes has none.
    """
    built = [each for service in plan.services if (each := watched(service)) is not None]
    if not built:
        return {}
    made = {f"service-{service.name}": _service(service) for service in built}
    made["fleet"] = dashboard("fleet", "Fleet", list(fleet_panels(plan, built)))
    missing = unpriced(plan)
    note = f"The price is unknown, and left out: {', '.join(missing)}." if missing else ""
    made["money"] = dashboard("money", "Money", list(money_panels(plan, built)), note)
    return made


def _service(service: Watched) -> dict[str, Any]:
    """Dashboard of one service: requests where its engine exports metrics of them, and replicas."""
    metrics = service.requests
    requests = [] if metrics is None else list(request_panels(service, metrics))
    missing = service.serving.unwatched
    note = f"Not shown: {missing}." if missing else ""
    panels = [*requests, *replica_panels(service)]
    return dashboard(f"service-{service.name}", f"Service {service.name}", panels, note)
