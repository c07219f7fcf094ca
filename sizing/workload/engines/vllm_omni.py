"""vLLM-Omni: its image, command, flags and gauges."""

from sizing.workload.engines.traits import EngineTraits, Gauges, Limit, Setting, Switch
from sizing.workload.kinds import Kind
from sizing.workload.source import PARTS_FILES

VLLM_OMNI = EngineTraits(
    paths=dict.fromkeys((Kind.image, Kind.video), ("/v1/images/generations", "/v1/models")),
    image="vllm/vllm-omni",
    repository="docker.io/vllm/vllm-omni",
    image_gib=35,
    images_for={},
    groups=None,
    command=("vllm", "serve"),
    entry=None,
    model=(),
    fixed=("--omni",),
    flags={
        Setting.served_name: "--served-model-name",
        Setting.host: "--host",
        Setting.port: "--port",
        Setting.sequences: "--max-num-seqs",
        Setting.arithmetic: "--dtype",
        Setting.guidance_cards: "--cfg-parallel-size",
        Setting.token_cards: "--ulysses-degree",
        Setting.pixels: "--max-generated-image-size",
        Setting.item: "--default-sampling-params",
    },
    switches={Switch.eager: "--enforce-eager", Switch.offload: "--enable-cpu-offload"},
    options_flag=None,
    options={},
    fixed_options={},
    limits={
        Limit.middleware: "--middleware",
        Limit.key_file: "--ssl-keyfile",
        Limit.certificate_file: "--ssl-certfile",
    },
    arithmetic={"fp16": "float16", "bf16": "bfloat16"},
    kv_formats={},
    memory=None,
    weights_index="model_index.json",
    hub_files=PARTS_FILES,
    makes_certificates=True,
    environment={"VLLM_NO_USAGE_STATS": "1"},
    keep_alive="VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
    sequences_per_request=(),
    gauges=Gauges("vllm_omni:num_requests_", "running", "waiting"),
    requests=None,
)
"""Basis: vendor. vllm_omni/entrypoints/cli/serve.py, entrypoints/openai/api_server.py, metrics,
diffusion and engine/omni_engine_base.py in the wheel 0.30.0 (PyPI, 2026-11), which runs the server
of vllm 0.30.0. It would compute up to `--max-num-seqs` images together; one at a time is sized. It
listens on all addresses without `--host`, and limits the size of images, not of clips. The size of
its image is assumed: it is vLLM's with ffmpeg and further packages.
"""
