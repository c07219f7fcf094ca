"""Engines other than vLLM get exactly what was sized, in the words of their own command."""

from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sizing.catalog import Ability, load_catalog
from sizing.plan.service.serving import ServingPlan
from sizing.plan.whole import Plan
from sizing.workload import EngineName, Kind, engines_of
from templates.burst import wanted_query
from templates.render import render
from tests.components.plans import BURSTING, CHAT, SOURCES, plan_of, public_plan
from tests.templates.test_engine import engine, environment, pods

BASE: dict[str, Any] = CHAT | {
    "model": {"name": "llama-3.1-8b", "precision": "fp8"},
    "hardware": {"instance_type": "g6e.xlarge"},
    "latency": {"ttft_ms": 4500, "tpot_ms": 50},
}
OTHERS = [name for name in engines_of(Kind.chat) if name is not EngineName.vllm]
VERSION = "1.35"


@cache
def served(name: EngineName) -> Plan:
    return plan_of(BASE | {"engine": {"name": name}})


def serving(plan: Plan) -> ServingPlan:
    found = plan.services[0].serving
    assert found is not None
    return found


def pod(plan: Plan) -> Any:
    return next(iter(pods(plan).values()))


def test_sglang_gets_what_was_sized() -> None:
    plan = plan_of(BASE | {"engine": {"name": "sglang", "kv_precision": "fp8"}})
    sized = serving(plan)
    words = engine(pod(plan))["args"]
    assert words == [
        *("--model-path", "/weights/llama-3.1-8b"),
        *("--host", "0.0.0.0"),
        "--enable-metrics",
        *("--served-model-name", "llama-3.1-8b"),
        *("--port", "8000"),
        *("--tensor-parallel-size", "1"),
        *("--max-running-requests", str(sized.max_num_seqs)),
        *("--context-length", "2048"),
        *("--mem-fraction-static", str(sized.gpu_memory_utilisation)),
        *("--dtype", "bfloat16"),
        *("--kv-cache-dtype", "fp8_e4m3"),
    ]
    assert engine(pod(plan))["command"] == [
        *("python3", "/start/start_engine.py", "sglang.cli.main:main", "sglang", "serve")
    ]
    assert environment(pod(plan)) == {
        "HF_HUB_OFFLINE": "1",
        "HOME": "/cache",
        "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false",
        "SGLANG_TIMEOUT_KEEP_ALIVE": str(sized.keep_alive_s),
        "ADMISSION_FOLDER": "/scripts",
        "ADMISSION_IN_FLIGHT": str(sized.in_flight),
        "ADMISSION_SEQUENCES": "",
    }


def test_tensorrt_llm_gets_what_was_sized() -> None:
    model = BASE["model"] | {"source": {"hub": SOURCES["hub"]}}
    changes = {"model": model, "engine": {"name": "tensorrt-llm", "kv_precision": "fp8"}}
    plan = plan_of(BASE | changes)
    sized, variables = serving(plan), environment(pod(plan))
    assert engine(pod(plan))["args"] == [
        "/tmp/models/llama-3.1-8b",
        *("--host", "0.0.0.0"),
        *("--backend", "pytorch"),
        *("--port", "8000"),
        *("--tp_size", "1"),
        *("--max_batch_size", str(sized.max_num_seqs)),
        *("--max_seq_len", "2048"),
        *("--extra_llm_api_options", "/tmp/engine-options.json"),
    ]
    assert engine(pod(plan))["command"] == [
        *("python3", "/start/start_engine.py", "tensorrt_llm.commands.serve:main"),
        *("trtllm-serve", "serve"),
    ]
    assert yaml.safe_load(variables.pop("ENGINE_OPTIONS")) == {
        "dtype": "bfloat16",
        "enable_chunked_prefill": True,
        "kv_cache_config": {"free_gpu_memory_fraction": 0.9, "dtype": "fp8"},
    }
    assert variables == {
        "HF_HUB_OFFLINE": "1",
        "HOME": "/cache",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "ENGINE_OPTIONS_FILE": "/tmp/engine-options.json",
        "ENGINE_WEIGHTS": f"/weights/{sized.weights_folder}",
        "ENGINE_WEIGHTS_LINK": "/tmp/models/llama-3.1-8b",
        "SERVER_KEEP_ALIVE_S": str(sized.keep_alive_s),
        "ADMISSION_FOLDER": "/scripts",
        "ADMISSION_IN_FLIGHT": str(sized.in_flight),
        "ADMISSION_SEQUENCES": "",
    }
    assert "@" in sized.weights_folder, "the name in requests has no version"


@pytest.mark.parametrize("name", OTHERS)
def test_the_pinned_image_of_the_engine_runs(name: EngineName) -> None:
    plan, traits = served(name), name.traits
    version = load_catalog().pin(traits.image).version
    assert engine(pod(plan))["image"] == f"{traits.repository}:{version}"
    assert engine(pod(plan))["name"] == name


@pytest.mark.parametrize("name", OTHERS)
def test_the_start_program_and_the_check_lie_where_they_are_run_from(name: EngineName) -> None:
    texts = render(served(name))
    (start,) = (yaml.safe_load(texts[p]) for p in texts if p.endswith("script-start.yaml"))
    mounts = {m["name"]: m["mountPath"] for m in engine(pod(served(name)))["volumeMounts"]}
    volumes = {v["name"]: v for v in pod(served(name))["volumes"]}
    _, program, *_ = engine(pod(served(name)))["command"]
    assert program == f"{mounts['start']}/{next(iter(start['data']))}"
    assert volumes["start"]["configMap"]["name"] == start["metadata"]["name"]
    assert environment(pod(served(name)))["ADMISSION_FOLDER"] == mounts["admission"]


def test_vllm_starts_itself() -> None:
    plan = served(EngineName.vllm)
    assert not [path for path in render(plan) if path.endswith("script-start.yaml")]
    assert "start" not in {volume["name"] for volume in pod(plan)["volumes"]}


@pytest.mark.parametrize("name", OTHERS)
def test_the_engine_keeps_connections_longer_and_bounds_its_requests(name: EngineName) -> None:
    plan = served(name)
    gateway = plan.services[0].gateway
    assert gateway is not None
    variables = environment(pod(plan))
    assert int(variables[name.traits.keep_alive]) > gateway.idle_timeout_s
    assert int(variables["ADMISSION_IN_FLIGHT"]) == serving(plan).in_flight


@pytest.mark.parametrize("name", OTHERS)
def test_a_limit_of_tokens_takes_a_request_for_one_sequence(name: EngineName) -> None:
    plan = public_plan(BASE | {"engine": {"name": name}})
    assert environment(pod(plan))["ADMISSION_SEQUENCES"] == "1"


@pytest.mark.parametrize("name", OTHERS)
def test_every_option_is_one_that_the_pinned_version_is_known_to_have(name: EngineName) -> None:
    catalog, plan = load_catalog(), served(name)
    tag = catalog.pin(name.traits.image).version
    own = [row for row in catalog.engine_options if (row.engine, row.tag) == (name, tag)]
    assert {row.ability for row in own} == {*Ability}
    known = {option for row in own if row.known for option in row.option.split(", ")}
    ours = ("HF_HUB_OFFLINE", "HOME", "ADMISSION_", "ENGINE_", "OMPI_")
    assert {name for name in environment(pod(plan)) if not name.startswith(ours)} <= known


@pytest.mark.parametrize("name", OTHERS)
def test_rendered_objects_are_valid(name: EngineName) -> None:
    for path, text in render(served(name)).items():
        document = yaml.safe_load(text) if path.endswith(".yaml") else None
        if document is not None and "." not in document["apiVersion"].partition("/")[0]:
            kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize("name", OTHERS)
def test_probes_ask_the_port_of_the_engine(name: EngineName) -> None:
    container = engine(pod(served(name)))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": 8000}


def test_the_load_above_the_floor_is_read_from_the_gauges_of_the_engine() -> None:
    plan = plan_of(BASE | {"engine": {"name": "sglang"}, "capacity": BURSTING["capacity"]})
    query = render(plan)["kubernetes/chat/scaled-object.yaml"]
    assert "sum(sglang:num_running_reqs{" in query
    assert "sum(sglang:num_queue_reqs{" in query
    assert "vllm" not in query
    assert "--enable-metrics" in engine(pod(plan))["args"], "else there are no gauges"


def test_an_engine_without_gauges_has_no_query() -> None:
    with pytest.raises(ValueError, match="tensorrt-llm exports no gauges"):
        wanted_query("chat", 16, EngineName.tensorrt_llm)
