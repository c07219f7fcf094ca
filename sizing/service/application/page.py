"""How many pods does a chat page need, and what does its database take?"""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.fleet.redundancy import nodes_for_zone_loss
from sizing.locks.versions import image_reference
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.application.page import PagePlan, PagePodsPlan, SignInPlan
from sizing.plan.service.stores import DatabasePlan
from sizing.plan.service.whole import UNSERVED
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.service.application.api import (
    BATCH_ROWS,
    DELETE_WINDOW_S,
    FEWEST_PODS,
    MILLICORES,
    OTHER_CONNECTIONS,
    UTILISATION,
    answer_tokens,
    beyond_pods,
    text_bytes,
)
from sizing.service.application.work import measured, usual
from sizing.service.gateway import DRAIN_LIMIT_S, longest_answer_s
from sizing.service.storage import database_plan
from sizing.service.stores.aurora import capacity, connections_limit
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.values.exact import ceiling, plain
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import Workload

PAGE_REPOSITORY = PAGE_IMAGE = "ghcr.io/open-webui/open-webui"
"""Item of data/pins.csv of the page's image, which is its repository too."""
OTHER_MIB = 1_024
"""MiB of a pod besides its process after the load. Basis: assumed; it grows with the people who are
online."""
CONNECTIONS, PROBES = 10, 1
"""Connections of a pod at most, and that of its probe. Basis: assumed; a statement takes
milliseconds."""
SESSION_S = 12 * 3_600
"""Seconds after which a person signs in again, and for which a browser stays with a pod. Basis:
assumed: a working day. Until then the load balancer renews the token of a client that may."""


def cpu_s(workload: Workload, catalog: Catalog) -> Fraction:
    """CPU seconds of the page for one question: base + s a token x tokens of the answer.

    Basis: measured, the highest of each (`sizing/catalog/data/application_work.csv`): the page
    handles each event of the answer's stream.
    """
    tokens = measured(catalog, "page_cpu_s_per_token") * answer_tokens(workload)
    return measured(catalog, "page_cpu_s_per_turn") + tokens


def turn_bytes(workload: Workload, catalog: Catalog) -> int:
    """Bytes of one question with its answer in the page's database, indexes included.

    bytes = constant + copies x bytes of question and answer

    Raises FieldError where these bytes are not stated. Basis: measured.
    """
    text = usual(catalog, "page_text_copies_per_turn") * text_bytes(workload)
    return ceiling(usual(catalog, "page_row_bytes_per_turn") + text)


def page_plan(case: Case, rates: Rates, *, served: bool) -> PagePlan | None:
    """Return the page of a service; None where it has none.

    pods = ceil(requests/s x CPU seconds of one / 0.6), at least 2: a pod has one process
    pods with spares: what remains of an even spread without one zone, where the stack must survive
    that; else one more

    All requests of the service count as questions on its page. Without nodes it has no pods.
    Basis: measured CPU seconds.
    """
    workload, catalog, site = case.workload, case.catalog, case.site
    application, data = workload.application, workload.data
    if application is None or application.ui is None or data is None:
        return None
    work_s = cpu_s(workload, catalog)
    needed = max(FEWEST_PODS, ceiling(rates.busiest * work_s / UTILISATION))
    survives = site.must_survive_a_zone([workload])
    total = nodes_for_zone_loss(needed, len(site.zones)) if survives else needed + 1
    daily = rates.mean * SECONDS_PER_DAY
    written = measured(catalog, "page_writes_per_turn")
    writes = rates.busiest * written + daily / DELETE_WINDOW_S
    each = turn_bytes(workload, catalog)
    return PagePlan(
        ui=application.ui.value,
        sign_in=_sign_in(site),
        requests_per_s=plain(rates.busiest),
        cpu_s_per_turn=plain(measured(catalog, "page_cpu_s_per_turn")),
        cpu_s_per_token=plain(measured(catalog, "page_cpu_s_per_token")),
        cpu_s_per_request=plain(work_s),
        pods_needed=needed,
        pods_total=total,
        sticky_s=SESSION_S,
        connections_per_pod=CONNECTIONS,
        connections_total=total * (CONNECTIONS + PROBES) + OTHER_CONNECTIONS,
        connections_limit=connections_limit(*capacity(writes, site.environment)),
        writes_per_turn=plain(written),
        writes_per_s=plain(writes),
        row_bytes=plain(usual(catalog, "page_row_bytes_per_turn")),
        text_copies=plain(usual(catalog, "page_text_copies_per_turn")),
        turn_bytes=each,
        retention_days=data.retention_days,
        batch_rows=BATCH_ROWS,
        window_s=DELETE_WINDOW_S,
        database=_database(case, ceiling(daily * data.retention_days * each), writes)
        if served
        else None,
        pods=_pods(case, total - needed) if served else None,
    )


def _sign_in(site: Site) -> SignInPlan:
    """Return how people sign in. Raises ValueError for a site that `check_access` refuses."""
    client = site.page_client
    if client is None or site.token_issuer is None:
        raise ValueError("a page without a client at an issuer of tokens")
    return SignInPlan(
        issuer=site.token_issuer,
        client_id=client.client_id,
        authorization_endpoint=client.authorization_endpoint,
        token_endpoint=client.token_endpoint,
        user_info_endpoint=client.user_info_endpoint,
        scope=client.scope,
        parameters=client.parameters,
        session_s=SESSION_S,
    )


def _database(case: Case, stored: int, writes: Fraction) -> DatabasePlan:
    """Return the database of the page, a second one: its load never delays the application's."""
    return database_plan(stored, writes, case.workload, case.site, case.catalog)


def _pods(case: Case, spare: int) -> PagePodsPlan:
    """Return the pods. An update stops as many as are spare.

    A pod stops like the load balancer drains: after the longest answer.
    """
    drain_s = min(ceiling(longest_answer_s(case.workload)), DRAIN_LIMIT_S)
    each = measured(case.catalog, "page_process_mib")
    image = image_reference(PAGE_IMAGE, PAGE_REPOSITORY, case.catalog)
    return PagePodsPlan(
        image=mirrored(image, case.site.mirrors),
        cpu_millicores=MILLICORES,
        process_mib=plain(each),
        memory_mib=ceiling(each + OTHER_MIB),
        taken_at_once=spare,
        stop_s=2 * drain_s,
        drain_s=drain_s,
    )


def no_page(case: Case, rates: Rates) -> tuple[Rejected, ...]:
    """Reasons why a service gets no nodes: its page exceeds its database or a node group.

    Raises FieldError where the bytes of an interaction are not known.
    """
    plan = page_plan(case, rates, served=False)
    if plan is None:
        return ()
    return tuple(
        Rejected(option=UNSERVED, reason=Reason.store_limit, numbers=each)
        for each in beyond_pods(plan, "its page", "the page's database")
    )
