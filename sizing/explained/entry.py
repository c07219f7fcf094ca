"""The form of an explanation, and the leaf that is explained."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sizing.fleet import states as fleet_states
from sizing.model import memory
from sizing.plan import (
    CapacityPlan,
    MemoryPlan,
    Plan,
    PoolPlan,
    ServicePlan,
    ServingPlan,
    VolumePlan,
)
from sizing.replica import fit
from sizing.service import (
    access,
    burst,
    engine_limits,
    node_disks,
    serving,
    storage,
    weights_import,
)
from sizing.stack import addresses, cluster_services, network, node_updates, shared
from sizing.values import units
from sizing.values.exact import Number

CATALOG = "the catalog, {p.catalog_digest}: data/"
COEFFICIENTS = CATALOG + "coefficients.json"


class Basis(StrEnum):
    given = "given"
    """The user says so."""
    textbook = "textbook"
    """A published rule of thumb."""
    measured = "measured"
    """Somebody measured it."""
    fitted = "fitted"
    """A model fitted to measurements."""
    vendor = "vendor"
    """A vendor's document or API."""
    assumed = "assumed"
    """Nobody measured it; change it where the source says."""
    arithmetic = "arithmetic"
    """It follows from the other numbers."""


@dataclass(frozen=True)
class Leaf:
    """A number of a plan: its generalised path, and the parts a formula may name."""

    plan: Plan
    path: str
    """Dots, with `*` for list indexes and for keys that are data."""
    keys: tuple[str, ...]
    """The path's own parts."""
    value: Number
    service: ServicePlan | None

    @classmethod
    def at(cls, plan: Plan, pointer: str, value: Number) -> "Leaf":
        keys = tuple(pointer.strip("/").split("/"))
        path = ".".join("*" if key.isdigit() else key for key in keys)
        service = plan.services[int(keys[1])] if keys[0] == "services" else None
        return cls(plan, path, keys, value, service)

    @property
    def sized(self) -> ServicePlan:
        """The service that the leaf is of. Raises ValueError."""
        if self.service is None:
            raise ValueError(f"{self.path} is not of a service")
        return self.service

    @property
    def capacity(self) -> CapacityPlan:
        """That service's capacity. Raises ValueError."""
        if self.sized.capacity is None:
            raise ValueError(f"{self.path} without a capacity")
        return self.sized.capacity

    @property
    def method(self) -> Basis:
        """What the service's method rests on. Raises ValueError."""
        method = self.capacity.method
        return Basis.fitted if method == "calibrated" else Basis(method)

    @property
    def method_source(self) -> str:
        """Where the method's numbers are from; empty where the method says it itself."""
        if self.capacity.method != "calibrated":
            return ""
        if self.capacity.locked:
            return "the lock beside the workload file; `update` computes it anew"
        return self.fitted_source

    @property
    def fitted_source(self) -> str:
        """Where fitted step times are from: the catalog, and the user's own runs over it."""
        own = self.sized.own_runs
        corrected = f"{own.file} over " if own is not None and own.applied else ""
        return f"{corrected}{COEFFICIENTS}"

    @property
    def pool(self) -> PoolPlan:
        """That service's pool. Raises ValueError."""
        if self.sized.pool is None:
            raise ValueError(f"{self.path} without a pool")
        return self.sized.pool

    @property
    def serving(self) -> ServingPlan:
        """How that service is served. Raises ValueError."""
        if self.sized.serving is None:
            raise ValueError(f"{self.path} without an engine")
        return self.sized.serving

    @property
    def memory(self) -> MemoryPlan:
        """That service's memory."""
        return self.sized.memory

    @property
    def volumes(self) -> VolumePlan:
        """That service's disks. Raises ValueError."""
        if self.sized.volumes is None:
            raise ValueError(f"{self.path} without disks")
        return self.sized.volumes

    def names(self) -> dict[str, Any]:
        """What `{...}` in a formula may refer to: s service, w workload, p plan, v value."""
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
            "engine_limits": engine_limits,
            "fit": fit,
            "fleet_states": fleet_states,
            "memory": memory,
            "network": network,
            "node_updates": node_updates,
            "disks": node_disks,
            "serving": serving,
            "shared": shared,
            "storage": storage,
            "units": units,
            "weights_import": weights_import,
        }


@dataclass(frozen=True)
class Entry:
    """How one kind of leaf is explained; `numbers` and `source` are filled with numbers."""

    meaning: str
    symbols: str
    numbers: str
    basis: Basis = Basis.arithmetic
    source: str = ""
    band: tuple[Number, Number] | None = None
    remarks: tuple[str, ...] = ()
    arithmetic: bool = True
    """False where the numbers tell of a search instead."""


Explainer = Entry | Callable[[Leaf], Entry]


def log_days(whose: str) -> Entry:
    """How long logs are kept, whose they are."""
    return Entry(
        f"days that {whose} are kept",
        "14 in dev, 365 in prod",
        "{v}",
        Basis.assumed,
        "sizing/site/whole.py",
    )
