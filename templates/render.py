"""Text of every document of a plan; templates contain layout, this file the values."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.serving import GroupServingPlan, LimitsBy, ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.workload.source import ModelSource
from templates.access import QUEUE_WIRES, access_values
from templates.applications.application import APPLICATION_WIRES, application_documents
from templates.applications.page import PAGE_WIRES
from templates.burst import (
    BURST_DOCUMENTS,
    MEASURED_DOCUMENTS,
    burst_pool_values,
    burst_values,
    load_values,
    measured_values,
)
from templates.engine import (
    CACHE_PATH,
    ENGINE_PORT,
    ENGINE_USER,
    PROGRAMS,
    START,
    START_PROGRAM,
    TLS,
    argument,
    engine_arguments,
    engine_command,
    engine_environment,
    group_arguments,
    server_arguments,
)
from templates.environment import environment
from templates.held_pods import with_held
from templates.programs import EMBEDDING_CHECK, JOB_WORKER, PROMPT_CHECK, program, programs
from templates.renditions import RENDITION_WIRES, rendition_documents
from templates.scheduling import (
    GPU_TAINT,
    NODE_TROUBLE,
    POOL_LABEL,
    ZONE_LABEL,
)
from templates.user_data import user_data

HEALTH_PATH = "/health"
"""Path that answers 200 once the engine serves. Basis: vendor (vLLM's OpenAI-compatible server)."""
ROOT_DEVICE = "/dev/xvda"
"""Device name of a node's first volume. Basis: vendor (the EKS images)."""
DEPLOYMENT_PREFIX, GROUPS_PREFIX = "deployment-", "leader-worker-set-"
"""Prefixes of the documents of one zone's replicas, before the zone's id."""
PRIVATE_SUBNET = "private_subnet"
WIRES = frozenset(
    {
        "target_group_arn",
        "weights_bucket",
        "burst_instance_profile",
        "node_security_group",
        "volumes_key_arn",
        PRIVATE_SUBNET,
        *QUEUE_WIRES,
        *RENDITION_WIRES,
        *APPLICATION_WIRES,
        *PAGE_WIRES,
    }
)
"""Names of the values that exist only after creation; `components/wires.py` fills them in. A slash
separates a name from the key of one of several values: private_subnet/use1-az1."""

_PROBE_PERIOD_S = 10
_HUNG_STOP_S = 10
"""Seconds to stop for an engine that answers no probe. Basis: assumed; nothing of it can drain."""
_STALL_S = 600
"""Additional seconds that a rollout may make no progress. Basis: vendor (Kubernetes' default)."""

_DOCUMENTS = (
    "namespace",
    "network-policy-default",
    "network-policy-engine",
    "resource-quota",
    "service-account",
    "disruption-budget",
)
_IMPORT_DOCUMENTS = ("network-policy-import", "import-service-account", "import-job")
HUB = "https://huggingface.co"
"""Address of the model hub. Basis: vendor (Hugging Face Hub, HTTP API)."""
Document = tuple[str, str, dict[str, Any]]
"""Name of a document, its template and its values."""


def render(plan: Plan) -> dict[str, str]:
    """Return text by path, sorted: `kubernetes/SERVICE/deployment.yaml`,
    `node/POOL/user-data.mime`.

    `${wire:NAME}` is the placeholder of a value that exists only after creation.
    Raises ValueError where a value of the plan looks like a wire, or the engine has no such flag.
    """
    templates = environment()
    texts = {}
    for pool in plan.pools:
        text = texts[user_data_path(pool)] = user_data(templates, pool)
        if pool.burst is not None:
            values = burst_pool_values(pool, pool.burst, text) | {"root_device": ROOT_DEVICE}
            for document in ("ec2-node-class", "node-pool"):
                text = templates.get_template(f"node/{document}.yaml.j2").render(values)
                texts[f"node/{pool.name}/{document}.yaml"] = text
    for service in plan.services:
        if service.serving is None:
            continue
        for document, template, values in _documents(plan, service, service.serving):
            text = templates.get_template(f"kubernetes/{template}.yaml.j2").render(values)
            texts[f"kubernetes/{service.name}/{document}.yaml"] = text
    for name, held in plan.held_pods.items():
        texts = with_held(texts, name, held)
    return dict(sorted(texts.items()))


def _documents(plan: Plan, service: ServicePlan, serving: ServingPlan) -> Iterator[Document]:
    """Yield the documents of a service that an engine serves."""
    values = _service_values(plan, service, serving)
    yield from ((document, document, values) for document in _DOCUMENTS)
    if values["worker"] is None:
        yield "service", "service", values
    yield from _scripts(service, serving, values)
    yield from _zone_documents(serving, values)
    for document, binding in _bindings(service).items():
        yield document, "target-group-binding", values | {"binding": binding}
    if service.weights_import is not None:
        yield from ((document, document, values) for document in _IMPORT_DOCUMENTS)
    yield from rendition_documents(plan, service, values)
    yield from application_documents(plan, service, serving, values)
    if service.burst is not None:
        own, more = load_values(plan, service, serving, service.burst)
        burst = values | burst_values(serving, service.burst) | own
        yield from ((name, of, burst) for name, of in (BURST_DOCUMENTS | more).items())
    bursts = isinstance(service.burst, BurstPlan)
    if plan.site.measures_all and service.exports_metrics and not bursts:
        measured = values | measured_values(plan, f"{service.name}-measured")
        yield from ((name, of, measured) for name, of in MEASURED_DOCUMENTS.items())


def _scripts(
    service: ServicePlan, serving: ServingPlan, values: dict[str, Any]
) -> Iterator[Document]:
    """Yield the programs that the pods of a service mount."""
    scripts = {"script-fetch": values["fetch_script"]}
    if serving.limits_by is LimitsBy.admission:
        scripts["script-admission"] = values["admission_script"]
    if values["start_script"] is not None:
        scripts["script-start"] = values["start_script"]
    if serving.encrypted:
        scripts["script-certificate"] = values["certificate_script"]
    if service.weights_import is not None:
        scripts["script-import"] = values["import_script"]
    for document, script in scripts.items():
        modules = values["admission_modules"] if document == "script-admission" else ()
        yield document, "script", values | {"script": script, "modules": modules}
    if values["worker"] is not None:
        worker = programs(JOB_WORKER)
        own = {"script": worker.values, "modules": worker.modules}
        yield "script-worker", "script", values | own


def _bindings(service: ServicePlan) -> dict[str, str]:
    """Name of the binding to each load balancer's target group, by document."""
    gateway = service.gateway
    balancers = gateway.balancers() if isinstance(gateway, GatewayPlan) else ()
    return {
        binding_document(public=balancer.public): service.name + "-public" * balancer.public
        for balancer in balancers
    }


def binding_document(*, public: bool) -> str:
    """Document that binds the service to the targets of its public or internal load balancer."""
    return "target-group-binding-public" if public else "target-group-binding"


def user_data_path(pool: NodePool) -> str:
    """Path of the user data of the pool's nodes: `node/POOL/user-data.mime`."""
    return f"node/{pool.name}/user-data.mime"


def _service_values(plan: Plan, service: ServicePlan, serving: ServingPlan) -> dict[str, Any]:
    if service.quota is None:
        raise ValueError(f"{service.name}: what is served needs a quota")
    one_node = {
        "gpus_per_pod": serving.gpus_per_replica,
        "efa_interfaces": 0,
    }
    values = (
        one_node
        | serving.model_dump()
        | {
            "name": service.name,
            "component": "floor",
            "spans_nodes": isinstance(serving, GroupServingPlan),
            "taints": GPU_TAINT,
            "waits_through": NODE_TROUBLE,
            "pull_secrets": plan.site.image_pull_secrets,
            "spread_over": ["kubernetes.io/hostname"],
            "engine": serving.engine,
            "command": engine_command(serving),
            "environment": serving.engine.traits.environment,
            "arguments": [*engine_arguments(serving), *server_arguments(serving)],
            "answers": True,
            "fetch_script": program("fetch_weights").values,
            "fetched": {
                "prefix": argument(serving.weights_prefix),
                "folder": argument(serving.weights_folder),
            },
            "port": ENGINE_PORT,
            "health_path": HEALTH_PATH,
            "stage_services": [
                stage.service
                for stage in (serving.prompt.stages if serving.prompt else {}).values()
            ],
            "probe_period_s": _PROBE_PERIOD_S,
            "hung_stop_s": _HUNG_STOP_S,
            "startup_failures": ceil(serving.start_s / _PROBE_PERIOD_S),
            "programs": PROGRAMS,
            "cache_path": CACHE_PATH,
            "user": 0 if serving.as_root else ENGINE_USER,
            "encrypted": serving.encrypted,
            "certificate_script": program("make_certificate").values if serving.encrypted else None,
            "tls_folder": TLS,
            **_admission_values(serving),
            "start_script": program(START_PROGRAM).values if serving.engine.traits.entry else None,
            "start_folder": START,
            "engine_environment": {k: argument(v) for k, v in engine_environment(serving).items()},
            "quota": service.quota.model_dump(),
            "progress_deadline_s": _progress_deadline_s(serving),
            "awaited": service.weights_import is not None,
        }
    )
    values |= _import_values(service, plan.site)
    jobs = None if service.jobs is None else service.jobs.model_dump()
    if "${wire:" in json.dumps([values, jobs]):
        raise ValueError(f"{service.name}: a value of the plan contains '${{wire:'")
    access = access_values(plan, service, HEALTH_PATH)
    bound = {"bound_service": service.name, "bound_port": access["service_port"]}
    return values | {"called_by_application": False, "application_component": None} | bound | access


def _admission_values(serving: ServingPlan) -> dict[str, Any]:
    """Check in front of the engine, with its modules for stages of prompts, or for texts."""
    if serving.limits_by is not LimitsBy.admission:
        return {"admission_script": None, "admission_modules": ()}
    if serving.prompt is None and serving.embedding is None:
        return {"admission_script": program("admission").values, "admission_modules": ()}
    whole = programs(PROMPT_CHECK if serving.embedding is None else EMBEDDING_CHECK)
    return {"admission_script": whole.values, "admission_modules": whole.modules}


def _progress_deadline_s(serving: ServingPlan) -> int:
    """Seconds without another ready replica after which a rollout counts as stuck."""
    return serving.wait_s + serving.copy_s + serving.start_s + serving.stop_s + _STALL_S


def _zone_documents(serving: ServingPlan, values: dict[str, Any]) -> Iterator[Document]:
    """Replicas of each zone, pinned to its nodes: a Deployment, or a set of groups.

    `rollout_s` is a deadline over all batches, in which `pulumi up` must see every replica ready.
    """
    for zone, replicas in serving.replicas_by_zone.items():
        taken = serving.rollout_by_zone[zone]
        labels = {ZONE_LABEL: zone}
        of_zone = {
            "zone": zone,
            "zone_labels": labels,
            "replicas": replicas,
            "taken_at_once": taken,
            "rollout_s": ceil(replicas / taken) * _progress_deadline_s(serving),
            "node_labels": {POOL_LABEL: serving.pool, **labels},
        }
        if isinstance(serving, GroupServingPlan):
            leader, member = group_arguments(serving)
            groups = {"leader_arguments": leader, "worker_arguments": member}
            of_zone |= groups | {"spread_over": []}
            yield f"{GROUPS_PREFIX}{zone}", "leader-worker-set", values | of_zone
        else:
            yield f"{DEPLOYMENT_PREFIX}{zone}", "deployment", values | of_zone


def _import_values(service: ServicePlan, site: Site) -> dict[str, Any]:
    """Values of the documents of an import; empty where there is none."""
    plan, source = service.weights_import, service.inputs.model.source
    if plan is None or source is None:
        return {}
    chosen = getattr(source, source.kind).model_dump(mode="json", exclude_none=True)
    given = chosen | {"kind": source.kind, "max_bytes": plan.max_bytes}
    given |= {"hub": {"endpoint": HUB}, "image": {"folder": "/source"}}.get(source.kind, {})
    values = {
        "weights_import": plan.model_dump(),
        "image_source": _image_source(source, site.mirrors),
        "import_name": f"{service.name}-import",
        "import_script": program("import_weights").values,
        "import_prefix": argument(plan.prefix),
        "import_source": argument(json.dumps(given, sort_keys=True)),
    }
    secrets = {"secrets": site.image_pull_secrets} if site.image_pull_secrets else {}
    text = json.dumps(values | secrets, sort_keys=True)
    return values | {"import_digest": hashlib.sha256(text.encode()).hexdigest()[:10]}


def _image_source(source: ModelSource, mirrors: Mapping[str, str]) -> dict[str, str] | None:
    """Image with the model, after mirrors; None for another kind of source."""
    if source.image is None:
        return None
    reference = mirrored(source.image.reference, mirrors)
    return {"reference": reference, "path": source.image.path}
