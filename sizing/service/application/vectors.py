"""Which service makes the vectors of documents and questions, and what do prompts become?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from sizing.replica.traffic import request_rates
from sizing.values.exact import exact
from sizing.values.field_error import FieldError, of_workload
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload.context.context import BYTES_PER_TOKEN, Context, RetrievingRequest
from sizing.workload.engine import Engine
from sizing.workload.hardware import Hardware
from sizing.workload.kinds import Kind, Load
from sizing.workload.model import Model
from sizing.workload.prompt.derived import StageWorkload
from sizing.workload.request import Length, Lengths, Request, mean_tokens
from sizing.workload.targets import Capacity, Latency
from sizing.workload.traffic import Traffic
from sizing.workload.whole import NAME_LENGTH, Workload

INGESTION_S = 8 * 3_600
"""Seconds of a day in which new documents arrive. Basis: assumed; a working day."""
STAGE = "embedding"
QUERY_CHARACTERS = 2_000
"""Characters of a question that are searched for at most. Basis: assumed; the program of the search
has the same number."""
MILLIONTH = Decimal("0.000001")


class VectorsWorkload(StageWorkload):
    """Service of the vectors of another service's documents and questions."""

    @property
    def place(self) -> tuple[str, ...]:
        return ("context", STAGE)


def vectors_name(parent: str) -> str:
    """Name of the service of vectors: handbook-embedding."""
    return f"{parent}-{STAGE}"


def chunks_per_day(context: Context) -> int:
    """Chunks of new and changed documents on one day."""
    return context.documents_per_day * context.chunks_per_document


def chunks_per_s(context: Context) -> Fraction:
    """Chunks a second while documents arrive. Basis: arithmetic on an assumed working day."""
    return Fraction(chunks_per_day(context), INGESTION_S)


def direct_ratios(workload: Workload) -> tuple[Fraction, Fraction]:
    """Searches, and texts for vectors, that users request without an answer, for one request of
    the service. They have its course over the day.

    a user in a day / requests of a user in a day. Basis: arithmetic on an assumed course.
    """
    direct = None if workload.context is None else workload.context.direct
    if direct is None:
        return Fraction(0), Fraction(0)
    requests = exact(workload.traffic.requests_per_user_per_day)
    searches = exact(direct.searches_per_user_per_day) / requests
    return searches, exact(direct.embeddings_per_user_per_day) / requests


def with_context(workloads: Sequence[Workload]) -> list[Workload]:
    """Return the workloads with the services of their vectors, each after its parent.

    The prompts of a parent have the passages of documents. Raises StackFieldError at its field.
    """
    whole = list[Workload]()
    for index, workload in enumerate(workloads):
        if workload.context is None:
            whole.append(workload)
            continue
        passages = decimal(workload.context.retrieved_tokens)
        share = exact(workload.context.share)
        request = RetrievingRequest(
            **dict(workload.request), passages=passages, searching=decimal(share)
        )
        whole.append(workload.model_copy(update={"request": request}))
        with of_workload(index):
            whole.append(_vectors(workload, workload.context))
    return whole


def decimal(value: Fraction) -> Decimal:
    """Value to a millionth."""
    return (Decimal(value.numerator) / value.denominator).quantize(MILLIONTH)


def _vectors(parent: Workload, context: Context) -> VectorsWorkload:
    """Return the service of the vectors: the redundancy of its parent, and two kinds of texts.

    questions/s = requests/s x (share + direct searches of one); chunks/s = chunks of a day over 8
    hours, which count as if they arrived at the busiest moment of the questions, and direct texts

    Basis: arithmetic. Raises FieldError for a name that is too long.
    """
    service, given = vectors_name(parent.name), context.embedding
    if len(service) > NAME_LENGTH:
        longest = NAME_LENGTH - len(f"-{STAGE}")
        message = f"its service {service} has a name of {len(service)} characters"
        expected = f"a service with a name of at most {longest} characters"
        raise FieldError(("context", STAGE), message, expected)
    latency = parent.latency or Latency()
    return VectorsWorkload(
        name=service,
        kind=Kind.embedding,
        model=Model(name=given.model, precision=given.precision, source=given.source),
        traffic=_traffic(parent, context),
        request=Request(input_tokens=_texts(parent, context)),
        latency=Latency(response_s=Decimal(given.budget_ms) / 1_000, percentile=latency.percentile),
        capacity=Capacity(load=_load(parent)),
        redundancy=parent.redundancy,
        hardware=Hardware(instance_type=given.hardware),
        engine=Engine(),
        retire=parent.retire,
        parent=parent.name,
        stage=STAGE,
    )


def _traffic(parent: Workload, context: Context) -> Traffic:
    """Texts of a day and of the busiest second, as those of the parent's users."""
    rates, (searches, texts) = request_rates(parent.traffic), direct_ratios(parent)
    share = exact(context.share) + searches + texts
    users, ingested = exact(parent.traffic.daily_users), chunks_per_day(context)
    daily = rates.mean * share * SECONDS_PER_DAY + ingested
    peak = None
    if rates.peak is not None:
        busiest = rates.peak * share + chunks_per_s(context)
        peak = max(decimal(busiest * SECONDS_PER_DAY / daily), Decimal(1))
    return Traffic(
        daily_users=parent.traffic.daily_users,
        requests_per_user_per_day=max(decimal(daily / users), MILLIONTH),
        peak_ratio=peak,
    )


def _texts(parent: Workload, context: Context) -> Decimal | Lengths:
    """Tokens of a text: those of questions, and of chunks where documents arrive or users request
    vectors.

    Questions have the tokens that a request adds to its prompt, at most those that are searched
    for. Raises FieldError where they are not stated.
    """
    added = parent.request.input_tokens
    if added is None:
        raise FieldError(("request", "input_tokens"), "missing", "tokens of a question")
    question = min(mean_tokens(added), Decimal(QUERY_CHARACTERS // BYTES_PER_TOKEN))
    daily, each = (
        request_rates(parent.traffic).mean * SECONDS_PER_DAY,
        Decimal(context.chunk_tokens),
    )
    searches, texts = direct_ratios(parent)
    chunks = daily * texts + chunks_per_day(context)
    if not chunks:
        return question
    questions = daily * (exact(context.share) + searches)
    share = decimal(chunks / (questions + chunks))
    if not 0 < share < 1:
        return each if share else question
    return (Length(tokens=question, share=1 - share), Length(tokens=each, share=share))


def _load(parent: Workload) -> Load:
    return Load.mean if parent.capacity is None else parent.capacity.load
