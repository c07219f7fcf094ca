"""What people will ask of a model: the user's words, checked once."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from sizing.exact import plain
from sizing.field_error import FieldError
from sizing.model_source import ModelSource
from sizing.strict import Strict
from sizing.units import SECONDS_PER_DAY


def _no_truth(value: Any) -> Any:
    """Guard: pydantic would take true for 1."""
    if isinstance(value, bool):
        raise FieldError((), f"found {str(value).lower()}", "a number")
    return value


A_NUMBER = BeforeValidator(_no_truth)
Count = Annotated[int, A_NUMBER]
PositiveCount = Annotated[Count, Field(gt=0, lt=10**18)]
Ratio = Annotated[
    Decimal,
    A_NUMBER,
    Field(max_digits=36, decimal_places=18),
    PlainSerializer(plain, return_type=int | float, when_used="json"),
]
"""A decimal, exact inside, a JSON number outside. Guard: below 10^18 and to 18 places, as exact
arithmetic on 1e1000000 would not end."""
Positive = Annotated[Ratio, Field(gt=0)]
ZONE_ID = r"^[a-z]{2,4}[0-9]-az[0-9]{1,2}$"
_ZONE_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]")


def _is_a_zone_id(value: Any) -> Any:
    """Guard: a zone's name means another place in each account."""
    if not isinstance(value, str) or re.match(ZONE_ID, value):
        return value
    message = "is not a zone id"
    if _ZONE_NAME.fullmatch(value):
        message = "is a zone's name, which means another place in each account"
    raise FieldError(
        (),
        f"'{value}' {message}",
        "the zone's id, such as use1-az1",
        "`aws ec2 describe-availability-zones` lists the ids beside the names",
    )


ZoneId = Annotated[str, Field(pattern=ZONE_ID), BeforeValidator(_is_a_zone_id)]
ReservationId = Annotated[
    str, Field(pattern=r"^cr-[0-9a-f]{8,17}$", examples=["cr-0123456789abcdef0"])
]
DNS_LABEL = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class Kind(StrEnum):
    text = "text"
    """Text in, text out, one turn."""
    chat = "chat"
    """Conversations: text in, text out, turn after turn."""
    image = "image"
    """Text in, image out."""
    video = "video"
    """Text in, video out."""


class Precision(StrEnum):
    fp32 = "fp32"
    """32-bit floating point."""
    bf16 = "bf16"
    """16-bit brain floating point; needs compute capability 8.0."""
    fp16 = "fp16"
    """16-bit floating point."""
    fp8 = "fp8"
    """8-bit floating point."""
    int8 = "int8"
    """8-bit integer."""
    fp4 = "fp4"
    """4-bit floating point with block scales (NVFP4, MXFP4)."""
    int4 = "int4"
    """4-bit integer with group scales (AWQ, GPTQ)."""
    nf4 = "nf4"
    """4-bit normal float (QLoRA, bitsandbytes)."""


class Method(StrEnum):
    given = "given"
    """The user measured what one GPU serves."""
    textbook = "textbook"
    """2 x parameters x tokens / peak FLOP/s, as published back-of-the-envelope designs do."""
    calibrated = "calibrated"
    """A sum of physical terms fitted to measured runs, and a queue in front of each replica."""


class Load(StrEnum):
    mean = "mean"
    """Size for the daily mean."""
    peak = "peak"
    """Size for the busiest moment."""


class Encoder(Strict):
    name: str = Field(min_length=1, max_length=100)
    """What encodes the prompt, e.g. t5-xxl."""
    parameters: Positive
    """Parameters of the encoder."""


ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class Model(Strict):
    name: ModelName | None = None
    """A model of the catalog, by short name or Hugging Face id, or the path of a config.json."""
    parameters: Positive | None = None
    """Parameters; overrides the catalog's count."""
    precision: Precision | None = None
    """Precision of the weights; the catalog's native one when left out."""
    encoders: tuple[Encoder, ...] = ()
    """Encoders held beside the model, in the same precision; the catalog's when left out."""
    source: ModelSource | None = None
    """Where its files come from; when left out, you fill the bucket of weights yourself."""

    @model_validator(mode="after")
    def _is_known_somehow(self) -> Self:
        if self.name is None and self.parameters is None:
            raise FieldError((), "a model needs a name or parameters", "name: llama-3.1-8b")
        if self.name is None and self.precision is None:
            raise FieldError(("precision",), "missing", "one of " + ", ".join(Precision))
        return self


class Traffic(Strict):
    daily_users: PositiveCount
    """People who use the service on one day."""
    requests_per_user_per_day: Positive
    """Requests of one user on one day."""
    peak_users_share: Ratio | None = Field(default=None, gt=0, le=1)
    """Share of the daily users who are online at the busiest moment, 0 to 1."""
    think_time_s: Positive | None = None
    """Seconds between two requests of a user who is online."""
    peak_ratio: Ratio | None = Field(default=None, ge=1)
    """Peak rate over mean rate, at least 1."""
    hourly: tuple[Annotated[Ratio, Field(ge=0)], ...] | None = None
    """24 relative loads, one an hour; the peak is the busiest hour."""

    @model_validator(mode="after")
    def _one_way_to_the_peak(self) -> Self:
        ways = [self.think_time_s, self.peak_ratio, self.hourly]
        if sum(way is not None for way in ways) > 1:
            raise FieldError(
                (),
                "the peak is given twice",
                "one of peak_users_share with think_time_s, peak_ratio, or hourly",
            )
        if self.peak_users_share is not None and not any(way is not None for way in ways):
            raise FieldError(("think_time_s",), "missing", "seconds between a user's requests")
        if self.think_time_s is not None and self.peak_users_share is None:
            raise FieldError(("peak_users_share",), "missing", "a share from 0 to 1")
        if self.hourly is not None and (len(self.hourly) != 24 or sum(self.hourly) == 0):
            raise FieldError(("hourly",), "wrong length", "24 numbers, not all zero")
        self._peak_is_not_below_the_mean()
        return self

    def _peak_is_not_below_the_mean(self) -> None:
        if self.peak_users_share is None or self.think_time_s is None:
            return
        slowest_s = self.peak_users_share * SECONDS_PER_DAY / self.requests_per_user_per_day
        if self.think_time_s > slowest_s:
            raise FieldError(
                ("think_time_s",),
                "the peak is below the daily mean",
                f"at most {float(slowest_s):.6g}",
            )


class Length(Strict):
    """One bar of a histogram of lengths."""

    tokens: Positive
    """Tokens of the requests in this bar."""
    share: Positive
    """Their share of all requests, in any unit."""


Lengths = tuple[Length, ...]


def mean_tokens(lengths: Decimal | Lengths) -> Decimal:
    """Mean of a length that is one number or a histogram, to a millionth of a token."""
    if isinstance(lengths, Decimal):
        return lengths
    weights = sum((bar.share for bar in lengths), Decimal(0))
    total = sum((bar.tokens * bar.share for bar in lengths), Decimal(0))
    return (total / weights).quantize(Decimal("0.000001"))


def variation(lengths: Decimal | Lengths) -> float:
    """Squared coefficient of variation of a length; 0 for a mean, which says nothing of it."""
    if isinstance(lengths, Decimal):
        return 0.0
    weights = float(sum(bar.share for bar in lengths))
    mean = float(mean_tokens(lengths))
    square = sum(float(bar.tokens) ** 2 * float(bar.share) for bar in lengths) / weights
    return max(square / mean**2 - 1, 0.0)


class Request(Strict):
    tokens: Positive | None = None
    """Tokens of one request, prompt and answer together, mean."""
    input_tokens: Positive | Annotated[Lengths, Field(min_length=1)] | None = None
    """Tokens that a request adds to the prompt: a mean, or a histogram of tokens and share."""
    output_tokens: Positive | Annotated[Lengths, Field(min_length=1)] | None = None
    """Tokens of the answer: a mean, or a histogram of tokens and share."""
    turns: PositiveCount = 1
    """Requests of one conversation, mean; each prompt repeats what went before."""
    shared_prefix_tokens: Count = Field(default=0, ge=0)
    """Of the prompt, tokens at its start that all requests share."""
    context_tokens: PositiveCount | None = None
    """Longest prompt and answer together that the engine accepts."""
    iterations: PositiveCount | None = None
    """Denoising iterations of one image."""
    request_bytes: Positive | None = None
    """Bytes that one request sends in, mean."""
    response_bytes: Positive | None = None
    """Bytes that one request gets back, mean."""

    @model_validator(mode="after")
    def _tokens_once(self) -> Self:
        split = (self.input_tokens is not None, self.output_tokens is not None)
        if self.tokens is not None and any(split):
            raise FieldError(
                ("tokens",), "given twice", "tokens, or input_tokens with output_tokens"
            )
        if any(split) and not all(split):
            lacking = "output_tokens" if split[0] else "input_tokens"
            raise FieldError((lacking,), "missing", "input_tokens and output_tokens together")
        if any(split) and self.shared_prefix_tokens > mean_tokens(self.input_tokens or Decimal(0)):
            expected = "at most input_tokens, of which it is a part"
            raise FieldError(("shared_prefix_tokens",), "longer than the prompt", expected)
        if self.tokens is not None and (self.turns > 1 or self.shared_prefix_tokens):
            lacking = "turns" if self.turns > 1 else "shared_prefix_tokens"
            expected = "input_tokens and output_tokens instead of tokens"
            raise FieldError((lacking,), "needs the lengths apart", expected)
        longest, total = self.context_tokens, self.total_tokens
        if longest is not None and total is not None and longest < total:
            raise FieldError(
                ("context_tokens",), "shorter than the mean request", f"at least {total}"
            )
        return self

    @property
    def output_mean(self) -> Decimal | None:
        """Tokens of the answer, mean."""
        return None if self.output_tokens is None else mean_tokens(self.output_tokens)

    @property
    def history_tokens(self) -> Decimal:
        """Of the mean prompt, tokens of earlier turns: (turns - 1) / 2 x (input + output)."""
        if self.input_tokens is None or self.output_tokens is None:
            return Decimal(0)
        turn = mean_tokens(self.input_tokens) + mean_tokens(self.output_tokens)
        return turn * (self.turns - 1) / 2

    @property
    def prompt_tokens(self) -> Decimal | None:
        """Tokens of the whole prompt, earlier turns included, mean."""
        if self.input_tokens is None:
            return None
        return mean_tokens(self.input_tokens) + self.history_tokens

    @property
    def total_tokens(self) -> Decimal | None:
        """Tokens of one request, whole prompt and answer together, mean."""
        if self.prompt_tokens is not None and self.output_mean is not None:
            return self.prompt_tokens + self.output_mean
        return self.tokens


class Latency(Strict):
    ttft_ms: Positive | None = None
    """Time to the first token, milliseconds."""
    tpot_ms: Positive | None = None
    """Time per output token after the first, milliseconds."""
    percentile: Ratio = Field(default=Decimal(95), ge=50, lt=100)
    """Share of requests, in percent, that must be this fast: 95, not 0.95."""


class Capacity(Strict):
    method: Method = Method.calibrated
    """How the rate of one GPU is known."""
    load: Load = Load.peak
    """Which load is sized for."""
    requests_per_gpu_per_s: Positive | None = None
    """Requests one GPU completes in a second, as measured; for method given."""
    gpu: str | None = None
    """GPU whose peak rate the textbook method uses; the instance type's own when left out."""
    max_utilisation: Ratio | None = Field(default=None, gt=0, le=Decimal("0.95"))
    """Highest share of a full batch's rate that a replica is planned for; for method calibrated."""
    min_gpu_gb: Positive | None = None
    """Least memory of one GPU, decimal gigabytes, rounded as it is sold: an L4 has 24."""
    burst_gpus: Annotated[Count, Field(ge=0, lt=10**6)] = 0
    """GPUs that may be added above the planned ones while the load asks for them."""

    @model_validator(mode="after")
    def _rate_with_given(self) -> Self:
        given = self.method is Method.given
        if given and self.requests_per_gpu_per_s is None:
            raise FieldError(
                ("requests_per_gpu_per_s",), "missing", "the measured rate of one GPU for 'given'"
            )
        if not given and self.requests_per_gpu_per_s is not None:
            raise FieldError(
                ("requests_per_gpu_per_s",), "only method given uses it", "method: given"
            )
        if self.gpu is not None and self.method is not Method.textbook:
            raise FieldError(("gpu",), "only method textbook uses it", "hardware.instance_type")
        if self.max_utilisation is not None and self.method is not Method.calibrated:
            raise FieldError(("max_utilisation",), "only method calibrated uses it", "calibrated")
        return self


class Redundancy(Strict):
    """What may fail. Of several rules the one that asks for most binds; they are not added."""

    spare_ratio: Ratio | None = Field(default=None, ge=0, le=1)
    """Spare nodes over needed nodes: 0.20 for 20 %."""
    nodes: Count | None = Field(default=None, ge=0)
    """Nodes that may fail at once."""
    zones: Count | None = Field(default=None, ge=0)
    """Availability zones that may fail at once."""
    availability: Ratio | None = Field(default=None, gt=0, lt=1)
    """Least share of time with all needed nodes alive, when nodes fail independently."""
    mtbf_gpu_hours: Ratio = Field(default=Decimal(50_700), ge=1)
    """Mean time between failures of one GPU and its share of the node, hours."""
    mttr_hours: Ratio = Field(default=Decimal(24), gt=0, le=8760)
    """Mean time to replace a failed node, hours."""


AUTO = "auto"
TypeName = Annotated[str, Field(min_length=1, max_length=40)]


class ReservedCapacity(Strict):
    """Capacity bought ahead, by the zone it is in; nodes go nowhere else."""

    reservations: dict[ZoneId, ReservationId] | None = Field(
        default=None, min_length=1, examples=[{"use1-az1": "cr-0123456789abcdef0"}]
    )
    """On-demand capacity reservations by zone id."""
    blocks: dict[ZoneId, ReservationId] | None = Field(
        default=None, min_length=1, examples=[{"use1-az1": "cr-0123456789abcdef0"}]
    )
    """Capacity blocks by zone id."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.reservations is None and self.blocks is None:
            hint = "or on_demand in place of the mapping"
            raise FieldError((), "names no source of nodes", "reservations or blocks", hint)
        if self.reservations is not None and self.blocks is not None:
            raise FieldError((), "names two sources of nodes", "either reservations or blocks")
        field = "reservations" if self.reservations else "blocks"
        ids = list(self.by_zone.values())
        for zone, bought in self.by_zone.items():
            if ids.count(bought) > 1:
                raise FieldError((field, zone), f"{bought} is named twice", "an id of this zone")
        return self

    @property
    def by_zone(self) -> dict[str, str]:
        """The ids by zone id."""
        return self.reservations or self.blocks or {}


def _on_demand_is_absent(value: Any) -> Any:
    if isinstance(value, str) and value != "on_demand":
        expected = "on_demand, or a mapping with reservations or blocks"
        raise FieldError((), f"unknown source of nodes '{value}'", expected)
    return None if value == "on_demand" else value


class Hardware(Strict):
    instance_type: TypeName
    """EC2 instance type, e.g. g6.xlarge; auto takes the cheapest that meets every target."""
    tensor_parallel: PositiveCount | None = None
    """GPUs of one node that a replica uses; the best that hold the model when left out."""
    nodes_per_replica: PositiveCount | None = Field(default=None, le=64)
    """Nodes of one replica; one, or the fewest that hold the model, when left out."""
    families: tuple[str, ...] = ()
    """With auto: instance families to choose from, e.g. g6e; all when left out."""
    precisions: tuple[Precision, ...] = ()
    """With auto: precisions to choose from; the model's own and FP8 when left out."""
    capacity: Annotated[
        ReservedCapacity | None,
        BeforeValidator(
            _on_demand_is_absent,
            json_schema_input_type=Literal["on_demand"] | ReservedCapacity | None,
        ),
    ] = None
    """Where nodes come from: on_demand, or ids of reservations or of blocks by zone id."""
    load_time_s: PositiveCount = 300
    """Seconds in which a node must read the weights; on local NVMe, download and read them."""

    @property
    def is_auto(self) -> bool:
        """Whether sizing chooses the instance type."""
        return self.instance_type == AUTO

    def stated(self, instance_type: str, tensor_parallel: int) -> "Hardware":
        """The same hardware with its choice made."""
        made = {"instance_type": instance_type, "tensor_parallel": tensor_parallel}
        return self.model_copy(update={**made, "families": (), "precisions": ()})

    @model_validator(mode="after")
    def _bounds_go_with_auto(self) -> Self:
        if self.is_auto and self.capacity is not None:
            raise FieldError(("capacity",), "ids are of one type, not of any", "an instance_type")
        for name in ("families", "precisions"):
            if getattr(self, name) and not self.is_auto:
                raise FieldError((name,), "bounds the choice of auto only", "instance_type: auto")
        return self


class Data(Strict):
    profile_bytes_per_user: Positive
    """Bytes kept of each user."""
    interaction_bytes: Positive
    """Bytes kept of each request and its answer."""
    index_ratio: Ratio = Field(default=Decimal(0), ge=0)
    """Bytes of indexes over bytes of interactions."""
    retention_days: PositiveCount
    """Days that interactions are kept."""


class Routing(StrEnum):
    least_requests = "least_requests"
    """To the replica with the fewest requests."""
    round_robin = "round_robin"
    """To each replica in turn."""
    sticky = "sticky"
    """A conversation stays with its replica, which still has its prefix."""


class ClaimFormat(StrEnum):
    single_string = "single-string"
    """One text."""
    string_array = "string-array"
    """A list of texts."""
    space_separated_values = "space-separated-values"
    """Texts with spaces between them, as in scope."""


class Claim(Strict):
    """A claim that a caller's token must have."""

    name: str = Field(pattern=r"^[A-Za-z0-9_:./-]+$", max_length=64, examples=["scope"])
    """Name of the claim, e.g. aud or scope."""
    values: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(
        min_length=1, max_length=10
    )
    """Values of which the token must have one."""
    format: ClaimFormat = ClaimFormat.single_string
    """How the token writes it."""

    @model_validator(mode="after")
    def _is_not_validated_anyway(self) -> Self:
        if self.name in ("exp", "iss", "nbf", "iat"):
            raise FieldError(("name",), f"{self.name} is validated anyway", "another claim")
        return self


Flag = Annotated[bool, Field(strict=True)]


class Access(Strict):
    """Who may come: a key is the token that a caller bears."""

    public: Flag = False
    """Whether the service can be reached from the internet, with a token."""
    token_required: Flag = False
    """Whether an internal service asks for a token too; a public one always does."""
    claims: tuple[Claim, ...] = Field(default=(), max_length=10)
    """Claims that a token must have beside the site's issuer."""
    requests_per_key_per_min: Annotated[Count, Field(gt=0, le=10**6)] | None = None
    """Requests of one key in a minute."""
    tokens_per_key_per_min: PositiveCount | None = None
    """Tokens of one key in a minute, prompts and answers, each request taken at its longest."""

    @property
    def asks_for_token(self) -> bool:
        """Whether a caller must bear a token."""
        return self.public or self.token_required

    @model_validator(mode="after")
    def _limits_count_by_token(self) -> Self:
        if self.public and "token_required" in self.model_fields_set and not self.token_required:
            raise FieldError(("token_required",), "a public service asks for a token", "true")
        limits = ("requests_per_key_per_min", "tokens_per_key_per_min")
        limited = [name for name in limits if getattr(self, name) is not None]
        for name in ("claims", *limited):
            if getattr(self, name) and not self.asks_for_token:
                raise FieldError((name,), "nobody bears a token", "token_required: true")
        if self.public and not limited:
            expected = "requests_per_key_per_min, tokens_per_key_per_min or both"
            raise FieldError((), "a public service needs a limit for each key", expected)
        if self.public and not self.claims:
            # Guard: an issuer's tokens for any other application would open it.
            expected = "what only its callers' tokens say, e.g. [{name: scope, values: [chat]}]"
            raise FieldError((), "a public service needs claims of its own", expected)
        return self


class Engine(Strict):
    name: Literal["vllm"] = "vllm"
    """Serving engine."""
    kv_precision: Literal["fp16", "fp8"] = "fp16"
    """Precision of the KV cache: 16-bit, or 8-bit floating point."""
    max_sequences: PositiveCount | None = None
    """Most sequences in one batch; what memory holds when left out."""
    routing: Routing = Routing.least_requests
    """How requests are spread over the replicas."""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _auto_is_a_type(value: Any) -> Any:
    return {"instance_type": value} if isinstance(value, str) else value


def _none_is_absent(value: Any) -> Any:
    return None if value == "none" else value


class Workload(Strict):
    """One service: who asks, how often, how long, how fast, and what may fail."""

    name: str = Field(pattern=DNS_LABEL, max_length=30, examples=["chat"])
    """Name of the service: lower-case letters, digits and single hyphens, at most 30."""
    kind: Kind
    """What the service makes."""
    model: Annotated[Model, BeforeValidator(_named, json_schema_input_type=ModelName | Model)]
    """The model: a catalog name, or name, parameters and precision."""
    traffic: Traffic
    """Users and their requests."""
    request: Request = Request()
    """One request."""
    latency: Latency | None = None
    """Latency targets."""
    capacity: Capacity | None = None
    """How the rate of one GPU is known, and the load that is sized for."""
    redundancy: Redundancy = Redundancy()
    """What may fail."""
    hardware: Annotated[
        Hardware | None,
        BeforeValidator(_auto_is_a_type, json_schema_input_type=TypeName | Hardware | None),
    ] = None
    """Where it runs: auto, or an instance type."""
    data: Annotated[
        Data | None,
        BeforeValidator(_none_is_absent, json_schema_input_type=Literal["none"] | Data | None),
    ] = None
    """What is kept; none when the applications keep it."""
    engine: Engine = Engine()
    """How it is served."""
    access: Access = Access()
    """Who may come, and how often; callers inside the network when left out."""
    retire: bool = False
    """Whether its stores and load balancer lose their protection, so that it can be taken out."""

    @model_validator(mode="after")
    def _name_is_free(self) -> Self:
        if self.name == "default" or self.name.startswith("kube-"):
            raise FieldError(("name",), f"{self.name} is a namespace of Kubernetes", "another name")
        return self

    @model_validator(mode="after")
    def _source_is_served(self) -> Self:
        if self.model.source is not None and self.kind not in (Kind.text, Kind.chat):
            message = f"the engine of {self.kind.value} is not built in this version"
            raise FieldError(("model", "source"), message, "none: fill the bucket yourself")
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
                "the most tokens of one request, which the limit of tokens counts with",
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
    def _tokens_are_calibrated(cls, values: Any) -> Any:
        """What generates tokens is sized by the default method where nothing else is said."""
        if not isinstance(values, dict) or values.get("kind") not in (Kind.text, Kind.chat):
            return values
        return values if values.get("capacity") is not None else {**values, "capacity": {}}

    @model_validator(mode="after")
    def _access_is_to_something(self) -> Self:
        if self.access != Access() and self.kind not in (Kind.text, Kind.chat):
            message = (
                f"no engine of this version serves {self.kind.value}: nothing would be reached"
            )
            raise FieldError(("access",), message, "no access")
        return self

    @model_validator(mode="after")
    def _burst_is_served(self) -> Self:
        if self.capacity and self.capacity.burst_gpus and self.kind not in (Kind.text, Kind.chat):
            raise FieldError(
                ("capacity", "burst_gpus"),
                f"no engine of this version serves {self.kind.value}: nothing would use them",
                "0",
            )
        return self

    @model_validator(mode="after")
    def _enough_to_size(self) -> Self:
        if self.capacity is None:
            return self
        if self.hardware is None:
            raise FieldError(("hardware",), "missing", "instance_type: g6.xlarge")
        if self.capacity.load is Load.peak and not self._peak_is_known:
            raise FieldError(
                ("traffic",),
                "capacity.load is peak, but nothing says what the peak is",
                "peak_users_share with think_time_s, peak_ratio, or hourly",
                "or set capacity.load: mean",
            )
        if self.capacity.method is Method.textbook:
            self._work_is_known()
        if self.capacity.method is Method.calibrated:
            lengths_are_known(self)
        if self.hardware.is_auto and self.capacity.method is Method.given:
            raise FieldError(
                ("capacity", "method"), "a measured rate is of one GPU, not of any", "calibrated"
            )
        if self.hardware.is_auto and self.hardware.precisions and self.model.precision is not None:
            expected = "the model's precision, or hardware.precisions"
            raise FieldError(("hardware", "precisions"), "the precision is given twice", expected)
        return self

    @property
    def _peak_is_known(self) -> bool:
        traffic = self.traffic
        return any(
            w is not None for w in (traffic.think_time_s, traffic.peak_ratio, traffic.hourly)
        )

    def _work_is_known(self) -> None:
        if self.kind is Kind.video:
            raise FieldError(
                ("capacity", "method"), "the textbook rule has no form for video", "given"
            )
        if self.kind is Kind.image and self.request.iterations is None:
            raise FieldError(("request", "iterations"), "missing", "denoising iterations an image")
        if self.kind is not Kind.image and self.request.total_tokens is None:
            raise FieldError(("request", "tokens"), "missing", "tokens of one request")


def lengths_are_known(workload: Workload) -> None:
    """Raises FieldError where the method calibrated lacks the lengths of prompt and answer."""
    kind, request = workload.kind, workload.request
    if kind not in (Kind.text, Kind.chat):
        raise FieldError(
            ("capacity", "method"), f"calibrated has no form for {kind.value}", "given"
        )
    if request.output_tokens is None:
        field = "tokens" if request.tokens is not None else "input_tokens"
        raise FieldError(
            ("request", field), "the lengths apart are not known", "input_tokens, output_tokens"
        )
