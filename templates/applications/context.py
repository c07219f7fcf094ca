"""Values of the documents of an application: their configuration, their pods and their callers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.application.context import TEXTS
from templates.engine import ENGINE_PORT
from templates.programs import DIGEST_DIGITS

PROVIDER = "vectors"
"""Name of the embedding service in the application's configuration."""
STORE = "documents"
"""Name of the documents for callers. The program of the check has the same."""
CONTEXT_WIRES = frozenset({"documents_bucket", "documents_queue_url"})
"""Names of the values of a service with documents alone."""
STOP_S = 90
"""Seconds in which a worker ends its poll or its document when it must stop; a message that is not
done returns. Basis: assumed."""


def store_name(context: ContextPlan) -> str:
    """Name of OGX's store of vectors, one for each model."""
    text = f"{context.model} {context.dimensions}"
    return f"{STORE}-{hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]}"


def vectors_url(service: str) -> str:
    """Address of an embedding service inside the cluster."""
    return f"http://{service}.{service}.svc:{ENGINE_PORT}"


def configuration(context: ContextPlan | None, url: str | None = None) -> dict[str, Any] | None:
    """Values of OGX's configuration; None without documents. `url` stands for the service's."""
    if context is None:
        return None
    return {
        "provider": PROVIDER,
        "model": context.model,
        "dimensions": context.dimensions,
        "store": store_name(context),
        "connections": context.connections_per_process,
        "url": f"{url or vectors_url(context.service)}/v1",
    }


def searching(context: ContextPlan | None, tls: str) -> dict[str, str]:
    """Environment of the pods that use the documents; empty without any.

    Guard: OGX's store of vectors has no setting for TLS, and its driver reads this one.
    """
    if context is None:
        return {}
    return {
        "DOCUMENTS": store_name(context),
        "PASSAGES": str(context.retrieved_chunks),
        "PGSSLMODE": tls,
    }


def directly(plan: Plan, context: ContextPlan | None) -> dict[str, str]:
    """Environment of what callers request without an answer; empty where nothing is.

    A text has a chunk's bytes at most, and a request no more texts than one step of its engine.
    """
    direct = None if context is None else context.direct
    if context is None or direct is None:
        return {}
    given: dict[str, object] = {"searches": direct.searches_per_request > 0}
    if direct.embeddings_per_request:
        given |= {
            "model": f"{PROVIDER}/{context.model}",
            "texts": _texts(plan, context),
            "text_bytes": context.chunk_bytes,
            "dimensions": context.dimensions,
        }
    return {"DIRECT": json.dumps(given)}


def _texts(plan: Plan, context: ContextPlan) -> int:
    """Texts of one request for vectors at most: those of one step of their engine."""
    service = next(each for each in plan.services if each.name == context.service)
    texts = None if service.serving is None else service.serving.sequences_per_request
    return min(TEXTS, texts or TEXTS)


def ingesting(plan: Plan, context: ContextPlan) -> dict[str, str]:
    """Environment of the workers; wires are the queue and the bucket."""
    return {
        "QUEUE_URL": "${wire:documents_queue_url}",
        "VISIBILITY_S": str(context.visibility_s),
        "DOCUMENTS_BUCKET": "${wire:documents_bucket}",
        "DOCUMENT_BYTES": str(context.document_bytes_most),
        "CHUNK_BYTES": str(context.chunk_bytes),
        "OVERLAP_BYTES": str(context.overlap_bytes),
        "EMBEDDING_URL": f"{vectors_url(context.service)}/v1",
        "EMBEDDING_MODEL": context.model,
        "DIMENSIONS": str(context.dimensions),
        "TEXTS": str(_texts(plan, context)),
        "WORKERS": str(context.workers_per_pod),
    }


def callers(
    plan: Plan, service: ServicePlan, of_application: Mapping[str, tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Pods that alone call a service: their namespace, their name and their components.

    The engines of the calling service call a stage of its prompts. Its application calls the
    service of its vectors; `of_application` has the components that do, by the pods' name.
    """
    found = list[dict[str, Any]]()
    for caller in service.callers:
        context = next((s.context for s in plan.services if s.name == caller), None)
        if context is None or context.service != service.name:
            found.append({"namespace": caller, "name": caller, "components": ()})
            continue
        for name, components in of_application.items():
            whole = {"namespace": caller, "name": f"{caller}-{name}", "components": components}
            found.append(whole)
    return found
