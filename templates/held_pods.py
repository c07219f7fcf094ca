"""Pods of zones that have not moved yet, as the stack's lock recorded them."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from sizing.plan.stack.held import PodRevision
from templates.document import document_values
from templates.programs import MOUNTED

PREFIXES = ("deployment-", "leader-worker-set-")
"""Prefixes of the documents of one zone's replicas, before the zone's id."""
PARTS = ("template", "leaderWorkerTemplate")
"""Fields of a Deployment and of a set of groups with their pod template."""
ZONE = "${zone}"
"""Placeholder for the zone's id in a recorded pod, so that zones share a revision."""


def revision_of(texts: Mapping[str, str], service: str) -> PodRevision | None:
    """Rendered pod of a service's floor; None where the service has no floor."""
    for path, text in texts.items():
        zone = _zone(path, service)
        if zone is not None:
            spec = document_values(text)["spec"]
            pod = json.loads(json.dumps(spec[_part(spec)]).replace(zone, ZONE))
            scripts = {name: texts[p] for name in MOUNTED if (p := _path(service, name)) in texts}
            return PodRevision(pod=pod, scripts=scripts)
    return None


def with_held(
    texts: Mapping[str, str], service: str, held: Mapping[str, PodRevision]
) -> dict[str, str]:
    """Texts in which the named zones keep their recorded pods, and the programs of those pods.

    Guard: replicas and the pace of a rollout still change; only a changed pod restarts pods.
    """
    changed = dict(texts)
    for path, text in texts.items():
        revision = held.get(_zone(path, service) or "")
        if revision is not None:
            zone = _zone(path, service) or ""
            changed[path] = _with_pod(text, revision, zone)
            changed |= _scripts(texts, service, revision)
    return changed


def _with_pod(text: str, revision: PodRevision, zone: str) -> str:
    document = document_values(text)
    pod = json.loads(json.dumps(revision.pod).replace(ZONE, zone))
    document["spec"][_part(document["spec"])] = pod
    return yaml.safe_dump(document, sort_keys=False)


def _scripts(texts: Mapping[str, str], service: str, revision: PodRevision) -> dict[str, str]:
    """Programs that only recorded pods still mount."""
    older = {
        name: text
        for name, text in revision.scripts.items()
        if texts.get(_path(service, name)) != text
    }
    return {_path(service, f"{name}-{_digest(text)}"): text for name, text in older.items()}


def _digest(text: str) -> str:
    """Digest in the name of a program's object; revisions that share the program create it once."""
    name: str = document_values(text)["metadata"]["name"]
    return name.rpartition("-")[2]


def _path(service: str, document: str) -> str:
    return f"kubernetes/{service}/{document}.yaml"


def _zone(path: str, service: str) -> str | None:
    """Zone of the document of one zone's replicas; None for other documents."""
    name = path.removeprefix(f"kubernetes/{service}/").removesuffix(".yaml")
    for prefix in PREFIXES:
        if name != path and name.startswith(prefix):
            return name.removeprefix(prefix)
    return None


def _part(spec: Mapping[str, Any]) -> str:
    return next(part for part in PARTS if part in spec)
