"""Nodes and services of a plan on the test's control plane: deployment, rollout, loss of a zone."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from components.platform import build
from sizewright.record import record
from sizing.catalog import Catalog, load_catalog
from sizing.plan.reaches import NODE_GROUP
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.serving import allocatable
from templates.render import render
from templates.scheduling import ZONE_LABEL
from testbed.control_plane import KWOK_LABEL, ControlPlane, until
from testbed.kubernetes_api import ApiError

COMPONENT, NAME = "app.kubernetes.io/component", "app.kubernetes.io/name"
WAIT_S = 180
EFFECTS = {"NO_SCHEDULE": "NoSchedule"}
"""Kubernetes names of the taint effects of EKS."""
ORDER = ("Namespace", "ServiceAccount")
"""Kinds that other objects require; the stack creates them first too."""
HERE = frozenset(
    {
        "v1",
        "apps/v1",
        "batch/v1",
        "policy/v1",
        "networking.k8s.io/v1",
        "rbac.authorization.k8s.io/v1",
    }
)
"""API versions that need no definition."""


@dataclass
class Fleet:
    """One plan on one control plane."""

    plane: ControlPlane
    plan: Plan
    seed: int
    floors: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Applied Deployments by service and zone."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.groups = _gpu_groups(self.plan)

    @property
    def services(self) -> list[ServicePlan]:
        return [service for service in self.plan.services if service.serving is not None]

    # Actions on the fleet.

    def start_nodes(self, zone: str | None = None) -> None:
        """Create the nodes of every recorded node group, or of those of one zone."""
        for group in self.groups:
            if zone in (None, group["labels"][ZONE_LABEL]):
                for number in range(group["scalingConfig"]["desiredSize"]):
                    self.plane.api.apply(_node(group, number))
        until(self.all_nodes_ready, WAIT_S)

    def deploy(self) -> None:
        """Apply every rendered document of every service, in random order."""
        documents = built_in(self.plan)
        self.random.shuffle(documents)
        documents.sort(key=lambda one: ORDER.index(one["kind"]) if one["kind"] in ORDER else 9)
        for document in documents:
            self.plane.api.apply(document)
            if document["kind"] == "Deployment":
                labels = document["spec"]["template"]["metadata"]["labels"]
                self.floors[labels[NAME], labels[ZONE_LABEL]] = document

    def roll(self, image: str, services: Iterable[str] = (), zones: Iterable[str] = ()) -> None:
        """Set another image of the services' Deployments, in all zones unless some are named."""
        chosen = [
            document
            for (service, zone), document in self.floors.items()
            if service in (tuple(services) or (service,)) and zone in (tuple(zones) or (zone,))
        ]
        self.random.shuffle(chosen)
        for document in chosen:
            document["spec"]["template"]["spec"]["containers"][0]["image"] = image
            self.plane.api.apply(document)

    def delete_zone(self, zone: str) -> None:
        """Delete the zone's node objects, as when EC2 has ended their instances."""
        for name in self._nodes_of(zone):
            self.plane.api.request("DELETE", f"/api/v1/nodes/{name}")

    def silence_zone(self, zone: str) -> None:
        """Stop the heartbeats of the zone's kubelets, as when the zone is unreachable."""
        self._label_kubelets(zone, None)

    def hear_zone(self, zone: str) -> None:
        """Resume the heartbeats of the zone's kubelets."""
        self._label_kubelets(zone, "on")

    def _label_kubelets(self, zone: str, value: str | None) -> None:
        for name in self._nodes_of(zone):
            label = {"metadata": {"labels": {KWOK_LABEL: value}}}
            self.plane.api.patch(f"/api/v1/nodes/{name}", label)

    def remove(self) -> None:
        """Delete everything, so that the next test begins with an empty cluster."""
        for service in self.services:
            try:
                for kind in ("deployments", "replicasets"):
                    path = f"/apis/apps/v1/namespaces/{service.name}/{kind}"
                    self.plane.api.request("DELETE", path)
                path = f"/api/v1/namespaces/{service.name}"
                self.plane.api.request("DELETE", f"{path}/pods", gracePeriodSeconds="0")
                self.plane.api.request("DELETE", path)
            except ApiError as missing:
                if missing.status != 404:
                    raise
        self.plane.api.request("DELETE", "/api/v1/nodes")
        until(lambda: not self._namespaces(), WAIT_S)

    def _namespaces(self) -> set[str]:
        found = {n["metadata"]["name"] for n in self.plane.api.items("/api/v1/namespaces")}
        return found & {service.name for service in self.services}

    # Observations of the fleet.

    def nodes(self) -> dict[str, Any]:
        return {n["metadata"]["name"]: n for n in self.plane.api.items("/api/v1/nodes")}

    def _nodes_of(self, zone: str) -> list[str]:
        return [
            name
            for name, node in self.nodes().items()
            if node["metadata"]["labels"][ZONE_LABEL] == zone
        ]

    def all_nodes_ready(self) -> bool:
        return all(
            "True" in conditions(node).get("Ready", "")
            and not any("not-ready" in t["key"] for t in node["spec"].get("taints", []))
            for node in self.nodes().values()
        )

    def pods(self, service: str) -> list[dict[str, Any]]:
        """Pods of the floor that are not terminating."""
        found = self.plane.api.items(
            f"/api/v1/namespaces/{service}/pods", labelSelector=f"{COMPONENT}=floor"
        )
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def placed(self, service: str) -> Counter[str]:
        """Ready replicas by the zone of their node; pods on dead or deleted nodes do not count."""
        return self.all_placed()[service]

    def all_placed(self) -> dict[str, Counter[str]]:
        """Ready replicas of every service by zone, from two requests."""
        alive = {
            name: node["metadata"]["labels"][ZONE_LABEL]
            for name, node in self.nodes().items()
            if conditions(node).get("Ready") == "True"
        }
        found = {service.name: Counter[str]() for service in self.services}
        for pod in self.plane.api.items("/api/v1/pods", labelSelector=f"{COMPONENT}=floor"):
            node, going = pod["spec"].get("nodeName"), "deletionTimestamp" in pod["metadata"]
            if node in alive and not going and conditions(pod).get("Ready") == "True":
                found[pod["metadata"]["namespace"]][alive[node]] += 1
        return found

    def ready_pods(self, service: str) -> int:
        """Number of replicas that the API reports as ready, in any zone."""
        return sum(conditions(pod).get("Ready") == "True" for pod in self.pods(service))

    def misplaced(self) -> int:
        """Number of replicas in another zone than planned, or missing there."""
        return self.misplaced_in(self.plan.site.zones)

    def misplaced_in(self, zones: Iterable[str]) -> int:
        """Number of misplaced replicas of some zones: too few or too many."""
        return sum(
            abs(self.planned(service)[zone] - found[zone])
            for service, found in self.all_placed().items()
            for zone in zones
        )

    def planned(self, service: str) -> Counter[str]:
        (plan,) = (s for s in self.services if s.name == service)
        assert plan.serving is not None
        return Counter(plan.serving.replicas_by_zone)

    def complete(self) -> bool:
        """True where every Deployment has all its replicas ready, of its newest template."""
        return self.complete_in(self.plan.site.zones)

    def complete_in(self, zones: Iterable[str]) -> bool:
        """True where the Deployments of some zones are complete."""
        path = "/apis/apps/v1/deployments"
        named = {d["metadata"]["name"]: d for d in self.plane.api.items(path)}
        return all(
            _complete(named[floor["metadata"]["name"]])
            for (_, zone), floor in self.floors.items()
            if zone in zones
        )

    def deployment(self, service: str, zone: str) -> Any:
        name = self.floors[service, zone]["metadata"]["name"]
        return self.plane.api.request(
            "GET", f"/apis/apps/v1/namespaces/{service}/deployments/{name}"
        )

    def budget(self, service: str) -> Any:
        """Status of the service's disruption budget."""
        path = f"/apis/policy/v1/namespaces/{service}/poddisruptionbudgets/{service}-floor"
        return self.plane.api.request("GET", path)["status"]

    def least_ready(self, ended: Callable[[], bool], limit_s: float = WAIT_S) -> Counter[str]:
        """Fewest ready replicas of each service until the end."""
        fewest = Counter({name: found.total() for name, found in self.all_placed().items()})

        def look() -> bool:
            for name, found in self.all_placed().items():
                fewest[name] = min(fewest[name], found.total())
            return ended()

        until(look, limit_s)
        return fewest


def built_in(plan: Plan) -> list[dict[str, Any]]:
    """Rendered documents of the kinds that every API server has."""
    documents = (
        yaml.safe_load(_unwired(text))
        for path, text in render(plan).items()
        if path.startswith("kubernetes/")
    )
    return [document for document in documents if document["apiVersion"] in HERE]


_GROUPS: dict[str, list[dict[str, Any]]] = {}
"""Node groups by the plan's JSON, cached because recording a stack takes seconds."""


def _gpu_groups(plan: Plan) -> list[dict[str, Any]]:
    """GPU node groups that the components register."""
    key = plan.model_dump_json()
    if key not in _GROUPS:
        recorded = record(lambda: build(plan), config={}, preview=True)
        _GROUPS[key] = [
            {**resource.inputs, "name": resource.name}
            for resource in recorded.resources
            if resource.type == NODE_GROUP and ZONE_LABEL in resource.inputs.get("labels", {})
        ]
    return _GROUPS[key]


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _node(group: dict[str, Any], number: int) -> dict[str, Any]:
    """Node as an instance of the group registers it: labels, taints, and allocatable resources."""
    type_name = re.sub(r"-use1-az\d$", "", group["name"]).removeprefix("sw-")
    (instance,) = (t for t in _catalog().instance_types if t.name.replace(".", "-") == type_name)
    millicores, memory_mib = allocatable(instance)
    room = {
        "cpu": f"{millicores}m",
        "memory": f"{memory_mib}Mi",
        "nvidia.com/gpu": str(instance.gpu_count),
        "pods": "110",
    }
    name = f"{group['name']}-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**group["labels"], "kubernetes.io/hostname": name, KWOK_LABEL: "on"},
        },
        "spec": {
            "taints": [
                {"key": t["key"], "value": t["value"], "effect": EFFECTS[t["effect"]]}
                for t in group["taints"]
            ]
        },
        "status": {"allocatable": room, "capacity": room},
    }


def _unwired(text: str) -> str:
    """Text with an example for each value that exists only after creation."""
    return re.sub(r"\$\{wire:[^}]*\}", "example", text)


def conditions(found: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: c["status"] for c in found.get("status", {}).get("conditions", [])}


def _complete(deployment: dict[str, Any]) -> bool:
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(f"{state}Replicas", 0) for state in ("updated", "ready", "available")]
    current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return current and counts == [wanted] * 3 and status.get("replicas") == wanted
