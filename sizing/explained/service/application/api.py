"""Explanations of the application in front of the engines."""

from decimal import Decimal

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry, setting
from sizing.explained.service.application.direct import FIELDS, has_direct
from sizing.explained.service.application.route import front_rate, mean_numbers, models
from sizing.explained.service.capacity import busiest_rate
from sizing.explained.service.files.artefact import answer_bytes, request_bytes
from sizing.plan.service.application.api import (
    ApplicationPlan,
    ApplicationPodsPlan,
    RetentionPlan,
    TokenLimitPlan,
)
from sizing.service.application import api as application
from sizing.values.exact import Number, plain
from sizing.workload import Workload, mean_tokens

CODE = "sizing/service/application/api.py"
WORK = CATALOG + "application_work.csv"
OF_ALL = "mean over the requests of all models"
MEASURED = ("by bench/application.py, with a stand-in of the engine; measure it on your own nodes",)


def _measured(meaning: str, item: str, symbols: str = "the highest of the measurements") -> Entry:
    return Entry(meaning, symbols, "{v}", Basis.measured, f"{WORK}, {item}", remarks=MEASURED)


def _per_request(meaning: str, what: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        items = f"{what}_per_response + {what}_per_conversation / turns"
        items += f" + {what} of the limit of tokens" * _has_limit(leaf)
        return Entry(
            meaning, items, "{v}", Basis.measured, WORK, remarks=MEASURED, arithmetic=False
        )

    return entry


def _has_limit(leaf: Leaf) -> bool:
    """True where the application enforces a limit of tokens."""
    plan = leaf.sized.application
    return plan is not None and plan.tokens is not None


def _others(leaf: Leaf) -> str:
    """Connections of a process besides those to its conversations, as numbers."""
    limit = ["{s.application.tokens.connections_per_process}"] * _has_limit(leaf)
    documents = ["{s.application.context.connections_per_process}"] * _has_context(leaf)
    own = ["{application.SETTINGS}", *limit, *documents]
    return f"({' + '.join(own)})" if len(own) > 1 else own[0]


def _has_context(leaf: Leaf) -> bool:
    """True where requests search documents."""
    return leaf.sized.context is not None


def _others_count(leaf: Leaf) -> int:
    """Number of these connections, for the symbols."""
    context = leaf.sized.context
    documents = 0 if context is None else context.connections_per_process
    return 1 + _has_limit(leaf) + documents


def _connections_per_process(leaf: Leaf) -> Entry:
    others = _others_count(leaf)
    return Entry(
        "connections of a process to its conversations",
        "min(5, floor((floor((connections of the database - 10) / pods) - 1) / processes)"
        f" - {others}), at least 1",
        "max(1, min({application.CONNECTIONS}, floor((floor(({s.application.connections_limit}"
        " - {application.OTHER_CONNECTIONS}) / {s.application.pods_total})"
        f" - {{application.PROBES}}) / {{application.PROCESSES}}) - {_others(leaf)}))",
        Basis.assumed,
        CODE,
    )


def _connections_total(leaf: Leaf) -> Entry:
    others = _others_count(leaf)
    return Entry(
        "connections to the database at most",
        f"pods x (processes x (connections + {others}) + 1 for a probe)"
        f"{' + workers' * _has_context(leaf)} + 10 for other clients",
        "{s.application.pods_total} * ({application.PROCESSES}"
        f" * ({{s.application.connections_per_process}} + {_others(leaf)})"
        " + {application.PROBES})"
        + " + {s.application.context.pods} * {context.WORKERS_PER_POD}" * _has_context(leaf)
        + " + {application.OTHER_CONNECTIONS}",
        Basis.assumed,
        CODE,
    )


def _median(meaning: str, item: str) -> Entry:
    return _measured(meaning, item, "the median of the measurements")


def _text(leaf: Leaf) -> str:
    """Mean bytes of a request and its answer, as numbers."""
    return f"({request_bytes(leaf)} + {answer_bytes(leaf)})"


def _history(leaf: Leaf) -> Entry:
    symbols = "(turns - 1) / 2 x (bytes of the request + bytes of the answer)"
    meaning = "mean bytes of earlier turns"
    if leaf.sized.route is None:
        return Entry(meaning, symbols, f"({{w.request.turns}} - 1) / 2 * {_text(leaf)}")
    return Entry(meaning, f"{OF_ALL} x {symbols}", mean_numbers(leaf, _own_history))


def _own_history(workload: Workload) -> Decimal:
    request = workload.request
    text = (request.request_bytes or Decimal(0)) + (request.response_bytes or Decimal(0))
    return text * (request.turns - 1) / 2


def _own_answer(workload: Workload) -> Number:
    return plain(application.own_answer_tokens(workload))


def _request_tokens(leaf: Leaf) -> Entry:
    own = "{s.application.answer_tokens}"
    if leaf.sized.route is not None:
        own = f"{_own_answer(leaf.sized.inputs)}"
    return Entry(
        "mean tokens of a request with its answer",
        "tokens of the prompt + tokens of the answer",
        f"{{w.request.prompt_tokens}} + {own}",
    )


def _answer_tokens(leaf: Leaf) -> Entry:
    tokens = leaf.sized.inputs.request.output_tokens
    if leaf.sized.route is not None:
        return Entry(
            "mean tokens of an answer",
            f"{OF_ALL} x tokens of its answer",
            mean_numbers(leaf, _own_answer),
        )
    if tokens is None:
        return Entry(
            "mean tokens of an answer",
            "bytes of the answer / 4",
            "{w.request.response_bytes} / {application.BYTES_OF_A_TOKEN}",
            Basis.assumed,
            CODE,
        )
    return Entry(
        "mean tokens of an answer",
        "request.output_tokens, or the mean of its histogram",
        f"{plain(mean_tokens(tokens))}",
        Basis.given,
        "the workload file: request.output_tokens",
    )


def _pods_total(leaf: Leaf) -> Entry:
    needed, zones = "{s.application.pods_needed}", len(leaf.plan.site.zones)
    inputs = leaf.sized.inputs
    if leaf.plan.site.must_survive_a_zone([inputs]):
        return Entry(
            "pods of which those in one zone may be lost",
            "needed + ceil(needed / (zones - 1)), in an even spread",
            f"{needed} + ceil({needed} / ({zones} - 1))",
        )
    return Entry("pods of which one may be lost", "needed + 1", f"{needed} + 1")


def _starts_low(leaf: Leaf) -> bool:
    """True where the database's lowest capacity is below one unit."""
    return leaf.sized.database is not None and leaf.sized.database.min_acu < 1


def _connections_limit(leaf: Leaf) -> Entry:
    return Entry(
        "connections that the database takes at its highest capacity",
        "min(189 x highest ACU, 5,000), and at most 2,000 where the lowest ACU is below 1",
        "min(floor({aurora.CONNECTIONS_PER_ACU} * {s.database.max_acu}), "
        f"{{aurora.{'CONNECTIONS_OF_HALF_ACU' if _starts_low(leaf) else 'CONNECTIONS_AT_MOST'}}})"
        if leaf.sized.database is not None
        else "{v}",
        Basis.vendor,
        "AWS re:Post: max_connections of Aurora PostgreSQL; sizing/service/stores/aurora.py",
        arithmetic=leaf.sized.database is not None,
    )


def _drain_s(_: Leaf) -> Entry:
    return Entry(
        "seconds for which a pod still answers after the load balancer stopped sending to it",
        "the longest answer, at most an hour",
        "min(ceil({s.gateway.longest_answer_s}), {gateway.DRAIN_LIMIT_S})",
    )


def _ratio(leaf: Leaf) -> Entry:
    meaning = "stated bytes of an interaction with its indexes, over the measured ones"
    data = leaf.sized.inputs.data
    if data is None or data.interaction_bytes is None:
        return Entry(meaning, "1 where none are stated", "{v}", arithmetic=False)
    return Entry(
        meaning,
        "stated bytes x (1 + stated index ratio) / (measured bytes x (1 + measured index ratio))",
        "{w.data.interaction_bytes} * (1 + {w.data.index_ratio})"
        " / ({s.application.interaction_bytes} * (1 + {s.application.index_ratio}))",
    )


def _cpu_s_per_request(leaf: Leaf) -> Entry:
    symbols = "base + s a token x tokens of the answer + s a KiB x KiB of earlier turns"
    numbers = (
        "{s.application.cpu_s_per_response}"
        " + {s.application.cpu_s_per_token} * {s.application.answer_tokens}"
        " + {s.application.cpu_s_per_history_kib} * {s.application.history_bytes} / {units.KIB}"
    )
    application = leaf.sized.application
    if application is not None and application.feedback is not None:
        symbols += " + share x s of a record of feedback"
        feedback = "s.application.feedback"
        numbers += f" + {{{feedback}.share}} * {{{feedback}.cpu_s_per_record}}"
    if _has_limit(leaf):
        symbols += " + s of the limit of tokens"
        numbers += " + {s.application.tokens.cpu_s_per_request}"
    if leaf.sized.context is not None:
        symbols += " + share x s of a search"
        numbers += " + {s.application.context.share} * {s.application.context.cpu_s_per_search}"
    if has_direct(leaf):
        symbols += " + searches and texts without an answer x s of one"
        searches = "{s.application.context.cpu_s_per_search}"
        numbers += f" + {FIELDS}searches_per_request}} * {searches}"
        numbers += f" + {FIELDS}embeddings_per_request}} * {FIELDS}cpu_s_per_embedding}}"
    if application is not None and application.cache is not None:
        symbols += " + s of the cache of answers"
        numbers += " + {s.application.cache.cpu_s_per_request}"
    return Entry("CPU seconds of the application for one request", symbols, numbers)


def _writes_per_s(leaf: Leaf) -> Entry:
    symbols, documents = "requests/s x commits of one + due rows/s", ""
    if leaf.sized.context is not None:
        symbols += " + searches/s + chunks/s"
        documents = " + {s.application.context.searches_per_s}"
        documents += " + {s.application.context.chunks_per_s}"
    if has_direct(leaf):
        symbols += " + searches without an answer/s"
        documents += f" + {FIELDS}searches_per_s}}"
    return Entry(
        "writes a second to the database at the busiest moment",
        symbols,
        "{s.application.requests_per_s} * {s.application.commits_per_request}"
        " + {s.application.retention.rows_per_s}" + documents,
    )


def _interaction_bytes(leaf: Leaf) -> Entry:
    symbols, passages = "copies x bytes of earlier turns", ""
    if leaf.sized.context is not None:
        symbols += " + share x copies x bytes of passages"
        own = "{s.application.context."
        passages = f" + {own}share}} * {own}retrieved_chunks}} * {own}chunk_bytes}}"
        passages += f" * {own}passage_copies}}"
    return Entry(
        "bytes of the rows of one interaction",
        f"bytes without text + copies x bytes of request and answer + {symbols}",
        f"ceil({{s.application.row_bytes}} + {{s.application.text_copies}} * {_text(leaf)}"
        " + {s.application.history_copies} * {s.application.history_bytes}" + passages + ")",
        remarks=("with English prose; text that does not compress, and other scripts, take more",),
    )


def _longest_context(leaf: Leaf) -> int:
    """Largest context of the application's models, as their files state it."""
    return max(each.inputs.request.context_tokens or 0 for each in models(leaf))


API: Registry = {
    ApplicationPlan: {
        "requests_per_s": lambda leaf: Entry(
            "requests a second to the application at the busiest moment",
            "busiest rate",
            busiest_rate(leaf),
        ),
        "cpu_s_per_response": _measured(
            "CPU seconds of one response without its tokens and its history", "cpu_s_per_response"
        ),
        "cpu_s_per_token": _measured(
            "CPU seconds of one token of an answer", "cpu_s_per_response_token"
        ),
        "cpu_s_per_history_kib": _measured(
            "CPU seconds of 1 KiB of earlier turns", "cpu_s_per_history_kib"
        ),
        "answer_tokens": _answer_tokens,
        "history_bytes": _history,
        "cpu_s_per_request": _cpu_s_per_request,
        "processes_needed": Entry(
            "processes of the application, each with one CPU",
            "ceil(requests/s x CPU s of one / 0.6), at least 1",
            "max(1, ceil({s.application.requests_per_s} * {s.application.cpu_s_per_request}"
            " / ({application.UTILISATION})))",
            Basis.assumed,
            f"share of a CPU's time: {CODE}",
        ),
        "processes_per_pod": setting(
            "processes of a pod", "virtual CPUs of its node", Basis.vendor, f"m7i.large: {CODE}"
        ),
        "pods_needed": Entry(
            "pods that answer so many requests, each on a node of 2 virtual CPUs",
            "ceil(processes / 2), at least 2",
            "max({application.FEWEST_PODS}, ceil({s.application.processes_needed}"
            " / {application.PROCESSES}))",
        ),
        "pods_total": _pods_total,
        "connections_per_process": _connections_per_process,
        "connections_total": _connections_total,
        "connections_limit": _connections_limit,
        "commits_per_request": _per_request("transactions of one request that write", "commits"),
        "writes_per_s": _writes_per_s,
        "row_bytes": _median(
            "bytes of the rows of one interaction without its text", "row_bytes_per_response"
        ),
        "text_copies": _median(
            "copies of the text of one interaction in all rows", "text_copies_per_response"
        ),
        "history_copies": _median(
            "copies of the text of earlier turns in the rows of one turn",
            "history_copies_per_response",
        ),
        "interaction_bytes": _interaction_bytes,
        "index_ratio": _median("bytes of indexes over those of rows", "index_ratio"),
        "interaction_ratio": _ratio,
        "body_bytes": lambda leaf: Entry(
            "bytes of a request at most",
            "max(1 MiB, 16 x request.context_tokens), of the largest context",
            "max({application.SMALLEST_BODY_BYTES}, {application.BYTES_PER_TOKEN}"
            f" * {_longest_context(leaf)})",
            Basis.assumed,
            CODE,
        ),
        "file_bytes": setting(
            "bytes of an uploaded file at most",
            "16 MiB, or 0 where no files are accepted",
            Basis.assumed,
            CODE,
        ),
        "file_bytes_per_request": Entry(
            "bytes of uploaded files for one request",
            "application.file_bytes_per_request",
            "{v}",
            Basis.given,
            "the workload file: application.file_bytes_per_request",
        ),
    },
    TokenLimitPlan: {
        "tokens_per_user_per_min": Entry(
            "tokens of one user in a minute at most, above which it is answered 429",
            "limit of tokens",
            "{w.access.tokens_per_key_per_min}",
            Basis.given,
            "the workload file: access.tokens_per_key_per_min",
            remarks=(
                "the application counts them, exactly, over all its pods: a key is the user, the"
                " sub of a token",
                "a minute is one of the database's clock; a request counts where it begins",
            ),
        ),
        "reserved_tokens": Entry(
            "tokens that a request reserves until its usage is known",
            "the context: an engine computes no more for one request",
            "{w.request.context_tokens}",
            Basis.given,
            "the workload file: request.context_tokens",
        ),
        "requests_at_once": Entry(
            "requests of one user that may be at work at once, where the minute has no others",
            "floor(limit of tokens / context)",
            "floor({s.application.tokens.tokens_per_user_per_min}"
            " / {s.application.tokens.reserved_tokens})",
        ),
        "request_tokens": _request_tokens,
        "requests_per_min": Entry(
            "requests of mean length that one user gets answered in a minute",
            "floor((limit of tokens - context) / mean tokens) + 1",
            "floor(({s.application.tokens.tokens_per_user_per_min}"
            " - {s.application.tokens.reserved_tokens})"
            " / {s.application.tokens.request_tokens}) + 1",
            remarks=("one after the other; each must still reserve a context",),
        ),
        "cpu_s_per_request": _measured(
            "CPU seconds of the limit for one request", application.LIMIT_CPU
        ),
        "commits_per_request": _measured(
            "transactions of the limit for one request: one reserves, one settles",
            application.LIMIT_COMMITS,
        ),
        "connections_per_process": setting(
            "connections of a process to the counts", "the program opens one", Basis.assumed, CODE
        ),
        "rows_most": lambda leaf: Entry(
            "rows of the limit at most, one for each request until it is deleted",
            "mean rate x (seconds of a day + those for which a count is kept + the deletion's)",
            f"ceil({front_rate('mean', leaf)} * {{application.LIMIT_ROWS}}"
            " * ({units.SECONDS_PER_DAY} + {application.COUNTED_S}"
            " + {application.DELETE_WINDOW_S}))",
        ),
    },
    RetentionPlan: {
        "days": Entry(
            "days after which a conversation without a new message is deleted",
            "retention days",
            "{w.data.retention_days}",
            Basis.given,
            "the workload file: data.retention_days",
        ),
        "batch_rows": setting(
            "conversations, responses or other rows of one transaction at most",
            "fixed",
            Basis.assumed,
            CODE,
        ),
        "rows_per_request": _per_request("rows of one request", "rows"),
        "rows_per_day": lambda leaf: Entry(
            "rows that are due each day at full retention",
            "mean rate x seconds of a day x rows of a request",
            f"ceil({front_rate('mean', leaf)} * {{units.SECONDS_PER_DAY}}"
            " * {s.application.retention.rows_per_request})",
        ),
        "rows_per_s": lambda leaf: Entry(
            "rows a second while they are deleted",
            "rows of a day / seconds of the window",
            f"{front_rate('mean', leaf)} * {{units.SECONDS_PER_DAY}}"
            " * {s.application.retention.rows_per_request} / {application.DELETE_WINDOW_S}",
        ),
        "window_s": setting(
            "seconds of a day in which rows are deleted", "fixed: 6 h", Basis.assumed, CODE
        ),
    },
    ApplicationPodsPlan: {
        "cpu_millicores": setting(
            "millicores that a pod requests", "fixed: most of a node", Basis.assumed, CODE
        ),
        "process_mib": _measured("MiB of one process", "process_mib"),
        "memory_mib": Entry(
            "MiB that a pod requests and may use",
            "processes x MiB of one + 768",
            "ceil({application.PROCESSES} * {s.application.pods.process_mib}"
            " + {application.OTHER_MIB})",
            Basis.assumed,
            CODE,
        ),
        "taken_at_once": Entry(
            "pods that an update or a drained node may stop at once",
            "the spare ones",
            "{s.application.pods_total} - {s.application.pods_needed}",
        ),
        "stop_s": Entry(
            "seconds in which a pod ends its answers when it must stop",
            "2 x the time for which it still answers",
            "2 * {s.application.pods.drain_s}",
        ),
        "drain_s": _drain_s,
    },
}
