"""What does one workload file contain?"""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.workload.accept import Accept
from sizing.workload.access import Access
from sizing.workload.application import (
    AUDIENCE,
    Application,
    check_application,
    none_is_no_application,
)
from sizing.workload.context.context import Context, check_context
from sizing.workload.data import Cdn, Data, none_is_absent
from sizing.workload.embedding.rules import check_embedding
from sizing.workload.engine import Engine, refusal
from sizing.workload.engines import ENGINES, EngineName, engines_of
from sizing.workload.hardware import AUTO, Hardware, TypeName, auto_is_a_type
from sizing.workload.items.queue import Queue
from sizing.workload.items.renditions import Renditions
from sizing.workload.items.rules import check_items
from sizing.workload.kinds import (
    InTransit,
    Kind,
    Load,
    Method,
    supported,
)
from sizing.workload.model import Model, ModelName, named
from sizing.workload.prompt.prompt import Prompt
from sizing.workload.request import Request
from sizing.workload.route.route import Route
from sizing.workload.route.rules import check_route
from sizing.workload.source import EMBEDDING_FILES
from sizing.workload.targets import Capacity, Latency, Redundancy
from sizing.workload.traffic import Traffic, has_a_peak, none_is_no_users

MEASURED_TYPE = "the instance_type that you measured, such as g6.xlarge"
DNS_LABEL = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
NAME_LENGTH = 30
"""Maximum characters of a service's name."""


def _waits_in_a_queue(values: dict[str, Any]) -> bool:
    """True where the requests of a file wait in a queue."""
    return values.get("queue") is not None or values.get("kind") == Kind.video


_WORK = {
    "total_tokens": ("tokens", "tokens of one request"),
    "iterations": ("iterations", "denoising iterations an image"),
}
"""Field that a user writes for the work of a request, and what is expected there."""


class Workload(Strict):
    """One service: its users, requests, lengths, latency targets and redundancy."""

    # Defaults are made with each workload. Made at import, they would build their schemas there.
    name: str = Field(pattern=DNS_LABEL, max_length=NAME_LENGTH, examples=["chat"])
    """Name of the service: lower-case letters, digits and single hyphens, at most 30 characters."""
    kind: Annotated[Kind, BeforeValidator(supported, json_schema_input_type=Kind)]
    """Kind of output that the service generates."""
    model: Annotated[Model, BeforeValidator(named, json_schema_input_type=ModelName | Model)]
    """Model: a catalog name, or name, parameters and precision."""
    traffic: Annotated[
        Traffic,
        BeforeValidator(none_is_no_users, json_schema_input_type=Literal["none"] | Traffic),
    ]
    """Users and their requests, or none where another service routes all of them to it."""
    request: Request = Field(default_factory=Request)
    """One request."""
    latency: Latency | None = None
    """Latency targets."""
    capacity: Capacity | None = None
    """Method for the rate of one GPU, and the load that the fleet is sized for."""
    redundancy: Redundancy = Field(default_factory=Redundancy)
    """Losses that the service must survive."""
    hardware: Annotated[
        Hardware | None,
        BeforeValidator(auto_is_a_type, json_schema_input_type=TypeName | Hardware | None),
    ] = None
    """Hardware of the nodes: auto, or an instance type."""
    data: Annotated[
        Data | None,
        BeforeValidator(none_is_absent, json_schema_input_type=Literal["none"] | Data | None),
    ] = None
    """Data that the service stores, or none when the applications store it."""
    application: Annotated[
        Application | None,
        BeforeValidator(
            none_is_no_application, json_schema_input_type=Literal["none"] | Application | None
        ),
        Field(exclude_if=absent),
    ] = None
    """Application in front of the engines, which keeps conversations. When left out, callers reach
    the engines."""
    context: Annotated[Context | None, Field(exclude_if=absent)] = None
    """Documents that requests may search before they are answered. When left out, prompts have
    none."""
    route: Annotated[Route | None, Field(exclude_if=absent)] = None
    """Other models that the application offers. When left out, it offers its own alone."""
    engine: Engine = Field(default_factory=Engine)
    """Serving engine and its limits."""
    queue: Annotated[Queue | None, Field(exclude_if=absent)] = None
    """Queue of jobs. When left out, images are made while the user waits. Clips always wait in a
    queue."""
    cdn: Annotated[Cdn | None, Field(exclude_if=absent)] = None
    """Content delivery network of a queued service's results. When left out, signed addresses name
    the bucket itself."""
    renditions: Annotated[Renditions | None, Field(exclude_if=absent)] = None
    """Other sizes and codecs of each clip, and a thumbnail. When left out, only the clip itself is
    stored."""
    prompt: Annotated[Prompt | None, Field(exclude_if=absent)] = None
    """Stages in front of an image or video model. When left out, the model gets each prompt as it
    is."""
    access: Access = Field(default_factory=Access)
    """Callers and their limits. When left out, only callers inside the network have access."""
    in_transit: Annotated[InTransit | None, Field(exclude_if=absent)] = None
    """Encryption between load balancer and engine. When left out, requests use plain HTTP."""
    retire: bool = False
    """True where the stores and the load balancer of the service lose their protection, so that it
    can be removed."""
    accept: Accept = Field(default_factory=dict, exclude_if=lambda given: not given)
    """Accepted contradictions of the answer: a sentence for each code."""

    @model_validator(mode="after")
    def _name_is_free(self) -> Self:
        if self.name == "default" or self.name.startswith("kube-"):
            raise FieldError(("name",), f"{self.name} is a namespace of Kubernetes", "another name")
        return self

    @model_validator(mode="after")
    def _tokens_are_of_the_kind(self) -> Self:
        check_embedding(self)
        return self

    @model_validator(mode="after")
    def _token_limit_holds_a_request(self) -> Self:
        limit, longest = self.access.tokens_per_key_per_min, self.request.context_tokens
        if limit is None:
            return self
        if longest is None:
            raise FieldError(
                ("request", "context_tokens"),
                "missing",
                "the longest request, for the limit of tokens",
            )
        if limit < longest:
            raise FieldError(
                ("access", "tokens_per_key_per_min"),
                "less than one request, at its longest",
                f"at least {longest}, request.context_tokens",
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _is_calibrated(cls, values: Any) -> Any:
        """Return the values. A service without a method gets the calibrated one.

        Images and clips are sized for the mean where no peak is given or a queue absorbs it, and on
        hardware of the ranking where none is stated.
        """
        if not isinstance(values, dict) or values.get("kind") not in list(Kind):
            return values
        capacity, queued = values.get("capacity"), _waits_in_a_queue(values)
        if capacity is not None:
            without_load = isinstance(capacity, dict) and "load" not in capacity
            mean = {"load": Load.mean} if queued and without_load else {}
            return {**values, "capacity": {**capacity, **mean}} if mean else values
        if not Kind(values["kind"]).traits.makes_media:
            return {**values, "capacity": {}}
        peak = has_a_peak(values.get("traffic")) and not queued
        return {"hardware": AUTO, **values, "capacity": {} if peak else {"load": Load.mean}}

    @model_validator(mode="before")
    @classmethod
    def _engine_of_the_kind(cls, values: Any) -> Any:
        """Return the values. A kind that vLLM does not serve gets the engine that does."""
        if not isinstance(values, dict) or values.get("kind") not in list(Kind):
            return values
        engine, able = values.get("engine"), engines_of(Kind(values["kind"]))
        stated = engine is not None and not (isinstance(engine, dict) and "name" not in engine)
        if stated or not able or EngineName.vllm in able:
            return values
        return {**values, "engine": {**(engine or {}), "name": able[0]}}

    @model_validator(mode="before")
    @classmethod
    def _files_of_the_engine(cls, values: Any) -> Any:
        """Return the values. A hub source without patterns gets those of the kind's engine."""
        try:
            kind, hub = Kind(values["kind"]), values["model"]["source"]["hub"]
        except (KeyError, TypeError, ValueError):
            return values
        able = engines_of(kind)
        if not able or not isinstance(hub, dict) or "files" in hub:
            return values
        files = able[0].traits.hub_files if kind.traits.generates else EMBEDDING_FILES
        source = {**values["model"]["source"], "hub": {**hub, "files": files}}
        return {**values, "model": {**values["model"], "source": source}}

    @model_validator(mode="after")
    def _items_are_consistent(self) -> Self:
        check_items(self)
        check_route(self)
        check_application(self)
        check_context(self)
        return self

    @model_validator(mode="after")
    def _callers_have_tokens(self) -> Self:
        """Check that claims and limits of keys are of callers with tokens."""
        if self.callers_need_token:
            return self
        for name in self.access.by_token:
            expected = "token_required: true"
            raise FieldError(("access", name), "no request has a token", expected)
        return self

    @property
    def callers(self) -> tuple[str, ...]:
        """Services of the stack that alone may call this one, without a load balancer; none for
        a service with one."""
        return () if self.access.service is None else (self.access.service,)

    @property
    def burst_gpus(self) -> int:
        """GPUs that may be added above the planned ones."""
        return 0 if self.capacity is None else self.capacity.burst_gpus

    @property
    def jobs(self) -> Queue | None:
        """Queue of the service's jobs; None where requests are answered while the user waits."""
        if self.queue is None and self.kind is Kind.video:
            return Queue()
        return self.queue

    @property
    def callers_need_token(self) -> bool:
        """True where a load balancer requires a token. Jobs and conversations belong to the subject
        of one."""
        return self.access.asks_for_token or self.has_owners

    @property
    def has_owners(self) -> bool:
        """True where each caller has jobs or conversations of their own."""
        return self.jobs is not None or self.application is not None

    @property
    def has_page(self) -> bool:
        """True where people open a chat page of the service."""
        return self.application is not None and self.application.ui is not None

    @property
    def audience(self) -> str | None:
        """Recipient that tokens name; None where no claim states exactly one."""
        named = [claim.values for claim in self.access.claims if claim.name == AUDIENCE]
        return named[0][0] if len(named) == 1 and len(named[0]) == 1 else None

    @model_validator(mode="after")
    def _drafts_and_host_cache_are_of_one_node(self) -> Self:
        spans = self.hardware is not None and self.hardware.nodes_per_replica not in (None, 1)
        if self.engine.speculative is not None and spans:
            message = "drafts are not known to work in a pipeline over several nodes"
            raise FieldError(("engine", "speculative"), message, "none, or replicas in one node")
        if self.engine.kv_offload is not None and spans:
            message = "a cache in host memory is not sized for replicas over several nodes"
            raise FieldError(("engine", "kv_offload"), message, "none, or replicas in one node")
        return self

    @model_validator(mode="after")
    def _engine_has_it(self) -> Self:
        if self.engine.name is EngineName.auto:
            self._engines_are_rated()
        elif (fault := self.refusal(self.engine.name)) is not None:
            raise fault
        return self

    def _engines_are_rated(self) -> None:
        """Raises FieldError where nothing compares the engines."""
        known = ", ".join(engines_of(self.kind))
        method = self.capacity.method if self.capacity is not None else None
        if method is not Method.calibrated:
            messages: dict[Method | None, str] = {
                Method.given: "a measured rate is of one engine, and auto chooses among all",
                Method.textbook: "the textbook rule rates all engines alike",
                None: "auto chooses by rates, and the workload has no capacity",
            }
            message = messages[method]
            hint = "or capacity.method: calibrated, which rates every engine"
            raise FieldError(("engine", "name"), message, f"one of {known}", hint)

    def refusal(self, engine: EngineName) -> FieldError | None:
        """Error of the first field that cannot be built with the engine; None where there is
        none."""
        return refusal(
            engine,
            kind=self.kind,
            capacity=self.capacity,
            hardware=self.hardware,
            in_transit=self.in_transit,
            speculative=self.engine.speculative,
            kv_offload=self.engine.kv_offload,
        )

    @property
    def engines(self) -> tuple[EngineName, ...]:
        """Engine that the workload states, else all that can be built for it, vLLM first."""
        if self.engine.name is not EngineName.auto:
            return (self.engine.name,)
        return tuple(name for name in ENGINES if self.refusal(name) is None)

    def with_engine(self, name: EngineName) -> "Workload":
        """Return the same workload with this engine."""
        if name is self.engine.name:
            return self
        return self.model_copy(update={"engine": self.engine.model_copy(update={"name": name})})

    @model_validator(mode="after")
    def _enough_to_size(self) -> Self:
        if self.capacity is None:
            return self
        if self.hardware is None:
            raise FieldError(("hardware",), "missing", "instance_type: g6.xlarge")
        if self.capacity.load is Load.peak and not self._peak_is_known:
            raise FieldError(
                ("traffic",),
                "capacity.load is peak, but no peak is given",
                "peak_users_share with think_time_s, peak_ratio, or hourly",
                "or set capacity.load: mean",
            )
        if self.capacity.method is Method.textbook:
            self._work_is_known()
        if self.capacity.method is Method.calibrated:
            lengths_are_known(self)
        if self.hardware.is_auto and self.capacity.method is Method.given:
            raise _rate_of_any_gpu()
        if self.hardware.is_auto and self.hardware.precisions and self.model.precision is not None:
            expected = "the model's precision, or hardware.precisions"
            raise FieldError(("hardware", "precisions"), "the precision is given twice", expected)
        return self

    @property
    def textbook_work(self) -> int | Decimal | None:
        """Work of one request that the textbook rule counts; None where it is unknown."""
        field = self.kind.traits.textbook_work
        return None if field is None else getattr(self.request, field)

    @property
    def _peak_is_known(self) -> bool:
        """True where the file gives a peak, or gets it from the service that calls this one."""
        return has_a_peak(self.traffic) or self.traffic.daily_users == 0

    def _work_is_known(self) -> None:
        work = self.kind.traits.textbook_work
        if work is None:
            message = f"the textbook rule has no form for {self.kind.value}"
            raise FieldError(("capacity", "method"), message, "calibrated or given")
        if self.textbook_work is None:
            field, expected = _WORK[work]
            raise FieldError(("request", field), "missing", expected)


def _rate_of_any_gpu() -> FieldError:
    """Return the error of a measured rate without hardware, with the methods for this kind."""
    message = "a measured rate is of one GPU, and hardware: auto chooses among all"
    hint = f"or capacity.method: {Method.calibrated}, which rates every GPU"
    return FieldError(("hardware",), message, MEASURED_TYPE, hint)


def lengths_are_known(workload: Workload) -> None:
    """Raises FieldError where the method calibrated lacks the lengths of prompt and answer."""
    request = workload.request
    if workload.kind.traits.makes_media or not workload.kind.traits.generates:
        return
    if request.output_tokens is None:
        field = "tokens" if request.tokens is not None else "input_tokens"
        raise FieldError(
            ("request", field),
            "input_tokens and output_tokens are not known",
            "input_tokens, output_tokens",
        )
