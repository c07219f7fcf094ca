"""What is requested, bought and built before the GPU nodes of a stack serve, and on which day?"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from sizing.catalog import Catalog
from sizing.catalog.buying import LeadTime
from sizing.plan.buying import CalendarPlan, CalendarStep, Way
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import CpuPool
from sizing.stack.buying import blocks_by_zone, dated_reservation

SYSTEM_VCPUS = 2
"""vCPUs of a system node. Basis: vendor (EC2 instance types: m7i.large)."""
SYSTEM_QUOTA, INTERFACES_QUOTA = "L-1216C47A", "L-DF5E4CA3"
"""Quotas of the system nodes' vCPUs and of the region's network interfaces."""


def calendar_plan(
    services: Sequence[ServicePlan], cpu_pools: Sequence[CpuPool], catalog: Catalog
) -> CalendarPlan | None:
    """Return the steps before all nodes serve, by days from the start.

    quota: -(quota + reservation + build); reservation: -(reservation + build); build: -build

    A reservation uses the quota, and the stack uses the reservation, so that their days add up. The
    result is None where the nodes of no service can be bought.
    """
    bought = [s for s in services if any(_allowed(s, way) for way in Way)]
    if not bought:
        return None
    build, quota = catalog.lead_time("build"), catalog.lead_time("quota")
    reservations = {
        service.name: _reservation(service, catalog)
        for service in bought
        if _allowed(service, Way.reservation)
    }
    wait = max((days for days, _ in reservations.values()), default=0)
    steps = [
        *_quota_steps(bought, cpu_pools, catalog, quota, before=build.days + wait),
        *(
            _reservation_step(s, build, *reservations[s.name])
            for s in bought
            if s.name in reservations
        ),
        *(step for s in bought for step in _block_steps(s, catalog, build)),
        _step(-build.days, bought, _built(bought), _said(build)),
    ]
    steps.sort(key=lambda step: step.days_from_start)
    ways = [way for service in bought if service.buying for way in service.buying.ways]
    used = {way.way for way in ways if way.used}
    due = [s.days_from_start for s in steps if not s.opens and (not s.ways or used & {*s.ways})]
    return CalendarPlan(steps=tuple(steps), lead_days=-min(due))


def _built(services: Sequence[ServicePlan]) -> str:
    """What is built: the stack, or several where one cluster cannot hold a service."""
    split = [
        f"{s.name} over {s.buying.clusters:,} stacks in {s.buying.regions:,} regions"
        for s in services
        if s.buying is not None and s.buying.clusters > 1
    ]
    text = "build with `pulumi up`: node groups try again silently while a zone lacks stock"
    return f"{text}; {', '.join(split)}" if split else text


def vcpus_without_gpus(pools: Iterable[CpuPool]) -> int:
    """Return the vCPUs of nodes without GPUs, which count in `SYSTEM_QUOTA`."""
    return sum(pool.nodes_total for pool in pools) * SYSTEM_VCPUS


def _said(lead: LeadTime) -> str:
    days = "1 day" if lead.days == 1 else f"{lead.days} days"
    return f"{lead.basis}: {days}; {lead.source}"


def _step(
    days: int,
    services: Sequence[ServicePlan],
    action: str,
    basis: str,
    *,
    ways: tuple[Way, ...] = (),
    opens: bool = False,
) -> CalendarStep:
    return CalendarStep(
        days_from_start=days,
        opens=opens,
        ways=ways,
        services=tuple(service.name for service in services),
        action=action,
        basis=basis,
    )


def _quota_steps(
    services: Sequence[ServicePlan],
    cpu_pools: Sequence[CpuPool],
    catalog: Catalog,
    lead: LeadTime,
    *,
    before: int,
) -> Iterator[CalendarStep]:
    """Yield one request for each quota that a new account exceeds, over all services."""
    needed: dict[str, int] = {}
    ways: dict[str, set[Way]] = {}
    users: dict[str, list[ServicePlan]] = {}
    for service in services:
        for code, count, counted in _quotas_of(service):
            needed[code] = needed.get(code, 0) + count
            ways.setdefault(code, set()).update(counted)
            users.setdefault(code, []).append(service)
    if cpu_pools:
        needed[SYSTEM_QUOTA] = vcpus_without_gpus(cpu_pools)
    for code, count in needed.items():
        row = catalog.quota(code)
        if row.default_value is not None and count <= row.default_value:
            continue
        had = "an unknown value" if row.default_value is None else f"{row.default_value:,}"
        action = (
            f"request {count:,} for quota {code} ({row.service}: {row.quota}), "
            f"{had} in a new account"
        )
        with_it = users.get(code, [])
        regions = max((s.buying.regions for s in with_it if s.buying is not None), default=1)
        action += f", over {regions:,} regions" if regions > 1 else ""
        allowed = tuple(way for way in Way if way in ways.get(code, set()))
        yield _step(-(before + lead.days), with_it, action, _said(lead), ways=allowed)


def _quotas_of(service: ServicePlan) -> Iterator[tuple[str, int, set[Way]]]:
    """Yield each quota that the nodes of a service use, the value needed, and the ways to buy."""
    if service.buying is None:
        return
    yield INTERFACES_QUOTA, service.buying.network_interfaces, set()
    counted: dict[str, tuple[int, set[Way]]] = {}
    for way in service.buying.ways:
        if way.quota_code is not None and way.vcpus_needed is not None and way.within_limits:
            _, ways = counted.get(way.quota_code, (0, set[Way]()))
            counted[way.quota_code] = (way.vcpus_needed, ways | {way.way})
    for code, (count, ways) in counted.items():
        yield code, count, ways


def _reservation(service: ServicePlan, catalog: Catalog) -> tuple[int, str]:
    """Days of a reservation of the service's type, and their basis."""
    assert service.pool is not None
    dated = dated_reservation(catalog.instance_type(service.pool.instance_type), catalog)
    if dated is None or dated.min_days_ahead is None:
        lead = catalog.lead_time("reservation")
        return lead.days, _said(lead)
    return dated.min_days_ahead, f"vendor: {dated.min_days_ahead} days ahead; {dated.source}"


def _allowed(service: ServicePlan, way: Way) -> bool:
    """True where published limits allow the nodes of a service this way."""
    bought = service.buying
    return bought is not None and any(w.way is way and w.within_limits for w in bought.ways)


def _reservation_step(service: ServicePlan, build: LeadTime, days: int, basis: str) -> CalendarStep:
    assert service.pool is not None
    zones = ", ".join(f"{zone} {count:,}" for zone, count in service.pool.nodes_by_zone.items())
    action = (
        f"create a capacity reservation of {service.pool.instance_type} in each zone: {zones}; "
        "state the ids under hardware.capacity"
    )
    return _step(-(build.days + days), [service], action, basis, ways=(Way.reservation,))


def _block_steps(service: ServicePlan, catalog: Catalog, build: LeadTime) -> Iterator[CalendarStep]:
    if not _allowed(service, Way.capacity_block) or service.pool is None:
        return
    limits = catalog.purchase_way("capacity_block")
    ahead, longest = limits.max_days_ahead or 0, limits.longest_days or 0
    zones = blocks_by_zone(service.pool, limits)
    counts = ", ".join(f"{zone} {count}" for zone, count in zones.items())
    basis = f"vendor: {ahead} days ahead, {longest} days long; {limits.source}"
    ends = longest - build.days
    for days, opens, action in (
        (-(build.days + ahead), True, f"buy capacity blocks from this day on: {counts}"),
        (-build.days, False, "state the ids of the blocks under hardware.capacity"),
        (ends - ahead, True, "buy the blocks that follow from this day on"),
        (
            ends,
            False,
            f"the longest blocks end at 11:30 UTC, and AWS terminates nodes from "
            f"{limits.notice_min} minutes before",
        ),
    ):
        yield _step(days, [service], action, basis, ways=(Way.capacity_block,), opens=opens)


def dated(calendar: CalendarPlan, start: date | None, as_of: date | None) -> CalendarPlan:
    """Return the calendar with dates: of a stated start, else of the earliest one after `as_of`.

    date = start + days;  late = max(0, as of - date) of steps that are due;
    earliest start = as of + days of all steps that are due before it
    """
    earliest = None if as_of is None else as_of + timedelta(days=calendar.lead_days)
    day = start or earliest
    if day is None:
        return calendar
    steps = tuple(_dated(step, day, as_of) for step in calendar.steps)
    return calendar.model_copy(
        update={
            "steps": steps,
            "start": str(day),
            "earliest_start": None if earliest is None else str(earliest),
        }
    )


def _dated(step: CalendarStep, start: date, as_of: date | None) -> CalendarStep:
    day = start + timedelta(days=step.days_from_start)
    late = None if as_of is None or step.opens else max(0, (as_of - day).days)
    return step.model_copy(update={"date": str(day), "late_days": late})
