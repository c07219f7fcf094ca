"""SGLang: its images, command, flags and gauges."""

from decimal import Decimal

from sizing.workload.engines.requests import Answers, Histogram, RequestMetrics
from sizing.workload.engines.traits import (
    TEXT,
    EngineTraits,
    Gauges,
    KvFormat,
    MemoryShare,
    Setting,
)
from sizing.workload.source import HUB_FILES

_FIRST_TOKEN_S = (
    *(0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0),
    *(100.0, 200.0, 400.0),
)
"""Bounds of buckets. Basis: vendor (metrics_collector.py of srt/observability, wheel 0.5.20)."""

SGLANG = EngineTraits(
    paths=TEXT,
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
    switches={},
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
    weights_index="config.json",
    hub_files=HUB_FILES,
    makes_certificates=False,
    # Otherwise each probe generates a token, behind the prompts of others. The engine's own
    # watchdog ends one that hangs.
    environment={"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false"},
    keep_alive="SGLANG_TIMEOUT_KEEP_ALIVE",
    sequences_per_request=(),
    gauges=Gauges("sglang:num_", "running_reqs", "queue_reqs"),
    # Its histogram of the time between tokens counts each token: no share of requests follows.
    requests=RequestMetrics(
        finished="sglang:num_requests_total",
        answers=Answers("sglang:http_responses_total", 'method="POST"', 'status_code=~"5.."'),
        prompt_tokens="sglang:prompt_tokens_histogram",
        output_tokens="sglang:generation_tokens_histogram",
        tokens="sglang:generation_tokens_total",
        first_token=Histogram("sglang:time_to_first_token_seconds", _FIRST_TOKEN_S),
        each_token=None,
        token_gap="sglang:inter_token_latency_seconds",
        kv_use="sglang:token_usage",
    ),
)
"""Basis: vendor. srt/arg_groups/fields, srt/environ.py, srt/entrypoints/http_server.py and the
metrics collector of srt/observability in the wheel 0.5.20 (2026-09). Its 8-bit KV cache is E4M3,
which Triton compiles from compute capability 8.9. The size of its image is assumed. Nothing was
read about a package for certificates in it.
"""
