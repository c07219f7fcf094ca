"""Explanations of the chat page in front of an application."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry, setting
from sizing.plan.service.application.page import PagePlan, PagePodsPlan, SignInPlan

CODE = "sizing/service/application/page.py"
WORK = CATALOG + "application_work.csv"
OURS = "{s.page."
MEASURED = (
    "measured once, with a stand-in of the application and other loads; measure it on your nodes",
)


def _measured(meaning: str, item: str, symbols: str = "the highest of the measurements") -> Entry:
    return Entry(meaning, symbols, "{v}", Basis.measured, f"{WORK}, {item}", remarks=MEASURED)


def _pods_total(leaf: Leaf) -> Entry:
    needed, zones = OURS + "pods_needed}", len(leaf.plan.site.zones)
    if leaf.plan.site.must_survive_a_zone([leaf.sized.inputs]):
        return Entry(
            "pods of the page of which those in one zone may be lost",
            "needed + ceil(needed / (zones - 1)), in an even spread",
            f"{needed} + ceil({needed} / ({zones} - 1))",
        )
    return Entry("pods of the page of which one may be lost", "needed + 1", f"{needed} + 1")


def _connections_limit(leaf: Leaf) -> Entry:
    page = leaf.sized.page
    known = page is not None and page.database is not None
    low = known and page is not None and page.database is not None and page.database.min_acu < 1
    most = "CONNECTIONS_OF_HALF_ACU" if low else "CONNECTIONS_AT_MOST"
    return Entry(
        "connections that the page's database takes at its highest capacity",
        "min(189 x highest ACU, 5,000), and at most 2,000 where the lowest ACU is below 1",
        "min(floor({aurora.CONNECTIONS_PER_ACU} * {s.page.database.max_acu}), "
        f"{{aurora.{most}}})"
        if known
        else "{v}",
        Basis.vendor,
        "AWS re:Post: max_connections of Aurora PostgreSQL; sizing/service/stores/aurora.py",
        arithmetic=known,
    )


def _drain_s(_: Leaf) -> Entry:
    return Entry(
        "seconds for which a pod of the page answers after the balancer stopped sending to it",
        "the longest answer, at most an hour",
        "min(ceil({s.gateway.longest_answer_s}), {gateway.DRAIN_LIMIT_S})",
    )


PAGE: Registry = {
    SignInPlan: {
        "session_s": setting(
            "seconds after which a person signs in again", "12 hours", Basis.assumed, CODE
        ),
    },
    PagePlan: {
        "requests_per_s": Entry(
            "questions a second at the busiest moment",
            "all requests of the service count as questions on its page",
            "{s.application.requests_per_s}",
        ),
        "cpu_s_per_turn": _measured(
            "CPU seconds of one question, without its answer's tokens", "page_cpu_s_per_turn"
        ),
        "cpu_s_per_token": _measured(
            "CPU seconds of one token of an answer", "page_cpu_s_per_token"
        ),
        "cpu_s_per_request": Entry(
            "CPU seconds of the page for one question",
            "base + s a token x tokens of the answer",
            OURS + "cpu_s_per_turn} + " + OURS + "cpu_s_per_token} * {s.application.answer_tokens}",
        ),
        "pods_needed": Entry(
            "pods of the page, each with one process",
            "ceil(questions/s x CPU seconds of one / 0.6), at least 2",
            "max({page.FEWEST_PODS}, ceil("
            + OURS
            + "requests_per_s} * "
            + OURS
            + "cpu_s_per_request} / ({page.UTILISATION})))",
            Basis.assumed,
            CODE,
        ),
        "pods_total": _pods_total,
        "sticky_s": setting(
            "seconds for which a browser stays with its pod", "12 hours", Basis.assumed, CODE
        ),
        "connections_per_pod": setting(
            "connections of a pod of the page to its database at most",
            "10; a statement takes milliseconds",
            Basis.assumed,
            CODE,
        ),
        "connections_total": Entry(
            "connections to the page's database at most",
            "pods x (connections + 1 for a probe) + 10 for other clients",
            OURS
            + "pods_total} * ("
            + OURS
            + "connections_per_pod} + {page.PROBES}) + {page.OTHER_CONNECTIONS}",
            Basis.assumed,
            CODE,
        ),
        "connections_limit": _connections_limit,
        "writes_per_turn": _measured("rows that one question writes", "page_writes_per_turn"),
        "writes_per_s": Entry(
            "writes a second to the page's database at the busiest moment",
            "questions/s x rows of one + due conversations/s, one of each question at most",
            OURS
            + "requests_per_s} * "
            + OURS
            + "writes_per_turn} + {s.traffic.requests_per_s_mean} * {units.SECONDS_PER_DAY}"
            " / {page.DELETE_WINDOW_S}",
        ),
        "row_bytes": _measured(
            "bytes of rows and indexes of one question without its text",
            "page_row_bytes_per_turn",
            "the median of the measurements",
        ),
        "text_copies": _measured(
            "copies of the text of question and answer in all rows",
            "page_text_copies_per_turn",
            "the median of the measurements",
        ),
        "turn_bytes": Entry(
            "bytes of one question with its answer in the page's database, indexes included",
            "constant + copies x bytes of question and answer",
            "ceil("
            + OURS
            + "row_bytes} + "
            + OURS
            + "text_copies} * ({w.request.request_bytes} + {w.request.response_bytes}))",
        ),
        "retention_days": Entry(
            "days after which a conversation that nobody has changed is deleted",
            "retention days",
            "{w.data.retention_days}",
            Basis.given,
            "the workload file: data.retention_days",
        ),
        "batch_rows": setting(
            "conversations of one transaction that deletes, at most", "fixed", Basis.assumed, CODE
        ),
        "window_s": setting(
            "seconds of a day in which conversations are deleted", "6 hours", Basis.assumed, CODE
        ),
    },
    PagePodsPlan: {
        "cpu_millicores": setting(
            "millicores of a pod of the page, of a node with 2 CPUs",
            "fixed; the agents of the node take the rest",
            Basis.assumed,
            CODE,
        ),
        "process_mib": _measured("MiB of the page's process after the load", "page_process_mib"),
        "memory_mib": Entry(
            "MiB that a pod of the page requests and may use",
            "process + 1,024 for people who are online",
            "ceil({s.page.pods.process_mib} + {page.OTHER_MIB})",
            Basis.assumed,
            CODE,
        ),
        "taken_at_once": Entry(
            "pods of the page that an update or a drained node may stop at once",
            "the spare ones",
            OURS + "pods_total} - " + OURS + "pods_needed}",
        ),
        "stop_s": Entry(
            "seconds in which a pod of the page ends its answers",
            "2 x drain",
            "2 * {s.page.pods.drain_s}",
        ),
        "drain_s": _drain_s,
    },
}
