"""Files of a Job that loads one replica of a service, which is taken out of its traffic."""

import json
from typing import Any

from sizing.benchmark import MOST_FAILED, BenchmarkRun
from sizing.plan.service.calibrated import CalibratedPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from templates.document import document_values
from templates.engine import ENGINE_PORT, ENGINE_USER, PROGRAMS, argument, model_path
from templates.environment import environment
from templates.programs import program
from templates.render import render
from templates.scheduling import GPU_TAINT

NETWORK, JOB = "benchmark-network", "benchmark-job"
"""Files in the order in which they are applied; the replica is labelled between them."""
READY_S = 60
"""Seconds for which a run waits for the engine. Basis: assumed; it has answered before."""


def measured_name(service: str) -> str:
    """Label, Service and Job of the measured replica."""
    return f"{service}-benchmark"


def benchmark_files(
    plan: Plan, service: ServicePlan, runs: tuple[BenchmarkRun, ...], deadline_s: int
) -> dict[str, str]:
    """Return two files by name: network, and the Job that ends after `deadline_s` seconds.

    They contain no wire. Raises ValueError for a service without an engine or an estimate.
    """
    serving, estimate, pool = service.serving, service.calibrated, service.pool
    if serving is None or estimate is None or pool is None or service.choice is None:
        raise ValueError(f"{service.name}: a benchmark needs an engine and an estimate")
    policy = document_values(render(plan)[f"kubernetes/{service.name}/network-policy-engine.yaml"])
    values = {
        "name": service.name,
        "measured_name": measured_name(service.name),
        "port": ENGINE_PORT,
        "ingress": policy["spec"].get("ingress", []),
        "egress": policy["spec"]["egress"],
        "deadline_s": deadline_s,
        "pull_secrets": plan.site.image_pull_secrets,
        "taints": GPU_TAINT,
        "load_user": ENGINE_USER,
        "image": serving.image,
        "programs": PROGRAMS,
        "weights_path": serving.weights_path,
        "script": program("benchmark_replica").values,
        "settings": argument(
            json.dumps(
                {
                    "command": _command(service.name, serving, estimate),
                    "deadline_s": deadline_s,
                    "most_failed": MOST_FAILED,
                    "runs": [_run(run, number) for number, run in enumerate(runs, 1)],
                    "setting": _setting(serving, pool, service.choice.precision),
                },
                sort_keys=True,
            )
        ),
    }
    templates = environment()
    return {
        f"{name}.yaml": templates.get_template(f"kubernetes/{name}.yaml.j2").render(values)
        for name in (NETWORK, JOB)
    }


def _command(name: str, serving: ServingPlan, estimate: CalibratedPlan) -> list[str]:
    """Words that all runs share.

    Prompts are random, and each run has a seed of its own: none is in the engine's cache.
    Basis: vendor (vllm 0.30.0: vllm/benchmarks/serve.py and datasets/datasets.py).
    """
    target = measured_name(name)
    scheme = "https" if serving.encrypted else "http"
    return [
        *("vllm", "bench", "serve", "--disable-tqdm", "--ignore-eos"),
        *("--base-url", f"{scheme}://{target}.{name}.svc:{ENGINE_PORT}"),
        *(["--insecure"] if serving.encrypted else []),
        *("--model", serving.model, "--tokenizer", model_path(serving)),
        *("--dataset-name", "random", "--random-range-ratio", "0"),
        *("--random-input-len", str(max(1, round(estimate.prompt_tokens)))),
        *("--random-output-len", str(max(2, round(estimate.output_tokens)))),
        *("--percentile-metrics", "ttft,tpot,e2el"),
        *("--metric-percentiles", f"50,{estimate.percentile:g}"),
        *("--ready-check-timeout-sec", str(READY_S)),
    ]


def _run(run: BenchmarkRun, seed: int) -> dict[str, Any]:
    """One run as its program reads it."""
    load = (
        ["--request-rate", f"{float(run.requests_per_s):.4f}"]
        if run.requests_per_s is not None
        else ["--max-concurrency", str(run.concurrency)]
    )
    return {
        "name": run.name,
        "seconds": run.seconds,
        "arguments": [
            *load,
            *("--num-prompts", str(run.requests)),
            *("--num-warmups", str(run.warm_up_requests)),
            *("--seed", str(seed)),
        ],
    }


def _setting(serving: ServingPlan, pool: PoolPlan, precision: str) -> dict[str, Any]:
    """Facts that the load generator does not know, as `calibrate` reads them."""
    return {
        "model": serving.model,
        "gpu": pool.gpu,
        "engine": serving.engine.value,
        "tensor": pool.tensor_parallel,
        "weights": precision,
    }
