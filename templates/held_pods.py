"""Pods of zones that have not moved yet: as the stack's lock recorded them."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from sizing.plan import PodRevision

SCRIPTS = ("script-fetch", "script-admission", "script-certificate")
"""Documents of the programs that floor pods mount; the name of each holds a digest of it."""
PREFIXES = ("deployment-", "leader-worker-set-")
"""Names of the documents of one zone's replicas, before the zone's id."""
PARTS = ("template", "leaderWorkerTemplate")
"""Where a Deployment or a set of groups says what its pods are."""
ZONE = "${zone}"
"""Stands for the zone's id in a recorded pod, so that zones share a revision."""


def revision_of(texts: Mapping[str, str], service: str) -> PodRevision | None:
    """What every pod of a service's floor is, as rendered; None where it has no floor."""
    for path, text in texts.items():
        zone = _zone(path, service)
        if zone is not None:
            spec = yaml.safe_load(text)["spec"]
            pod = json.loads(json.dumps(spec[_part(spec)]).replace(zone, ZONE))
            scripts = {name: texts[p] for name in SCRIPTS if (p := _path(service, name)) in texts}
            return PodRevision(pod=pod, scripts=scripts)
    return None


def with_held(
    texts: Mapping[str, str], service: str, held: Mapping[str, PodRevision]
) -> dict[str, str]:
    """The texts in which the named zones keep their recorded pods, and the programs of those.

    Guard: replicas and the pace of a rollout are not held; only a changed pod restarts pods.
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
    document = yaml.safe_load(text)
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
    """Of a program, as its object's name holds it: revisions that share it make it once."""
    name: str = yaml.safe_load(text)["metadata"]["name"]
    return name.rpartition("-")[2]


def _path(service: str, document: str) -> str:
    return f"kubernetes/{service}/{document}.yaml"


def _zone(path: str, service: str) -> str | None:
    """Zone of the document of one zone's replicas; None for every other."""
    name = path.removeprefix(f"kubernetes/{service}/").removesuffix(".yaml")
    for prefix in PREFIXES:
        if name != path and name.startswith(prefix):
            return name.removeprefix(prefix)
    return None


def _part(spec: Mapping[str, Any]) -> str:
    return next(part for part in PARTS if part in spec)
