"""Days and dates of what is requested, bought and built before the nodes serve."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from sizing.catalog import Catalog
from sizing.plan.buying import CalendarPlan, CalendarStep, Way
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.stack.calendar import dated
from sizing.workload import Workload
from tests.golden.test_published import catalog as golden_catalog
from tests.golden.test_published import golden
from tests.golden.test_published import site as golden_site

Build = Callable[..., Workload]
START = date(2027, 2, 1)


def images() -> CalendarPlan:
    """G3 on p4d nodes, which are sold in every way."""
    plan = size([golden("text-to-image")], golden_site(), golden_catalog())
    assert plan.calendar is not None
    return plan.calendar


def step(calendar: CalendarPlan, words: str) -> CalendarStep:
    return next(each for each in calendar.steps if words in each.action)


def of_services(site: Site, catalog: Catalog, *workloads: Workload) -> Plan:
    return size(list(workloads), site, catalog)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        # a day to build, 14 for a reservation of a P type, 14 for its quota
        ("quota L-417A185B", -29),
        ("quota L-1216C47A", -29),
        ("create a capacity reservation of p4d.24xlarge", -15),
        ("build with `pulumi up`", -1),
        # eight weeks before the day of building; 182 days long
        ("buy capacity blocks from this day on", -57),
        ("buy the blocks that follow", 182 - 1 - 56),
        ("end at 11:30 UTC", 181),
    ],
)
def test_days_from_the_start(words: str, days: int) -> None:
    assert step(images(), words).days_from_start == days


def test_steps_are_in_order_and_the_first_that_is_due_leads() -> None:
    days = [each.days_from_start for each in images().steps]
    assert days == sorted(days)
    assert images().lead_days == 29, "blocks may be bought earlier, and are not the used way"


def test_a_quota_is_requested_once_for_all_services(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    plan = of_services(site, catalog, workload(name="a"), workload(name="b"))
    assert plan.calendar is not None
    found = [each for each in plan.calendar.steps if "L-DB2E81BA" in each.action]
    assert [(each.services, each.ways) for each in found] == [
        (("a", "b"), (Way.on_demand, Way.reservation))
    ]
    assert found[0].action.startswith("request 96 for quota L-DB2E81BA")


def test_a_default_that_suffices_is_not_requested(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    """24 network interfaces of 5,000. Two system nodes have 4 vCPUs of 5, three have 6."""
    two = site.model_copy(update={"zones": site.zones[:2]})
    for where, requested in ((site, True), (two, False)):
        plan = of_services(where, catalog, workload())
        assert plan.calendar is not None
        actions = " ".join(each.action for each in plan.calendar.steps)
        assert "L-DF5E4CA3" not in actions
        assert ("L-1216C47A" in actions) is requested


def test_a_reservation_for_a_later_day_needs_five_days(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    plan = of_services(site, catalog, workload())
    assert plan.calendar is not None
    found = step(plan.calendar, "create a capacity reservation")
    assert (found.days_from_start, found.basis.split(":")[0]) == (-6, "vendor")
    assert plan.calendar.lead_days == 14 + 5 + 1


def test_what_cannot_be_bought_has_no_calendar(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    videos = size([golden("text-to-video")], golden_site(), golden_catalog())
    assert videos.services[0].pool is not None and videos.calendar is None
    no_pool = of_services(site, catalog, workload(redundancy={"zones": 3}))
    assert no_pool.calendar is None


def test_several_clusters_are_several_stacks(workload: Build, site: Site, catalog: Catalog) -> None:
    traffic = {"daily_users": 86_400 * 1_000, "requests_per_user_per_day": 1}
    plan = of_services(site, catalog, workload(traffic=traffic))
    assert plan.calendar is not None
    assert "chat over 2 stacks in 1 regions" in step(plan.calendar, "build").action


def test_without_a_date_the_calendar_has_none() -> None:
    assert dated(images(), None, None) == images()
    left_out = {"date", "late_days", "start", "earliest_start"}
    written = images().model_dump(mode="json")
    assert not left_out & {*written, *(key for each in written["steps"] for key in each)}


def test_dates_count_from_the_start() -> None:
    found = dated(images(), START, None)
    assert found.start == "2027-02-01" and found.earliest_start is None
    assert step(found, "L-417A185B").date == "2027-01-03"
    assert step(found, "create a capacity").date == "2027-01-17"
    assert step(found, "from this day on").date == "2026-12-06"
    assert step(found, "end at 11:30").date == "2027-08-01"
    assert {each.late_days for each in found.steps} == {None}


@pytest.mark.parametrize(("as_of", "late"), [(date(2027, 1, 3), 0), (date(2027, 1, 4), 1)])
def test_a_step_is_late_from_the_day_after(as_of: date, late: int) -> None:
    found = dated(images(), START, as_of)
    assert step(found, "L-417A185B").late_days == late
    assert step(found, "from this day on").late_days is None, "it opens, and is not due"
    assert found.earliest_start == str(as_of + timedelta(days=29))
    assert (found.earliest_start > "2027-02-01") is (late > 0)


def test_today_alone_gives_the_earliest_start() -> None:
    found = dated(images(), None, date(2026, 12, 1))
    assert found.start == found.earliest_start == "2026-12-30"
    assert step(found, "L-417A185B").date == "2026-12-01"
    assert {each.late_days for each in found.steps if not each.opens} == {0}
