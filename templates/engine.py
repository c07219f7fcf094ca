"""Arguments and environment of the engine."""

from typing import assert_never

from sizing.plan.service.serving import GroupServingPlan, LimitsBy, ServingPlan

ENGINE_PORT = 8000
"""Port on which the engine listens in its pod. Basis: vendor (vLLM's default)."""
PROGRAMS = "/scripts"
"""Folder of this product's programs in each container that runs one."""
TLS = "/tls"
"""Folder of a pod's own key and certificate."""
ENGINE_USER = 2000
"""User id of the engine where it is not root, with group 0. Basis: vendor (vLLM's image has it)."""
CACHE_PATH = "/var/lib/sizewright/cache"
"""Folder of the engines' compile cache on a node's root volume: it outlives a pod."""
_DTYPE = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_KV_CACHE_DTYPE = {"fp16": "auto", "fp8": "fp8"}


def engine_arguments(serving: ServingPlan) -> list[str]:
    """Return the arguments of `vllm serve`, without those that the plan leaves to the engine.

    Raises ValueError for a precision the engine has no name for.
    """
    flags = {
        "--served-model-name": serving.model,
        "--port": ENGINE_PORT,
        "--tensor-parallel-size": serving.gpus_per_replica,
        "--pipeline-parallel-size": None,
        "--max-num-seqs": serving.max_num_seqs,
        "--max-model-len": serving.max_model_len,
        "--gpu-memory-utilization": serving.gpu_memory_utilisation,
        "--dtype": _named(_DTYPE, serving.compute_precision),
        "--kv-cache-dtype": _named(_KV_CACHE_DTYPE, serving.kv_precision),
    }
    if isinstance(serving, GroupServingPlan):
        flags["--tensor-parallel-size"] = serving.tensor_parallel
        flags["--pipeline-parallel-size"] = serving.pipeline_parallel
    arguments = [f"/weights/{serving.weights_folder}"]
    for flag, value in flags.items():
        if value is not None:
            arguments += [flag, str(value)]
    return [argument(text) for text in arguments]


def server_arguments(serving: ServingPlan) -> list[str]:
    """Additional arguments of an engine that answers requests."""
    tls: list[str] = []
    if serving.encrypted:
        tls = ["--ssl-keyfile", f"{TLS}/tls.key", "--ssl-certfile", f"{TLS}/tls.crt"]
    return [*_limit_arguments(serving), *tls]


def _limit_arguments(serving: ServingPlan) -> list[str]:
    match serving.limits_by:
        case LimitsBy.engine:
            return ["--max-num-queued-reqs", str(serving.in_flight)]
        case LimitsBy.admission:
            return ["--middleware", "admission.Admission"]
        case LimitsBy.nothing:
            return []
        case _ as never:
            assert_never(never)


def engine_environment(serving: ServingPlan) -> dict[str, str]:
    """Environment of an engine that answers requests: only variables that its version knows."""
    values = dict[str, str]()
    if serving.keep_alive_s is not None:
        values["VLLM_HTTP_TIMEOUT_KEEP_ALIVE"] = str(serving.keep_alive_s)
    most = serving.sequences_per_request
    match serving.limits_by:
        case LimitsBy.engine if most is not None:
            values["VLLM_MAX_N_SEQUENCES"] = str(most)
            values["VLLM_MAX_COMPLETION_PROMPTS"] = str(most)
        case LimitsBy.admission:
            values["PYTHONPATH"] = PROGRAMS
            values["ADMISSION_IN_FLIGHT"] = str(serving.in_flight)
            values["ADMISSION_SEQUENCES"] = "" if most is None else str(most)
        case LimitsBy.engine | LimitsBy.nothing:
            pass
        case _ as never:
            assert_never(never)
    return values


def argument(text: str) -> str:
    """Escaped argument of a container.

    Guard: the kubelet expands $(NAME) and turns $$ into $.
    """
    return text.replace("$", "$$")


def _named(names: dict[str, str], precision: str) -> str:
    if precision not in names:
        raise ValueError(f"vLLM has no name for precision {precision}; it knows {', '.join(names)}")
    return names[precision]
