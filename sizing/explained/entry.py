"""Form of an explanation, and the leaf that it explains."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sizing.fleet import states as fleet_states
from sizing.model import memory
from sizing.plan.part import Part
from sizing.plan.service.capacity import CapacityPlan
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.memory import MemoryPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan
from sizing.replica import fit
from sizing.service import (
    access,
    burst,
    gateway,
    node_disks,
    request_limits,
    serving,
    storage,
    weights_import,
)
from sizing.service.application import api as application
from sizing.service.application import cache as answer_cache
from sizing.service.application import context, direct, feedback, page, vectors
from sizing.service.host_memory import room as host_room
from sizing.service.items import jobs
from sizing.service.stores import artefact, aurora, prefixes, region_copy, renditions, tiers
from sizing.stack import addresses, cluster_services, monitoring, network, node_updates, shared
from sizing.steps import host_cache
from sizing.values import units
from sizing.values.exact import Number
from sizing.workload.context import context as context_fields
from sizing.workload.route import derived as routes

CATALOG = "the catalog, {p.catalog_digest}: data/"
COEFFICIENTS = CATALOG + "coefficients.json"
MEDIA_COEFFICIENTS = CATALOG + "media_coefficients.json"


class Basis(StrEnum):
    given = "given"
    """The user states it."""
    textbook = "textbook"
    """A published rule of thumb states it."""
    measured = "measured"
    """A measurement shows it."""
    fitted = "fitted"
    """A model is fitted to measurements."""
    vendor = "vendor"
    """A vendor's document or API states it."""
    assumed = "assumed"
    """Nobody measured it. The source says where to change it."""
    arithmetic = "arithmetic"
    """It follows from other numbers."""


@dataclass(frozen=True)
class Leaf:
    """Number of a plan: its place, and the parts that a formula may name."""

    plan: Plan
    keys: tuple[str, ...]
    """Field names, indexes and keys of mappings that lead to it."""
    value: Number
    service: ServicePlan | None
    part: type[Part]
    """Class of the innermost part of the plan that has it."""
    field: str
    """Its field in that part, and the keys below the field, with dots."""

    @classmethod
    def at(cls, plan: Plan, pointer: str, value: Number) -> "Leaf":
        keys = tuple(pointer.strip("/").split("/"))
        service = plan.services[int(keys[1])] if keys[0] == "services" else None
        part, below = _innermost(plan, keys)
        return cls(plan, keys, value, service, type(part), ".".join(below))

    @property
    def path(self) -> str:
        """Whole path with dots, for messages."""
        return ".".join(self.keys)

    @property
    def sized(self) -> ServicePlan:
        """Service of the leaf. Raises ValueError."""
        if self.service is None:
            raise ValueError(f"{self.path} is not of a service")
        return self.service

    @property
    def capacity(self) -> CapacityPlan:
        """Capacity of the leaf's service. Raises ValueError."""
        if self.sized.capacity is None:
            raise ValueError(f"{self.path} without a capacity")
        return self.sized.capacity

    @property
    def method(self) -> Basis:
        """Basis of the service's method. Raises ValueError."""
        method = self.capacity.method
        return self.fitted if method == "calibrated" else Basis(method)

    @property
    def method_source(self) -> str:
        """Source of the method's numbers; empty where the method states it itself."""
        if self.capacity.method != "calibrated":
            return ""
        if self.capacity.locked:
            return "the lock next to the workload file; `update` computes it again"
        return self.fitted_source

    @property
    def fitted_source(self) -> str:
        """Source of fitted times: the catalog, and the user's own runs that correct it."""
        if self.sized.item is not None:
            return MEDIA_COEFFICIENTS
        if not self.sized.inputs.kind.traits.generates:
            return f"{COEFFICIENTS}, of prompts of text; nothing was measured for embeddings"
        own = self.sized.own_runs
        corrected = f"{own.file} over " if own is not None and own.applied else ""
        return f"{corrected}{COEFFICIENTS}"

    @property
    def fitted(self) -> Basis:
        """Basis of times by fitted terms. None of them was fitted to embeddings."""
        generates = self.sized.inputs.kind.traits.generates
        return Basis.fitted if generates else Basis.assumed

    @property
    def pool(self) -> PoolPlan:
        """Pool of the leaf's service. Raises ValueError."""
        if self.sized.pool is None:
            raise ValueError(f"{self.path} without a pool")
        return self.sized.pool

    @property
    def serving(self) -> ServingPlan:
        """Serving plan of the leaf's service. Raises ValueError."""
        if self.sized.serving is None:
            raise ValueError(f"{self.path} without an engine")
        return self.sized.serving

    def engine_rate(self, load: str) -> str:
        """Place of the requests a second that reach the engines: behind a cache where there is
        one."""
        behind = self.sized.traffic.engine_requests_per_s_mean is not None
        return f"{{s.traffic.{'engine_' * behind}requests_per_s_{load}}}"

    @property
    def memory(self) -> MemoryPlan:
        """Memory of the leaf's service."""
        return self.sized.memory

    @property
    def volumes(self) -> VolumePlan:
        """Disks of the leaf's service. Raises ValueError."""
        if self.sized.volumes is None:
            raise ValueError(f"{self.path} without disks")
        return self.sized.volumes

    @property
    def node_pool(self) -> NodePool:
        """Pool of nodes that has the leaf, shared by services."""
        return self.plan.pools[int(self.keys[1])]

    def names(self) -> dict[str, Any]:
        """Names that `{...}` in a formula may use: s service, w workload, p plan, v value."""
        return {
            "s": self.service,
            "w": self.service.inputs if self.service else None,
            "p": self.plan,
            "v": self.value,
            "key": self.keys[-1],
            "access": access,
            "addresses": addresses,
            "burst": burst,
            "cluster_services": cluster_services,
            "request_limits": request_limits,
            "fit": fit,
            "fleet_states": fleet_states,
            "memory": memory,
            "monitoring": monitoring,
            "feedback": feedback,
            "context": context,
            "direct": direct,
            "context_fields": context_fields,
            "vectors": vectors,
            "answer_cache": answer_cache,
            "gateway": gateway,
            "host_cache": host_cache,
            "host_room": host_room,
            "application": application,
            "artefact": artefact,
            "aurora": aurora,
            "jobs": jobs,
            "network": network,
            "node_updates": node_updates,
            "disks": node_disks,
            "page": page,
            "prefixes": prefixes,
            "renditions": renditions,
            "routes": routes,
            "region_copy": region_copy,
            "serving": serving,
            "shared": shared,
            "storage": storage,
            "tiers": tiers,
            "units": units,
            "weights_import": weights_import,
        }


@dataclass(frozen=True)
class Entry:
    """Explanation of one kind of leaf; numbers are filled into `numbers` and `source`."""

    meaning: str
    symbols: str
    numbers: str
    basis: Basis = Basis.arithmetic
    source: str = ""
    band: tuple[Number, Number] | None = None
    remarks: tuple[str, ...] = ()
    arithmetic: bool = True
    """False where the numbers describe a search instead."""


Explainer = Entry | Callable[[Leaf], Entry]
Registry = dict[type[Part], dict[str, Explainer]]
"""Explanations by part of the plan and field; a field of a mapping has a pattern for its keys."""


def _innermost(plan: Plan, keys: tuple[str, ...]) -> tuple[Part, tuple[str, ...]]:
    """Return the innermost part of the plan on the way to a leaf, and the keys below it."""
    at: object = plan
    part: Part = plan
    below = keys
    for depth, key in enumerate(keys, start=1):
        match at:
            case Part():
                at = getattr(at, key)
            case tuple():
                at = at[int(key)]
            case dict():
                at = at.get(key)  # Guard: a key of a pod may have a slash, as nvidia.com/gpu
            case _:
                break
        if isinstance(at, Part):
            part, below = at, keys[depth:]
    return part, below


def log_days(whose: str) -> Entry:
    """Return the explanation of how long the named logs are kept."""
    return Entry(
        f"days that {whose} are kept",
        "14 in dev, 365 in prod",
        "{v}",
        Basis.assumed,
        "sizing/site/whole.py",
    )


def setting(meaning: str, symbols: str, basis: Basis, source: str) -> Entry:
    """Return the explanation of a fixed value."""
    return Entry(meaning, symbols, "{v}", basis, source)
