"""Plan of a whole stack."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import Field

from sizing.plan.buying import CalendarPlan
from sizing.plan.part import Part
from sizing.plan.service.stores import BucketPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import ClusterPlan, KeysPlan, RolesPlan
from sizing.plan.stack.cluster_services import ClusterServicesPlan
from sizing.plan.stack.held import PodRevision
from sizing.plan.stack.network import DnsPlan, NetworkPlan
from sizing.plan.stack.nodes import ApplicationPool, CpuPool, NodePool, RenditionPool, SystemPool
from sizing.site import Site
from sizing.values.strict import absent

SCHEMA_VERSION = "1"


class Plan(Part):
    """Requirements of a stack, number by number. Names end in the unit."""

    schema_version: str = SCHEMA_VERSION
    """Version of the plan's format."""
    catalog_digest: str
    """Digest of the catalog's files."""
    site: Site
    """Site of the stack file, with defaults."""
    services: tuple[ServicePlan, ...]
    """Services, one for each workload file, in the given order."""
    pools: tuple[NodePool, ...]
    """Node groups, shared by the services of the same type and capacity source."""
    system: SystemPool | None
    """Nodes for the cluster's own services; null where the cluster has another owner."""
    rendition_nodes: Annotated[RenditionPool | None, Field(exclude_if=absent)] = None
    """Nodes of the workers that make renditions; left out where no service has any."""
    application_nodes: Annotated[ApplicationPool | None, Field(exclude_if=absent)] = None
    """Nodes of applications in front of engines; left out where no service has any."""
    network: NetworkPlan
    """Network, made or used."""
    keys: KeysPlan
    """KMS keys, made or used."""
    dns: DnsPlan | None
    """Names and certificate; null without a hosted zone."""
    roles: RolesPlan
    """Settings of every IAM role."""
    cluster: ClusterPlan
    """EKS cluster, made or used."""
    cluster_services: ClusterServicesPlan
    """Shared services of the cluster."""
    access_logs: BucketPlan | None
    """Bucket of the load balancers' logs; null where there is none."""
    held_pods: dict[str, dict[str, PodRevision]] = Field(default_factory=dict)
    """Pods in the stack's lock, by service and zone; empty where zones roll at the same time."""
    calendar: CalendarPlan | None
    """Requests and purchases until the nodes serve; null without a pool."""
    unverified: tuple[str, ...]
    """Versions that were not checked against their registry."""

    @property
    def cpu_pools(self) -> dict[str, CpuPool]:
        """Nodes without GPUs that the stack makes, by the name of their node group."""
        pools: dict[str, CpuPool | None] = {
            "system": self.system,
            "renditions": self.rendition_nodes,
            "applications": self.application_nodes,
        }
        return {name: pool for name, pool in pools.items() if pool is not None}

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the plan's canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def service(self, name: str) -> ServicePlan:
        """Return the service of that name. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON values, the form of `size --json`."""
        return self.model_dump(mode="json")
