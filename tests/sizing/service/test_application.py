"""Pods, connections and rows of the application in front of the engines."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.catalog import Catalog
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.service.whole import UNSERVED, ServicePlan
from sizing.plan.whole import Plan
from sizing.service.application.api import (
    BATCH_ROWS,
    COUNTED_S,
    COUNTS,
    DELETE_WINDOW_S,
    MILLICORES,
    OTHER_CONNECTIONS,
    OTHER_MIB,
    SETTINGS,
    connections_per_process,
)
from sizing.service.stores.aurora import connections_limit
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from sizing.workload.application import Application, ApplicationApi
from templates.programs import SCRIPTS

ISSUER = {
    "token_issuer": "https://issuer.example",
    "token_jwks_url": "https://issuer.example/keys",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
}
APP: dict[str, Any] = {
    "request": {
        "input_tokens": 100,
        "output_tokens": 400,
        "request_bytes": 2_000,
        "response_bytes": 10_000,
    },
    "application": {"api": "ogx"},
    "data": {"retention_days": 30},
    "access": {"claims": [{"name": "aud", "values": ["chat"]}]},
}


_NO_FILES = ("application", "file_bytes_per_request")


@pytest.fixture(scope="session")
def with_tokens(site: Site) -> Site:
    return site.model_copy(update=ISSUER)


@pytest.fixture(scope="session")
def applied(
    workload: Callable[..., Workload], with_tokens: Site, catalog: Catalog
) -> Callable[..., ServicePlan]:
    """Plan of a chat with an application, with other top-level keys."""

    def build(**changes: object) -> ServicePlan:
        return size([workload(**{**APP, **changes})], with_tokens, catalog).services[0]

    return build


def application(plan: ServicePlan) -> ApplicationPlan:
    assert plan.application is not None
    return plan.application


def measured(catalog: Catalog, item: str) -> Fraction:
    return Fraction(catalog.application(item).sized)


def each_and_once(catalog: Catalog, what: str, turns: int = 1) -> Fraction:
    """Figure of one request: that of a response, and a share of that of a conversation."""
    once = measured(catalog, f"{what}_per_conversation") / turns
    return measured(catalog, f"{what}_per_response") + once


def usual(catalog: Catalog, item: str) -> Fraction:
    return Fraction(catalog.application(item).value)


def test_the_turns_before_cost_time_and_bytes(
    applied: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    """Of 5 turns, a mean one has 2 before it."""
    one = application(applied())
    five = application(applied(request={**APP["request"], "turns": 5}))
    assert (one.history_bytes, five.history_bytes) == (0, 24_000)
    more_s = measured(catalog, "cpu_s_per_history_kib") * Fraction(24_000, 1_024)
    assert five.cpu_s_per_request == pytest.approx(float(one.cpu_s_per_request) + float(more_s))
    more = usual(catalog, "history_copies_per_response") * 24_000
    assert five.retention.rows_per_request == float(each_and_once(catalog, "rows", 5))
    assert five.commits_per_request == float(each_and_once(catalog, "commits", 5))
    assert five.interaction_bytes - one.interaction_bytes == pytest.approx(float(more), abs=1)


def test_tokens_follow_from_bytes_where_only_their_sum_is_stated(
    applied: Callable[..., ServicePlan],
) -> None:
    request = {"tokens": 500, "request_bytes": 2_000, "response_bytes": 10_000}
    assert application(applied(request=request)).answer_tokens == 2_500


def test_pods_follow_from_the_measured_cpu_time(
    applied: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    """10^6 requests a day are 11.574 a second."""
    plan = application(applied())
    rate = Fraction(10**6, 86_400)
    cpu_s = measured(catalog, "cpu_s_per_response")
    cpu_s += 400 * measured(catalog, "cpu_s_per_response_token")
    assert plan.cpu_s_per_request == pytest.approx(float(cpu_s))
    assert plan.processes_needed == max(1, -(-rate * cpu_s // Fraction(6, 10)))
    assert plan.pods_needed == max(2, -(-plan.processes_needed // 2))
    assert plan.pods_total == plan.pods_needed + 1
    assert plan.pods is not None and plan.pods.taken_at_once == 1
    assert plan.pods.cpu_millicores == MILLICORES
    process_mib = measured(catalog, "process_mib")
    assert plan.pods.memory_mib == -(-(2 * process_mib + OTHER_MIB) // 1)


def test_a_lost_zone_leaves_enough_pods(applied: Callable[..., ServicePlan]) -> None:
    many = {"daily_users": 3_000_000, "requests_per_user_per_day": 10}
    plan = application(applied(redundancy={"zones": 1}, traffic=many))
    assert plan.pods_needed > 3
    assert plan.pods_total == plan.pods_needed + -(-plan.pods_needed // 2)
    largest_zone = -(-plan.pods_total // 3)
    assert plan.pods_total - largest_zone >= plan.pods_needed


def test_each_commit_and_each_due_row_sizes_the_database(
    applied: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    plan = applied()
    rate, rows = Fraction(10**6, 86_400), each_and_once(catalog, "rows")
    commits = each_and_once(catalog, "commits")
    due = 10**6 * rows / DELETE_WINDOW_S
    assert application(plan).writes_per_s == pytest.approx(float(rate * commits + due))
    assert application(plan).retention.rows_per_day == -(-(10**6) * rows // 1)
    assert application(plan).retention.batch_rows == BATCH_ROWS
    halves = -(-4 * (rate * commits + due) // 100)
    assert plan.database is not None
    assert plan.database.max_acu == max(1, float(Fraction(halves, 2)))


def test_bytes_of_an_interaction_are_those_of_the_real_rows(
    applied: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    plan = applied()
    text = usual(catalog, "text_copies_per_response") * 12_000
    rows = -(-(usual(catalog, "row_bytes_per_response") + text) // 1)
    assert application(plan).interaction_bytes == rows
    assert plan.storage.interaction_bytes_per_day == 10**6 * rows
    indexed = 10**6 * rows * (1 + usual(catalog, "index_ratio"))
    assert plan.storage.indexed_bytes_per_day == pytest.approx(float(indexed), abs=1)
    assert application(plan).interaction_ratio == 1


def test_stated_bytes_stay_and_are_compared_with_the_measured_ones(
    applied: Callable[..., ServicePlan],
) -> None:
    stated = {"interaction_bytes": 2_000, "index_ratio": 0.25, "retention_days": 30}
    plan = applied(data=stated)
    assert plan.storage.interaction_bytes_per_day == 2 * 10**9
    found = application(plan)
    real = found.interaction_bytes * (1 + float(found.index_ratio))
    assert found.interaction_ratio == pytest.approx(2_500 / real)


def test_uploaded_files_have_a_bucket_of_their_own(applied: Callable[..., ServicePlan]) -> None:
    none, some = applied(), applied(application={"api": "ogx", "file_bytes_per_request": 500})
    assert [(bucket.role, bucket.stored_bytes) for bucket in none.buckets][1:] == [("uploads", 0)]
    (_, uploads) = some.buckets
    assert (uploads.role, uploads.expire_days) == ("uploads", 30)
    assert uploads.stored_bytes == 10**6 * 500 * 30
    assert none.gateway is not None and some.gateway is not None
    assert set(some.gateway.paths) - set(none.gateway.paths) == {"/v1/files*"}


def test_feedback_has_a_stream_a_bucket_and_its_share_of_cpu_time(
    applied: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    given = {"share": 0.5, "comment_bytes": 100}
    none, some = applied(), applied(application={"api": "ogx", "feedback": given})
    found = application(some).feedback
    assert application(none).feedback is None and found is not None
    assert found.records_per_s == pytest.approx(application(some).requests_per_s / 2)
    assert (found.record_bytes, found.records_per_day, found.days) == (500, 500_000, 30)
    assert some.buckets[-1].role == "feedback" and some.buckets[-1].expire_days == 30
    assert some.buckets[-1].stored_bytes == found.stored_bytes == 500_000 * 500 * 30
    work = application(some).cpu_s_per_request - application(none).cpu_s_per_request
    assert work == pytest.approx(float(measured(catalog, "cpu_s_per_feedback")) / 2)
    assert none.gateway is not None and some.gateway is not None
    assert set(some.gateway.paths) - set(none.gateway.paths) == {"/v1/feedback"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"share": 1, "comment_bytes": 0}, "records/s of feedback exceed the 2,000 of a stream"),
        ({"share": 0.1, "comment_bytes": 16_000}, "bytes/s of feedback exceed the 5,242,880"),
    ],
)
def test_more_feedback_than_a_stream_takes_is_refused_with_a_remedy(
    applied: Callable[..., ServicePlan], given: object, reason: str
) -> None:
    many = {"daily_users": 30_000_000, "requests_per_user_per_day": 10}
    plan = applied(traffic=many, application={"api": "ogx", "feedback": given})
    reasons = [r.numbers for r in plan.rejected if r.option == UNSERVED]
    assert [each for each in reasons if reason in each and "application.feedback.share" in each]
    assert plan.serving is None


def test_a_stream_of_another_region_takes_less(
    workload: Callable[..., Workload], with_tokens: Site, catalog: Catalog
) -> None:
    zones = tuple(f"use2-az{number}" for number in (1, 2, 3))
    elsewhere = with_tokens.model_copy(update={"region": "us-east-2", "zones": zones})
    given = {"api": "ogx", "feedback": {"share": 1, "comment_bytes": 0}}
    limits = [
        application(size([workload(**{**APP, "application": given})], site, catalog).services[0])
        for site in (with_tokens, elsewhere)
    ]
    found = [each.feedback for each in limits if each.feedback is not None]
    assert [each.records_per_s_limit for each in found] == [2_000, 1_000]
    assert [each.bytes_per_s_limit for each in found] == [5 * 2**20, 2**20]


@pytest.mark.parametrize("share", [0, 1.5, -0.1])
def test_a_share_of_feedback_is_above_0_and_at_most_1(
    workload: Callable[..., Workload], share: float
) -> None:
    given = {"api": "ogx", "feedback": {"share": share, "comment_bytes": 0}}
    with pytest.raises(ValidationError, match="share"):
        workload(**{**APP, "application": given})


@pytest.mark.parametrize(
    ("lowest", "highest", "connections"),
    [(Fraction(1, 2), 1, 189), (Fraction(1, 2), 16, 2_000), (1, 16, 3_024), (2, 256, 5_000)],
)
def test_the_database_limits_connections(lowest: Fraction, highest: int, connections: int) -> None:
    assert connections_limit(Fraction(lowest), Fraction(highest)) == connections


@given(pods=st.integers(1, 2_000), limit=st.integers(100, 5_000))
def test_no_pool_of_connections_exceeds_the_database_while_one_fits(pods: int, limit: int) -> None:
    each = connections_per_process(pods, limit)
    assert 1 <= each <= 5
    if each > 1:
        assert pods * (2 * (each + 1) + 1) + OTHER_CONNECTIONS <= limit


def test_a_service_whose_rows_exceed_the_database_gets_no_nodes(
    applied: Callable[..., ServicePlan],
) -> None:
    many = {"daily_users": 100_000_000, "requests_per_user_per_day": 10}
    plan = applied(traffic=many, data={"retention_days": 3_650})
    reasons = [r.numbers for r in plan.rejected if r.option == UNSERVED]
    assert any("its database" in each and "exceeds 256 TiB" in each for each in reasons)
    assert plan.serving is None and plan.database is None
    assert application(plan).pods is None and plan.application_pods == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": None}, ("data",)),
        ({"data": {"retention_days": 30, "client": "own"}}, ("data", "client")),
        (
            {"data": {"retention_days": 30, "profile_bytes_per_user": 1}},
            ("data", "profile_bytes_per_user"),
        ),
        ({"access": {}}, ("access", "claims")),
        ({"access": {"claims": [{"name": "aud", "values": ["a", "b"]}]}}, ("access", "claims")),
        ({"data": {"retention_days": 30, "index_ratio": 0.5}}, ("data", "index_ratio")),
        ({"engine": {"routing": "sticky"}}, ("engine", "routing")),
        ({"in_transit": "tls"}, ("in_transit",)),
        ({"application": {"api": "none", "file_bytes_per_request": 1}}, _NO_FILES),
        ({"application": None}, ("data", "interaction_bytes")),
        ({"kind": "image", "model": "flux.2-klein-4b", "request": {}}, ("application",)),
    ],
)
def test_fields_that_contradict_an_application(
    workload: Callable[..., Workload], changes: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        workload(**{**APP, **changes})
    (detail,) = refused.value.errors()
    fault = detail.get("ctx", {}).get("error")
    assert isinstance(fault, FieldError)
    assert (*detail["loc"], *fault.field) == field


def test_the_bytes_of_a_request_are_needed(applied: Callable[..., ServicePlan]) -> None:
    with pytest.raises(FieldError) as refused:
        applied(request={"input_tokens": 100, "output_tokens": 400, "request_bytes": 1})
    assert refused.value.field == ("request", "response_bytes")


@pytest.mark.parametrize("written", ["none", {"api": "none"}, Application(api=ApplicationApi.none)])
def test_no_application_in_words(workload: Callable[..., Workload], written: object) -> None:
    own = {"interaction_bytes": 2_000, "retention_days": 30, "client": "own"}
    assert workload(application=written, data=own).application is None


def refused_field(workloads: list[Workload], site: Site, catalog: Catalog) -> tuple[object, ...]:
    with pytest.raises(FieldError) as refused:
        size(workloads, site, catalog)
    return refused.value.field


def test_its_callers_have_tokens(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    site = site.model_copy(update=ISSUER)
    stated = {**APP, "access": {**APP["access"], "token_required": False}}
    assert refused_field([workload(**stated)], site, catalog) == ("access", "token_required")
    assert size([workload(**APP)], site, catalog).services[0].application is not None


def test_a_store_needs_a_client(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    data = {"interaction_bytes": 2_000, "retention_days": 30}
    assert refused_field([workload(data=data)], site, catalog) == ("data", "client")
    assert size([workload(data={**data, "client": "own"})], site, catalog).services[0].database
    with pytest.raises(ValueError, match="the workload has no application"):
        workload(data={**data, "client": "application"})


def test_the_results_of_a_queue_have_its_workers_as_client(
    workload: Callable[..., Workload], with_tokens: Site, catalog: Catalog
) -> None:
    queued = {"kind": "image", "model": "flux.2-klein-4b", "queue": {}, "capacity": None}
    queued |= {"request": {}, "data": {"retention_days": 7}}
    assert size([workload(**queued)], with_tokens, catalog).services[0].buckets
    kept = {"retention_days": 7, "profile_bytes_per_user": 1}
    found = refused_field([workload(**{**queued, "data": kept})], with_tokens, catalog)
    assert found == ("data", "client")


def test_a_plan_of_an_own_client_is_read_again(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    """Guard: a plan leaves out whose programs use the store."""
    own = {"interaction_bytes": 2_000, "retention_days": 30, "client": "own"}
    plan = size([workload(data=own)], site, catalog)
    assert Plan.model_validate(plan.model_dump(mode="json")).digest == plan.digest


def test_a_plan_with_an_application_is_read_again(
    workload: Callable[..., Workload], with_tokens: Site, catalog: Catalog
) -> None:
    plan = size([workload(**APP)], with_tokens, catalog)
    assert Plan.model_validate(plan.model_dump(mode="json")).digest == plan.digest


def test_an_application_needs_the_issuer_of_its_tokens(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    with pytest.raises(FieldError) as refused:
        size([workload(**APP)], site, catalog)
    assert refused.value.field == ("application",)


LIMIT = {"tokens_per_key_per_min": 100_000}


@pytest.fixture(scope="session")
def limited(applied: Callable[..., ServicePlan]) -> Callable[..., ServicePlan]:
    """Plan of a chat whose application limits the tokens of a user, with other access."""

    def build(**access: object) -> ServicePlan:
        request = {**APP["request"], "context_tokens": 2_048}
        return applied(request=request, access={**APP["access"], **access})

    return build


def test_a_limit_of_tokens_is_in_the_work_of_the_application(
    limited: Callable[..., ServicePlan], catalog: Catalog
) -> None:
    """Each request adds its CPU time, two commits and a row; each process a connection."""
    without, plan = application(limited()), application(limited(**LIMIT))
    assert without.tokens is None and plan.tokens is not None
    assert plan.tokens.tokens_per_user_per_min == 100_000
    assert (plan.tokens.reserved_tokens, plan.tokens.requests_at_once) == (2_048, 48)
    more_s = float(measured(catalog, "cpu_s_per_limited_response"))
    assert plan.cpu_s_per_request == pytest.approx(float(without.cpu_s_per_request) + more_s)
    assert (plan.tokens.commits_per_request, plan.tokens.connections_per_process) == (2, 1)
    assert plan.commits_per_request == float(without.commits_per_request) + 2
    before, after = without.retention, plan.retention
    assert after.rows_per_request == float(before.rows_per_request) + 1
    assert after.rows_per_day == before.rows_per_day + 10**6
    writes = 2 * Fraction(10**6, 86_400) + Fraction(10**6, DELETE_WINDOW_S)
    assert plan.writes_per_s == pytest.approx(float(without.writes_per_s) + float(writes))
    assert plan.connections_total == without.connections_total + 2 * plan.pods_total
    seconds = 86_400 + 2 * 3_600 + DELETE_WINDOW_S
    assert plan.tokens.rows_most == -(-(10**6) * seconds // 86_400)


@given(pods=st.integers(1, 2_000), limit=st.integers(100, 5_000))
def test_the_connections_of_a_limit_fit_the_database_too(pods: int, limit: int) -> None:
    each = connections_per_process(pods, limit, SETTINGS + COUNTS)
    if each > 1:
        assert pods * (2 * (each + SETTINGS + COUNTS) + 1) + OTHER_CONNECTIONS <= limit


def test_the_firewall_of_an_application_limits_requests_alone(
    limited: Callable[..., ServicePlan],
) -> None:
    """Guard: the limit of tokens alone would allow 48 requests."""
    plan = limited(**LIMIT, public=True, requests_per_key_per_min=60)
    assert plan.gateway is not None and plan.gateway.firewall is not None
    firewall = plan.gateway.firewall
    assert (firewall.requests_by_limit, firewall.requests_per_key) == ({"requests": 60}, 60)
    assert (firewall.binding, firewall.tokens_per_key) == ("requests", None)
    inside = limited(**LIMIT)
    assert inside.gateway is not None and inside.gateway.firewall is None


def test_the_engine_behind_a_limit_of_an_application_is_that_without_one(
    limited: Callable[..., ServicePlan],
) -> None:
    """The check refuses several answers to a request, and only the application reaches it."""
    assert limited(**LIMIT).serving == limited().serving


def test_a_public_application_needs_a_limit_of_requests(
    workload: Callable[..., Workload],
) -> None:
    request = {**APP["request"], "context_tokens": 2_048}
    access = {**APP["access"], **LIMIT, "public": True}
    with pytest.raises(ValidationError, match="the firewall cannot count the tokens") as refused:
        workload(**APP | {"request": request, "access": access})
    (detail,) = refused.value.errors()
    fault = detail["ctx"]["error"]
    assert isinstance(fault, FieldError)
    assert fault.field == ("access", "requests_per_key_per_min")
    both = {**access, "requests_per_key_per_min": 60}
    assert workload(**APP | {"request": request, "access": both}).application is not None


def test_the_deletion_keeps_counts_for_as_long_as_the_plan_says() -> None:
    program = (SCRIPTS / "stores" / "application_rows.py").read_text("utf-8")
    assert f"\nCOUNTED_S = {COUNTED_S:_}\n" in program


def test_the_plan_of_an_own_client_states_nothing_new(workload: Callable[..., Workload]) -> None:
    own = {"interaction_bytes": 2_000, "retention_days": 30, "client": "own"}
    assert "client" not in workload(data=own).model_dump(mode="json")["data"]
    assert workload(**APP).model_dump(mode="json")["application"] == {
        "api": "ogx",
        "file_bytes_per_request": Decimal(0),
    }
