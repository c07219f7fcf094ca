"""How many pods and connections does the application need, and what does it write?"""

from decimal import Decimal
from fractions import Fraction
from math import floor

from sizing.catalog import Catalog
from sizing.catalog.certificates.authorities import database_authorities
from sizing.fleet.packing import NODES_PER_GROUP_LIMIT
from sizing.fleet.redundancy import nodes_for_zone_loss
from sizing.locks.versions import image_reference
from sizing.plan.service.application.api import (
    ApplicationPlan,
    ApplicationPodsPlan,
    RetentionPlan,
    TokenLimitPlan,
)
from sizing.plan.service.application.page import PagePlan
from sizing.replica.case import Case
from sizing.replica.traffic import Rates, answering, mean_of
from sizing.service.application import cache, context, feedback
from sizing.service.application.work import measured, usual
from sizing.service.gateway import DRAIN_LIMIT_S, longest_answer_s
from sizing.service.stores.aurora import (
    capacity,
    connections_limit,
)
from sizing.site.mirrors import mirrored
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.values.units import KIB, MIB, SECONDS_PER_DAY
from sizing.workload import Workload, mean_tokens
from sizing.workload.data import Data

APPLICATION_IMAGE = "ogxai/distribution-starter"
"""Item of data/pins.csv of the application's image."""
APPLICATION_REPOSITORY = f"docker.io/{APPLICATION_IMAGE}"
PROCESSES = 2
"""Processes of a pod: one for each virtual CPU of its node. Basis: vendor (m7i.large has two)."""
UTILISATION = Fraction(6, 10)
"""Share of a CPU's time that a process works at the busiest moment. Basis: assumed; requests wait
for a process that is in use, and the agents of the node take a part."""
FEWEST_PODS = 2
"""Fewest pods, so that an update stops none. Basis: assumed."""
MILLICORES = 1_500
"""CPU that a pod requests of a node with 2 CPUs. Basis: assumed; the agents of the node take the
rest."""
OTHER_MIB = 768
"""MiB of a pod besides those of its processes. Basis: measured (126 MiB of the process that starts
the others, and 10 bytes of memory for each byte of a body); each process has at most 32 MiB of
bodies at work."""
CONNECTIONS, SETTINGS, PROBES = 5, 1, 1
"""Connections of a process to its conversations at most, and to its settings, and those of a pod's
readiness probe. Basis: assumed; a statement takes milliseconds, and a request mostly waits for its
engine."""
COUNTS = 1
"""Connections of a process to the counts of a limit of tokens. Basis: arithmetic; the program opens
one."""
COUNTED_S = 7_200
"""Seconds for which the nightly deletion keeps a count of tokens. Basis: assumed; it is longer than
any answer, and the program of the deletion has the same number."""
OTHER_CONNECTIONS = 10
"""Connections besides those of pods: the deletion of rows, and people. Basis: assumed."""
SMALLEST_BODY_BYTES, BYTES_PER_TOKEN = MIB, 16
"""Bytes that a request may always have, and those of one token of the context. Basis: assumed; a
token has about four bytes of text, and JSON may escape each of them."""
FILE_BYTES = 16 * MIB
"""Bytes of an uploaded file at most. Basis: measured (a process takes 200 MiB more for 20 MiB)."""
BYTES_OF_A_TOKEN = 4
"""Bytes of one token. Basis: assumed (English)."""
LIMIT_CPU, LIMIT_COMMITS = "cpu_s_per_limited_response", "commits_per_limited_response"
"""Figures of a limit of tokens in data/application_work.csv."""
LIMIT_ROWS = 1
"""Rows of a limit of tokens for one request at most. Basis: arithmetic; a user has one a minute."""
DELETE_WINDOW_S = 6 * 3_600
"""Seconds of a day in which due rows are deleted. Basis: assumed."""
VERIFIED = "verify-full"
"""TLS that verifies the server and its name."""
BATCH_ROWS = 1_000
"""Rows of one transaction that deletes. Basis: assumed."""


def text_bytes(workload: Workload) -> Fraction:
    """Mean bytes of a request and its answer, for all models of the application.

    Raises FieldError where they are not stated.
    """
    return mean_of(workload, _own_text_bytes)


def _own_text_bytes(workload: Workload) -> Fraction:
    request = workload.request
    for name in ("request_bytes", "response_bytes"):
        if getattr(request, name) is None:
            message = "missing, and the application stores the text of each request"
            raise FieldError(("request", name), message, "mean bytes")
    return exact(request.request_bytes or 0) + exact(request.response_bytes or 0)


def history_bytes(workload: Workload) -> Fraction:
    """Mean bytes of earlier turns: (turns - 1) / 2 x bytes of a turn. Raises FieldError."""
    return mean_of(workload, lambda each: _own_text_bytes(each) * (each.request.turns - 1) / 2)


def answer_tokens(workload: Workload) -> Fraction:
    """Mean tokens of an answer: those stated, else its bytes / 4. Basis: assumed (English)."""
    return mean_of(workload, own_answer_tokens)


def own_answer_tokens(workload: Workload) -> Fraction:
    """Mean tokens of an answer of the service's own model."""
    request = workload.request
    if request.output_tokens is not None:
        return exact(mean_tokens(request.output_tokens))
    return exact(request.response_bytes or 0) / BYTES_OF_A_TOKEN


def cpu_s(workload: Workload, catalog: Catalog) -> Fraction:
    """CPU seconds of the application for one response.

    base + s a token x tokens of the answer + s a KiB x KiB of earlier turns + share x s of feedback
    + s of a limit of tokens + share x s of a search + s of a cache of answers

    Basis: measured, the highest of each (`sizing/catalog/data/application_work.csv`). The
    application streams from the engine even where its caller does not.
    """
    tokens = measured(catalog, "cpu_s_per_response_token") * answer_tokens(workload)
    history = measured(catalog, "cpu_s_per_history_kib") * history_bytes(workload) / KIB
    once = measured(catalog, "cpu_s_per_response") + feedback.cpu_s(workload, catalog)
    limit = measured(catalog, LIMIT_CPU) if limits_tokens(workload) else 0
    kept = cache.cpu_s(workload, catalog, answer_tokens(workload))
    return once + tokens + history + limit + context.cpu_s(workload, catalog) + kept


def longest_context(workload: Workload) -> int:
    """Largest stated context of the application's models, in tokens; 0 where none is stated."""
    return max(each.request.context_tokens or 0 for each in answering(workload))


def limits_tokens(workload: Workload) -> bool:
    """True where the application enforces a limit of tokens."""
    stated = workload.access.tokens_per_key_per_min is not None
    return stated and workload.application is not None


def row_bytes(workload: Workload, catalog: Catalog) -> int:
    """Bytes of the rows of one interaction.

    bytes = constant + copies x bytes of request and answer + copies x bytes of earlier turns
    + copies x bytes of passages

    Raises FieldError where these bytes are not stated. Basis: measured on the application's own
    schema (`sizing/catalog/data/application_work.csv`), with English prose; the bodies count as
    text.
    """
    text = usual(catalog, "text_copies_per_response") * text_bytes(workload)
    history = usual(catalog, "history_copies_per_response") * history_bytes(workload)
    passages = context.passage_row_bytes(workload, catalog)
    return ceiling(usual(catalog, "row_bytes_per_response") + text + history + passages)


def with_measured_rows(workload: Workload, catalog: Catalog) -> Workload:
    """Return the workload with the measured bytes of an interaction where none are stated.

    Stated bytes stay: they may be your own measurement.
    """
    data = workload.data
    if workload.application is None or data is None or data.interaction_bytes is not None:
        return workload
    ratio = catalog.application("index_ratio").value
    rows = {"interaction_bytes": Decimal(row_bytes(workload, catalog)), "index_ratio": ratio}
    return workload.model_copy(update={"data": data.model_copy(update=rows)})


def writes_per_s(workload: Workload, rates: Rates, catalog: Catalog) -> Fraction:
    """Writes a second to the database at the busiest moment.

    requests/s x commits of a request + due rows/s + searches/s + chunks/s, and without an
    application one a request

    Basis: measured commits; the deletion counts as if it ran at the busiest moment.
    """
    if workload.application is None:
        return rates.busiest
    commits = per_request("commits", workload, catalog)
    deletions = _due_rows_per_day(workload, rates, catalog) / DELETE_WINDOW_S
    return rates.busiest * commits + deletions + context.writes_per_s(workload, rates)


def per_request(what: str, workload: Workload, catalog: Catalog) -> Fraction:
    """Rows or commits of one request: those of a response + those of a conversation / turns.

    A limit of tokens adds its commits, and at most one row.
    """
    conversations = mean_of(workload, lambda each: Fraction(1, each.request.turns))
    once = measured(catalog, f"{what}_per_conversation") * conversations
    counted = {"commits": measured(catalog, LIMIT_COMMITS), "rows": Fraction(LIMIT_ROWS)}
    limit = counted[what] if limits_tokens(workload) else 0
    return measured(catalog, f"{what}_per_response") + once + limit


def _due_rows_per_day(workload: Workload, rates: Rates, catalog: Catalog) -> Fraction:
    return rates.mean * SECONDS_PER_DAY * per_request("rows", workload, catalog)


def connections_per_process(pods: int, limit: int, others: int = SETTINGS) -> int:
    """Connections of one process to its conversations: as many as the database takes, 1 to 5.

    min(5, floor((floor((limit - 10) / pods) - 1) / processes) - others)

    `others` are those of the process to its settings, and to the counts of a limit of tokens.
    Basis: arithmetic. With fewer than one, `beyond_limits` rejects the pods.
    """
    fitting = ((limit - OTHER_CONNECTIONS) // pods - PROBES) // PROCESSES - others
    return max(1, min(CONNECTIONS, fitting))


def application_plan(case: Case, rates: Rates, *, served: bool) -> ApplicationPlan | None:
    """Return the application of a service; None where it has none.

    processes = ceil(requests/s x CPU seconds of one / 0.6)
    pods = processes / 2, at least 2
    pods with spares: what remains of an even spread without one zone, where the stack must survive
    that; else one more

    Without nodes the service has no pods.
    Basis: measured CPU seconds (`sizing/catalog/data/application_work.csv`), the highest of them.
    """
    workload, catalog = case.workload, case.catalog
    application, data = workload.application, workload.data
    if application is None or data is None or workload.audience is None:
        return None
    work_s = cpu_s(workload, catalog)
    processes = max(1, ceiling(rates.busiest * work_s / UTILISATION))
    needed = max(FEWEST_PODS, ceiling(Fraction(processes, PROCESSES)))
    survives = case.site.must_survive_a_zone([workload])
    zones = len(case.site.zones)
    total = nodes_for_zone_loss(needed, zones) if survives else needed + 1
    writes = writes_per_s(workload, rates, catalog)
    memory = context.memory_acu(workload, catalog)
    limit = connections_limit(*capacity(writes, case.site.environment, memory))
    others = SETTINGS + (COUNTS if limits_tokens(workload) else 0)
    documents = context.context_plan(workload, rates, catalog)
    others += 0 if documents is None else documents.connections_per_process
    working = 0 if documents is None else documents.pods * documents.workers_per_pod
    each = connections_per_process(total, limit, others)
    rows, index_ratio = row_bytes(workload, catalog), usual(catalog, "index_ratio")
    return ApplicationPlan(
        api=application.api.value,
        audience=workload.audience,
        requests_per_s=plain(rates.busiest),
        cpu_s_per_response=plain(measured(catalog, "cpu_s_per_response")),
        cpu_s_per_token=plain(measured(catalog, "cpu_s_per_response_token")),
        cpu_s_per_history_kib=plain(measured(catalog, "cpu_s_per_history_kib")),
        answer_tokens=plain(answer_tokens(workload)),
        history_bytes=plain(history_bytes(workload)),
        cpu_s_per_request=plain(work_s),
        processes_needed=processes,
        processes_per_pod=PROCESSES,
        pods_needed=needed,
        pods_total=total,
        connections_per_process=each,
        database_tls=database_tls(case.site.region),
        connections_total=total * (PROCESSES * (each + others) + PROBES)
        + working
        + OTHER_CONNECTIONS,
        connections_limit=limit,
        commits_per_request=plain(per_request("commits", workload, catalog)),
        writes_per_s=plain(writes),
        row_bytes=plain(usual(catalog, "row_bytes_per_response")),
        text_copies=plain(usual(catalog, "text_copies_per_response")),
        history_copies=plain(usual(catalog, "history_copies_per_response")),
        interaction_bytes=rows,
        index_ratio=plain(index_ratio),
        interaction_ratio=plain(_stated_ratio(data, rows, index_ratio)),
        body_bytes=max(SMALLEST_BODY_BYTES, BYTES_PER_TOKEN * longest_context(workload)),
        file_bytes=FILE_BYTES if application.takes_files else 0,
        file_bytes_per_request=plain(exact(application.file_bytes_per_request)),
        retention=_retention(workload, data, rates, catalog),
        feedback=feedback.feedback_plan(workload, rates, case.site, catalog),
        pods=_pods(case, total - needed) if served else None,
        tokens=_token_limit(workload, rates, catalog),
        context=documents,
        cache=cache.cache_plan(
            workload,
            rates,
            catalog,
            processes=PROCESSES * total,
            tokens=answer_tokens(workload),
        ),
    )


def _token_limit(workload: Workload, rates: Rates, catalog: Catalog) -> TokenLimitPlan | None:
    """Return the limit of tokens; None where none is stated.

    requests at once = floor(limit / context)
    requests a minute = floor((limit - context) / mean tokens) + 1: the last one still reserves
    rows = mean rate x (seconds of a day + those for which a count is kept + those of the deletion)

    Raises ValueError for a limit without a context.
    Basis: arithmetic; an engine computes at most its context for one request, and no other bound of
    a prompt is certain before it is tokenized.
    """
    limit, context = workload.access.tokens_per_key_per_min, workload.request.context_tokens
    if limit is None:
        return None
    if context is None:
        raise ValueError(f"{workload.name}: a limit of tokens without a context")
    kept_s = SECONDS_PER_DAY + COUNTED_S + DELETE_WINDOW_S
    each = None if workload.request.prompt_tokens is None else _request_tokens(workload)
    return TokenLimitPlan(
        tokens_per_user_per_min=limit,
        reserved_tokens=context,
        requests_at_once=limit // context,
        request_tokens=plain_or_none(each),
        requests_per_min=None if each is None else floor((limit - exact(context)) / each) + 1,
        cpu_s_per_request=plain(measured(catalog, LIMIT_CPU)),
        commits_per_request=int(measured(catalog, LIMIT_COMMITS)),
        connections_per_process=COUNTS,
        rows_most=ceiling(rates.mean * LIMIT_ROWS * kept_s),
    )


def _request_tokens(workload: Workload) -> Fraction:
    """Mean tokens of a request of the service's own model, and of its answer."""
    return exact(workload.request.prompt_tokens or 0) + own_answer_tokens(workload)


def _stated_ratio(data: Data, rows: int, index_ratio: Fraction) -> Fraction:
    """Stated bytes of an interaction and its indexes over the measured ones; 1 for none."""
    if data.interaction_bytes is None:
        return Fraction(1)
    stated = exact(data.interaction_bytes) * (1 + exact(data.index_ratio))
    return stated / (rows * (1 + index_ratio))


def _retention(workload: Workload, data: Data, rates: Rates, catalog: Catalog) -> RetentionPlan:
    due = _due_rows_per_day(workload, rates, catalog)
    return RetentionPlan(
        days=data.retention_days,
        batch_rows=BATCH_ROWS,
        rows_per_request=plain(per_request("rows", workload, catalog)),
        rows_per_day=ceiling(due),
        rows_per_s=plain(due / DELETE_WINDOW_S),
        window_s=DELETE_WINDOW_S,
    )


def _pods(case: Case, spare: int) -> ApplicationPodsPlan:
    """Return the pods. An update stops as many as are spare.

    A pod stops like the load balancer drains: after the longest answer.
    """
    longest = max(longest_answer_s(each) for each in answering(case.workload))
    drain_s = min(ceiling(longest), DRAIN_LIMIT_S)
    each = measured(case.catalog, "process_mib")
    image = image_reference(APPLICATION_IMAGE, APPLICATION_REPOSITORY, case.catalog)
    return ApplicationPodsPlan(
        image=mirrored(image, case.site.mirrors),
        cpu_millicores=MILLICORES,
        process_mib=plain(each),
        memory_mib=ceiling(PROCESSES * each + OTHER_MIB),
        taken_at_once=spare,
        stop_s=2 * drain_s,
        drain_s=drain_s,
    )


def database_tls(region: str) -> str:
    """TLS of connections to the database, by a name of PostgreSQL. Basis: vendor (libpq)."""
    return VERIFIED if database_authorities(region) else "require"


def beyond_pods(plan: ApplicationPlan | PagePlan, owner: str, database: str) -> list[str]:
    """Limits of a database and of one node group that pods exceed, each with its numbers."""
    pods, reasons = f"{plan.pods_total:,} pods of {owner}", list[str]()
    if plan.connections_total > plan.connections_limit:
        limit = f"the {plan.connections_limit:,} of {database}"
        reasons.append(f"{plan.connections_total:,} connections of {pods} exceed {limit}")
    if plan.pods_total > NODES_PER_GROUP_LIMIT:
        reasons.append(f"{pods} exceed the {NODES_PER_GROUP_LIMIT} nodes of one node group")
    return reasons


def beyond_limits(plan: ApplicationPlan) -> list[str]:
    """Limits that the application exceeds, each with its numbers: of the database, of one node
    group, of the stream of feedback and of the cache of answers.

    A proxy of connections would not help: the application's driver prepares its statements, and
    Amazon's proxy keeps a connection of its own for each session that does.
    """
    reasons = beyond_pods(plan, "its application", "the database")
    reasons += [] if plan.feedback is None else feedback.beyond_stream(plan.feedback)
    reasons += [] if plan.context is None else context.beyond_memory(plan.context)
    return reasons if plan.cache is None else [*reasons, *cache.beyond_cache(plan.cache)]
