"""TensorRT-LLM: its images, command, flags and gauges."""

from decimal import Decimal

from sizing.workload.engines.traits import (
    TEXT,
    EngineTraits,
    KvFormat,
    MemoryShare,
    Setting,
)
from sizing.workload.source import HUB_FILES

TENSORRT_LLM = EngineTraits(
    paths=TEXT,
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
    switches={},
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
    weights_index="config.json",
    hub_files=HUB_FILES,
    makes_certificates=False,
    # Open MPI starts the processes of a tensor-parallel group, and refuses root without these.
    environment={"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
    keep_alive="SERVER_KEEP_ALIVE_S",
    sequences_per_request=(),
    gauges=None,
    requests=None,
)
"""Basis: vendor. tensorrt_llm/commands/serve.py and serve/openai_server.py at commits of early
2026, public scripts that run the image 1.2.1, the LlmArgs of its documents (1.0 to 1.3), and a
public reading of 1.2.1's llm_args.py. The image is 37.3 GB unpacked (a public report, 2026-07).
Its 8-bit KV cache needs compute capability 8.9 by the quantization matrix. Version 1.2.1 exports
only histograms of finished requests (NVIDIA/TensorRT-LLM issue 9779, vllm-project/aibrix issue
2004).
"""
