"""Application in front of the engines of a service, and what it does to the database."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import (
    BUDGET,
    CONFIG_MAP,
    CONTAINER,
    CRON_JOB,
    DEPLOYMENT,
    JOB,
    Reaches,
)
from sizing.plan.service.application.cache import AnswerCachePlan
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.application.direct import DirectPlan
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.values.exact import Number
from sizing.values.strict import absent

CONFIG = "data"
ENVIRONMENT = f"{CONTAINER}.0.env"
CRON_ENVIRONMENT = "spec.jobTemplate.spec.template.spec.containers"


class ApplicationPodsPlan(Part):
    """Pods of the application, each on a node of its own."""

    image: Annotated[
        str,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.image"),
        Reaches(JOB, f"{CONTAINER}.0.image"),
        Reaches(CRON_JOB, f"{CRON_ENVIRONMENT}.0.image"),
    ]
    """Image of the application, by exact tag."""
    cpu_millicores: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.cpu")]
    """Millicores that a pod requests."""
    process_mib: Number
    """MiB of one process, the most measured."""
    memory_mib: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.memory"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.limits.memory"),
    ]
    """MiB that a pod requests and may use."""
    taken_at_once: Annotated[
        int,
        Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable"),
        Reaches(BUDGET, "spec.maxUnavailable"),
    ]
    """Pods that an update or a drained node may stop at once: the spare ones."""
    stop_s: Annotated[int, Reaches(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds")]
    """Seconds in which a pod ends its answers when it must stop."""
    drain_s: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.lifecycle.preStop.sleep.seconds")]
    """Seconds for which a pod still answers after the load balancer stopped sending to it."""


class RetentionPlan(Part):
    """Deletion of conversations and responses after their retention."""

    days: Annotated[int, Reaches(CRON_JOB, f"{CRON_ENVIRONMENT}.0.env")]
    """Days after which a conversation without a new message is deleted, and a response."""
    batch_rows: Annotated[int, Reaches(CRON_JOB, f"{CRON_ENVIRONMENT}.0.env")]
    """Conversations, responses or other rows of one transaction at most."""
    rows_per_request: Number
    """Rows of one request, with its share of those of a conversation, as measured."""
    rows_per_day: int
    """Rows that are due each day at full retention."""
    rows_per_s: Number
    """Rows a second while they are deleted."""
    window_s: Annotated[int, Reaches(CRON_JOB, "spec.jobTemplate.spec.activeDeadlineSeconds")]
    """Seconds of a day in which they are deleted."""


class TokenLimitPlan(Part):
    """Limit of the tokens of one user, which the application enforces."""

    tokens_per_user_per_min: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Tokens of one user in a minute at most, prompts and answers."""
    reserved_tokens: int
    """Tokens that a request reserves before an engine starts: its context."""
    requests_at_once: int
    """Requests of one user that may be at work at once, where the minute has no others."""
    request_tokens: Number | None
    """Mean tokens of a request with its answer; null where its prompt is not stated."""
    requests_per_min: int | None
    """Requests of that length that one user gets answered in a minute, one after the other; null
    where their length is not stated."""
    cpu_s_per_request: Number
    """CPU seconds of the limit for one request, the highest measured."""
    commits_per_request: int
    """Transactions of the limit for one request: one reserves, and one settles."""
    connections_per_process: int
    """Connections of one process for the limit."""
    rows_most: int
    """Rows of the limit at most: one for each request until the nightly deletion."""


class ApplicationPlan(Part):
    """Application that answers users, and keeps their conversations in the database."""

    api: str
    """Program: ogx."""
    audience: Annotated[str, Reaches(CONFIG_MAP, CONFIG)]
    """Recipient that callers' tokens must name."""
    requests_per_s: Number
    """Requests a second at the busiest moment."""
    cpu_s_per_response: Number
    """CPU seconds of one response without its tokens and its history, the highest measured."""
    cpu_s_per_token: Number
    """CPU seconds of one token of an answer, the highest measured."""
    cpu_s_per_history_kib: Number
    """CPU seconds of 1 KiB of earlier turns, the highest measured."""
    answer_tokens: Number
    """Mean tokens of an answer."""
    history_bytes: Number
    """Mean bytes of earlier turns."""
    cpu_s_per_request: Number
    """CPU seconds of the application for one request."""
    processes_needed: int
    """Processes that answer so many, each with one CPU."""
    processes_per_pod: Annotated[int, Reaches(CONFIG_MAP, CONFIG)]
    """Processes of one pod."""
    pods_needed: int
    """Pods that answer so many requests."""
    pods_total: Annotated[int, Reaches(DEPLOYMENT, "spec.replicas")]
    """Pods with those that may be lost."""
    connections_per_process: Annotated[int, Reaches(CONFIG_MAP, CONFIG)]
    """Connections of one process to its conversations at most. One more is for its settings, and
    one for a limit of tokens."""
    database_tls: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """TLS of the connections: verify-full, or require where the certificates of the region's
    authorities are not known and the server is not verified."""
    connections_total: int
    """Connections of all pods at most, and of other clients."""
    connections_limit: int
    """Connections that the database takes at its highest capacity."""
    commits_per_request: Number
    """Transactions of one request that write, with its share of those of a conversation."""
    writes_per_s: Number
    """Writes a second at the busiest moment, deletions included. They size the database."""
    row_bytes: Number
    """Bytes of the rows of one interaction without its text, as measured."""
    text_copies: Number
    """Copies of the text of one interaction in all rows, as measured."""
    history_copies: Number
    """Copies of the text of earlier turns in all rows of one turn, as measured."""
    interaction_bytes: int
    """Bytes of rows that one interaction takes, as measured."""
    index_ratio: Number
    """Bytes of indexes over those of rows, as measured."""
    interaction_ratio: Number
    """Stated bytes of an interaction with its indexes, over the measured ones; 1 where none are
    stated."""
    body_bytes: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes of a request at most. Larger ones get 413."""
    file_bytes: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes of an uploaded file at most; 0 where no files are accepted."""
    file_bytes_per_request: Number
    """Bytes of uploaded files for one request; with 0 no files are accepted."""
    retention: RetentionPlan
    """Deletion of what is due."""
    feedback: Annotated[FeedbackPlan | None, Field(exclude_if=absent)] = None
    """Feedback of users; left out where none is accepted."""
    pods: ApplicationPodsPlan | None
    """Pods; null where the service gets no nodes."""
    tokens: Annotated[TokenLimitPlan | None, Field(exclude_if=absent)] = None
    """Limit of the tokens of one user; absent where none is stated."""
    context: Annotated[ContextPlan | None, Field(exclude_if=absent)] = None
    """Documents that requests search; absent where there are none."""
    cache: Annotated[AnswerCachePlan | None, Field(exclude_if=absent)] = None
    """Answers that are kept for identical requests; absent where none are."""

    @property
    def direct(self) -> DirectPlan | None:
        """Searches and vectors without an answer; None where none are accepted."""
        return None if self.context is None else self.context.direct

    @property
    def pods_built(self) -> int:
        """Pods that the stack builds: those that answer, and those that keep documents."""
        workers = 0 if self.context is None else self.context.pods
        return 0 if self.pods is None else self.pods_total + workers
