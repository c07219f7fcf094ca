"""Text of every document of a plan; templates contain layout, this file the values."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.disks import WeightsOn
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.jobs import JobWorkerPlan
from sizing.plan.service.serving import GroupServingPlan, LimitsBy, ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import BurstPoolPlan, NodePool
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.stack.cluster_services import METRICS, METRICS_SERVER, NAMESPACE, SCRAPE_S
from sizing.workload import EngineName
from sizing.workload.source import ModelSource
from templates.engine import (
    CACHE_PATH,
    ENGINE_PORT,
    ENGINE_USER,
    LOOPBACK,
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
from templates.held_pods import with_held
from templates.programs import JOB_WORKER, program, programs
from templates.scheduling import (
    BURST_TAINT,
    GPU_TAINT,
    NODE_TROUBLE,
    POOL_LABEL,
    ZONE_LABEL,
    burst_node_labels,
)
from templates.user_data import WEIGHTS_DEVICE, user_data

TEMPLATES = Path(__file__).parent
SERVICE_PORT = 80
"""Port of the Service in front of the engines; load balancer targets use the engines' own port."""
HEALTH_PATH = "/health"
"""Path that answers 200 once the engine serves. Basis: vendor (vLLM's OpenAI-compatible server)."""
ROOT_DEVICE = "/dev/xvda"
"""Device name of a node's first volume. Basis: vendor (the EKS images)."""
DEPLOYMENT_PREFIX, GROUPS_PREFIX = "deployment-", "leader-worker-set-"
"""Prefixes of the documents of one zone's replicas, before the zone's id."""
PRIVATE_SUBNET = "private_subnet"
QUEUE_WIRES = frozenset(
    {"artefacts_bucket", "dead_letters_url", "jobs_table", "queue_name", "queue_url"}
)
"""Names of the values of a queued service alone."""
WIRES = frozenset(
    {
        "target_group_arn",
        "weights_bucket",
        "burst_instance_profile",
        "node_security_group",
        "volumes_key_arn",
        PRIVATE_SUBNET,
        *QUEUE_WIRES,
    }
)
"""Names of the values that exist only after creation; `components/wires.py` fills them in. A slash
separates a name from the key of one of several values: private_subnet/use1-az1."""

WORKER_PROGRAMS = "/programs"
"""Folder of the worker's program, and of the modules that it imports, in its container."""
ENGINE_URL = f"http://{LOOPBACK}:{ENGINE_PORT}"
"""Address of the engine for the worker in its pod."""
_CHECK = "import urllib.request; urllib.request.urlopen('{url}', timeout=4)"
"""Program that fails where an engine is not healthy, for the kubelet, which cannot reach it. It
ends within the time of a probe."""
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
_BURST_DOCUMENTS = {
    "burst-deployment": "deployment",
    "burst-disruption-budget": "disruption-budget",
    "scaled-object": "scaled-object",
    "metrics-role": "metrics-role",
    "metrics-role-binding": "metrics-role-binding",
    "network-policy-metrics": "network-policy-metrics",
}
"""Templates of the additional documents of a service above its floor."""
_METRICS_ADDRESS = f"http://{METRICS_SERVER}.{NAMESPACE}.svc:80"
_SURROGATES = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


def render(plan: Plan) -> dict[str, str]:
    """Return text by path, sorted: `kubernetes/SERVICE/deployment.yaml`,
    `node/POOL/user-data.mime`.

    `${wire:NAME}` is the placeholder of a value that exists only after creation.
    Raises ValueError where a value of the plan looks like a wire, or the engine has no such flag.
    """
    environment = _environment()
    texts = {}
    for pool in plan.pools:
        text = texts[user_data_path(pool)] = user_data(environment, pool)
        if pool.burst is not None:
            values = _burst_pool_values(pool, pool.burst, text)
            for document in ("ec2-node-class", "node-pool"):
                text = environment.get_template(f"node/{document}.yaml.j2").render(values)
                texts[f"node/{pool.name}/{document}.yaml"] = text
    for service in plan.services:
        if service.serving is None:
            continue
        values = _service_values(plan, service, service.serving)
        documents = [(document, document, values) for document in _DOCUMENTS]
        if values["worker"] is None:
            documents.append(("service", "service", values))
        else:
            worker = programs(JOB_WORKER)
            first, *others = worker.files
            taker = {"script": first.values | {"name": worker.name}, "modules": others}
            documents.append(("script-worker", "script", values | taker))
        documents.append(("script-fetch", "script", values | {"script": values["fetch_script"]}))
        if service.serving.limits_by is LimitsBy.admission:
            check = values | {"script": values["admission_script"]}
            documents.append(("script-admission", "script", check))
        if values["start_script"] is not None:
            start = values | {"script": values["start_script"]}
            documents.append(("script-start", "script", start))
        if service.serving.encrypted:
            maker = values | {"script": values["certificate_script"]}
            documents.append(("script-certificate", "script", maker))
        documents += _zone_documents(service.serving, values)
        documents += [
            (document, "target-group-binding", values | {"binding": binding})
            for document, binding in _bindings(service).items()
        ]
        if service.weights_import is not None:
            documents += [(document, document, values) for document in _IMPORT_DOCUMENTS]
            script = values | {"script": values["import_script"]}
            documents.append(("script-import", "script", script))
        if service.burst is not None:
            burst = values | _burst_values(service.name, service.serving, service.burst)
            documents += [(name, of, burst) for name, of in _BURST_DOCUMENTS.items()]
        for document, template, filled in documents:
            text = environment.get_template(f"kubernetes/{template}.yaml.j2").render(filled)
            texts[f"kubernetes/{service.name}/{document}.yaml"] = text
    for name, held in plan.held_pods.items():
        texts = with_held(texts, name, held)
    return dict(sorted(texts.items()))


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
            "service_port": SERVICE_PORT,
            "probe_period_s": _PROBE_PERIOD_S,
            "hung_stop_s": _HUNG_STOP_S,
            "startup_failures": ceil(serving.start_s / _PROBE_PERIOD_S),
            "programs": PROGRAMS,
            "modules": (),
            "cache_path": CACHE_PATH,
            "user": 0 if serving.as_root else ENGINE_USER,
            "encrypted": serving.encrypted,
            "certificate_script": program("make_certificate").values if serving.encrypted else None,
            "tls_folder": TLS,
            "admission_script": program("admission").values
            if serving.limits_by is LimitsBy.admission
            else None,
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
    return values | _access_values(plan, service)


def _access_values(plan: Plan, service: ServicePlan) -> dict[str, Any]:
    """Values of the way to the engine: from a load balancer, or from the worker in its pod.

    Raises ValueError for a service with neither.
    """
    gateway, jobs = service.gateway, service.jobs
    if jobs is not None and jobs.worker is not None:
        worker = programs(JOB_WORKER)
        check = ["python3", "-c", _CHECK.format(url=f"{ENGINE_URL}{HEALTH_PATH}")]
        return {
            "worker": jobs.worker.model_dump(),
            "worker_script": {"file": worker.files[0].file, "name": worker.name},
            "worker_programs": WORKER_PROGRAMS,
            "worker_user": ENGINE_USER,
            "worker_environment": _worker_environment(plan, service, jobs.worker),
            "check": check,
            "balancer_cidrs": [],
            "drain_s": jobs.worker.give_back_s,
        }
    if not isinstance(gateway, GatewayPlan):
        raise ValueError(f"{service.name}: what is served needs a load balancer or a worker")
    return {
        "worker": None,
        "balancer_cidrs": [
            *(plan.network.public_cidrs if gateway.has_public else ()),
            *(plan.network.private_cidrs if gateway.has_internal else ()),
        ],
        "drain_s": gateway.deregistration_delay_s,
    }


def _worker_environment(plan: Plan, service: ServicePlan, worker: JobWorkerPlan) -> dict[str, str]:
    """Environment of the worker; wires are the queue, the table and the bucket of its service.

    Raises ValueError for a service whose jobs nothing accepts.
    """
    if service.serving is None or service.jobs is None or service.jobs.api is None:
        raise ValueError(f"{service.name}: a worker needs an engine and jobs")
    return {
        "QUEUE_URL": "${wire:queue_url}",
        "DEAD_LETTERS_URL": "${wire:dead_letters_url}",
        "TABLE": "${wire:jobs_table}",
        "BUCKET": "${wire:artefacts_bucket}",
        "KIND": service.kind,
        "MODEL": argument(service.serving.model),
        "ENGINE_URL": ENGINE_URL,
        "ATTEMPTS": str(worker.attempts),
        "VISIBILITY_S": str(worker.visibility_s),
        "HEARTBEAT_S": str(worker.heartbeat_s),
        "ITEM_TIMEOUT_S": str(worker.item_timeout_s),
        "EXPIRE_DAYS": str(service.jobs.api.expire_days),
        "AWS_REGION": plan.site.region,
    }


def _progress_deadline_s(serving: ServingPlan) -> int:
    """Seconds without another ready replica after which a rollout counts as stuck."""
    return serving.wait_s + serving.copy_s + serving.start_s + serving.stop_s + _STALL_S


def _zone_documents(
    serving: ServingPlan, values: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
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


def _burst_values(service: str, serving: ServingPlan, burst: BurstPlan) -> dict[str, Any]:
    """Values that differ above the floor.

    Guard: `replicas` is absent because KEDA owns it; a literal would conflict at each update. Pods
    spread over zones only: with a spread over nodes Karpenter would start one for each replica.
    """
    return {
        "component": "burst",
        "zone": None,
        "zone_labels": {},
        "replicas": None,
        "awaited": False,
        "max_unavailable": burst.max_unavailable,
        "taken_at_once": burst.max_unavailable,
        "waits_through": (),
        "node_labels": {POOL_LABEL: serving.pool, **BURST_TAINT},
        "taints": GPU_TAINT | BURST_TAINT,
        "spread_over": ["topology.kubernetes.io/zone"],
        "burst_replicas": burst.replicas,
        "in_flight_target": burst.in_flight_target,
        "cooldown_s": burst.cooldown_s,
        "poll_s": SCRAPE_S,
        "metrics_address": _METRICS_ADDRESS,
        "metrics_query": wanted_query(service, burst.in_flight_target, serving.engine),
        "metrics_account": METRICS_SERVER,
        "metrics_namespace": NAMESPACE,
        "metrics_chart": METRICS,
    }


def wanted_query(service: str, in_flight_target: int, engine: EngineName) -> str:
    """PromQL query: requests in flight beyond the target of the floor's ready replicas.

    A replica that is too loaded to be ready still reports its requests.

    in flight = running + waiting, on floor and burst; without any sample there is no answer. Raises
    ValueError for an engine that exports no such gauges.
    Basis: vendor (the engine's gauges; `up` is Prometheus' own).
    """
    gauges = engine.traits.gauges
    if gauges is None:
        raise ValueError(f"{engine} exports no gauges of its requests")
    of = f'namespace="{service}"'
    in_flight = f"sum({gauges.running}{{{of}}}) + sum({gauges.waiting}{{{of}}})"
    floor = f'(count(up{{{of},component="floor",ready="true"}} == 1) or vector(0))'
    return f"clamp_min({in_flight} - {in_flight_target} * {floor}, 0)"


def _burst_pool_values(pool: NodePool, burst: BurstPoolPlan, user_data: str) -> dict[str, Any]:
    volumes = pool.volumes
    weights = {
        "device": WEIGHTS_DEVICE,
        "size_gib": volumes.weights_gib,
        "iops": volumes.weights_iops,
        "mib_per_s": volumes.weights_mib_per_s,
    }
    return burst.model_dump() | {
        "name": pool.name,
        "instance_type": pool.instance_type,
        "node_labels": burst_node_labels(pool),
        "taints": GPU_TAINT | BURST_TAINT,
        "root_device": ROOT_DEVICE,
        "root_gib": volumes.root_gib,
        "disks": [] if volumes.weights_gib is None else [weights],
        "instance_store": volumes.weights_on is WeightsOn.nvme,
        "user_data": user_data,
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
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
