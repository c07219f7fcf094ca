"""How do requests or jobs reach the engine of a pod?"""

from typing import Any

from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.items.jobs import JobWorkerPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.serving import STOP_MARGIN_S
from templates.applications.application import (
    APPLICATION_PORT,
    COMPONENT,
    INGESTION,
    application_name,
)
from templates.applications.context import callers
from templates.engine import ENGINE_PORT, ENGINE_USER, LOOPBACK, argument, prompt_stages
from templates.programs import JOB_WORKER, programs

QUEUE_WIRES = frozenset(
    {"artefacts_bucket", "dead_letters_url", "jobs_table", "queue_name", "queue_url"}
)
"""Names of the values of a queued service alone."""
WORKER_PROGRAMS = "/programs"
"""Folder of the worker's program, and of the modules that it imports, in its container."""
ENGINE_URL = f"http://{LOOPBACK}:{ENGINE_PORT}"
"""Address of the engine for the worker in its pod."""
SERVICE_PORT = 80
"""Port of the Service in front of the engines; load balancer targets use the engines' own port."""
CALLERS_DRAIN_S = 10
"""Seconds for which an engine outlives the order to stop, until its callers' nodes no longer send
to it. Basis: assumed."""
_CHECK = "import urllib.request; urllib.request.urlopen('{url}', timeout=4)"
"""Program that fails where an engine is not healthy, for the kubelet, which cannot reach it. It
ends within the time of a probe."""


def access_values(plan: Plan, service: ServicePlan, health_path: str) -> dict[str, Any]:
    """Values of the way to the engine: from a load balancer, the worker in its pod, or callers.

    Guard: the network policies of the VPC CNI need a Service whose port is that of its pods. A
    load balancer sends to pods directly.

    Raises ValueError for a service without any.
    """
    gateway, jobs = service.gateway, service.jobs
    if jobs is not None and jobs.worker is not None:
        check = ["python3", "-c", _CHECK.format(url=f"{ENGINE_URL}{health_path}")]
        return {
            "worker": jobs.worker.model_dump(),
            "callers": (),
            "service_port": SERVICE_PORT,
            "worker_script": programs(JOB_WORKER).values,
            "worker_programs": WORKER_PROGRAMS,
            "worker_user": ENGINE_USER,
            "worker_environment": _worker_environment(plan, service, jobs.worker),
            "check": check,
            "balancer_cidrs": [],
            "drain_s": jobs.worker.give_back_s,
        }
    if service.inputs.access.service is not None and service.serving is not None:
        return {
            "worker": None,
            "callers": [
                {"namespace": host, "name": application_name(host), "components": (COMPONENT,)}
                for host in service.callers
            ],
            "balancer_cidrs": [],
            "service_port": ENGINE_PORT,
            "drain_s": service.serving.stop_s - STOP_MARGIN_S,
        }
    if service.callers:
        return {
            "worker": None,
            "callers": callers(plan, service, {COMPONENT: (COMPONENT, INGESTION)}),
            "balancer_cidrs": [],
            "service_port": ENGINE_PORT,
            "drain_s": CALLERS_DRAIN_S,
        }
    if not isinstance(gateway, GatewayPlan):
        raise ValueError(f"{service.name}: what is served needs a load balancer or a worker")
    cidrs = [
        *(plan.network.public_cidrs if gateway.has_public else ()),
        *(plan.network.private_cidrs if gateway.has_internal else ()),
    ]
    if service.application_pods:
        return {
            "worker": None,
            "callers": (),
            "called_by_application": True,
            "application_name": application_name(service.name),
            "application_component": COMPONENT,
            "bound_service": application_name(service.name),
            "bound_port": APPLICATION_PORT if service.page_pods else SERVICE_PORT,
            "service_port": ENGINE_PORT,
            "balancer_cidrs": [],
            "application_balancer_cidrs": cidrs,
            "drain_s": gateway.deregistration_delay_s,
        }
    return {
        "worker": None,
        "callers": (),
        "service_port": SERVICE_PORT,
        "balancer_cidrs": cidrs,
        "drain_s": gateway.deregistration_delay_s,
    }


def _worker_environment(plan: Plan, service: ServicePlan, worker: JobWorkerPlan) -> dict[str, str]:
    """Environment of the worker; wires are the queue, the table and the bucket of its service.

    Raises ValueError for a service whose jobs nothing accepts.
    """
    if service.serving is None or service.jobs is None or service.jobs.api is None:
        raise ValueError(f"{service.name}: a worker needs an engine and jobs")
    prompt = service.serving.prompt
    own = {} if prompt is None else {"PROMPT_STAGES": argument(prompt_stages(prompt))}
    if service.jobs.owner_index is not None:
        own["OWNER_INDEX"] = service.jobs.owner_index
    if service.rendition_workers:
        own["RENDITIONS_URL"] = "${wire:renditions_url}"
    return own | {
        "QUEUE_URL": "${wire:queue_url}",
        "DEAD_LETTERS_URL": "${wire:dead_letters_url}",
        "TABLE": "${wire:jobs_table}",
        "BUCKET": "${wire:artefacts_bucket}",
        "KIND": service.kind,
        "FORMAT": worker.format,
        "MODEL": argument(service.serving.model),
        "ENGINE_URL": ENGINE_URL,
        "AT_ONCE": str(worker.at_once),
        "ATTEMPTS": str(worker.attempts),
        "RECEIVES": str(service.jobs.receives),
        "VISIBILITY_S": str(worker.visibility_s),
        "HEARTBEAT_S": str(worker.heartbeat_s),
        "ITEM_TIMEOUT_S": str(worker.item_timeout_s),
        "EXPIRE_DAYS": str(service.jobs.api.expire_days),
        "ROW_DAYS": str(service.jobs.api.row_days),
        "AWS_REGION": plan.site.region,
    }
