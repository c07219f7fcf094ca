"""Ways to buy the nodes of a service and the calendar of a stack, for people."""

from collections.abc import Iterator

from sizewright.layout.numbers import plural
from sizewright.layout.table import Table
from sizing.plan.buying import BuyingPlan, CalendarPlan, CalendarStep, WayPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan

WITHIN = {True: "within limits", False: "not possible", None: "unknown"}
NOTHING = "no way to buy the nodes is within the published limits"


def buying_line(service: ServicePlan) -> str:
    """Quota, clusters and regions of the nodes, or the reason why they cannot be bought."""
    bought = service.buying
    if bought is None:
        return ""
    quotas = [_quota(way) for way in bought.ways if way.used]
    parts = [*quotas, bought.used.text if bought.used.quota_code is None else ""]
    if bought.used.within_limits is False:
        others = [way.way.value for way in bought.ways if way.within_limits]
        parts = [*quotas, f"not possible: {bought.used.text}"]
        parts.append(f"instead: {', '.join(others)}" if others else "")
    else:
        parts.append(_clusters(service, bought))
    return "; ".join(filter(None, parts))


def _quota(way: WayPlan) -> str:
    if way.quota_code is None:
        return ""
    default = "an unknown number" if way.vcpus_default is None else f"{way.vcpus_default:,}"
    return f"{way.vcpus_needed:,} vCPUs of quota {way.quota_code} ({default} in a new account)"


def _clusters(service: ServicePlan, bought: BuyingPlan) -> str:
    text = plural(bought.clusters, "cluster")
    if bought.regions > 1:
        return f"{text} in {plural(bought.regions, 'region')}"
    zones = service.pool.nodes_by_zone if service.pool is not None else ()
    return f"{text} in {', '.join(zones)}"


def buying_tables(plan: Plan) -> Iterator[Table]:
    """Tables of the ways to buy each service's nodes."""
    for service in plan.services:
        if service.buying is not None:
            rows = [*map(_way, service.buying.ways), *_places(service.buying)]
            yield Table(f"{service.name}: ways to buy its nodes", rows)


def _way(way: WayPlan) -> tuple[str, str, str]:
    name = f"{way.way.value} (used)" if way.used else way.way.value
    return name, WITHIN[way.within_limits], way.text


def _places(bought: BuyingPlan) -> Iterator[tuple[str, str, str]]:
    zones = "unknown" if bought.zones_selling is None else ", ".join(bought.zones_selling)
    yield "zones", "sell the type", zones
    regions = "an unknown number of" if bought.regions_selling is None else bought.regions_selling
    selling = f"regions needed: {bought.regions:,}; regions that sell the type: {regions}"
    most = f"at most {bought.nodes_in_a_zone} of these nodes in a zone of one cluster"
    yield "clusters", f"{bought.clusters:,}", f"{most}; {selling}"


def calendar_table(plan: Plan) -> Table:
    """Table of requests and purchases, with dates where a start or today's date is stated."""
    calendar = plan.calendar
    if calendar is None:
        return Table("calendar", [(NOTHING,)] if plan.services else [])
    rows = [(_when(step), _who(step), f"{step.action} [{step.basis}]") for step in calendar.steps]
    return Table(f"calendar: {_title(calendar)}", rows)


def _title(calendar: CalendarPlan) -> str:
    lead = plural(calendar.lead_days, "day")
    if calendar.start is None:
        return f"the first request is due {lead} before the start"
    text = f"start on {calendar.start}"
    if calendar.earliest_start is None:
        return text
    if calendar.earliest_start > calendar.start:
        return f"{text} is too early; the earliest is {calendar.earliest_start}, after {lead}"
    return f"{text}; the earliest is {calendar.earliest_start}, after {lead}"


def _when(step: CalendarStep) -> str:
    days = step.days_from_start
    text = step.date or plural(abs(days), "day") + (" before" if days < 0 else " after")
    text = f"from {text}" if step.opens else text
    return f"{text} ({plural(step.late_days, 'day')} late)" if step.late_days else text


def _who(step: CalendarStep) -> str:
    return ", ".join(way.value for way in step.ways) or "all"
