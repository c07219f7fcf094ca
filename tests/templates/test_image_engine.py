"""The engine of images gets exactly what was sized, in the words of its own command."""

import json
from functools import cache
from typing import Any

import kubernetes_validate
import yaml

from sizing.catalog import Ability, load_catalog
from sizing.plan.service.serving import ItemServingPlan, ServingPlan
from sizing.plan.whole import Plan
from sizing.workload import EngineName
from templates.render import render
from tests.components.plans import SOURCES, STUDIO, plan_of
from tests.templates.test_engine import engine, environment, pods

VERSION = "1.35"
OMNI = EngineName.vllm_omni


@cache
def served() -> Plan:
    return plan_of(STUDIO)


def serving(plan: Plan) -> tuple[ServingPlan, ItemServingPlan]:
    found = plan.services[0].serving
    assert found is not None and found.item is not None
    return found, found.item


def pod(plan: Plan) -> Any:
    return next(iter(pods(plan).values()))


def test_the_engine_gets_the_sized_image() -> None:
    assert engine(pod(served()))["command"] == ["vllm", "serve"]
    *words, sampling = engine(pod(served()))["args"][:-2]
    assert words == [
        "/weights/flux.2-klein-4b",
        "--omni",
        *("--served-model-name", "flux.2-klein-4b"),
        *("--port", "8000"),
        *("--max-num-seqs", "1"),
        *("--dtype", "bfloat16"),
        *("--cfg-parallel-size", "1"),
        *("--ulysses-degree", "1"),
        *("--max-generated-image-size", "786432"),
        "--default-sampling-params",
    ]
    assert json.loads(sampling) == {"0": {"height": 768, "num_inference_steps": 4, "width": 1024}}
    assert engine(pod(served()))["args"][-2:] == ["--middleware", "admission.Admission"]


def test_the_engine_keeps_connections_and_admits_what_can_be_in_time() -> None:
    sized, _ = serving(served())
    gateway = served().services[0].gateway
    assert gateway is not None
    assert environment(pod(served())) == {
        "HF_HUB_OFFLINE": "1",
        "HOME": "/cache",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": str(gateway.idle_timeout_s + 10),
        "PYTHONPATH": "/scripts",
        "ADMISSION_IN_FLIGHT": str(sized.in_flight),
        "ADMISSION_SEQUENCES": "1",
    }


def test_cards_runtime_and_offload_are_flags() -> None:
    model = {"name": "qwen-image", "encoder_placement": "offloaded"}
    changes = {
        "model": model,
        "hardware": {"instance_type": "p5.48xlarge", "tensor_parallel": 4},
        "engine": {"runtime": "eager"},
        "latency": None,
        "request": {},
    }
    words = engine(pod(plan_of(STUDIO | changes)))["args"]
    assert words[words.index("--cfg-parallel-size") + 1] == "2"
    assert words[words.index("--ulysses-degree") + 1] == "2"
    assert {"--enforce-eager", "--enable-cpu-offload"} <= {*words}
    assert not {"--enforce-eager", "--enable-cpu-offload"} & {*engine(pod(served()))["args"]}


def test_every_option_is_one_that_the_pinned_version_is_known_to_have() -> None:
    catalog = load_catalog()
    tag = catalog.pin(OMNI.traits.image).version
    own = [row for row in catalog.engine_options if (row.engine, row.tag) == (OMNI, tag)]
    assert {row.ability for row in own} == {*Ability}
    known = {option for row in own if row.known for option in row.option.split(", ")}
    assert {OMNI.traits.keep_alive, "--middleware", "/health"} <= known
    assert engine(pod(served()))["image"] == f"docker.io/vllm/vllm-omni:{tag}"


def test_probes_ask_the_port_of_the_engine() -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert engine(pod(served()))[probe]["httpGet"] == {"path": "/health", "port": 8000}


def test_rendered_objects_are_valid() -> None:
    for path, text in render(served()).items():
        document = yaml.safe_load(text) if path.endswith(".yaml") else None
        if document is not None and "." not in document["apiVersion"].partition("/")[0]:
            kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_load_above_the_floor_is_read_from_the_gauges_of_the_engine() -> None:
    capacity = {"method": "calibrated", "burst_gpus": 4}
    query = render(plan_of(STUDIO | {"capacity": capacity}))["kubernetes/studio/scaled-object.yaml"]
    assert "sum(vllm_omni:num_requests_running{" in query
    assert "sum(vllm_omni:num_requests_waiting{" in query
    assert " - 1 * (count(up{" in query, "one image at a time"


def test_https_is_served_by_the_engine() -> None:
    words = engine(pod(plan_of(STUDIO | {"in_transit": "tls"})))["args"]
    assert words[words.index("--ssl-keyfile") + 1] == "/tls/tls.key"


def test_an_import_takes_the_folders_of_the_model() -> None:
    hub = {k: v for k, v in SOURCES["hub"].items() if k in ("id", "revision")}
    plan = plan_of(STUDIO | {"model": {"name": "flux.2-klein-4b", "source": {"hub": hub}}})
    job = yaml.safe_load(render(plan)["kubernetes/studio/import-job.yaml"])
    *_, given = job["spec"]["template"]["spec"]["containers"][0]["args"]
    files = json.loads(given)["files"]
    assert files[0] == "model_index.json"
    assert "*/diffusion_pytorch_model-*.safetensors" in files
    assert "*.safetensors" not in files, "the whole model in one file would double the bytes"


def test_own_files_are_complete_with_the_index_of_their_folders() -> None:
    (fetch,) = [c for c in pod(served())["initContainers"] if c["name"] == "weights"]
    assert "model_index.json" in fetch["args"]
