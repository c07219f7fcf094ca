"""The whole answer."""

import hashlib
import json
from typing import Any

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.service.stores import BucketPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import ClusterPlan, ClusterServicesPlan, KeysPlan, RolesPlan
from sizing.plan.stack.held import PodRevision
from sizing.plan.stack.network import DnsPlan, NetworkPlan
from sizing.plan.stack.nodes import NodePool, SystemPool
from sizing.site import Site

SCHEMA_VERSION = "1"


class Plan(Part):
    """What a stack needs, number by number; names end in the unit."""

    schema_version: str = SCHEMA_VERSION
    """Version of this form."""
    catalog_digest: str
    """Digest of the catalog's files."""
    site: Site
    """Where it runs, as the stack file says, defaults filled in."""
    services: tuple[ServicePlan, ...]
    """One a workload file, in the order given."""
    pools: tuple[NodePool, ...]
    """Node groups, shared by the services of the same type and source of capacity."""
    system: SystemPool | None
    """Null where the cluster is another owner's."""
    network: NetworkPlan
    """The network, made or used."""
    keys: KeysPlan
    """KMS keys, made or used."""
    dns: DnsPlan | None
    """Names and certificate; null without a hosted zone."""
    roles: RolesPlan
    """What every IAM role has."""
    cluster: ClusterPlan
    """The EKS cluster, made or used."""
    cluster_services: ClusterServicesPlan
    """What runs in the cluster beside the services."""
    access_logs: BucketPlan | None
    """Bucket of the load balancers' logs; null where there is none."""
    held_pods: dict[str, dict[str, PodRevision]] = Field(default_factory=dict)
    """Pods that the stack's lock holds, by service and zone; empty where no zones take turns."""
    unverified: tuple[str, ...]
    """Pins that nobody has checked against their registry."""

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the plan's canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def service(self, name: str) -> ServicePlan:
        """The service of that name. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values, the form of `size --json`."""
        return self.model_dump(mode="json")
