"""Chat page in front of an application: its pods, its database and how it signs people in."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import (
    BUDGET,
    CONTAINER,
    CRON_JOB,
    DEPLOYMENT,
    JOB,
    RULE,
    TARGETS,
    Reaches,
)
from sizing.plan.service.stores import DatabasePlan
from sizing.values.exact import Number

SIGN_IN = "actions.0.authenticateOidc"
CRON_CONTAINER = "spec.jobTemplate.spec.template.spec.containers.0"


class SignInPlan(Part):
    """How the load balancer signs people in: OpenID Connect, at the issuer of tokens."""

    issuer: Annotated[str, Reaches(RULE, f"{SIGN_IN}.issuer")]
    client_id: Annotated[
        str, Reaches(RULE, f"{SIGN_IN}.clientId"), Reaches(DEPLOYMENT, f"{CONTAINER}.0.env")
    ]
    authorization_endpoint: Annotated[str, Reaches(RULE, f"{SIGN_IN}.authorizationEndpoint")]
    token_endpoint: Annotated[str, Reaches(RULE, f"{SIGN_IN}.tokenEndpoint")]
    user_info_endpoint: Annotated[str, Reaches(RULE, f"{SIGN_IN}.userInfoEndpoint")]
    scope: Annotated[str, Reaches(RULE, f"{SIGN_IN}.scope")]
    parameters: dict[str, str]
    """Other parameters of the request to sign in."""
    session_s: Annotated[int, Reaches(RULE, f"{SIGN_IN}.sessionTimeout")]
    """Seconds after which a person signs in again."""


class PagePodsPlan(Part):
    """Pods of the page, each on a node of its own."""

    image: Annotated[
        str,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.image"),
        Reaches(JOB, f"{CONTAINER}.0.image"),
    ]
    """Image of the page, by exact tag."""
    cpu_millicores: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.cpu")]
    """Millicores that a pod requests."""
    process_mib: Number
    """MiB of its process, the most measured."""
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


class PagePlan(Part):
    """Chat page that people open. It keeps their conversations in a database of its own."""

    ui: str
    """Program: open-webui."""
    sign_in: SignInPlan
    """How people sign in."""
    requests_per_s: Number
    """Questions a second at the busiest moment."""
    cpu_s_per_turn: Number
    """CPU seconds of one question with its answer and of all that a browser calls for it, the
    highest measured."""
    cpu_s_per_token: Number
    """CPU seconds of one token of an answer, the highest measured."""
    cpu_s_per_request: Number
    """CPU seconds of the page for one question."""
    pods_needed: int
    """Pods that answer so many questions, each with one process."""
    pods_total: Annotated[int, Reaches(DEPLOYMENT, "spec.replicas")]
    """Pods with those that may be lost."""
    sticky_s: Annotated[int, Reaches(TARGETS, "stickiness.cookieDuration")]
    """Seconds for which a browser stays with its pod, which alone knows its WebSocket."""
    connections_per_pod: Annotated[int, Reaches(DEPLOYMENT, f"{CONTAINER}.0.env")]
    """Connections of one pod to the database at most, without those of its probes."""
    connections_total: int
    """Connections of all pods at most, and of other clients."""
    connections_limit: int
    """Connections that the database takes at its highest capacity."""
    writes_per_turn: Number
    """Rows that one question writes, the most measured."""
    writes_per_s: Number
    """Writes a second at the busiest moment, deletions included. They size the database."""
    row_bytes: Number
    """Bytes of rows and indexes of one question without its text, as measured."""
    text_copies: Number
    """Copies of the text of question and answer in all rows, as measured."""
    turn_bytes: int
    """Bytes of one question with its answer in the database, indexes included."""
    retention_days: Annotated[int, Reaches(CRON_JOB, f"{CRON_CONTAINER}.env")]
    """Days after which a conversation that nobody has changed is deleted."""
    batch_rows: Annotated[int, Reaches(CRON_JOB, f"{CRON_CONTAINER}.env")]
    """Conversations or accounts of one transaction at most."""
    window_s: Annotated[int, Reaches(CRON_JOB, "spec.jobTemplate.spec.activeDeadlineSeconds")]
    """Seconds of a day in which they are deleted."""
    database: DatabasePlan | None
    """Database of the page; null where the service gets no nodes."""
    pods: PagePodsPlan | None
    """Pods; null where the service gets no nodes."""
