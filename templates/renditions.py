"""Values of the documents of workers that make renditions."""

import json
from collections.abc import Iterator
from typing import Any

from sizing.plan.service.files.renditions import RenditionsPlan, RenditionWorkerPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from templates.engine import ENGINE_USER
from templates.programs import RENDITION_WORKER, programs
from templates.scheduling import RENDITIONS_TAINT

ACCOUNT = "renditions"
"""Component of the workers, and name of their service account."""
TOOLS = "/tools"
"""Folder of ffmpeg in the container of a worker."""
RENDITION_WIRES = frozenset({"renditions_url", "rendition_letters_url"})
"""Names of the values of a service with renditions alone."""
DOCUMENTS = {
    "renditions-deployment": "renditions-deployment",
    "renditions-service-account": "pod-account",
    "network-policy-renditions": "network-policy-renditions",
}
"""Template of each document of the workers."""


def rendition_documents(
    plan: Plan, service: ServicePlan, values: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the documents of a service's workers of renditions; nothing where it has none."""
    wanted = service.renditions
    if wanted is None or wanted.worker is None:
        return
    worker = programs(RENDITION_WORKER)
    own = {
        "name": service.name,
        "component": ACCOUNT,
        "account": ACCOUNT,
        "pull_secrets": values["pull_secrets"],
        "replicas": wanted.workers_total,
        "taints": RENDITIONS_TAINT,
        "worker": wanted.worker.model_dump(),
        "user": ENGINE_USER,
        "environment": _environment(plan, service, wanted, wanted.worker),
        "tools": TOOLS,
        "script": worker.values,
        "modules": worker.modules,
    }
    yield from ((document, template, own) for document, template in DOCUMENTS.items())
    yield "script-renditions", "script", own


def _environment(
    plan: Plan, service: ServicePlan, wanted: RenditionsPlan, worker: RenditionWorkerPlan
) -> dict[str, str]:
    """Environment of a worker; wires are the queues, the table and the bucket of its service."""
    variants = [v.model_dump(include={"name", "codec", "height"}) for v in wanted.variants]
    return {
        "QUEUE_URL": "${wire:renditions_url}",
        "DEAD_LETTERS_URL": "${wire:rendition_letters_url}",
        "TABLE": "${wire:jobs_table}",
        "BUCKET": "${wire:artefacts_bucket}",
        "VARIANTS": json.dumps(variants, sort_keys=True),
        "ATTEMPTS": str(worker.attempts),
        "RECEIVES": str(worker.receives),
        "VISIBILITY_S": str(worker.visibility_s),
        "HEARTBEAT_S": str(worker.heartbeat_s),
        "CLIP_TIMEOUT_S": str(worker.clip_timeout_s),
        "THREADS": str(worker.threads),
        "FFMPEG": f"{TOOLS}/ffmpeg",
        "AWS_REGION": plan.site.region,
    }
