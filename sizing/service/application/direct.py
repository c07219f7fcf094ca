"""What do searches and vectors without an answer add to a service?"""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.plan.service.application.direct import DirectPlan
from sizing.replica.traffic import Rates
from sizing.service.application.vectors import direct_ratios
from sizing.service.application.work import measured
from sizing.values.exact import exact, plain
from sizing.workload import Workload
from sizing.workload.context.context import BYTES_PER_TOKEN, Context

PASSAGE_BYTES, SEARCH_BYTES = 600, 500
"""Bytes around each passage in an answer to a search, and around all of them. Basis: measured (OGX
1.5.0: 1,400 to 1,630 around 5 passages with short names), and assumed for long names, escapes and
headers."""
ELEMENT_TEXT_BYTES = 22
"""Bytes of one element of a vector in an answer. Basis: arithmetic (a number of 32 bits, written as
the shortest decimal of 64 bits, with a separator: 21.2 on average)."""


def cpu_s(workload: Workload, catalog: Catalog) -> Fraction:
    """CPU seconds of these requests for one request of the service.

    searches x s of a search + texts x s of a text, as if each text came alone

    Basis: measured (`sizing/catalog/data/application_work.csv`), the highest. A search alone took
    at most 0.021 s, less than one within a response, whose figure is applied.
    """
    searches, texts = direct_ratios(workload)
    found = searches * measured(catalog, "cpu_s_per_search")
    return found + texts * measured(catalog, "cpu_s_per_embedding")


def direct_plan(
    workload: Workload, context: Context, dimensions: int, rates: Rates, catalog: Catalog
) -> DirectPlan | None:
    """Return the requests without an answer; None where none are accepted.

    bytes sent = searches x request_bytes + texts x bytes of a chunk
    bytes of answers = searches x bytes of passages + texts x elements x 22
    """
    if context.direct is None:
        return None
    searches, texts = direct_ratios(workload)
    chunk = context.chunk_tokens * BYTES_PER_TOKEN
    found = context.retrieved_chunks * (chunk + PASSAGE_BYTES) + SEARCH_BYTES
    vector = dimensions * ELEMENT_TEXT_BYTES
    return DirectPlan(
        searches_per_request=plain(searches),
        embeddings_per_request=plain(texts),
        searches_per_s=plain(rates.busiest * searches),
        embeddings_per_s=plain(rates.busiest * texts),
        cpu_s_per_embedding=plain(measured(catalog, "cpu_s_per_embedding")),
        search_bytes=found,
        embedding_bytes=vector,
        sent_bytes_per_request=plain(
            searches * exact(workload.request.request_bytes or 0) + texts * chunk
        ),
        answer_bytes_per_request=plain(searches * found + texts * vector),
    )
