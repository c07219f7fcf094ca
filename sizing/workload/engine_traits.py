"""What differs between the serving engines? Each has one row, which every other place reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sizing.workload.kinds import Precision


class EngineName(StrEnum):
    vllm = "vllm"
    """vLLM, with its OpenAI-compatible server."""
    sglang = "sglang"
    """SGLang, with its OpenAI-compatible server."""
    tensorrt_llm = "tensorrt-llm"
    """TensorRT-LLM with its PyTorch backend and its OpenAI-compatible server."""
    auto = "auto"
    """Sizing chooses the cheapest engine among those that can be built for the workload."""

    @property
    def traits(self) -> "EngineTraits":
        """What follows from the engine. Raises KeyError for auto, which a ranking replaces."""
        return ENGINES[self]


class Setting(StrEnum):
    """Number or name of the plan that an engine gets as an argument."""

    served_name = "served_name"
    """Name of the model in requests."""
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
    memory = "memory"
    """Share of a card's memory."""
    arithmetic = "arithmetic"
    """Precision of the arithmetic."""
    kv_cache = "kv_cache"
    """Precision of the KV cache."""
    speculation = "speculation"
    """Method and number of drafted tokens, as a JSON object."""


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
    memory: MemoryShare
    """Meaning of the setting for memory."""
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


ENGINES = {
    EngineName.vllm: EngineTraits(
        image="vllm/vllm-openai",
        repository="docker.io/vllm/vllm-openai",
        image_gib=30,
        images_for={Precision.nf4: "vllm/vllm-openai for nf4"},
        groups=Groups(
            image="public.ecr.aws/deep-learning-containers/vllm",
            arguments=(
                "--nnodes",
                "$(LWS_GROUP_SIZE)",
                "--node-rank",
                "$(LWS_WORKER_INDEX)",
                "--master-addr",
                "$(LWS_LEADER_ADDRESS)",
            ),
            member_arguments=("--headless",),
        ),
        command=("vllm", "serve"),
        entry=None,
        model=(),
        fixed=(),
        flags={
            Setting.served_name: "--served-model-name",
            Setting.port: "--port",
            Setting.tensor_parallel: "--tensor-parallel-size",
            Setting.pipeline_parallel: "--pipeline-parallel-size",
            Setting.sequences: "--max-num-seqs",
            Setting.context: "--max-model-len",
            Setting.memory: "--gpu-memory-utilization",
            Setting.arithmetic: "--dtype",
            Setting.kv_cache: "--kv-cache-dtype",
            Setting.speculation: "--speculative-config",
        },
        options_flag=None,
        options={},
        fixed_options={},
        limits={
            Limit.queue: "--max-num-queued-reqs",
            Limit.middleware: "--middleware",
            Limit.key_file: "--ssl-keyfile",
            Limit.certificate_file: "--ssl-certfile",
        },
        arithmetic={"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"},
        kv_formats={"fp16": KvFormat("auto"), "fp8": KvFormat("fp8")},
        memory=MemoryShare.card,
        makes_certificates=True,
        environment={"VLLM_NO_USAGE_STATS": "1"},
        keep_alive="VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
        sequences_per_request=("VLLM_MAX_N_SEQUENCES", "VLLM_MAX_COMPLETION_PROMPTS"),
        gauges=Gauges("vllm:num_requests_", "running", "waiting"),
    ),
    EngineName.sglang: EngineTraits(
        image="lmsysorg/sglang",
        repository="docker.io/lmsysorg/sglang",
        image_gib=40,
        images_for={},
        groups=None,
        command=("sglang", "serve"),
        entry="sglang.cli.main:main",
        model=("--model-path",),
        fixed=("--host", "0.0.0.0", "--enable-metrics"),  # the pod's own address
        flags={
            Setting.served_name: "--served-model-name",
            Setting.port: "--port",
            Setting.tensor_parallel: "--tensor-parallel-size",
            Setting.sequences: "--max-running-requests",
            Setting.context: "--context-length",
            Setting.memory: "--mem-fraction-static",
            Setting.arithmetic: "--dtype",
            Setting.kv_cache: "--kv-cache-dtype",
        },
        options_flag=None,
        options={},
        fixed_options={},
        limits={},
        arithmetic={"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"},
        kv_formats={
            "fp16": KvFormat("auto"),
            "fp8": KvFormat("fp8_e4m3", min_compute_capability=Decimal("8.9")),
        },
        memory=MemoryShare.weights_and_kv,
        makes_certificates=False,
        # Otherwise each probe generates a token, behind the prompts of others. The engine's own
        # watchdog ends one that hangs.
        environment={"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false"},
        keep_alive="SGLANG_TIMEOUT_KEEP_ALIVE",
        sequences_per_request=(),
        gauges=Gauges("sglang:num_", "running_reqs", "queue_reqs"),
    ),
    EngineName.tensorrt_llm: EngineTraits(
        image="nvcr.io/nvidia/tensorrt-llm/release",
        repository="nvcr.io/nvidia/tensorrt-llm/release",
        image_gib=35,
        images_for={},
        groups=None,
        command=("trtllm-serve", "serve"),
        entry="tensorrt_llm.commands.serve:main",
        model=(),
        fixed=("--host", "0.0.0.0", "--backend", "pytorch"),
        flags={
            Setting.port: "--port",
            Setting.tensor_parallel: "--tp_size",
            Setting.sequences: "--max_batch_size",
            Setting.context: "--max_seq_len",
        },
        options_flag="--extra_llm_api_options",
        options={
            Setting.arithmetic: "dtype",
            Setting.memory: "kv_cache_config.free_gpu_memory_fraction",
            Setting.kv_cache: "kv_cache_config.dtype",
        },
        # Without it, a prompt longer than one step's tokens is refused.
        fixed_options={"enable_chunked_prefill": True},
        limits={},
        arithmetic={"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"},
        kv_formats={
            "fp16": KvFormat("auto"),
            "fp8": KvFormat("fp8", min_compute_capability=Decimal("8.9")),
        },
        memory=MemoryShare.kv_of_rest,
        makes_certificates=False,
        # Open MPI starts the processes of a tensor-parallel group, and refuses root without these.
        environment={"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
        keep_alive="SERVER_KEEP_ALIVE_S",
        sequences_per_request=(),
        gauges=None,
    ),
}
"""Engines in order of preference where two cost the same.

Basis: vendor. vLLM: vllm/engine/arg_utils.py, vllm/entrypoints and vllm/envs.py of the pinned
versions (data/engine_options.csv); groups as in the group controller's example without Ray (2026);
the image is 30.7 GB unpacked (a public report of v0.30.0, 2026-10).

SGLang: srt/arg_groups/fields, srt/environ.py, srt/entrypoints/http_server.py and the metrics
collector of srt/observability in the wheel 0.5.20 (2026-09). Its 8-bit KV cache is E4M3, which
Triton compiles from compute capability 8.9. The size of its image is assumed. Nothing was read
about a package for certificates in it.

TensorRT-LLM: tensorrt_llm/commands/serve.py and serve/openai_server.py at commits of early 2026,
public scripts that run the image 1.2.1, the LlmArgs of its documents (1.0 to 1.3), and a public
reading of 1.2.1's llm_args.py. The image is 37.3 GB unpacked (a public report, 2026-07). Its 8-bit
KV cache needs compute capability 8.9 by the quantization matrix. Version 1.2.1 exports only
histograms of finished requests (NVIDIA/TensorRT-LLM issue 9779, vllm-project/aibrix issue 2004).
"""
