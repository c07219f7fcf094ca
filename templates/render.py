"""Text of every document that a plan asks for; templates hold layout, this file the values."""

import json
import re
import shlex
from functools import cache
from math import ceil
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sizing.plan import NodePool, Plan, ServicePlan, ServingPlan, WeightsOn

ENGINE_PORT = 8000
"""Port on which the engine listens in its pod. Basis: vendor (vLLM's default)."""
SERVICE_PORT = 80
"""Port of the Service in front of the engines; its targets are registered by their own port."""
HEALTH_PATH = "/health"
"""Answers 200 once the engine serves. Basis: vendor (vLLM's OpenAI-compatible server)."""
WEIGHTS_DEVICE = "/dev/xvdb"
"""Device name that the launch template gives a GPU node's second volume."""
WIRES = frozenset({"target_group_arn", "weights_bucket"})
"""Names of the values that exist only after creation; `components/wires.py` puts them in."""

_PROBE_PERIOD_S = 10
_STALL_S = 600
"""Seconds a rollout may stand still beside that. Basis: vendor (Kubernetes' default)."""

_DTYPE = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_KV_CACHE_DTYPE = {"fp16": "auto", "fp8": "fp8"}
_DOCUMENTS = (
    "namespace",
    "network-policy-default",
    "network-policy-engine",
    "resource-quota",
    "service-account",
    "deployment",
    "service",
    "disruption-budget",
    "target-group-binding",
)
_SURROGATES = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


def render(plan: Plan) -> dict[str, str]:
    """Text by path, sorted: `kubernetes/SERVICE/deployment.yaml`, `node/POOL/user-data.mime`.

    `${wire:NAME}` stands for a value that exists only after creation.
    Raises ValueError where a value of the plan looks like a wire, or the engine has no such flag.
    """
    environment = _environment()
    texts = {}
    for pool in plan.pools:
        texts[user_data_path(pool)] = _user_data(environment, pool)
    for service in plan.services:
        if service.serving is None:
            continue
        values = _service_values(plan, service, service.serving)
        for document in _DOCUMENTS:
            text = environment.get_template(f"kubernetes/{document}.yaml.j2").render(values)
            texts[f"kubernetes/{service.name}/{document}.yaml"] = text
    return dict(sorted(texts.items()))


def user_data_path(pool: NodePool) -> str:
    """Path of what a node of the pool gets to prepare itself: `node/POOL/user-data.mime`."""
    return f"node/{pool.name}/user-data.mime"


def _user_data(environment: Environment, pool: NodePool) -> str:
    """A script that mounts the weights volume, or nodeadm's setting that makes local disks one."""
    mount = PurePosixPath(pool.volumes.weights_path)
    if pool.volumes.weights_on is WeightsOn.nvme:
        # Guard: nodeadm mounts an array on the folder `0` of the path that it is given.
        values = {"mount_path": str(mount.parent)}
        return environment.get_template("node/local-nvme.yaml.j2").render(values)
    values = {"device": WEIGHTS_DEVICE, "mount": str(mount)}
    return environment.get_template("node/weights-volume.sh.j2").render(values)


def engine_arguments(serving: ServingPlan) -> list[str]:
    """Arguments of `vllm serve`, as sized; what the plan leaves to the engine is left out.

    Raises ValueError for a precision the engine has no name for.
    """
    flags = {
        "--served-model-name": serving.model,
        "--port": ENGINE_PORT,
        "--tensor-parallel-size": serving.gpus_per_replica,
        "--max-num-seqs": serving.max_num_seqs,
        "--max-model-len": serving.max_model_len,
        "--gpu-memory-utilization": serving.gpu_memory_utilisation,
        "--dtype": _named(_DTYPE, serving.compute_precision),
        "--kv-cache-dtype": _named(_KV_CACHE_DTYPE, serving.kv_precision),
    }
    arguments = [f"/weights/{serving.model}"]
    for flag, value in flags.items():
        if value is not None:
            arguments += [flag, str(value)]
    # Guard: the kubelet expands $(NAME) and turns $$ into $.
    return [argument.replace("$", "$$") for argument in arguments]


def _named(names: dict[str, str], precision: str) -> str:
    if precision not in names:
        raise ValueError(f"vLLM has no name for precision {precision}; it knows {', '.join(names)}")
    return names[precision]


def _service_values(plan: Plan, service: ServicePlan, serving: ServingPlan) -> dict[str, Any]:
    if service.gateway is None or service.quota is None:
        raise ValueError(f"{service.name}: what is served needs a gateway and a quota")
    values = serving.model_dump() | {
        "name": service.name,
        "arguments": engine_arguments(serving),
        "model_path": serving.model.replace("$", "$$"),
        "port": ENGINE_PORT,
        "service_port": SERVICE_PORT,
        "health_path": HEALTH_PATH,
        "probe_period_s": _PROBE_PERIOD_S,
        "startup_failures": ceil(serving.start_s / _PROBE_PERIOD_S),
        "balancer_cidrs": plan.network.private_cidrs,
        "quota": service.quota.model_dump(),
        "drain_s": service.gateway.deregistration_delay_s,
        "progress_deadline_s": serving.copy_s + serving.start_s + serving.stop_s + _STALL_S,
    }
    if "${wire:" in json.dumps(values):
        raise ValueError(f"{service.name}: a value of the plan contains '${{wire:'")
    return values


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_function"] = _double_quoted
    environment.filters["shell"] = shlex.quote
    return environment


def _double_quoted(value: object, **options: Any) -> str:
    """JSON that YAML reads as the same value: YAML does not join surrogate pairs."""

    def joined(pair: re.Match[str]) -> str:
        character: str = json.loads(f'"{pair[0]}"')
        return f"\\U{ord(character):08x}"

    return _SURROGATES.sub(joined, json.dumps(value, **options))
