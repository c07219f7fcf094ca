"""vLLM: its images, command, flags and gauges."""

from sizing.workload.engines.requests import Answers, Histogram, RequestMetrics
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

_FIRST_TOKEN_S = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
_EACH_TOKEN_S = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
"""Bounds of buckets. Basis: vendor (vllm/v1/metrics/buckets.py of the wheel 0.30.0)."""

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
    requests=RequestMetrics(
        finished="vllm:request_success_total",
        answers=Answers("http_requests_total", 'method="POST"', 'status="5xx"'),
        prompt_tokens="vllm:request_prompt_tokens",
        output_tokens="vllm:request_generation_tokens",
        tokens="vllm:generation_tokens_total",
        first_token=Histogram("vllm:time_to_first_token_seconds", _FIRST_TOKEN_S),
        each_token=Histogram("vllm:request_time_per_output_token_seconds", _EACH_TOKEN_S),
        token_gap="vllm:request_time_per_output_token_seconds",
        kv_use="vllm:kv_cache_usage_perc",
    ),
)
"""Basis: vendor. vllm/engine/arg_utils.py, vllm/entrypoints and vllm/envs.py of the pinned versions
(data/engine_options.csv); groups as in the group controller's example without Ray (2026); the
image is 30.7 GB unpacked (a public report of v0.30.0, 2026-10). Metrics: v1/metrics/loggers.py and
entrypoints/serve/instrumentator/metrics.py of the wheel 0.30.0 (PyPI, read 2026-12-01).
"""
