"""vLLM: its images, command, flags and gauges."""

from sizing.workload.engines.traits import (
    EMBEDDINGS_PATH,
    TEXT,
    EngineTraits,
    Gauges,
    Groups,
    KvFormat,
    Limit,
    MemoryShare,
    Setting,
)
from sizing.workload.kinds import Kind, Precision
from sizing.workload.source import HUB_FILES

VLLM = EngineTraits(
    paths={**TEXT, Kind.embedding: (EMBEDDINGS_PATH, "/v1/models")},
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
        Setting.runner: "--runner",
        Setting.batched_tokens: "--max-num-batched-tokens",
        Setting.memory: "--gpu-memory-utilization",
        Setting.arithmetic: "--dtype",
        Setting.kv_cache: "--kv-cache-dtype",
        Setting.speculation: "--speculative-config",
        Setting.host_cache: "--kv-offloading-size",
        Setting.host_cache_backend: "--kv-offloading-backend",
    },
    switches={},
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
    weights_index="config.json",
    hub_files=HUB_FILES,
    makes_certificates=True,
    environment={"VLLM_NO_USAGE_STATS": "1"},
    keep_alive="VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
    sequences_per_request=("VLLM_MAX_N_SEQUENCES", "VLLM_MAX_COMPLETION_PROMPTS"),
    gauges=Gauges("vllm:num_requests_", "running", "waiting"),
)
"""Basis: vendor. vllm/engine/arg_utils.py, vllm/entrypoints and vllm/envs.py of the pinned versions
(data/engine_options.csv); groups as in the group controller's example without Ray (2026); the
image is 30.7 GB unpacked (a public report of v0.30.0, 2026-10).
"""
