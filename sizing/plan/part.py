"""What every part of a plan is, and why something was not taken."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """One frozen part of a plan."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Reason(StrEnum):
    memory = "memory"
    """Weights and one request do not fit on the cards."""
    gpu_memory_minimum = "gpu_memory_minimum"
    """The card has less memory than the workload asks for."""
    engine = "engine"
    """The engine does not run this precision on this GPU."""
    offering = "offering"
    """The region or zone does not sell the instance type."""
    zones = "zones"
    """There are too few zones for the redundancy that is asked for."""
    tensor_parallel = "tensor_parallel"
    """The model's heads or the node's GPUs cannot be split so."""
    interconnect = "interconnect"
    """Nodes of this type have no fast path between them."""
    gateway_limit = "gateway_limit"
    """The load balancer does not wait as long as the longest answer takes."""
    keep_alive = "keep_alive"
    """The engine may close an idle connection before the load balancer does."""
    latency = "latency"
    """No rate meets the latency targets, however small."""
    dearer = "dearer"
    """Another option costs less."""
    unknown_price = "unknown_price"
    """Nothing says what it costs, which is never taken for nothing."""
    volume_limit = "volume_limit"
    """A volume or the instance cannot read that fast."""
    local_storage = "local_storage"
    """The node's own disks hold the weights, or cannot."""
    store_limit = "store_limit"
    """The data outgrow the store."""
    not_binding = "not_binding"
    """Another rule asks for more."""
    unknown_fact = "unknown_fact"
    """The catalog lacks the fact, and nothing is guessed."""
    stale_lock = "stale_lock"
    """The lock was made for another model or instance type."""
    nearest = "nearest"
    """Not taken by itself: the nearest change that would be feasible."""
    not_in_this_version = "not_in_this_version"
    """The product does not size or build this yet."""


class Rejected(Part):
    """An option that was not taken, and the numbers why."""

    option: str
    """What was not taken."""
    reason: Reason
    """Why, in one word."""
    numbers: str
    """Why, in numbers."""
    instance_type: str | None = None
    """Type that was not taken; null where the option is not a type."""
    zone: str | None = None
    """Zone that was not taken; null where the option is not a zone."""
