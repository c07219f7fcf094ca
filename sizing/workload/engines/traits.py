"""What may differ between serving engines?"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sizing.workload.engines.requests import RequestMetrics
from sizing.workload.kinds import Kind, Precision

TEXT_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/responses")
"""Paths of OpenAI's API for text, which engines of text have."""
TEXT = dict.fromkeys((Kind.text, Kind.chat), TEXT_PATHS)
EMBEDDINGS_PATH = "/v1/embeddings"
"""Path of OpenAI's API for embeddings."""


class Setting(StrEnum):
    """Number or name of the plan that an engine gets as an argument."""

    served_name = "served_name"
    """Name of the model in requests."""
    host = "host"
    """Address on which the engine listens."""
    port = "port"
    """Port on which the engine listens."""
    tensor_parallel = "tensor_parallel"
    """GPUs that share each layer."""
    pipeline_parallel = "pipeline_parallel"
    """Stages of the layers, where a replica spans nodes."""
    sequences = "sequences"
    """Maximum sequences in one batch."""
    context = "context"
    """Maximum tokens of prompt and answer together."""
    runner = "runner"
    """Way in which the engine uses the model, where it does not generate."""
    batched_tokens = "batched_tokens"
    """Maximum tokens of one step."""
    memory = "memory"
    """Share of a card's memory."""
    arithmetic = "arithmetic"
    """Precision of the arithmetic."""
    kv_cache = "kv_cache"
    """Precision of the KV cache."""
    speculation = "speculation"
    """Method and number of drafted tokens, as a JSON object."""
    host_cache = "host_cache"
    """GiB of the KV cache in host memory, for all GPUs of a replica together."""
    host_cache_backend = "host_cache_backend"
    """Part of the engine that keeps the KV cache in host memory."""
    guidance_cards = "guidance_cards"
    """GPUs that compute the passes of one step at the same time."""
    token_cards = "token_cards"
    """GPUs that share the tokens of one pass."""
    pixels = "pixels"
    """Maximum pixels of one image."""
    item = "item"
    """Image that a request gets when it states no size or steps, as a JSON object."""


class Switch(StrEnum):
    """Choice of the plan that an engine gets as a flag without a value."""

    eager = "eager"
    """Kernels run one by one, without compilation."""
    offload = "offload"
    """Encoders and denoiser take the card in turns."""


class MemoryShare(StrEnum):
    """Meaning of an engine's setting for memory."""

    card = "card"
    """Share of the card that the engine may use for everything."""
    weights_and_kv = "weights_and_kv"
    """Share of the memory free at its start that weights and KV cache may use."""
    kv_of_rest = "kv_of_rest"
    """Share of the memory that weights and runtime leave, which the KV cache may use."""


class Limit(StrEnum):
    """Limit that an engine may enforce by itself, where its version has the option."""

    queue = "queue"
    """Sequences that run or wait."""
    middleware = "middleware"
    """Check of this product in front of the engine's handlers. Without this flag, the product's
    program starts the engine's server and puts the check in front of it."""
    key_file = "key_file"
    """Private key of HTTPS."""
    certificate_file = "certificate_file"
    """Certificate of HTTPS."""


@dataclass(frozen=True)
class KvFormat:
    """Precision of the KV cache in an engine."""

    name: str
    """Engine's name of the precision."""
    min_compute_capability: Decimal | None = None
    """Lowest compute capability of the precision's arithmetic; None where every card has it."""


@dataclass(frozen=True)
class Gauges:
    """Prometheus gauges of an engine's requests: a common start, and the rest of each name."""

    start: str
    running_end: str
    waiting_end: str

    @property
    def running(self) -> str:
        """Name of the gauge of running requests."""
        return self.start + self.running_end

    @property
    def waiting(self) -> str:
        """Name of the gauge of waiting requests."""
        return self.start + self.waiting_end

    @property
    def pattern(self) -> str:
        """Regular expression of both names."""
        return f"{self.start}({self.running_end}|{self.waiting_end})"


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Replicas over several nodes, as a group of pods whose leader answers requests."""

    image: str
    """Item of data/pins.csv, whose image has the libraries for EFA."""
    arguments: tuple[str, ...]
    """Arguments by which the pods find each other. The kubelet fills in the variables that the
    group's controller sets."""
    member_arguments: tuple[str, ...]
    """Further arguments of the pods that answer no requests."""


@dataclass(frozen=True, kw_only=True)
class EngineTraits:
    """What follows from a serving engine; a new engine needs a row in `ENGINES`.

    Flags are those of the pinned images, which sizewright/gates/data/engine_flags.json lists.
    """

    paths: Mapping[Kind, tuple[str, ...]]
    """Kinds of workloads that the engine serves, with the paths of requests that the load balancer
    forwards, at most five. Others, such as those that load adapters, are refused."""
    image: str
    """Item of data/pins.csv for a replica on one node."""
    repository: str
    """Registry and name of that image."""
    images_for: Mapping[Precision, str]
    """Items of data/pins.csv for precisions that the newest image cannot serve."""
    groups: Groups | None
    """Replicas over several nodes; None where this version builds none."""
    image_gib: int
    """GiB of the unpacked image."""
    command: tuple[str, ...]
    """Command of the container, without arguments."""
    entry: str | None
    """Function that the command calls, MODULE:FUNCTION, where the product's program calls it in the
    command's place; None where the command starts the engine."""
    model: tuple[str, ...]
    """Words before the folder of the weights."""
    fixed: tuple[str, ...]
    """Arguments of every replica."""
    flags: Mapping[Setting, str]
    """Flag of each setting, in the order of the arguments. An engine without a flag for the served
    name uses the last part of the path to the weights."""
    switches: Mapping[Switch, str]
    """Flag of each switch."""
    options_flag: str | None
    """Flag of a YAML file with further options; None where flags cover all settings."""
    options: Mapping[Setting, str]
    """Place of each setting in that file, with dots."""
    fixed_options: Mapping[str, bool]
    """Options of every replica in that file."""
    limits: Mapping[Limit, str]
    """Flag of each limit that an engine enforces by itself."""
    arithmetic: Mapping[str, str]
    """Engine's name of each precision of the arithmetic."""
    kv_formats: Mapping[str, KvFormat]
    """Form of each precision of the KV cache."""
    memory: MemoryShare | None
    """Meaning of the setting for memory; None for an engine without KV cache."""
    weights_index: str
    """File in the top folder of a model's files, by which the engine knows the model."""
    hub_files: tuple[str, ...]
    """Patterns of the files that it reads from a repository, where a workload states none."""
    makes_certificates: bool
    """True where the image has all that HTTPS takes: the server's flags, and the package that makes
    each pod's certificate."""
    environment: Mapping[str, str]
    """Environment of every container of the engine."""
    keep_alive: str
    """Environment variable with the seconds that an idle connection is kept. The engine reads it,
    or the product's program where it starts the engine."""
    sequences_per_request: tuple[str, ...]
    """Environment variables that bound the sequences of one request."""
    gauges: Gauges | None
    """Gauges from which the load above the floor is read; None where the engine has none."""
    requests: RequestMetrics | None
    """Metrics of its requests of text; None where it exports none that alerts may watch."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of workloads that the engine serves. A kind's default is the first engine with
        it."""
        return tuple(self.paths)

    def option(self, setting: Setting) -> str:
        """Name of the flag or of the option in the file. Raises KeyError for another setting."""
        return self.flags[setting] if setting in self.flags else self.options[setting]

    def image_item(self, precision: Precision, nodes_per_replica: int = 1) -> str:
        """Item of data/pins.csv for a precision, or for a replica that spans nodes.

        Raises ValueError where this version builds no image for several nodes.
        """
        if nodes_per_replica == 1:
            return self.images_for.get(precision, self.image)
        if self.groups is None:
            raise ValueError(f"{self.image} serves no replica over {nodes_per_replica} nodes")
        return self.groups.image

    @property
    def images(self) -> tuple[str, ...]:
        """Items of data/pins.csv for replicas on one node."""
        return (self.image, *self.images_for.values())
