"""Which application is in front of the engines, and who uses the stores?"""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.units import SECONDS_PER_DAY
from sizing.values.written import PositiveCount, Ratio
from sizing.workload.data import Client, none_is_absent
from sizing.workload.engine import Hits, Routing
from sizing.workload.kinds import Kind

if TYPE_CHECKING:
    from sizing.workload.whole import Workload

AUDIENCE = "aud"
"""Claim of a token that names its recipient. Basis: vendor (RFC 7519)."""


class ApplicationApi(StrEnum):
    """Program that answers users and keeps their conversations."""

    ogx = "ogx"
    """OGX: conversations, responses and files by OpenAI's API, kept in the database."""
    none = "none"
    """No application: callers reach the engines."""


class Ui(StrEnum):
    """Chat page for people, in front of the application."""

    open_webui = "open-webui"
    """Open WebUI. Its licence keeps its branding above 50 users in 30 days."""


class Feedback(Strict):
    """What users say about answers, which the application takes and a bucket keeps."""

    share: Annotated[Ratio, Field(gt=0, le=1)]
    """Share of requests whose answers users judge, from 0 to 1."""
    comment_bytes: Annotated[Ratio, Field(ge=0, le=16_000)]
    """Mean bytes of the comment of one judgement; those without a comment count as 0."""


CallRatio = Annotated[Ratio, Field(ge=0, lt=1)]
"""Share of calls that a cache answers. Some always reach an engine: the first ones."""


class ResponseCache(Hits):
    """Answers of the engines that are kept for identical requests of the same user."""

    hit_ratio: CallRatio
    """Share of the calls of an engine that the cache answers. The application logs its hits and
    misses."""
    high_hit_ratio: CallRatio | None = None
    """Optimistic end of the share. When left out, `hit_ratio` applies."""
    ttl_s: PositiveCount
    """Seconds for which the answers of a user are kept, from the first of them. All of them go
    together."""


class Application(Strict):
    """Application in front of the engines. It is the client of the database."""

    api: ApplicationApi
    """Program that answers users."""
    file_bytes_per_request: Annotated[Ratio, Field(ge=0, le=10**12)] = Decimal(0)
    """Mean bytes of files that users upload for one request. With 0, no files are accepted."""
    feedback: Annotated[Feedback | None, Field(exclude_if=absent)] = None
    """Feedback of users on answers. When left out, none is accepted."""
    cache: Annotated[ResponseCache | None, Field(exclude_if=absent)] = None
    """Answers for identical requests of the same user. When left out, none are kept."""
    ui: Annotated[Ui | None, Field(exclude_if=absent)] = None
    """Chat page for people. When left out, there is none."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of requests that it answers. Basis: vendor (OpenAI's API), and of feedback our
        own."""
        files = ("/v1/files*",) if self.takes_files else ()
        feedback = () if self.feedback is None else ("/v1/feedback",)
        return (
            "/v1/responses*",
            "/v1/conversations*",
            "/v1/chat/completions",
            "/v1/models",
            *files,
            *feedback,
        )

    @property
    def takes_files(self) -> bool:
        """True where users may upload files."""
        return self.file_bytes_per_request > 0


def none_is_no_application(value: Any) -> Any:
    """Return None for the word none, and for an application whose api is none."""
    if isinstance(value, dict) and value.get("api") == "none":
        if len(value) > 1:
            field = next(name for name in value if name != "api")
            raise FieldError((field,), "api: none has no application", "no such key, or api: ogx")
        return None
    if isinstance(value, Application) and value.api is ApplicationApi.none:
        return None
    return none_is_absent(value)


def check_application(workload: "Workload") -> None:
    """Check that an application has its store and its tokens, and a store its client.

    Raises FieldError.
    """
    _client_is_the_application(workload)
    application = workload.application
    if application is None:
        return
    traits = workload.kind.traits
    if traits.makes_media or not traits.generates:
        message = f"{workload.kind.value} has no conversations"
        raise FieldError(("application",), message, "kind: chat or kind: text")
    _parts_fit(workload, application)
    if application.ui is not None and workload.kind is not Kind.chat:
        message = f"{workload.kind.value} has no conversations of people"
        raise FieldError(("application", "ui"), message, "kind: chat, or no such key")
    if workload.data is None:
        expected = "data.retention_days, after which conversations expire"
        raise FieldError(("data",), "the application keeps conversations", expected)
    if workload.data.profile_bytes_per_user is not None:
        message = "the application keeps no profiles"
        expected = "no such key, or client: own without an application"
        raise FieldError(("data", "profile_bytes_per_user"), message, expected)
    access = workload.access
    if access.has_public and access.requests_per_key_per_min is None:
        message = "missing, and the firewall cannot count the tokens of an application"
        expected = "requests of one key per minute, with tokens_per_key_per_min"
        raise FieldError(("access", "requests_per_key_per_min"), message, expected)
    if workload.audience is None:
        message = "the application verifies tokens, and needs exactly one audience of theirs"
        expected = f"claims: [{{name: {AUDIENCE}, values: [{workload.name}]}}], with one value"
        raise FieldError(("access", "claims"), message, expected)
    if workload.data.index_ratio and workload.data.interaction_bytes is None:
        message = "the indexes of the application are measured"
        expected = "no such key, or interaction_bytes too"
        raise FieldError(("data", "index_ratio"), message, expected)
    if workload.engine.routing is Routing.sticky:
        message = "the application sends each request to any replica"
        raise FieldError(("engine", "routing"), message, Routing.least_requests.value)
    if workload.in_transit is not None:
        message = "the application calls the engines without TLS"
        raise FieldError(("in_transit",), message, "none")
    cache, kept_s = application.cache, workload.data.retention_days * SECONDS_PER_DAY
    if cache is not None and cache.ttl_s > kept_s:
        message = "answers would be kept longer than data.retention_days"
        raise FieldError(("application", "cache", "ttl_s"), message, f"at most {kept_s}")


def _parts_fit(workload: "Workload", application: Application) -> None:
    """Raises FieldError for parts of an application that do not know each other."""
    others = {"context": workload.context, "route": workload.route, "cache": application.cache}
    other = next((name for name, part in others.items() if part is not None), None)
    if application.ui is not None and other is not None:
        message = f"the page has one model, and its people could not use {other}"
        expected = f"no such key, or a page in front of another service, without {other}"
        raise FieldError(("application", "ui"), message, expected)
    if application.cache is not None and workload.route is not None:
        message = "the hits of other models are not sized"
        expected = "no such key, or a service without route"
        raise FieldError(("application", "cache"), message, expected)


def _client_is_the_application(workload: "Workload") -> None:
    """Raises FieldError where the stated client is not the one that the workload has."""
    data = workload.data
    if data is None:
        return
    has_application = workload.application is not None
    if data.client is Client.application and not has_application:
        expected = "application: {api: ogx}, or client: own"
        raise FieldError(("data", "client"), "the workload has no application", expected)
    if data.client is Client.own and has_application:
        message = "the database belongs to the application"
        raise FieldError(("data", "client"), message, "application, or no such key")


def check_client(workload: "Workload") -> None:
    """Check that somebody uses the stores of a service. Raises FieldError.

    It is no rule of the file alone: a plan leaves out that the user's own programs do.
    The workers of a queued service write its results. Everything else needs a client.
    """
    data = workload.data
    if data is None or data.client is not None or workload.application is not None:
        return
    if workload.jobs is not None and data.profile_bytes_per_user is None:
        return
    hint = "or a section application, which then uses the store"
    message = "missing, and nothing would use the store"
    raise FieldError(("data", "client"), message, "client: own, if your programs use it", hint)
